//! The capabilities this grammar knows (RFC 9051 §7.2.2). Which of them are shown, and when, the session
//! decides.

macro_rules! capabilities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A capability by the name it has on the wire.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Capability { $($(#[$doc])* $variant,)* }

        impl Capability {
            /// In the order in which they are best shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As in CAPABILITY, ENABLE and `[CAPABILITY]`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}
capabilities! {
    /// RFC 3501 §6.1.1
    Imap4Rev1 = "IMAP4rev1",
    /// RFC 9051 §6.1.1
    Imap4Rev2 = "IMAP4rev2",
    /// RFC 9051 §6.2.1
    StartTls = "STARTTLS",
    /// RFC 9051 §6.2.3
    LoginDisabled = "LOGINDISABLED",
    /// RFC 7677 §3
    AuthScramSha256Plus = "AUTH=SCRAM-SHA-256-PLUS",
    /// RFC 7677 §3
    AuthScramSha256 = "AUTH=SCRAM-SHA-256",
    /// RFC 4616 §2
    AuthPlain = "AUTH=PLAIN",
    /// RFC 4959 §3
    SaslIr = "SASL-IR",
    /// RFC 7888 §3
    LiteralPlus = "LITERAL+",
    /// RFC 7888 §5
    LiteralMinus = "LITERAL-",
    /// RFC 2971 §3
    Id = "ID",
    /// RFC 5161 §3
    Enable = "ENABLE",
    /// RFC 2177 §3
    Idle = "IDLE",
    /// RFC 2342 §5
    Namespace = "NAMESPACE",
    /// RFC 3348 §3
    Children = "CHILDREN",
    /// RFC 5258 §3
    ListExtended = "LIST-EXTENDED",
    /// RFC 5819 §2
    ListStatus = "LIST-STATUS",
    /// RFC 6154 §2
    SpecialUse = "SPECIAL-USE",
    /// RFC 6154 §3
    CreateSpecialUse = "CREATE-SPECIAL-USE",
    /// RFC 3691 §2
    Unselect = "UNSELECT",
    /// RFC 4315 §2
    UidPlus = "UIDPLUS",
    /// RFC 4731 §3
    Esearch = "ESEARCH",
    /// RFC 6851 §3
    Move = "MOVE",
    /// RFC 7162 §3.1
    CondStore = "CONDSTORE",
    /// RFC 8438 §2
    StatusSize = "STATUS=SIZE",
}

impl Capability {
    /// Reads a name without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.name().eq_ignore_ascii_case(name))
    }
}

//! The capabilities this grammar knows (RFC 9051 §7.2.2). Which of them are shown, and when, the session
//! decides.

use super::response::number::push_number;

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
    /// RFC 6855 §3
    Utf8Accept = "UTF8=ACCEPT",
    /// RFC 5258 §3
    ListExtended = "LIST-EXTENDED",
    /// RFC 5819 §2
    ListStatus = "LIST-STATUS",
    /// RFC 9590 §1
    ListMetadata = "LIST-METADATA",
    /// RFC 6154 §2
    SpecialUse = "SPECIAL-USE",
    /// RFC 6154 §3
    CreateSpecialUse = "CREATE-SPECIAL-USE",
    /// RFC 3691 §2
    Unselect = "UNSELECT",
    /// RFC 9586 §3
    UidOnly = "UIDONLY",
    /// RFC 4315 §2
    UidPlus = "UIDPLUS",
    /// RFC 3502
    MultiAppend = "MULTIAPPEND",
    /// RFC 4469 §2
    Catenate = "CATENATE",
    /// RFC 4467 §9
    UrlAuth = "URLAUTH",
    /// RFC 5524 §5
    UrlAuthBinary = "URLAUTH=BINARY",
    /// RFC 5550 §5.7.1
    UrlPartial = "URL-PARTIAL",
    /// RFC 8508 §3.1
    Replace = "REPLACE",
    /// RFC 4731 §3
    Esearch = "ESEARCH",
    /// RFC 5267 §3.1
    Esort = "ESORT",
    /// RFC 5267 §4.1
    ContextSearch = "CONTEXT=SEARCH",
    /// RFC 5267 §4.1
    ContextSort = "CONTEXT=SORT",
    /// RFC 9394 §3
    Partial = "PARTIAL",
    /// RFC 7377 §2
    MultiSearch = "MULTISEARCH",
    /// RFC 6203 §1
    SearchFuzzy = "SEARCH=FUZZY",
    /// RFC 5466 §3
    Filters = "FILTERS",
    /// RFC 5256 §1
    Sort = "SORT",
    /// RFC 5957 §1
    SortDisplay = "SORT=DISPLAY",
    /// RFC 5256 §3
    ThreadOrderedSubject = "THREAD=ORDEREDSUBJECT",
    /// RFC 5256 §3
    ThreadReferences = "THREAD=REFERENCES",
    /// draft-ietf-morg-inthread
    ThreadRefs = "THREAD=REFS",
    /// RFC 5255 §4.4
    I18nLevel2 = "I18NLEVEL=2",
    /// RFC 6851 §3
    Move = "MOVE",
    /// RFC 7162 §3.1
    CondStore = "CONDSTORE",
    /// RFC 7162 §3.2
    Qresync = "QRESYNC",
    /// RFC 5182 §2
    SearchRes = "SEARCHRES",
    /// RFC 5032 §2
    Within = "WITHIN",
    /// RFC 8514 §4.1
    SaveDate = "SAVEDATE",
    /// RFC 8970 §1
    Preview = "PREVIEW",
    /// RFC 3516 §4.1
    Binary = "BINARY",
    /// RFC 8438 §2
    StatusSize = "STATUS=SIZE",
    /// RFC 8474 §3
    ObjectId = "OBJECTID",
    /// RFC 9208 §1
    Quota = "QUOTA",
    /// RFC 9208 §5.1
    QuotaResStorage = "QUOTA=RES-STORAGE",
    /// RFC 9208 §5.2
    QuotaResMessage = "QUOTA=RES-MESSAGE",
    /// RFC 9208 §5.3
    QuotaResMailbox = "QUOTA=RES-MAILBOX",
    /// RFC 9208 §4.1.3
    QuotaSet = "QUOTASET",
    /// RFC 5464 §1; it includes what METADATA-SERVER stands for.
    Metadata = "METADATA",
    /// RFC 4978 §3
    CompressDeflate = "COMPRESS=DEFLATE",
    /// RFC 8437 §3
    Unauthenticate = "UNAUTHENTICATE",
    /// RFC 4314 §2
    Acl = "ACL",
    /// RFC 4314 §2.2
    Rights = "RIGHTS=texk",
    /// RFC 8440 §3
    ListMyRights = "LIST-MYRIGHTS",
    /// RFC 9585 §3
    InProgress = "INPROGRESS",
    /// RFC 9698 §3; after a login that is good for JMAP too.
    JmapAccess = "JMAPACCESS",
    /// COI-server §coi-capability/imap
    Coi = "COI",
    /// COI-webpush §capability
    WebPush = "WEBPUSH",
    /// RFC 5465 §3
    Notify = "NOTIFY",
    /// RFC 7889 §2; with the number, if there is one.
    AppendLimit = "APPENDLIMIT",
}

/// What is offered at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    pub names: Vec<Capability>,
    /// Octets of the largest message that APPEND takes into any mailbox (RFC 7889 §2).
    pub append_limit: Option<u64>,
}

impl Capabilities {
    /// Appends all of them, a blank before each.
    pub(in crate::imap) fn push(&self, out: &mut Vec<u8>) {
        for capability in &self.names {
            out.push(b' ');
            out.extend_from_slice(capability.name().as_bytes());
            if let (Capability::AppendLimit, Some(octets)) = (capability, self.append_limit) {
                out.push(b'=');
                push_number(octets, out);
            }
        }
    }
}

impl Capability {
    /// Reads a name without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.name().eq_ignore_ascii_case(name))
    }
}

//! Capabilities (DMAP-00 §7.1.1 and §8.2.1). Which of them are shown, and when, the session decides.

use std::fmt;

use crate::line::lex::{Cursor, SyntaxError};

/// How much the server of an account may know (DMAP-00 §7.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    Trustful,
    Cautious,
    Paranoid,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Trustful, Self::Cautious, Self::Paranoid];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trustful => "TRUSTFUL",
            Self::Cautious => "CAUTIOUS",
            Self::Paranoid => "PARANOID",
        }
    }
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(name))
    }
}

macro_rules! capabilities {
    ($($variant:ident = $name:literal,)*) => {
        /// A capability by the name it has on the wire.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub enum Capability {
            /// `DMAP=`: the one that must be there.
            Mode(Mode),
            /// `AUTH=`, the name of the mechanism in upper case.
            Auth(Box<str>),
            $($variant,)*
            /// One that is not known here, in upper case.
            Other(Box<str>),
        }

        /// Those with a name of their own.
        const NAMED: &[(&str, Capability)] = &[$(($name, Capability::$variant),)*];

        impl fmt::Display for Capability {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Mode(mode) => write!(f, "DMAP={}", mode.name()),
                    Self::Auth(mechanism) => write!(f, "AUTH={mechanism}"),
                    $(Self::$variant => f.write_str($name),)*
                    Self::Other(name) => f.write_str(name),
                }
            }
        }
    };
}
capabilities! {
    DmapV1 = "DMAPv1",
    SaslIr = "SASL-IR",
    LiteralMinus = "LITERAL-",
    Idle = "IDLE",
    Enable = "ENABLE",
    Unselect = "UNSELECT",
    Move = "MOVE",
    UidPlus = "UIDPLUS",
    Esearch = "ESEARCH",
    CondStore = "CONDSTORE",
    Qresync = "QRESYNC",
    SpecialUse = "SPECIAL-USE",
    ListStatus = "LIST-STATUS",
    ListMeta = "LIST-META",
    Realm = "REALM",
    StaciePasswd = "STACIE-PASSWD",
    UidOnly = "UIDONLY",
    Decrypt = "DECRYPT",
    Quota = "QUOTA",
}

impl Capability {
    /// What a name stands for.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let upper = name.to_ascii_uppercase();
        if let Some(mode) = upper.strip_prefix("DMAP=").and_then(Mode::parse) {
            return Self::Mode(mode);
        }
        if let Some(mechanism) = upper.strip_prefix("AUTH=").filter(|mechanism| !mechanism.is_empty()) {
            return Self::Auth(mechanism.into());
        }
        let named = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map_or_else(|| Self::Other(upper.into()), |(_, capability)| capability.clone())
    }
}

/// `1*(SP atom)`
pub(super) fn capabilities(cursor: &mut Cursor<'_>) -> Result<Vec<Capability>, SyntaxError> {
    let mut found = Vec::new();
    while found.is_empty() || cursor.peek() == Some(b' ') {
        cursor.space()?;
        found.push(Capability::parse(cursor.atom("expected a capability")?));
    }
    Ok(found)
}

/// `1*(SP atom)`
pub(super) fn push_capabilities(capabilities: &[Capability], out: &mut Vec<u8>) {
    for capability in capabilities {
        out.extend_from_slice(format!(" {capability}").as_bytes());
    }
}

//! The mechanisms by their registered names (RFC 4422 §3.1).

/// What an exchange is made with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mechanism {
    /// SCRAM-SHA-256 bound to the TLS connection (RFC 7677 §3, RFC 9266 §2).
    ScramSha256Plus,
    /// RFC 7677 §3
    ScramSha256,
    /// RFC 4616 §2
    Plain,
    /// Never standardised, but what some clients use for submission: two prompts, name and password.
    Login,
}

impl Mechanism {
    /// Strongest first: many clients take the first they know.
    pub const ALL: [Self; 4] = [Self::ScramSha256Plus, Self::ScramSha256, Self::Plain, Self::Login];

    /// As the client writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// Reads a name without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(name))
    }
}

//! The capabilities a request may use (RFC 8620 §3.3): URIs of the specifications that are followed.

/// A specification a client opts into.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Capability {
    /// RFC 8620.
    Core,
    /// RFC 8621 §1.3.1.
    Mail,
    /// RFC 8621 §1.3.2.
    Submission,
    /// RFC 8621 §1.3.3.
    VacationResponse,
    /// RFC 8887 §3.
    WebSocket,
    /// RFC 9404 §3.1.
    Blob,
    /// RFC 9425 §2.1.
    Quota,
    /// RFC 9007 §1.3.
    Mdn,
    /// RFC 9749 §3.
    WebPushVapid,
}

impl Capability {
    pub const ALL: [Self; 9] = [
        Self::Core,
        Self::Mail,
        Self::Submission,
        Self::VacationResponse,
        Self::WebSocket,
        Self::Blob,
        Self::Quota,
        Self::Mdn,
        Self::WebPushVapid,
    ];

    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Core => "urn:ietf:params:jmap:core",
            Self::Mail => "urn:ietf:params:jmap:mail",
            Self::Submission => "urn:ietf:params:jmap:submission",
            Self::VacationResponse => "urn:ietf:params:jmap:vacationresponse",
            Self::WebSocket => "urn:ietf:params:jmap:websocket",
            Self::Blob => "urn:ietf:params:jmap:blob",
            Self::Quota => "urn:ietf:params:jmap:quota",
            Self::Mdn => "urn:ietf:params:jmap:mdn",
            Self::WebPushVapid => "urn:ietf:params:jmap:webpush-vapid",
        }
    }
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.uri() == uri)
    }
}

/// A set of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities(u16);

impl Capabilities {
    pub const NONE: Self = Self(0);

    #[must_use]
    pub fn all() -> Self {
        Capability::ALL.into_iter().collect()
    }
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | 1 << capability as u16)
    }
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & 1 << capability as u16 != 0
    }
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.contains(*capability))
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        capabilities.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 8620 §9.4.6; RFC 8621 §10.1; RFC 8621 §10.2; RFC 8621 §10.3; RFC 9007 §4.1; RFC 9404 §6.1;
    /// RFC 9425 §8.1; RFC 9749 §7
    #[test]
    fn uris_both_ways() {
        for capability in Capability::ALL {
            assert_eq!(Capability::parse(capability.uri()), Some(capability));
            assert!(Capabilities::all().contains(capability));
            assert!(!Capabilities::NONE.contains(capability));
        }
        assert_eq!(Capability::parse("urn:ietf:params:jmap:Core"), None);
        let some: Capabilities = [Capability::Mail, Capability::Core].into_iter().collect();
        assert!(some.iter().eq([Capability::Core, Capability::Mail]));
    }
}

//! What is pushed (RFC 8620 §7): StateChange, PushVerification, and events of the event source.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::id::Id;
use super::json::{ObjectWriter, Raw, Slot, ToJson};

/// A type whose state is pushed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PushType {
    Mailbox,
    Thread,
    Email,
    /// RFC 8621 §1.5: changes when mail arrives, and only then.
    EmailDelivery,
    Identity,
    EmailSubmission,
    VacationResponse,
    Quota,
}

impl PushType {
    pub const ALL: [Self; 8] = [
        Self::Mailbox,
        Self::Thread,
        Self::Email,
        Self::EmailDelivery,
        Self::Identity,
        Self::EmailSubmission,
        Self::VacationResponse,
        Self::Quota,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mailbox => "Mailbox",
            Self::Thread => "Thread",
            Self::Email => "Email",
            Self::EmailDelivery => "EmailDelivery",
            Self::Identity => "Identity",
            Self::EmailSubmission => "EmailSubmission",
            Self::VacationResponse => "VacationResponse",
            Self::Quota => "Quota",
        }
    }
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// Which types somebody wants to hear of. Names that are not known name types that never change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushTypes {
    All,
    Some(BTreeSet<PushType>),
}

impl PushTypes {
    /// As a list of names; null is all (RFC 8620 §7.2, RFC 8887 §4.3.5.2).
    #[must_use]
    pub fn of_names(names: Option<&[Box<str>]>) -> Self {
        match names {
            None => Self::All,
            Some(names) => Self::Some(names.iter().filter_map(|name| PushType::parse(name)).collect()),
        }
    }
    #[must_use]
    pub fn contains(&self, wanted: PushType) -> bool {
        match self {
            Self::All => true,
            Self::Some(types) => types.contains(&wanted),
        }
    }
}

/// StateChange (RFC 8620 §7.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StateChange {
    pub changed: Vec<AccountStates>,
}

/// TypeState of one account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountStates {
    pub account_id: Id,
    pub states: Vec<TypeState>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeState {
    pub push_type: PushType,
    /// What /get would say.
    pub state: Box<str>,
}

impl StateChange {
    pub(super) fn members(&self, object: &mut ObjectWriter<'_>) {
        object.put("@type", "StateChange");
        object.member("changed").members(|accounts| {
            for account in &self.changed {
                accounts.member(account.account_id.as_str()).members(|states| {
                    account.states.iter().for_each(|state| states.put(state.push_type.name(), &state.state));
                });
            }
        });
    }
}

impl ToJson for StateChange {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| self.members(object));
    }
}

/// PushVerification (RFC 8620 §7.2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushVerification {
    pub push_subscription_id: Id,
    pub verification_code: Box<str>,
}

impl ToJson for PushVerification {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("@type", "PushVerification");
            object.put("pushSubscriptionId", &self.push_subscription_id);
            object.put("verificationCode", &self.verification_code);
        });
    }
}

/// What a client asks of the event source (RFC 8620 §7.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventSourceRequest {
    pub types: PushTypes,
    /// The response ends after one state event.
    pub closes_after_state: bool,
    /// Seconds between pings; `None`: no pings.
    pub ping_s: Option<u64>,
}

/// RFC 8620 §7.3: the least a server may ask for is at most 30, the most at least 300.
const PING_S_MIN: u64 = 5;
const PING_S_MAX: u64 = 900;

impl EventSourceRequest {
    /// The three variables of the URL, decoded; the error names the wrong one.
    ///
    /// # Errors
    /// A variable is missing or has no value it may have.
    pub fn parse(types: &str, closeafter: &str, ping: &str) -> Result<Self, &'static str> {
        let types = match types {
            "*" => PushTypes::All,
            "" => return Err("types"),
            names => PushTypes::Some(names.split(',').filter_map(PushType::parse).collect()),
        };
        let closes_after_state = match closeafter {
            "state" => true,
            "no" => false,
            _ => return Err("closeafter"),
        };
        let is_number = !ping.is_empty() && ping.bytes().all(|octet| octet.is_ascii_digit());
        let ping_s = match ping.parse::<u64>() {
            Ok(0) => None,
            Ok(seconds) => Some(seconds.clamp(PING_S_MIN, PING_S_MAX)),
            // More digits than fit are a long time.
            Err(_) if is_number => Some(PING_S_MAX),
            Err(_) => return Err("ping"),
        };
        Ok(Self { types, closes_after_state, ping_s })
    }
}

/// The event `state`. `id` encodes all that is visible to the user; it must have no line ends, which ids of
/// ours do not.
#[must_use]
pub fn state_event(change: &StateChange, id: Option<&str>) -> String {
    let mut event = format!("event: state\ndata: {}\n", Raw::of(change).as_str());
    if let Some(id) = id.filter(|id| !id.contains(['\n', '\r', '\0'])) {
        let _ = writeln!(event, "id: {id}");
    }
    event.push('\n');
    event
}

/// The event `ping`, which has no id.
#[must_use]
pub fn ping_event(interval_s: u64) -> String {
    format!("event: ping\ndata: {{\"interval\":{interval_s}}}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> StateChange {
        let state = |push_type, state: &str| TypeState { push_type, state: state.into() };
        StateChange {
            changed: vec![
                AccountStates {
                    account_id: Id::parse("a3123").unwrap(),
                    states: vec![
                        state(PushType::Email, "d35ecb040aab"),
                        state(PushType::EmailDelivery, "428d565f2440"),
                    ],
                },
                AccountStates {
                    account_id: Id::parse("a43461d").unwrap(),
                    states: vec![state(PushType::Mailbox, "0af7a512ce70")],
                },
            ],
        }
    }

    /// spec: RFC 8620 §7.1; RFC 8620 §7.1.1; RFC 8621 §1.5
    #[test]
    fn a_state_change() {
        let expected = concat!(
            r#"{"@type":"StateChange","changed":{"a3123":{"Email":"d35ecb040aab","#,
            r#""EmailDelivery":"428d565f2440"},"a43461d":{"Mailbox":"0af7a512ce70"}}}"#
        );
        assert_eq!(Raw::of(&change()).as_str(), expected);
        for push_type in PushType::ALL {
            assert_eq!(PushType::parse(push_type.name()), Some(push_type));
        }
    }

    /// spec: RFC 8620 §7.2.2; RFC 8620 §7.2.3
    #[test]
    fn a_verification() {
        let verification = PushVerification {
            push_subscription_id: Id::parse("P43dcfa4-1dd4-41ef-9156-2c89b3b19c60").unwrap(),
            verification_code: "da1f097b11ca17f06424e30bf02bfa67".into(),
        };
        let expected = concat!(
            r#"{"@type":"PushVerification","pushSubscriptionId":"P43dcfa4-1dd4-41ef-9156-2c89b3b19c60","#,
            r#""verificationCode":"da1f097b11ca17f06424e30bf02bfa67"}"#
        );
        assert_eq!(Raw::of(&verification).as_str(), expected);
    }

    /// spec: RFC 8620 §7.3
    #[test]
    fn what_an_event_source_is_asked() {
        let parse = EventSourceRequest::parse;
        let all = parse("*", "no", "0").unwrap();
        assert_eq!(
            all,
            EventSourceRequest { types: PushTypes::All, closes_after_state: false, ping_s: None }
        );
        let some = parse("Email,CalendarEvent", "state", "300").unwrap();
        assert!(some.types.contains(PushType::Email) && !some.types.contains(PushType::Mailbox));
        assert_eq!((some.closes_after_state, some.ping_s), (true, Some(300)));
        assert_eq!(parse("*", "no", "1").unwrap().ping_s, Some(PING_S_MIN));
        assert_eq!(parse("*", "no", "99999999999999999999999").unwrap().ping_s, Some(PING_S_MAX));
        assert_eq!(parse("", "no", "0"), Err("types"));
        assert_eq!(parse("*", "yes", "0"), Err("closeafter"));
        for ping in ["", "-1", "x", "1.5"] {
            assert_eq!(parse("*", "no", ping), Err("ping"), "{ping}");
        }
    }

    /// spec: RFC 8620 §7.3
    #[test]
    fn events() {
        let data = Raw::of(&change());
        let data = data.as_str();
        assert_eq!(state_event(&change(), Some("7")), format!("event: state\ndata: {data}\nid: 7\n\n"));
        assert_eq!(state_event(&change(), None), format!("event: state\ndata: {data}\n\n"));
        assert_eq!(state_event(&change(), Some("a\nb")), format!("event: state\ndata: {data}\n\n"));
        assert_eq!(ping_event(300), "event: ping\ndata: {\"interval\":300}\n\n");
    }

    /// spec: RFC 8620 §7.2
    #[test]
    fn types_by_name() {
        assert!(PushTypes::of_names(None).contains(PushType::Quota));
        let some = PushTypes::of_names(Some(&["Email".into(), "Unheard".into()]));
        assert!(some.contains(PushType::Email) && !some.contains(PushType::Thread));
        assert!(!PushTypes::of_names(Some(&[])).contains(PushType::Email));
    }
}

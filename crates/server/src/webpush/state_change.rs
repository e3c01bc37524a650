//! What is pushed to clients of JMAP (RFC 8620 §7.1 and §7.2.2), as JSON.

use koi_mailbox::push::AccountStates;
use koi_proto::jmap::push::{self, PushType, PushVerification, StateChange, TypeState};
use koi_proto::jmap::{Id, Raw};
use koi_types::PushId;

/// Asks the client to prove that it gets what is pushed.
pub(super) fn verification(id: &PushId, code: &str) -> Option<String> {
    let id = Id::parse(id.as_str())?;
    let verification = PushVerification { push_subscription_id: id, verification_code: code.into() };
    Some(Raw::of(&verification).as_str().to_owned())
}

/// States that changed.
pub(super) fn states(changed: &[AccountStates]) -> String {
    let account = |one: &AccountStates| {
        let state = |state: &koi_mailbox::push::DataState| {
            Some(TypeState { push_type: PushType::parse(state.name)?, state: state.state.clone() })
        };
        let states = one.states.iter().filter_map(state).collect();
        Some(push::AccountStates { account_id: Id::parse(&one.account.to_string())?, states })
    };
    let change = StateChange { changed: changed.iter().filter_map(account).collect() };
    Raw::of(&change).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use koi_mailbox::emails::DataType;
    use koi_mailbox::push::DataState;
    use koi_types::AccountId;

    /// spec: RFC 8620 §7.1; RFC 8620 §7.2.2
    #[test]
    fn the_names_of_mailbox_are_those_of_the_wire() {
        for data in DataType::ALL {
            assert!(PushType::parse(data.name()).is_some(), "{data:?}");
        }
        let states = vec![
            DataState { name: "Email", state: "7".into() },
            DataState { name: "Quota", state: "o1.2".into() },
        ];
        let said = super::states(&[AccountStates { account: AccountId(1), states }]);
        let id = AccountId(1);
        assert_eq!(
            said,
            format!(r#"{{"@type":"StateChange","changed":{{"{id}":{{"Email":"7","Quota":"o1.2"}}}}}}"#)
        );
    }
}

//! What a device hears that subscribed to push: a connection of scripts on which only the server speaks, a
//! line for each push (COI-webpush §push-notification-payload).
//!
//! Whatever the outbox has for one subscription is taken at once, as by a push service that takes everything.
//! Encryption, requests and push services that do not are the business of the sender's own tests.

use koi_mailbox::MailboxService;
use koi_mailbox::push::{PushContent, Settled};
use koi_sessions::{EffectResult, Note, Session, Step, TlsFacts};
use koi_types::{AccountId, ModSeq, PushId, Timestamp};

/// Listens to one subscription, whether it is there already or not.
pub(crate) struct Pushed {
    service: MailboxService,
    account: AccountId,
    id: PushId,
    /// What has changed of states is to be pushed.
    is_told: bool,
}

impl Pushed {
    pub(crate) fn new(service: MailboxService, account: AccountId, id: PushId) -> Self {
        Self { service, account, id, is_told: true }
    }
}

impl Session for Pushed {
    fn step(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Step {
        if !std::mem::replace(&mut self.is_told, true) {
            return Step::Await(self.service.tell_states(&[self.account].into()).unwrap().ticket());
        }
        let Some(next) = self.service.next_push(self.account, &self.id, now).unwrap() else {
            return Step::NeedInput;
        };
        let (line, settled) = match &next.content {
            PushContent::Validation(text) => {
                (format!("validation {}\r\n", koi_webpush::payload::validation(text)), Settled::Taken)
            }
            PushContent::Message(message) => (format!("push {}\r\n", message.payload()), Settled::Taken),
            PushContent::Verification(code) => (format!("verification {code}\r\n"), Settled::Taken),
            PushContent::States(changed) => {
                let states = changed.iter().flat_map(|account| &account.states);
                let names: Vec<&str> = states.map(|state| state.name).collect();
                (format!("states {}\r\n", names.join(" ")), Settled::Taken)
            }
            PushContent::Gone => (String::new(), Settled::Pointless),
        };
        out.extend_from_slice(line.as_bytes());
        Step::Await(self.service.settle_push(self.account, next.attempt, settled).ticket())
    }
    fn watches(&self) -> Vec<AccountId> {
        vec![self.account]
    }
    fn account(&self) -> Option<AccountId> {
        Some(self.account)
    }
    fn wants_input(&self) -> bool {
        false
    }
    fn deadline(&self) -> Option<Timestamp> {
        None
    }
    fn take_notes(&mut self) -> Vec<Note> {
        Vec::new()
    }
    fn input(&mut self, _octets: &[u8]) {}
    fn input_closed(&mut self) {}
    fn state_advanced(&mut self, _account: AccountId, _upto: ModSeq) {
        self.is_told = false;
    }
    fn tls_ready(&mut self, _tls: &TlsFacts) {}
    fn effect_done(&mut self, _result: EffectResult) {}
    fn shutdown(&mut self) {}
    fn account_gone(&mut self) {}
}

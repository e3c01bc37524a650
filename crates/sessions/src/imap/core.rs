//! What an IMAP session is apart from the command it works on: who is logged in, what is selected, what was
//! enabled.

use std::sync::Arc;

use koi_mailbox::{Account, MailboxService, Snapshot};
use koi_message::Collation;
use koi_proto::imap::capability::{Capabilities, Capability};
use koi_proto::imap::response::{Code, NameEncoding, Status, status};
use koi_proto::sasl::Mechanism;
use koi_types::{
    Access, AccessSet, AccountId, Address, ErrorKind, MailError, MailboxId, MailboxName, ModSeq, Result,
    Timestamp, UidSet,
};

use super::ImapSettings;
use super::annotations::Annotations;
use super::notify::{Notify, OfSelected, Others, Place};
use super::open::Open;
use crate::auth::Offer;
use crate::selected::Selected;
use crate::selected::telling::{Tells, Wants};
use crate::session::{EffectResult, Login, Note, Peer};

pub(crate) struct Core {
    pub(crate) service: MailboxService,
    pub(crate) settings: Arc<ImapSettings>,
    pub(crate) peer: Peer,
    pub(crate) login: Option<LoggedIn>,
    pub(crate) selected: Option<Box<Open>>,
    /// The client has shown that it knows CONDSTORE: MODSEQ is told with every change of flags (RFC 7162
    /// §3.1).
    pub(crate) condstore: bool,
    /// ENABLE QRESYNC was given: VANISHED instead of EXPUNGE (RFC 7162 §3.2.3).
    pub(crate) qresync: bool,
    /// ENABLE UIDONLY was given: no message sequence numbers, in either direction (RFC 9586 §3).
    pub(crate) uid_only: bool,
    /// ENABLE IMAP4rev2 was given: responses are those of RFC 9051, names are UTF-8 (RFC 9051 §6.3.1).
    pub(crate) rev2: bool,
    /// ENABLE UTF8=ACCEPT was given: names are UTF-8, and so may be whatever comes from a header (RFC 6855
    /// §3).
    pub(crate) utf8: bool,
    /// ENABLE METADATA was given: what others change in annotations is told (RFC 5464 §4.1).
    pub(crate) annotations: Option<Annotations>,
    /// What texts are compared by (RFC 5255 §4.7).
    pub(crate) comparator: Comparator,
    /// NOTIFY was given: what this client wants to hear, at any time (RFC 5465 §3.1).
    pub(crate) notify: Option<Box<Notify>>,
    /// The modseq of the write that was just finished, if it changed anything.
    pub(crate) committed: Option<ModSeq>,
    /// COMPRESS was given (RFC 4978 §3).
    pub(crate) compressed: bool,
    /// The step that runs.
    pub(crate) now: Timestamp,
    /// A commit in the account was heard of since the last look at it.
    pub(crate) advanced: bool,
    /// In IDLE: commits are to be heard of.
    pub(crate) idling: bool,
    /// The command waits for octets of the client, and nothing is half written.
    pub(crate) waiting_for_client: bool,
    pub(crate) connected_at: Timestamp,
    /// The last sign of life of the client.
    pub(crate) heard_at: Timestamp,
    pub(crate) effect: Option<EffectResult>,
    pub(crate) failed_logins: u32,
    /// A login was bound to this connection already (RFC 9266 §4.1).
    pub(crate) bound: bool,
    pub(crate) notes: Vec<Note>,
}

/// A collation, and whether it orders backwards (RFC 4790 §3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Comparator {
    pub(crate) collation: Collation,
    pub(crate) inverted: bool,
}

pub(crate) struct LoggedIn {
    pub(crate) account: Account,
    pub(crate) address: Address,
    /// What the login may be used for.
    pub(crate) access: AccessSet,
}

impl Core {
    pub(crate) fn new(
        service: MailboxService,
        settings: Arc<ImapSettings>,
        peer: Peer,
        now: Timestamp,
    ) -> Self {
        Self {
            service,
            settings,
            peer,
            login: None,
            selected: None,
            condstore: false,
            qresync: false,
            uid_only: false,
            rev2: false,
            utf8: false,
            annotations: None,
            comparator: Comparator::default(),
            notify: None,
            committed: None,
            compressed: false,
            now,
            advanced: false,
            idling: false,
            waiting_for_client: false,
            connected_at: now,
            heard_at: now,
            effect: None,
            failed_logins: 0,
            bound: false,
            notes: Vec::new(),
        }
    }
    /// The password was right.
    pub(crate) fn enter(&mut self, login: Login) -> Result<()> {
        let account = self.service.account(login.account)?;
        let access = login.access;
        self.login = Some(LoggedIn { account, address: login.address.clone(), access });
        self.notes.push(Note::LoggedIn { address: login.address });
        self.heard_at = self.now;
        Ok(())
    }
    /// RFC 8437 §3 and §4.1: everything is as it was when the connection began, but for TLS and what guards
    /// the server. Time to log in begins again.
    pub(crate) fn forget_user(&mut self) {
        let (service, settings) = (self.service.clone(), Arc::clone(&self.settings));
        let fresh = Self::new(service, settings, self.peer.clone(), self.now);
        let before = std::mem::replace(self, fresh);
        self.failed_logins = before.failed_logins;
        self.bound = before.bound;
        self.notes = before.notes;
    }
    /// The user's own account.
    pub(crate) fn account(&self) -> Result<&Account> {
        self.login.as_ref().map(|login| &login.account).ok_or_else(not_now)
    }
    /// Whether the user may set limits for others (RFC 9208 §4.1.3).
    pub(crate) fn is_administrator(&self) -> bool {
        self.is_listed(&self.settings.administrators)
    }
    /// Whether the user submits mail on behalf of others (RFC 4467 §3).
    pub(crate) fn is_submitter(&self) -> bool {
        self.is_listed(&self.settings.submitters)
    }
    fn is_listed(&self, addresses: &[Address]) -> bool {
        let own = self.login.as_ref().map(|login| login.address.account_key());
        own.is_some_and(|own| addresses.iter().any(|address| address.account_key() == own))
    }
    /// Of the user's own account.
    pub(crate) fn snapshot(&self) -> Result<Snapshot<'_>> {
        self.account()?.snapshot()
    }
    /// The account a mailbox name belongs to: the one place where a command finds out. Every name it is asked
    /// for is the one the client knows.
    pub(crate) fn account_of(&self, name: &MailboxName) -> Result<Account> {
        self.account()?.whose(name)
    }
    /// The selected mailbox.
    pub(crate) fn open(&self) -> Result<&Open> {
        self.selected.as_deref().ok_or_else(not_now)
    }
    /// Of the account whose mailbox is selected.
    pub(crate) fn open_snapshot(&self) -> Result<Snapshot<'_>> {
        self.open()?.account.snapshot()
    }
    pub(crate) fn view(&self) -> Result<&Selected> {
        self.open().map(|open| &open.view)
    }
    /// Accounts a client that waits is to hear of: its own, that of the selected mailbox, and those of which
    /// it has asked to hear.
    pub(crate) fn watched(&self) -> Vec<AccountId> {
        let own = self.login.as_ref().map(|login| login.account.id());
        let open = self.selected.as_ref().map(|open| open.account.id());
        let others = self.notify.as_ref().and_then(|notify| notify.others.as_ref());
        let others = others.into_iter().flat_map(|others| others.watched());
        let others = others.filter(|other| Some(*other) != open && Some(*other) != own);
        own.into_iter().chain(open.filter(|open| Some(*open) != own)).chain(others).collect()
    }
    /// A commit in an account was heard of.
    pub(crate) fn heard(&mut self, account: AccountId) {
        self.advanced = true;
        if let Some(others) = self.others() {
            others.heard(account);
        }
    }
    /// The client has shown that it knows CONDSTORE. The first time it learns from where on it sees
    /// mod-sequences (RFC 7162 §3.1).
    pub(crate) fn enable_condstore(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.condstore, true) {
            return;
        }
        if let Some(open) = &self.selected {
            let code = Code::HighestModSeq(open.view.told_vanished());
            status(None, Status::Ok, Some(&code), "mod-sequences are told from now on", out);
        }
    }
    /// This client itself has changed annotations, if anything is different now.
    pub(crate) fn annotations_set(&mut self, account: &Account, modseq: Option<ModSeq>) {
        if let (Some(annotations), Some(modseq), false) = (&mut self.annotations, modseq, account.is_others())
        {
            annotations.changed_itself(modseq);
        }
        if let Some(others) = self.others() {
            others.own(account.id()).set_annotations(account.id(), modseq);
        }
    }
    /// This client itself has made, deleted or renamed the mailbox of a name.
    pub(crate) fn mailbox_changed(&mut self, name: &MailboxName) {
        if let Ok(account) = self.account_of(name) {
            self.named_itself(account.id());
        }
    }
    /// This client itself has changed names or subscriptions of its own by the write that was just finished.
    pub(crate) fn names_changed(&mut self) {
        if let Some(own) = self.login.as_ref().map(|login| login.account.id()) {
            self.named_itself(own);
        }
    }
    fn named_itself(&mut self, account: AccountId) {
        let committed = self.committed;
        if let Some(others) = self.others() {
            others.own(account).named(account, committed);
        }
    }
    /// This client itself has put messages into a mailbox.
    pub(crate) fn messages_added(&mut self, account: &Account, mailbox: MailboxId, uids: &UidSet) {
        let place = Place { owner: account.id(), mailbox };
        if let Some(open) = self.selected.as_deref_mut().filter(|open| open.place() == place) {
            open.own_added.extend(&uids.0);
        } else if let Some(others) = self.others() {
            others.own(place.owner).added(place, uids);
        }
    }
    /// This client itself has taken messages out of a mailbox that it is about to leave.
    pub(crate) fn messages_expunged(&mut self, place: Place, uids: &UidSet) {
        if let Some(others) = self.others() {
            others.own(place.owner).expunged(place, uids);
        }
    }
    /// From now on this is told, and nothing else.
    pub(crate) fn begin_to_notify(&mut self, notify: Box<Notify>) {
        self.notify = Some(notify);
        self.annotations = None;
        // What has happened since it was asked for: nobody told us, as nobody was asked to.
        self.advanced = true;
    }
    /// No mailbox is selected any more. Answers whether one was.
    pub(crate) fn unselect(&mut self) -> bool {
        let Some(open) = self.selected.take() else { return false };
        if let Some(others) = self.others() {
            // What was kept back of it is told like that of any other.
            others.left(open.place(), open.view.synchronised());
            self.advanced = true;
        }
        true
    }
    /// Which mailbox is selected.
    pub(crate) fn selected_place(&self) -> Option<Place> {
        self.selected.as_ref().map(|open| open.place())
    }
    pub(crate) fn others(&mut self) -> Option<&mut Others> {
        self.notify.as_mut()?.others.as_deref_mut()
    }
    /// Whether accounts here may have chat by IMAP (COI-server §coi-capability).
    pub(crate) fn offers_chat(&self) -> bool {
        self.service.options().coi.is_some()
    }
    /// What the client wants to hear of its selected mailbox.
    pub(crate) fn of_selected(&self) -> OfSelected {
        self.notify.as_ref().map_or(OfSelected::USUAL, |notify| notify.selected.clone())
    }
    /// Whether it is told of everything that happens there, so that it knows what modseqs mean.
    pub(crate) fn is_told_everything(&self) -> bool {
        self.notify.as_ref().is_none_or(|notify| notify.selected.wants == Wants::ALL)
    }
    /// How changes are told while no command runs, if they are.
    pub(crate) fn tells_between_commands(&self) -> Option<Tells> {
        self.notify.as_ref().and_then(|notify| notify.tells_between_commands())
    }
    /// Whether untagged FETCH responses carry a UID (RFC 7162 §3.2.4, RFC 9051 §7.5.2, RFC
    /// 5465 §5.1).
    pub(crate) const fn tells_uid(&self) -> bool {
        self.condstore || self.rev2 || self.notify.is_some()
    }
    /// Whether the client reads UTF-8 (RFC 6855 §3, RFC 9051 §4.3.1).
    pub(crate) const fn reads_utf8(&self) -> bool {
        self.rev2 || self.utf8
    }
    /// RFC 9051 §5.1, RFC 6855 §3: UTF-8 once the client has enabled it, until then modified UTF-7 (RFC 3501
    /// §5.1.3).
    pub(crate) const fn names(&self) -> NameEncoding {
        match self.reads_utf8() {
            true => NameEncoding::Utf8,
            false => NameEncoding::ModifiedUtf7,
        }
    }
    pub(crate) const fn has_tls(&self) -> bool {
        self.peer.tls.is_some()
    }
    pub(crate) fn may_send_passwords(&self) -> bool {
        self.has_tls() || self.settings.plain_without_tls
    }
    /// What AUTHENTICATE may be used with now.
    pub(crate) fn offer(&self) -> Offer {
        let settings = &self.settings;
        let offer = Offer::new(self.peer.tls.as_ref(), settings.plain_without_tls, settings.scram);
        Offer { bound: self.bound, ..offer }
    }
    /// What may be used now (RFC 9051 §6.1.1): only what is complete, and before login only what a client
    /// needs to log in.
    pub(crate) fn capabilities(&self) -> Capabilities {
        let shown = |c: &Capability| match c {
            Capability::StartTls => self.login.is_none() && !self.has_tls() && self.settings.starttls,
            Capability::LoginDisabled => self.login.is_none() && !self.may_send_passwords(),
            Capability::AuthPlain => self.offers(Mechanism::Plain),
            Capability::AuthScramSha256 => self.offers(Mechanism::ScramSha256),
            Capability::AuthScramSha256Plus => self.offers(Mechanism::ScramSha256Plus),
            Capability::SaslIr => self.login.is_none() && self.may_send_passwords(),
            Capability::LiteralPlus | Capability::Imap4Rev1 | Capability::Imap4Rev2 | Capability::Id => true,
            Capability::Coi => self.login.is_some() && self.offers_chat(),
            Capability::WebPush => self.login.is_some() && self.service.options().push.is_some(),
            Capability::CompressDeflate => self.login.is_some() && self.settings.compress,
            Capability::Unauthenticate => self.login.is_some() && self.settings.unauthenticate,
            Capability::JmapAccess => self.jmap_url().is_some(),
            other => self.login.is_some() && COMPLETE.contains(other),
        };
        // RFC 7889 §2: one limit for all mailboxes.
        let append_limit = Some(self.settings.message_octets_max);
        Capabilities { names: Capability::ALL.iter().copied().filter(shown).collect(), append_limit }
    }
    /// Where the client finds the same mail by JMAP, if what it logged in with is good for that too (RFC 9698
    /// §3).
    pub(crate) fn jmap_url(&self) -> Option<&str> {
        let login = self.login.as_ref().filter(|login| login.access.allows(Access::Jmap));
        self.settings.jmap_url.as_deref().filter(|_| login.is_some())
    }
    fn offers(&self, mechanism: Mechanism) -> bool {
        self.login.is_none() && self.offer().mechanisms().any(|m| m == mechanism)
    }
}

/// Extensions that are there in full; shown after login, as they are of no use before.
const COMPLETE: &[Capability] = &[
    Capability::Enable,
    Capability::Idle,
    Capability::Namespace,
    Capability::Children,
    Capability::Utf8Accept,
    Capability::ListExtended,
    Capability::ListStatus,
    Capability::ListMetadata,
    Capability::SpecialUse,
    Capability::CreateSpecialUse,
    Capability::Unselect,
    Capability::UidOnly,
    Capability::UidPlus,
    Capability::MultiAppend,
    Capability::Catenate,
    Capability::UrlAuth,
    Capability::UrlAuthBinary,
    Capability::UrlPartial,
    Capability::Replace,
    Capability::Esearch,
    Capability::Esort,
    Capability::ContextSearch,
    Capability::ContextSort,
    Capability::Partial,
    Capability::MultiSearch,
    Capability::SearchFuzzy,
    Capability::Filters,
    Capability::Sort,
    Capability::SortDisplay,
    Capability::ThreadOrderedSubject,
    Capability::ThreadReferences,
    Capability::ThreadRefs,
    Capability::I18nLevel2,
    Capability::Move,
    Capability::CondStore,
    Capability::Qresync,
    Capability::SearchRes,
    Capability::Within,
    Capability::SaveDate,
    Capability::Preview,
    Capability::Binary,
    Capability::StatusSize,
    Capability::ObjectId,
    Capability::Quota,
    Capability::QuotaResStorage,
    Capability::QuotaResMessage,
    Capability::QuotaResMailbox,
    Capability::QuotaSet,
    Capability::Metadata,
    Capability::Notify,
    Capability::AppendLimit,
    Capability::Acl,
    Capability::Rights,
    Capability::ListMyRights,
    Capability::InProgress,
];

fn not_now() -> MailError {
    MailError::new(ErrorKind::Internal, "internal error")
        .context("a command ran in a state it is not allowed in")
}

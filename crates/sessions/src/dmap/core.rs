//! What a DMAP session is apart from the command it works on: who is logged in, what is selected, what was
//! enabled.

use std::sync::Arc;

use koi_mailbox::{Account, MailboxRow, MailboxService, Pending, Snapshot};
use koi_proto::dmap::{Capability, Mode};
use koi_types::{AccountId, ErrorKind, MailError, MailboxName, Result, Timestamp, limits};

use super::DmapSettings;
use super::open::Open;
use crate::auth::Offer;
use crate::selected::Selected;
use crate::session::{EffectResult, Login, Note, Peer};

pub(crate) struct Core {
    pub(crate) service: MailboxService,
    pub(crate) settings: Arc<DmapSettings>,
    pub(crate) peer: Peer,
    pub(crate) login: Option<LoggedIn>,
    pub(crate) selected: Option<Box<Open>>,
    /// ENABLE QRESYNC was given: VANISHED instead of EXPUNGE (RFC 7162 §3.2.3).
    pub(crate) qresync: bool,
    /// ENABLE UIDONLY was given: no message sequence numbers, in either direction (RFC 9586 §3).
    pub(crate) uid_only: bool,
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

pub(crate) struct LoggedIn {
    pub(crate) account: Account,
    pub(crate) mode: Mode,
}

impl Core {
    pub(crate) const fn new(
        service: MailboxService,
        settings: Arc<DmapSettings>,
        peer: Peer,
        now: Timestamp,
    ) -> Self {
        Self {
            service,
            settings,
            peer,
            login: None,
            selected: None,
            qresync: false,
            uid_only: false,
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
        let mode = shown(account.snapshot()?.mode());
        self.login = Some(LoggedIn { account, mode });
        self.notes.push(Note::LoggedIn { address: login.address });
        self.heard_at = self.now;
        Ok(())
    }
    /// What DMAP needs of the account that is not there yet.
    pub(crate) fn prepare(&self) -> Result<Option<Pending<()>>> {
        match self.account()?.prepare_dmap() {
            // Its domain has no organisation: there is nothing encrypted in it.
            Err(error) if error.kind == ErrorKind::Unsupported => Ok(None),
            prepared => prepared,
        }
    }
    /// What of flags the server keeps for this account.
    pub(crate) fn keeps(&self) -> koi_types::Mode {
        match self.mode() {
            Mode::Trustful => koi_types::Mode::Trustful,
            Mode::Cautious => koi_types::Mode::Cautious,
            Mode::Paranoid => koi_types::Mode::Paranoid,
        }
    }
    pub(crate) fn account(&self) -> Result<&Account> {
        self.login.as_ref().map(|login| &login.account).ok_or_else(not_now)
    }
    pub(crate) fn snapshot(&self) -> Result<Snapshot<'_>> {
        self.account()?.snapshot()
    }
    /// The selected mailbox.
    pub(crate) fn open(&self) -> Result<&Open> {
        self.selected.as_deref().ok_or_else(not_now)
    }
    pub(crate) fn view(&self) -> Result<&Selected> {
        self.open().map(|open| &open.view)
    }
    /// The mailbox of a name, which must be there. Only one's own are here: what others share is not.
    pub(crate) fn mailbox(&self, name: &MailboxName) -> Result<MailboxRow> {
        self.snapshot()?.mailbox_named(name)?.ok_or_else(no_such_mailbox)
    }
    /// How much the server of this account may know; before login, what is usual here.
    pub(crate) fn mode(&self) -> Mode {
        self.login.as_ref().map_or(self.settings.mode, |login| login.mode)
    }
    /// Accounts whose commits are to be heard of while the client waits.
    pub(crate) fn watched(&self) -> Vec<AccountId> {
        self.login.iter().map(|login| login.account.id()).collect()
    }
    /// What PLAIN and SCRAM may be used with now. An account that is not trustful has no verifier for them.
    pub(crate) fn offer(&self) -> Offer {
        let offer = Offer::new(self.peer.tls.as_ref(), false, self.settings.scram);
        Offer { bound: self.bound, ..offer }
    }
    /// Whether PLAIN and SCRAM are there at all.
    pub(crate) fn trusts(&self) -> bool {
        self.settings.mode == Mode::Trustful
    }
    /// DMAP-00 §7.1.1: before login only what a client needs to log in.
    pub(crate) fn capabilities(&self) -> Vec<Capability> {
        let mut shown = vec![Capability::DmapV1, Capability::Mode(self.mode())];
        if self.login.is_some() {
            shown.extend_from_slice(COMPLETE);
            return shown;
        }
        shown.extend([Capability::SaslIr, Capability::LiteralMinus, Capability::Auth("STACIE".into())]);
        let offer = self.offer();
        if offer.exporter.is_some() {
            shown.push(Capability::Auth("STACIE-PLUS".into()));
        }
        if self.trusts() {
            shown.extend(offer.mechanisms().map(|mechanism| Capability::Auth(mechanism.name().into())));
        }
        shown
    }
    /// What was made of ordinary mail is made anew when it is asked for.
    pub(crate) fn forget_made(&self) {
        if let Some(open) = &self.selected {
            open.made.forget();
        }
    }
    /// What is kept between commands.
    pub(crate) fn kept_octets(&self) -> usize {
        self.selected.as_ref().map_or(0, |open| open.memory_octets())
    }
    /// `LimitReached` when so many octets more would be more than one connection may hold. What can be made
    /// again is given up first.
    pub(crate) fn require_room(&self, octets: usize) -> Result<()> {
        if octets > self.room() {
            self.forget_made();
        }
        let room = self.room();
        if octets <= room {
            return Ok(());
        }
        let text = "this would take more memory than one connection may have";
        let context = format!("{octets} octets wanted, {room} left (dmap.connection_memory_max)");
        Err(MailError::new(ErrorKind::LimitReached, text).context(context))
    }
    /// What is kept has grown past the bound without a command, and nothing of it can be given up.
    pub(crate) fn holds_too_much(&self) -> bool {
        let is_too_much = || self.kept_octets() + BUFFERS_OCTETS > self.settings.connection_memory_max;
        if is_too_much() {
            self.forget_made();
        }
        is_too_much()
    }
    fn room(&self) -> usize {
        self.settings.connection_memory_max.saturating_sub(self.kept_octets() + BUFFERS_OCTETS)
    }
}

/// Kept free for one command with its literals, what was read behind it, and output.
const BUFFERS_OCTETS: usize = limits::DMAP_LINE_OCTETS_MAX
    + limits::DMAP_COMMAND_LITERALS_OCTETS_MAX
    + 2 * limits::INPUT_OCTETS_MAX
    + limits::OUTPUT_OCTETS_HIGH;

/// Extensions that are there in full; shown after login, as they are of no use before.
const COMPLETE: &[Capability] = &[
    Capability::LiteralMinus,
    Capability::Idle,
    Capability::Enable,
    Capability::Unselect,
    Capability::Move,
    Capability::UidPlus,
    Capability::Esearch,
    Capability::CondStore,
    Capability::Qresync,
    Capability::SpecialUse,
    Capability::ListStatus,
    Capability::ListMeta,
    Capability::Realm,
    Capability::StaciePasswd,
    Capability::UidOnly,
];

const fn shown(mode: koi_types::Mode) -> Mode {
    match mode {
        koi_types::Mode::Trustful => Mode::Trustful,
        koi_types::Mode::Cautious => Mode::Cautious,
        koi_types::Mode::Paranoid => Mode::Paranoid,
    }
}

pub(crate) fn no_such_mailbox() -> MailError {
    MailError::new(ErrorKind::NotFound, "no such mailbox")
}

fn not_now() -> MailError {
    MailError::new(ErrorKind::Internal, "internal error")
        .context("a command ran in a state it is not allowed in")
}

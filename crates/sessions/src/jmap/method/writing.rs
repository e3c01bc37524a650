//! What all that writes has in common (RFC 8620 §5.3): what is asked for one by one, pieces that are written
//! one after the other, the states before the first and after the last, and the two ways to fail.

use std::collections::{BTreeSet, VecDeque};

use koi_mailbox::Pending;
use koi_mailbox::emails::{SetOutcome, State};
use koi_proto::jmap::standard::{Create, Outcome, SetObjects, Settable, Update};
use koi_proto::jmap::{Id, IdRef, MethodError, SetError, SetErrorKind};
use koi_types::MailError;

use crate::jmap::call::Ran;
use crate::jmap::context::Context;

/// One change that is asked for.
pub(super) enum Task<O: Settable> {
    Create { creation_id: Id, object: O::Create },
    Update { id: IdRef, update: O::Update },
    Destroy(IdRef),
}

/// What is to be done, in the order of the request. What cannot be read is refused, and so is a change of
/// what is to be destroyed as well; what is to be destroyed twice is destroyed once.
pub(super) fn tasks<O: Settable>(objects: SetObjects<O>, outcome: &mut Outcome) -> VecDeque<Task<O>> {
    let mut tasks = VecDeque::new();
    for Create { creation_id, object } in objects.create {
        match object {
            Ok(object) => tasks.push_back(Task::Create { creation_id, object }),
            Err(why) => outcome.not_created.put(&creation_id, why),
        }
    }
    let mut destroyed: BTreeSet<IdRef> = objects.destroy.iter().cloned().collect();
    for Update { id, change } in objects.update {
        match change {
            _ if destroyed.contains(&id) => outcome.not_updated.put(&id, SetErrorKind::WillDestroy.into()),
            Ok(update) => tasks.push_back(Task::Update { id, update }),
            Err(why) => outcome.not_updated.put(&id, why),
        }
    }
    tasks.extend(objects.destroy.into_iter().filter(|id| destroyed.remove(id)).map(Task::Destroy));
    tasks
}

impl<O: Settable> Task<O> {
    /// Tells why nothing came of it.
    pub(super) fn refuse(&self, why: SetError, outcome: &mut Outcome) {
        match self {
            Self::Create { creation_id, .. } => outcome.not_created.put(creation_id, why),
            Self::Update { id, .. } => outcome.not_updated.put(id, why),
            Self::Destroy(id) => outcome.not_destroyed.put(id, why),
        }
    }
}

/// What came of one change of a piece.
pub(super) type Changed<Done, Refused> = Result<Done, Refused>;

/// Changes on their way, piece by piece.
pub(super) struct Writing<Done, Refused> {
    /// For the first piece.
    if_in_state: Option<State>,
    pending: Option<Pending<SetOutcome<Done, Refused>>>,
    old: Option<State>,
    new: State,
    is_begun: bool,
}

/// Where a piece is.
pub(super) enum Piece<Done, Refused> {
    /// None is under way.
    Wanted,
    Waiting(Ran),
    /// What came of its changes, in their order.
    Written(Vec<Changed<Done, Refused>>),
}

/// Why an object was not written.
pub(super) enum Failure {
    /// It alone is refused.
    Object(SetError),
    Call(MethodError),
}

impl From<SetError> for Failure {
    fn from(error: SetError) -> Self {
        Self::Object(error)
    }
}

impl From<MethodError> for Failure {
    fn from(error: MethodError) -> Self {
        Self::Call(error)
    }
}

/// The state that the objects must be in. One that was never given out is another than the present one.
pub(super) fn expected_state(given: Option<&str>) -> Result<Option<State>, MethodError> {
    given.map(|text| State::parse(text).ok_or(MethodError::StateMismatch)).transpose()
}

impl<Done: Send + 'static, Refused: Send + 'static> Writing<Done, Refused> {
    pub(super) fn new(if_in_state: Option<State>) -> Self {
        Self { if_in_state, pending: None, old: None, new: State::default(), is_begun: false }
    }
    /// The state the next piece is to find; only the first is told one.
    pub(super) fn expected(&mut self) -> Option<State> {
        self.if_in_state.take()
    }
    pub(super) fn begin(&mut self, pending: Pending<SetOutcome<Done, Refused>>) {
        self.pending = Some(pending);
    }
    /// Whether a piece was written.
    pub(super) const fn is_begun(&self) -> bool {
        self.is_begun
    }
    /// What was written last.
    pub(super) fn piece(&mut self, cx: &mut Context<'_>) -> Result<Piece<Done, Refused>, MethodError> {
        let Some(pending) = self.pending.take() else { return Ok(Piece::Wanted) };
        let ticket = pending.ticket();
        if ticket.peek().is_none() {
            self.pending = Some(pending);
            return Ok(Piece::Waiting(Ran::Await(ticket)));
        }
        match pending.take() {
            Ok(SetOutcome::Done { old_state, new_state, results }) => {
                self.written(old_state, new_state);
                Ok(Piece::Written(results))
            }
            Ok(SetOutcome::StateMismatch) => Err(MethodError::StateMismatch),
            Err(error) => Err(self.failed(&error, cx)),
        }
    }
    /// A change by somebody else between two pieces has no state before all of them.
    fn written(&mut self, old: Option<State>, new: State) {
        self.old = match self.is_begun {
            false => old,
            true => self.old.filter(|_| old == Some(self.new)),
        };
        self.new = new;
        self.is_begun = true;
    }
    /// What an error is to the client when something may be written already (RFC 8620 §3.6.2).
    pub(super) fn failed(&self, error: &MailError, cx: &mut Context<'_>) -> MethodError {
        let told = cx.failed(error);
        if self.is_begun { MethodError::ServerPartialFail } else { told }
    }
    /// `None` when more changed than was asked for.
    pub(super) fn old_state(&self) -> Option<Box<str>> {
        self.old.map(|state| state.to_string().into())
    }
    pub(super) fn new_state(&self) -> Box<str> {
        self.new.to_string().into()
    }
}

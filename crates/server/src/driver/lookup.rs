//! Lookups at other servers, which may take a minute: meanwhile the connection hears that the server goes
//! down, that its account is gone, and that its peer is. Must not: wait for longer than anybody wants to
//! know.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use koi_types::{ErrorKind, MailError};

use crate::admission::counted;
use crate::dmtp::Asker;

use super::{Driver, End, SLEEP_MAX};

/// Who has sent a question and closed his side gets the answer if it comes so soon.
const CLOSED: Duration = Duration::from_secs(2);

/// What a wait ended with.
enum Waited<T> {
    Found(Result<T, MailError>),
    Signal,
    Wire,
    Time,
}

impl Driver {
    /// Who wants to know.
    pub(super) fn asker(&self) -> Asker {
        let account = self.joined.as_ref().map(|joined| Asker::Account(joined.account));
        account.unwrap_or_else(|| Asker::Stranger(counted(self.peer)))
    }
    /// What was found; an error when nobody waits for it any more.
    pub(super) async fn looked_up<T>(
        &mut self,
        looking: impl Future<Output = Result<T, MailError>>,
    ) -> Result<Result<T, MailError>, End> {
        let mut looking = pin!(looking);
        let link = Arc::clone(&self.admitted.link);
        let mut closed: Option<Instant> = None;
        loop {
            if self.input_closed {
                closed.get_or_insert_with(Instant::now);
            }
            let left = closed.map_or(SLEEP_MAX, |at| CLOSED.saturating_sub(at.elapsed()));
            let (mut woken, mut sleep) = (pin!(link.woken()), pin!(tokio::time::sleep(left)));
            let waited = poll_fn(|cx| {
                if let Poll::Ready(found) = looking.as_mut().poll(cx) {
                    return Poll::Ready(Ok(Waited::Found(found)));
                }
                if woken.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(Waited::Signal));
                }
                if let Poll::Ready(moved) = self.poll_wire(cx) {
                    return Poll::Ready(moved.map(|_| Waited::Wire).map_err(End::from));
                }
                sleep.as_mut().poll(cx).map(|()| Ok(Waited::Time))
            });
            match waited.await? {
                Waited::Found(found) => return Ok(found),
                Waited::Signal if self.signals() => return Ok(Err(cut_off())),
                Waited::Time if closed.is_some() => return Ok(Err(cut_off())),
                Waited::Signal | Waited::Wire | Waited::Time => {}
            }
        }
    }
}

fn cut_off() -> MailError {
    MailError::new(ErrorKind::Unavailable, "the lookup was cut off")
}

//! Sends what one subscription has to be sent, one thing after the other, in its order.
//!
//! What came of each is written down before the next is taken, so that a crash in between repeats at most
//! that one. A courier holds nothing but its place at the push service while it waits for its turn; what is
//! to be sent is read when the turn has come, so that what was replaced meanwhile is not sent.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use koi_mailbox::push::{Attempt, NextPush, PushContent, Settled};
use koi_types::{AccountId, MailError, PushId, Timestamp};
use koi_webpush::{Form, Request, Topic, Urgency, Verdict, encrypt, verdict};

use super::client::{Answer, NoAnswer};
use super::dispatch::after;
use super::origins::Place;
use super::primitives::Crypto;
use super::{Shared, jitter, state_change};
use crate::clock;
use crate::metrics::count;

/// The longest wait before a repetition, unless the push service names one.
const BACKOFF_MAX: Duration = Duration::from_secs(1800);
/// Between attempts to write down what came of a request.
const WRITE_AGAIN: Duration = Duration::from_secs(5);
/// A validation that is older has no use: its subscription goes.
const VALIDATION_TTL_SECS: u32 = 300;
/// A verification of JMAP: its subscription has a week.
const VERIFICATION_TTL_SECS: u32 = 24 * 3600;

/// Until there is nothing more to be sent now, or the server goes down.
pub(super) async fn run(shared: Arc<Shared>, account: AccountId, id: PushId, place: Place) {
    let courier = Courier { shared, account, id, place };
    while courier.one().await.is_continue() {}
}

struct Courier {
    shared: Arc<Shared>,
    account: AccountId,
    id: PushId,
    place: Place,
}

/// A payload, and how much it matters to the device.
struct Said {
    payload: String,
    urgency: Urgency,
    form: Form,
    /// It asks for proof, as COI-webpush does.
    validation: bool,
}

/// What the push service said, or did not.
enum Outcome {
    Settled(Settled),
    /// Nothing will come of it for a while: after so long, or after a time that grows with the failures.
    Later(Option<Duration>),
}

impl Courier {
    /// One push. `Break`: there is none to be sent now.
    async fn one(&self) -> ControlFlow<()> {
        let origin = &self.place.0;
        // Before its turn: whoever has a turn sends.
        let pause = self.shared.throttle.pause(self.account, &self.id, Instant::now());
        if !pause.is_zero() && self.unless_stopping(tokio::time::sleep(pause)).await.is_none() {
            return ControlFlow::Break(());
        }
        let Some(Ok(_turn)) = self.unless_stopping(origin.requests.acquire()).await else {
            return ControlFlow::Break(());
        };
        let Some(Ok(_turn)) = self.unless_stopping(self.shared.requests.acquire()).await else {
            return ControlFlow::Break(());
        };
        let next = match self.shared.mailbox.next_push(self.account, &self.id, clock::now()) {
            Ok(Some(next)) => next,
            Ok(None) => return ControlFlow::Break(()),
            Err(error) => {
                tracing::warn!(account = %self.account, %error, "what is to be pushed could not be read");
                return ControlFlow::Break(());
            }
        };
        self.shared.throttle.count(self.account, &self.id, Instant::now());
        let now = clock::now();
        let settled = match origin.alone_for(Instant::now()) {
            // Found out while this one waited for its turn.
            Some(wait) => Settled::Later(after(now, jitter(wait))),
            None => match self.attempt(&next).await {
                Outcome::Settled(settled) => settled,
                Outcome::Later(wait) => Settled::Later(after(now, self.wait(&next, wait))),
            },
        };
        self.settle(&next.attempt, settled).await;
        match settled {
            Settled::Later(_) | Settled::Gone => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
    async fn attempt(&self, next: &NextPush) -> Outcome {
        let (now, began) = (clock::now(), Instant::now());
        let age_secs = u32::try_from((now.0 - next.made_at.0).max(0) / 1000).unwrap_or(u32::MAX);
        let ttl_secs = match &next.content {
            PushContent::Validation(_) => VALIDATION_TTL_SECS,
            PushContent::Verification(_) => VERIFICATION_TTL_SECS,
            PushContent::Message(_) | PushContent::States(_) => self.shared.settings.ttl_secs,
            PushContent::Gone => return Outcome::Settled(Settled::Pointless),
        };
        let Some(ttl_secs) = ttl_secs.checked_sub(age_secs).filter(|left| *left > 0) else {
            count(&self.shared.metrics.pushes_expired);
            return Outcome::Settled(Settled::Pointless);
        };
        let Some(answer) = self.post(next, ttl_secs, now).await else {
            // The client's key is none, or we cannot sign: no repetition helps.
            return Outcome::Settled(Settled::Gone);
        };
        count(&self.shared.metrics.push_requests);
        self.shared.metrics.push.record(began.elapsed());
        self.judge(answer, clock::now())
    }
    /// `None`: there is no request to be made of it.
    async fn post(&self, next: &NextPush, ttl_secs: u32, now: Timestamp) -> Option<Result<Answer, NoAnswer>> {
        let said = self.said(next)?;
        // What asks for proof is said once.
        let is_question = matches!(next.content, PushContent::Validation(_) | PushContent::Verification(_));
        let topic = (!is_question).then(|| topic(&next.attempt));
        let settings = &self.shared.settings;
        let authorization = self.place.0.authorization(&settings.contact, now, &*self.shared.key);
        let body = match &next.keys {
            Some(keys) => encrypt(keys, said.payload.as_bytes(), &mut Crypto).ok()?,
            None => said.payload.into_bytes(),
        };
        let authorization = authorization.ok()?;
        let request = Request {
            endpoint: &next.endpoint,
            ttl_s: ttl_secs,
            urgency: said.urgency,
            topic: topic.as_ref(),
            authorization: &authorization,
            form: said.form,
            validation: said.validation,
        };
        Some(self.shared.client.post(&next.endpoint, request.headers(), body).await)
    }
    /// `None`: nothing is to be said, or not without keys.
    fn said(&self, next: &NextPush) -> Option<Said> {
        let sealed = |payload, urgency, validation| {
            let is_sealed = next.keys.is_some();
            is_sealed.then_some(Said { payload, urgency, form: Form::Sealed, validation })
        };
        // RFC 8620 §7.2: whoever gave no keys is told in the clear.
        let form = if next.keys.is_some() { Form::SealedJson } else { Form::Json };
        let json = |payload| Some(Said { payload, urgency: Urgency::Normal, form, validation: false });
        match &next.content {
            PushContent::Validation(text) => {
                sealed(koi_webpush::payload::validation(text), Urgency::Normal, true)
            }
            PushContent::Verification(code) => json(state_change::verification(&self.id, code)?),
            PushContent::States(changed) => json(state_change::states(changed)),
            PushContent::Message(message) => {
                // RFC 8030 §5.3: a chat message is worth waking a phone that saves its battery.
                let urgency = if message.is_chat() { Urgency::High } else { Urgency::Normal };
                sealed(message.payload(), urgency, false)
            }
            PushContent::Gone => None,
        }
    }
    /// What to do with the answer, and what it says of the push service.
    fn judge(&self, answer: Result<Answer, NoAnswer>, now: Timestamp) -> Outcome {
        let (origin, metrics) = (&self.place.0, &self.shared.metrics);
        let (account, id, at) = (self.account, &self.id, origin.name());
        let answer = match answer {
            Ok(answer) => answer,
            Err(NoAnswer::Forbidden(why)) => {
                count(&metrics.pushes_refused);
                tracing::info!(%account, %id, origin = at, why, "a push was not sent");
                return Outcome::Settled(Settled::Refused);
            }
            Err(NoAnswer::Trouble(why)) => {
                count(&metrics.pushes_failed);
                origin.is_unwell(Instant::now());
                tracing::debug!(%account, %id, origin = at, why, "a push failed");
                return Outcome::Later(None);
            }
        };
        let status = answer.status;
        let verdict = verdict(status, answer.retry_after.as_deref(), now);
        match verdict {
            Verdict::Retry => origin.is_unwell(Instant::now()),
            _ => origin.is_well(),
        }
        tracing::debug!(%account, %id, origin = at, status, reason = answer.reason(), "a push was answered");
        match verdict {
            Verdict::Accepted => {
                count(&metrics.pushes_accepted);
                Outcome::Settled(Settled::Taken)
            }
            Verdict::DropSubscription => {
                count(&metrics.push_subscriptions_gone);
                tracing::info!(%account, %id, origin = at, status, "a push subscription is gone");
                Outcome::Settled(Settled::Gone)
            }
            Verdict::TooLarge => Outcome::Settled(Settled::TooLarge),
            Verdict::RetryAfter(wait) => {
                count(&metrics.pushes_failed);
                Outcome::Later(Some(wait))
            }
            Verdict::Retry => {
                count(&metrics.pushes_failed);
                Outcome::Later(None)
            }
            Verdict::Refused => {
                count(&metrics.pushes_refused);
                tracing::info!(%account, %id, origin = at, status, "a push was refused");
                Outcome::Settled(Settled::Refused)
            }
        }
    }
    /// As long as the push service says; else longer with every failure.
    fn wait(&self, next: &NextPush, said: Option<Duration>) -> Duration {
        let backoff =
            || self.shared.settings.backoff.saturating_mul(1 << next.failures.min(16)).min(BACKOFF_MAX);
        let alone = self.place.0.alone_for(Instant::now());
        jitter(said.unwrap_or_else(backoff).max(alone.unwrap_or_default()))
    }
    /// Until it is written down: what is not would be sent again.
    async fn settle(&self, attempt: &Attempt, settled: Settled) {
        loop {
            let written = self.shared.mailbox.settle_push(self.account, attempt.clone(), settled);
            let Err(error) = written.ticket().await else { return };
            tracing::warn!(account = %self.account, %error, "what came of a push could not be written");
            if is_final(&error) || self.unless_stopping(tokio::time::sleep(WRITE_AGAIN)).await.is_none() {
                return;
            }
        }
    }
    /// Nothing when the server goes down first.
    async fn unless_stopping<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut stopping = self.shared.stopping.subscribe();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => None,
            done = work => Some(done),
        }
    }
}

/// Trying to write it again would end the same.
fn is_final(error: &MailError) -> bool {
    !matches!(error.kind, koi_types::ErrorKind::Unavailable | koi_types::ErrorKind::Conflict)
}

/// The same for a repetition, and for nothing else (RFC 8030 §5.4): what is sent again after a crash replaces
/// what was not fetched yet. The seal is known to the client alone.
fn topic(attempt: &Attempt) -> Topic {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&attempt.seal).update(&attempt.key.number.to_be_bytes());
    let mut digest = [0; 24];
    hasher.finalize_xof().fill(&mut digest);
    Topic::new(&digest)
}

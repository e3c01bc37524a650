//! Logins of a connection: the password pool is asked, and who may come in joins its account.
//!
//! Must not: tell a peer more than the session would.

use std::sync::Arc;
use std::time::Instant;

use koi_proto::sasl::scram::{Proof, Salt};
use koi_sessions::{
    Credentials, EffectResult, Login, ScramName, ScramProved, StacieName, StacieProof, StacieProved,
};
use koi_types::{ErrorKind, MailError};

use super::Driver;
use crate::metrics::count;
use crate::password::Proven;

impl Driver {
    pub(super) async fn authenticate(&mut self, credentials: &Credentials) -> EffectResult {
        let began = Instant::now();
        let edge = Arc::clone(&self.edge);
        let checked = Box::pin(edge.passwords.check(credentials, self.peer)).await;
        let entered = checked.and_then(|proven| self.enter(proven, began));
        EffectResult::Authenticated(self.told(entered, &credentials.authcid))
    }

    pub(super) fn scram_begin(&mut self, name: &ScramName) -> Result<Salt, MailError> {
        let begun = self.edge.passwords.scram_begin(name)?;
        let salt = begun.salt.clone();
        self.scram = Some(Box::new(begun));
        Ok(salt)
    }

    pub(super) async fn scram_prove(&mut self, proof: &Proof) -> Result<ScramProved, MailError> {
        let began = Instant::now();
        let Some(begun) = self.scram.take() else {
            let text = "internal error";
            return Err(MailError::new(ErrorKind::Internal, text).context("a proof without a name"));
        };
        let (edge, authcid) = (Arc::clone(&self.edge), begun.authcid.clone());
        let signed = Box::pin(edge.passwords.scram_prove(*begun, proof, self.peer)).await;
        let entered = signed.and_then(|signed| {
            let login = self.enter(signed.proven, began)?;
            Ok(ScramProved { login, signature: signed.signature })
        });
        self.told(entered, &authcid)
    }

    pub(super) fn stacie_begin(&mut self, name: &StacieName) -> Result<Box<[u8]>, MailError> {
        let begun = self.edge.passwords.stacie_begin(name)?;
        let challenge = begun.challenge();
        self.stacie = Some(Box::new(begun));
        Ok(challenge)
    }

    pub(super) async fn stacie_prove(&mut self, proof: &StacieProof) -> Result<StacieProved, MailError> {
        let began = Instant::now();
        let Some(begun) = self.stacie.take() else {
            let text = "internal error";
            return Err(MailError::new(ErrorKind::Internal, text).context("a token without a name"));
        };
        let (edge, authcid) = (Arc::clone(&self.edge), begun.authcid.clone());
        let signed = Box::pin(edge.passwords.stacie_prove(*begun, proof, self.peer)).await;
        let entered = signed.and_then(|signed| {
            let login = self.enter(signed.proven, began)?;
            Ok(StacieProved { login, server_proof: signed.server_proof })
        });
        self.told(entered, &authcid)
    }

    /// The password may have changed between the check and joining; from here on a change reaches the link.
    fn enter(&mut self, proven: Proven, began: Instant) -> Result<Login, MailError> {
        self.admitted.link.came_with(proven.app_password());
        let login = self.join(proven.login.clone())?;
        self.edge.passwords.still_holds(&proven)?;
        self.admitted.logged_in();
        self.tally.account = Some(login.address.clone());
        count(&self.edge.metrics.logins);
        self.edge.metrics.login.record(began.elapsed());
        Ok(login)
    }

    /// Counts and logs a failure.
    fn told<T>(&mut self, entered: Result<T, MailError>, authcid: &str) -> Result<T, MailError> {
        if let Err(error) = &entered {
            self.joined = None;
            count(&self.edge.metrics.login_failures);
            let login = authcid.escape_debug();
            tracing::info!(peer = %self.peer, %login, %error, "login failed");
        }
        entered
    }

    fn join(&mut self, login: Login) -> Result<Login, MailError> {
        let max = self.edge.limits().connections_per_account_max;
        self.joined = self.edge.watch.join(login.account, &self.admitted.link, max);
        match self.joined {
            Some(_) => Ok(login),
            None => Err(MailError::new(ErrorKind::LimitReached, "Too many connections for this account")),
        }
    }
}

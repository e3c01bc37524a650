//! Somebody who is told of changes while connected, by whatever carries them: whose commits wake it, what it
//! was told, and when it must end.
//!
//! It counts as a connection of its account, and ends as one: at shutdown, when the password changes, when
//! the app password, token or cookie it came with is no more. Must not: know how it is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use koi_proto::jmap::push::{PushTypes, StateChange};
use koi_sessions::Login;
use koi_sessions::jmap::Told;
use koi_types::{AccountId, MailError};
use tokio::sync::watch;

use super::account::Loaded;
use super::auth::Entered;
use super::connection::Connection;
use super::problem::Refused;
use crate::watch::{Joined, Link};

/// Accounts of others whose commits wake one stream; of more it hears with the next commit that does.
const OTHERS_MAX: usize = 1000;

/// One stream.
pub(super) struct Following {
    connection: Arc<Connection>,
    pub(super) login: Login,
    link: Arc<Link>,
    own: Joined,
    others: Vec<Joined>,
    types: PushTypes,
    told: Told,
    shutdown: watch::Receiver<bool>,
    /// Until the cookie it came with is worth nothing any more.
    until: Option<watch::Receiver<()>>,
    _place: Loaded,
}

/// What a stream waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Happened {
    /// There may be news.
    Committed,
    Ends(Why),
}

/// Why a stream ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    Shutdown,
    /// The login is worth nothing any more.
    LoggedOut,
}

impl Following {
    /// From now on; `since`: or from there.
    pub(super) fn begin(
        connection: &Arc<Connection>,
        entered: &Entered,
        types: PushTypes,
        since: Option<Told>,
    ) -> Result<Self, Refused> {
        let (edge, site) = (&connection.edge, &connection.site);
        let (login, too_many) = (entered.proven.login.clone(), || {
            Refused::TooManyFailures("Too many streams and connections of this account.".into())
        });
        let place = site.streams.begin(login.account, site.config().streams_per_account_max);
        let place = place.ok_or_else(too_many)?;
        let link = Arc::new(Link::default());
        link.came_with(entered.proven.app_password());
        let max = edge.limits().connections_per_account_max;
        let own = edge.watch.join(login.account, &link, max).ok_or_else(too_many)?;
        // The password may have changed between the check and joining.
        edge.passwords.still_holds(&entered.proven).map_err(|error| Refused::from(&error))?;
        let mut following = Self {
            connection: Arc::clone(connection),
            login,
            link,
            own,
            others: Vec::new(),
            types,
            told: Told::default(),
            shutdown: connection.shutdown.subscribe(),
            until: entered.until.clone(),
            _place: place,
        };
        following.listen(following.types.clone(), since).map_err(|error| Refused::from(&error))?;
        Ok(following)
    }
    /// Begins again with other types, from a moment or from now.
    pub(super) fn listen(&mut self, types: PushTypes, since: Option<Told>) -> Result<(), MailError> {
        self.told = match since {
            Some(told) => told,
            None => self.jmap_news(&PushTypes::Some(BTreeSet::new()), &Told::default())?.told,
        };
        self.types = types;
        self.follow();
        Ok(())
    }
    /// How far it was told.
    pub(super) fn told(&self) -> &Told {
        &self.told
    }
    /// Resolves when there may be news, or it must end.
    pub(super) async fn happens(&mut self) -> Happened {
        loop {
            let until = async {
                match &mut self.until {
                    Some(until) => drop(until.changed().await),
                    None => std::future::pending().await,
                }
            };
            let shutdown = async {
                let _ = self.shutdown.wait_for(|shutdown| *shutdown).await;
            };
            tokio::select! {
                () = shutdown => return Happened::Ends(Why::Shutdown),
                () = until => return Happened::Ends(Why::LoggedOut),
                () = self.link.woken() => {
                    let signals = self.link.take();
                    if signals.account_gone {
                        return Happened::Ends(Why::LoggedOut);
                    }
                    if !signals.advanced.is_empty() {
                        return Happened::Committed;
                    }
                }
            }
        }
    }
    /// What has changed since the last time, and counts as told from now on.
    pub(super) fn news(&mut self) -> Result<Option<StateChange>, MailError> {
        let news = self.jmap_news(&self.types, &self.told)?;
        self.told = news.told;
        self.follow();
        Ok(Some(news.change).filter(|change| !change.changed.is_empty()))
    }

    fn jmap_news(&self, types: &PushTypes, since: &Told) -> Result<koi_sessions::jmap::News, MailError> {
        let gone = || MailError::new(koi_types::ErrorKind::Unavailable, "JMAP is not offered");
        self.connection.site.jmap.as_deref().ok_or_else(gone)?.news(&self.login, types, since)
    }
    /// Hears of the commits of who shares something now, and of nobody else.
    fn follow(&mut self) {
        let own = self.own.account;
        let wanted: BTreeSet<AccountId> =
            self.told.accounts().filter(|account| *account != own).take(OTHERS_MAX).collect();
        self.others.retain(|joined| wanted.contains(&joined.account));
        for account in wanted {
            if !self.others.iter().any(|joined| joined.account == account) {
                self.others.extend(self.connection.edge.watch.follow(account, &self.link));
            }
        }
    }
}

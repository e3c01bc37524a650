//! GETREALM and ADDREALM: the server's share of the keys that clients derive; STACIE-PASSWD: everything that
//! depends on the password, in one transaction (docs/DMAP-SYNTAX.md, docs/DIME.md, STACIE).

use koi_dime::Secret;
use koi_dime::stacie::{PasswordKey, RealmForm, RealmLabel, Salt, Shard, VerificationToken};
use koi_mailbox::Pending;
use koi_mailbox::dmap::{NewRealm, RealmShard};
use koi_proto::dmap::Response;
use koi_proto::dmap::command::{AddRealm, StaciePasswd};
use koi_proto::dmap::id::Label;
use koi_proto::dmap::response::{Realm, ShardForm};
use koi_types::{ErrorKind, MailError, Result};

use crate::dmap::job::{Context, Job, Outcome, Submitted, at_once, ran_twice, write};
use crate::dmap::reply::Reply;
use crate::session::Effect;

pub(crate) fn show(label: Label) -> Box<dyn Job> {
    at_once(move |cx| {
        let wanted = realm_label(&label)?;
        let mut rows = cx.core.snapshot()?.realms()?;
        rows.retain(|row| row.label == wanted);
        if rows.is_empty() {
            return Err(no_such_realm());
        }
        for row in rows {
            let form = match row.form {
                RealmForm::Salt => ShardForm::Salt,
                RealmForm::Shard => ShardForm::Shard,
            };
            let shard = *row.shard.0.expose();
            Response::Realm(Realm { label: label.clone(), serial: row.serial, form, shard }).push(cx.out);
        }
        Ok(Reply::ok("GETREALM completed"))
    })
}

pub(crate) fn add(add: AddRealm) -> Box<dyn Job> {
    write(
        move |cx| {
            let label = realm_label(&add.label)?;
            let new = NewRealm { label, serial: add.serial, shard: Shard(Secret::new(&add.shard)) };
            Ok(Submitted::Pending(cx.core.account()?.add_realm(&new)))
        },
        |_, added| added.map(|()| Reply::ok("ADDREALM completed")),
    )
}

pub(crate) fn passwd(passwd: StaciePasswd) -> Box<dyn Job> {
    Box::new(Passwd::Begin(Box::new(passwd)))
}

enum Passwd {
    Begin(Box<StaciePasswd>),
    Wait(Pending<()>),
    /// Other sessions are being ended.
    Ended,
    Over,
}

impl Job for Passwd {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match std::mem::replace(self, Self::Over) {
            Self::Begin(passwd) => {
                let pending = cx.core.account()?.stacie_passwd(&change(&passwd)?);
                let ticket = pending.ticket();
                *self = Self::Wait(pending);
                Ok(Outcome::Await(ticket))
            }
            Self::Wait(pending) => {
                pending.take()?;
                *self = Self::Ended;
                Ok(Outcome::Effect(Effect::EndOthers))
            }
            Self::Ended => {
                cx.core.effect = None;
                Ok(Outcome::Done(Reply::ok("STACIE-PASSWD completed")))
            }
            Self::Over => Err(ran_twice()),
        }
    }
}

fn change(passwd: &StaciePasswd) -> Result<koi_mailbox::dmap::StaciePasswd> {
    let secret = |octets: &[u8]| Secret::from_slice(octets).ok_or_else(wrong_length);
    let shard = |new: &koi_proto::dmap::command::NewShard| {
        let shard = Shard(Secret::new(&new.shard));
        Ok(RealmShard { label: realm_label(&new.label)?, serial: new.serial, shard })
    };
    Ok(koi_mailbox::dmap::StaciePasswd {
        password_key: PasswordKey(secret(&passwd.password_key.0)?),
        bonus: passwd.bonus,
        salt: Salt(*passwd.salt),
        token: VerificationToken(secret(&passwd.verification_token.0)?),
        shards: passwd.shards.iter().map(shard).collect::<Result<_>>()?,
    })
}

fn realm_label(label: &Label) -> Result<RealmLabel> {
    let wrong = || MailError::new(ErrorKind::InvalidInput, "no realm can have this label");
    RealmLabel::new(label.as_str()).ok_or_else(wrong)
}

fn no_such_realm() -> MailError {
    MailError::new(ErrorKind::NotFound, "no such realm")
}

fn wrong_length() -> MailError {
    MailError::new(ErrorKind::InvalidInput, "a key or a token has 64 octets")
}

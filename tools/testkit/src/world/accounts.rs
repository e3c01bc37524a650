//! What is in the accounts of the world before anybody connects: mail, annotations, limits, settings.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_mailbox::{
    Account, AnnotationChange, CoiSettings, Incoming, MessageFilter, NewAppPassword, NewMessage, OwnQuota,
};
use koi_store::key;
use koi_store::kv::{Kv, transact_and_wait};
use koi_types::annotation::Target;
use koi_types::{AccessSet, BlobName, EntryName, Flags, MailboxId, MailboxName, Uid, ZoneOffset};

use super::login::app_hash;
use super::{World, address};

impl World {
    /// The account `user@example.org`, which must be there.
    #[must_use]
    pub fn account(&self, user: &str) -> Account {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        self.service.account(id).unwrap()
    }
    /// An app password of the user; what is typed is `app-` and its name.
    pub fn add_app_password(&mut self, user: &str, name: &str, access: AccessSet) {
        let id = self.account(user).id();
        let new = NewAppPassword { name: name.into(), access, hash: app_hash(&format!("app-{name}")) };
        self.service.directory().add_app_password(id, &new).unwrap();
    }
    /// Limits of one account; `None` for no limit.
    pub fn set_quota(&mut self, user: &str, octets_max: Option<u64>, messages_max: Option<u64>) {
        let account = self.account(user);
        account.set_quota(OwnQuota { octets_max, messages_max, ..OwnQuota::default() }).wait().unwrap();
    }
    /// Enables COI with a filter, or disables it, which keeps the filter.
    pub fn set_coi(&mut self, user: &str, filter: Option<&str>) -> Result<(), String> {
        let account = self.account(user);
        let named = |name: &str| MessageFilter::ALL.into_iter().find(|filter| filter.name() == name);
        let found = filter.map(|name| named(name).ok_or_else(|| format!("no such filter: {name}")));
        let settings = match found.transpose()? {
            Some(filter) => CoiSettings { enabled: true, filter: Some(filter) },
            None => CoiSettings { enabled: false, ..account.coi_settings().map_err(|e| e.to_string())? },
        };
        account.set_coi_settings(settings).wait().map_err(|e| e.to_string())?;
        self.settle();
        Ok(())
    }
    /// Puts messages into a mailbox, which is made if it is not there.
    pub fn fill(&mut self, user: &str, mailbox: &str, messages: &[Vec<u8>]) {
        let account = self.account(user);
        let name = MailboxName::new(mailbox).unwrap();
        let row = account.snapshot().unwrap().mailbox_named(&name).unwrap();
        let mailbox = match row {
            Some(row) => row.id,
            None => account.make(&name, None).wait().unwrap().mailbox,
        };
        for octets in messages {
            let message = Arc::new(Incoming::of(octets).unwrap());
            let (flags, received_at) = (Flags::default(), self.now());
            let new = NewMessage { message, flags, received_at, received_zone: ZoneOffset(0) };
            account.append(mailbox, vec![new]).wait().unwrap();
        }
    }
    /// The id of a mailbox that is there.
    pub fn mailbox_id(&self, user: &str, mailbox: &str) -> Result<MailboxId, String> {
        let name = MailboxName::new(mailbox)?;
        let row = self.account(user).snapshot().unwrap().mailbox_named(&name).unwrap();
        row.map(|row| row.id).ok_or_else(|| format!("no such mailbox: {mailbox}"))
    }
    /// Uploads octets, as by HTTP.
    pub fn upload(&self, user: &str, octets: &[u8], media_type: &str) -> BlobName {
        let account = self.account(user);
        let mut stage = account.stage_upload();
        stage.write(octets).unwrap();
        BlobName::Upload(account.keep_upload(stage, media_type).unwrap().wait().unwrap().id)
    }
    /// Sets `/private/1` to `/private/COUNT` of a mailbox, or of the server when the name is empty.
    pub fn annotate(&mut self, user: &str, mailbox: &str, count: u32) {
        let account = self.account(user);
        let target = match mailbox {
            "" => Target::Server,
            name => {
                let name = MailboxName::new(name).unwrap();
                Target::Mailbox(account.snapshot().unwrap().mailbox_named(&name).unwrap().unwrap().id)
            }
        };
        let change = |n: u32| AnnotationChange {
            name: EntryName::new(&format!("/private/{n}")).unwrap(),
            value: Some(n.to_string().as_bytes().into()),
        };
        account.set_annotations(target, (1..=count).map(change).collect()).wait().unwrap();
    }
    /// What is stored of a message cannot be read any more.
    pub fn damage(&mut self, user: &str, mailbox: &str, uid: u32) {
        let account = self.account(user);
        let name = MailboxName::new(mailbox).unwrap();
        let snapshot = account.snapshot().unwrap();
        let row = snapshot.mailbox_named(&name).unwrap().unwrap();
        let email = snapshot.message(row.id, Uid::new(uid).unwrap(), |row| row.email).unwrap().unwrap();
        drop(snapshot);
        let row = key::email(account.id(), email).to_vec();
        let whole = self.kv.view().unwrap().get(&row).unwrap().unwrap().to_vec();
        self.damaged.push((row.clone(), whole));
        transact_and_wait(&*self.kv, move |txn| txn.put(&row, b"?")).unwrap();
    }
    /// What is stored of keys, realms or signets cannot be read any more.
    pub fn damage_rows(&mut self, user: &str, kind: u8) {
        let range = key::below(&key::dmap(self.account(user).id(), kind));
        let mut rows = Vec::new();
        let mut note = |key: &[u8], value: &[u8]| {
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        self.kv.view().unwrap().scan(&range.from, &range.end, &mut note).unwrap();
        assert!(!rows.is_empty(), "nothing to damage");
        for (row, whole) in rows {
            self.damaged.push((row.clone(), whole));
            transact_and_wait(&*self.kv, move |txn| txn.put(&row, b"?")).unwrap();
        }
    }
    /// What was damaged is as it was.
    pub fn mend(&mut self) {
        for (row, whole) in std::mem::take(&mut self.damaged) {
            transact_and_wait(&*self.kv, move |txn| txn.put(&row, &whole)).unwrap();
        }
    }
    /// Makes the messages of a mailbox old: some session had them before.
    pub fn age(&mut self, user: &str, mailbox: &str) {
        let account = self.account(user);
        let name = MailboxName::new(mailbox).unwrap();
        let row = account.snapshot().unwrap().mailbox_named(&name).unwrap().unwrap();
        account.claim_recent(row.id, row.uidnext).unwrap();
    }
    /// Whether the server files a copy of what the user submits.
    pub fn set_sent_copy(&mut self, user: &str, on: bool) {
        self.account(user).set_files_sent(on).wait().unwrap();
    }
}

//! Objects that are few: identities and submissions (RFC 8621 §6 and §7), with what is needed to tell how
//! they changed. What they say is a record that is opaque here.

use std::ops::ControlFlow;

use koi_types::{AccountId, ErrorKind, MailError, ObjectId, Result};

use super::account::AccountTxn;
use crate::key::{self, table};
use crate::kv::Read;
use crate::record::object::ObjectRecord;

/// Destroyed objects of one kind that are remembered.
const DESTROYED_MAX: usize = 256;
/// What is said of all: up to where it is forgotten what was destroyed.
const ALL: ObjectId = ObjectId([0; 16]);

/// Kinds of objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectKind {
    Identity,
    Submission,
}

impl ObjectKind {
    const fn table(self) -> u8 {
        match self {
            Self::Identity => table::IDENTITY,
            Self::Submission => table::SUBMISSION,
        }
    }
    /// Objects an account may have.
    #[must_use]
    pub const fn max(self) -> usize {
        match self {
            Self::Identity => koi_types::limits::IDENTITIES_MAX,
            Self::Submission => koi_types::limits::SUBMISSIONS_MAX,
        }
    }
}

/// One object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    pub id: ObjectId,
    pub record: ObjectRecord,
}

/// All objects of a kind, also those that were destroyed; and up to which modseq that is forgotten.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Objects {
    pub objects: Vec<Object>,
    pub floor: u64,
}

/// Reads all. They are few: [`ObjectKind::max`] and those that were destroyed lately.
pub fn objects(read: &(impl Read + ?Sized), account: AccountId, kind: ObjectKind) -> Result<Objects> {
    let range = key::all(account, kind.table());
    let mut all = Objects::default();
    read.scan(&range.from, &range.end, &mut |key, row| {
        // A row that cannot be read is nobody's: `check` says so.
        if let (Some(id), Some(record)) = (key::object_of(key), ObjectRecord::decode(row)) {
            match id {
                ALL => all.floor = record.changed,
                id => all.objects.push(Object { id, record }),
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(all)
}

/// What one object says; nothing when there is none.
pub fn object(
    read: &(impl Read + ?Sized),
    account: AccountId,
    kind: ObjectKind,
    id: ObjectId,
) -> Result<Option<Box<[u8]>>> {
    let row = read.get(&key::object(account, kind.table(), id))?;
    Ok(row.and_then(|row| ObjectRecord::decode(&row)).and_then(|record| record.value))
}

/// What is said while its owner is away; nothing where it never was set.
pub fn vacation(read: &(impl Read + ?Sized), account: AccountId) -> Result<Option<Box<[u8]>>> {
    let row = read.get(&key::prefix(account, table::VACATION))?;
    Ok(row.and_then(|row| ObjectRecord::decode(&row)).and_then(|record| record.value))
}

impl AccountTxn<'_> {
    /// What one object says.
    pub fn object(&self, kind: ObjectKind, id: ObjectId) -> Result<Option<Box<[u8]>>> {
        object(&*self.txn, self.id, kind, id)
    }
    /// All objects of a kind, also those that were destroyed lately.
    pub fn objects(&self, kind: ObjectKind) -> Result<Vec<Object>> {
        objects(&*self.txn, self.id, kind).map(|all| all.objects)
    }
    /// Makes an object or changes it. `LimitReached` when there are as many as there may be.
    pub fn put_object(&mut self, kind: ObjectKind, id: ObjectId, value: Box<[u8]>) -> Result<()> {
        let key = key::object(self.id, kind.table(), id);
        let old = self.txn.get(&key)?.and_then(|row| ObjectRecord::decode(&row));
        let modseq = self.modseq.value();
        let created = match old.filter(|old| old.value.is_some()) {
            Some(old) => old.created,
            None => {
                let all = objects(&*self.txn, self.id, kind)?.objects;
                if all.iter().filter(|object| object.record.value.is_some()).count() >= kind.max() {
                    return Err(MailError::new(
                        ErrorKind::LimitReached,
                        "there are too many of these already",
                    ));
                }
                modseq
            }
        };
        self.touch_object(kind);
        self.txn.put(&key, &ObjectRecord { created, changed: modseq, value: Some(value) }.encode())
    }
    /// Destroys an object. Answers whether there was one.
    pub fn destroy_object(&mut self, kind: ObjectKind, id: ObjectId) -> Result<bool> {
        let key = key::object(self.id, kind.table(), id);
        let old = self.txn.get(&key)?.and_then(|row| ObjectRecord::decode(&row));
        let Some(old) = old.filter(|old| old.value.is_some()) else { return Ok(false) };
        self.forget_destroyed(kind)?;
        let gone = ObjectRecord { created: old.created, changed: self.modseq.value(), value: None };
        self.touch_object(kind);
        self.txn.put(&key, &gone.encode())?;
        Ok(true)
    }
    /// Makes room for one more that was destroyed.
    fn forget_destroyed(&mut self, kind: ObjectKind) -> Result<()> {
        let Objects { mut objects, .. } = objects(&*self.txn, self.id, kind)?;
        objects.retain(|object| object.record.value.is_none());
        if objects.len() < DESTROYED_MAX {
            return Ok(());
        }
        let Some(oldest) = objects.into_iter().min_by_key(|object| object.record.changed) else {
            return Ok(());
        };
        self.txn.delete(&key::object(self.id, kind.table(), oldest.id))?;
        let floor = ObjectRecord { created: 0, changed: oldest.record.changed, value: None };
        self.txn.put(&key::object(self.id, kind.table(), ALL), &floor.encode())
    }
    fn touch_object(&mut self, kind: ObjectKind) {
        match kind {
            ObjectKind::Identity => self.touched.identity = true,
            ObjectKind::Submission => self.touched.submission = true,
        }
    }
    /// What is said while its owner is away; nothing where it never was set.
    pub fn vacation(&self) -> Result<Option<Box<[u8]>>> {
        vacation(&*self.txn, self.id)
    }
    /// Sets what is said while its owner is away.
    pub fn put_vacation(&mut self, value: Box<[u8]>) -> Result<()> {
        let modseq = self.modseq.value();
        let record = ObjectRecord { created: modseq, changed: modseq, value: Some(value) };
        self.touched.vacation = true;
        self.txn.put(&key::prefix(self.id, table::VACATION), &record.encode())
    }
}

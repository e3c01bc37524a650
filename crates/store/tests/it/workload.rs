//! A seeded run of random transactions against an engine and the memory oracle side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use koi_store::body::{NewBody, Scope};
use koi_store::kv::{Kv, Read, Txn, TxnFn, View};
use koi_store::memory::MemoryKv;
use koi_types::{BlobId, ErrorKind, MailError, Result};

use crate::rig::{BodyRow, Dice, Rows, heard, key, rows_in};

/// Counts the transactions that were committed: says which state of the model a store is in.
pub(crate) fn counter_key() -> Vec<u8> {
    key(9, "counter")
}

/// One random operation of a transaction.
#[derive(Clone, Debug)]
enum Step {
    Put { key: Vec<u8>, value: Vec<u8> },
    Delete { key: Vec<u8> },
    Store { octets: Arc<[u8]> },
    Release { blob: BlobId },
    Fail,
}

/// A transaction that does the same wherever it runs.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    number: u64,
    steps: Vec<Step>,
}

/// Makes transactions; remembers which bodies may be there.
pub(crate) struct Author {
    pub(crate) dice: Dice,
    number: u64,
    bodies: Vec<Arc<[u8]>>,
    noise_only: bool,
}

impl Author {
    pub(crate) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), number: 0, bodies: Vec::new(), noise_only: false }
    }
    /// One whose bodies never get smaller in a pack, as before packs could do that.
    pub(crate) fn of_noise(seed: u64) -> Self {
        Self { noise_only: true, ..Self::new(seed) }
    }
    pub(crate) fn script(&mut self) -> Script {
        self.number += 1;
        let steps = (0..1 + self.dice.below(6)).map(|_| self.step()).collect();
        Script { number: self.number, steps }
    }
    /// One row of a few octets.
    pub(crate) fn small_script(&mut self) -> Script {
        self.number += 1;
        Script { number: self.number, steps: vec![Step::Put { key: key(1, "small"), value: vec![1, 2, 3] }] }
    }
    fn step(&mut self) -> Step {
        let key = key(1 + self.dice.below(4) as u8, &format!("{:03}", self.dice.below(300)));
        match self.dice.below(20) {
            0..9 => {
                let octets = self.dice.below(120) as usize;
                Step::Put { key, value: self.octets(octets).to_vec() }
            }
            9..13 => Step::Delete { key },
            13..16 => {
                let length = match self.dice.below(8) {
                    0 => 20_000 + self.dice.below(9_000),
                    _ => self.dice.below(3_000),
                };
                let octets = self.body(length as usize);
                self.bodies.push(octets.clone());
                Step::Store { octets }
            }
            // Often a body that is there already, or whose last reference goes at about the same time.
            16 if !self.bodies.is_empty() => {
                let at = self.dice.below(self.bodies.len() as u64) as usize;
                Step::Store { octets: self.bodies[at].clone() }
            }
            17..19 if !self.bodies.is_empty() => {
                let at = self.dice.below(self.bodies.len() as u64) as usize;
                Step::Release { blob: BlobId(*blake3::hash(&self.bodies[at]).as_bytes()) }
            }
            19 if self.dice.below(4) == 0 => Step::Fail,
            _ => Step::Delete { key },
        }
    }
    /// Noise, or letters of a small alphabet, which a pack makes smaller.
    fn body(&mut self, octets: usize) -> Arc<[u8]> {
        let noise = self.octets(octets);
        let letters = !self.noise_only && noise.first().is_some_and(|octet| octet.is_multiple_of(2));
        if letters { noise.iter().map(|octet| b'a' + octet % 4).collect() } else { noise }
    }
    fn octets(&mut self, octets: usize) -> Arc<[u8]> {
        let mut out = Vec::with_capacity(octets + 8);
        while out.len() < octets {
            out.extend_from_slice(&self.dice.next().to_le_bytes());
        }
        out.truncate(octets);
        out.into()
    }
}

impl Script {
    pub(crate) fn run(&self, txn: &mut dyn Txn) -> Result<()> {
        for step in &self.steps {
            match step {
                Step::Put { key, value } => txn.put(key, value)?,
                Step::Delete { key } => txn.delete(key)?,
                Step::Store { octets } => {
                    let stored = txn.put_body(Scope(1), &NewBody::inline(octets.clone()))?;
                    assert_eq!(stored.octets, octets.len() as u64);
                }
                Step::Release { blob } => match txn.release_body(Scope(1), blob) {
                    Err(error) if error.kind == ErrorKind::NotFound => {}
                    other => other?,
                },
                Step::Fail => return Err(MailError::new(ErrorKind::OverQuota, "as scripted")),
            }
        }
        // Depends on what is there, so a lost or doubled transaction shows in every later state.
        let count =
            txn.get(&counter_key())?.map_or(0, |value| u64::from_le_bytes(value[..8].try_into().unwrap()));
        let mut value = (count + 1).to_le_bytes().to_vec();
        value.extend_from_slice(&self.number.to_le_bytes());
        txn.put(&counter_key(), &value)
    }
    pub(crate) fn boxed(&self) -> Box<TxnFn> {
        let script = self.clone();
        Box::new(move |txn| script.run(txn))
    }
}

/// What a store holds, without the addresses of bodies, which differ between engines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Content {
    pub(crate) rows: Rows,
    /// References of each body.
    pub(crate) bodies: BTreeMap<BlobId, u64>,
}

impl Content {
    /// Reads everything, and every octet of every body.
    pub(crate) fn of(kv: &dyn Kv) -> Self {
        Self::in_view(&*kv.view().unwrap())
    }
    pub(crate) fn in_view(view: &dyn View) -> Self {
        let mut content = Self::default();
        for (key, value) in rows_in(view) {
            if key[..5] != [0, 0, 0, 0, b'B'] {
                content.rows.insert(key, value);
                continue;
            }
            let BodyRow { body, references } = BodyRow::of(&key, &value);
            let mut octets = Vec::new();
            view.read_body(&body, 0..u64::MAX, &mut octets).unwrap();
            assert_eq!(octets.len() as u64, body.octets);
            assert_eq!(*blake3::hash(&octets).as_bytes(), body.blob.0, "the octets of a body");
            content.bodies.insert(body.blob, references);
        }
        content
    }
    /// Committed transactions, as the counter row says.
    pub(crate) fn count(&self) -> u64 {
        self.rows.get(&counter_key()).map_or(0, |value| u64::from_le_bytes(value[..8].try_into().unwrap()))
    }
}

/// The oracle and all its states so far.
pub(crate) struct Model {
    memory: MemoryKv,
    pub(crate) states: Vec<Content>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { memory: MemoryKv::new(heard()), states: vec![Content::default()] }
    }
    /// Runs the same transaction; a new state if it succeeded.
    pub(crate) fn run(&mut self, script: &Script) -> Result<()> {
        self.memory.submit_and_wait(script.boxed())?;
        self.states.push(Content::of(&self.memory));
        Ok(())
    }
    pub(crate) fn last(&self) -> &Content {
        self.states.last().unwrap()
    }
}

/// The value of the counter in a view.
pub(crate) fn count_in(read: &dyn Read) -> u64 {
    let value = read.get(&counter_key()).unwrap();
    value.map_or(0, |value| u64::from_le_bytes(value[..8].try_into().unwrap()))
}

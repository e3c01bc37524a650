//! Looks at everything the engine knows of: every group of every segment, every body with its octets, and,
//! with the help of the level above, how many rows refer to each body.
//!
//! Must not: stop at the first finding; change anything unless repair was asked for.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use koi_types::{ErrorKind, Result};

use super::Shared;
use super::bodies::SegmentFile;
use super::body_row::{self, BodyKey, BodyRow};
use super::files::{self, Front};
use super::pack;
use super::repack;
use super::segment::{FIELDS_OCTETS, Header};
use super::snapshot::Snapshot;
use crate::body::{BodyRef, Scope};
use crate::kv::{Kv, Read, Txn, View};

/// How many rows refer to each body, by the rows of the level above.
pub type References = Arc<dyn Fn(&dyn Read) -> Result<BTreeMap<BodyKey, u64>> + Send + Sync>;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The row, if it is about one.
    pub key: Option<Vec<u8>>,
    /// The file, if it is about one.
    pub file: Option<PathBuf>,
    /// For people: what, and what it means.
    pub what: String,
    pub repaired: bool,
}

impl Finding {
    /// The body, if it is about one.
    #[must_use]
    pub fn body(&self) -> Option<BodyKey> {
        self.key.as_deref().and_then(body_row::parse_key)
    }
}

/// What a check looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub segments: u64,
    pub bodies: u64,
    pub body_octets: u64,
    pub findings: Vec<Finding>,
}

impl super::Embedded {
    /// Checks the open store. `progress` hears how many of how many files and bodies are done; on the way
    /// there may come to be more of them.
    pub fn check(
        &self,
        repair: bool,
        references: Option<References>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<CheckReport> {
        let mut check = Check { shared: &self.shared, repair, total: 0, report: CheckReport::default() };
        check.count()?;
        check.segments(progress)?;
        check.bodies(progress)?;
        if let Some(references) = references {
            check.references(self, repair, references)?;
        }
        Ok(check.report)
    }
}

struct Check<'a> {
    shared: &'a Arc<Shared>,
    repair: bool,
    /// Files and bodies.
    total: u64,
    report: CheckReport,
}

struct Stored {
    scope: Scope,
    body: BodyRef,
}

/// Bodies that are read in the order in which they lie. A view is not held for more of them: it pins pages of
/// the index, and files that are dropped meanwhile.
const BATCH_BODIES: usize = 64 * 1024;

impl Check<'_> {
    fn find(&mut self, key: Option<Vec<u8>>, file: Option<PathBuf>, what: String) {
        self.report.findings.push(Finding { key, file, what, repaired: false });
    }
    fn count(&mut self) -> Result<()> {
        self.total = self.shared.state.lock().segments.0.len() as u64;
        let (from, end) = body_row::range();
        Snapshot::open(self.shared)?.scan(&from, &end, &mut |_, _| {
            self.total += 1;
            ControlFlow::Continue(())
        })
    }
    fn tell(&self, progress: &mut dyn FnMut(u64, u64)) {
        let done = self.report.segments + self.report.bodies;
        progress(done, self.total.max(done));
    }
    fn segments(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let state = self.shared.state.lock();
        let (segments, durable) = (Arc::clone(&state.segments), state.durable);
        drop(state);
        let first = segments.0.keys().next().copied().unwrap_or_default();
        for (number, segment) in &segments.0 {
            let layout = &self.shared.layout;
            let path = if segment.table.is_some() { layout.pack(*number) } else { layout.segment(*number) };
            self.header(segment, &path);
            let whole = match segment.table.is_some() {
                true => pack::rows(segment, &mut |_| false, &mut |_| {}).map(|rows| rows.is_some()),
                false => {
                    let next = segments.0.get(&(number + 1)).map(|next| next.header);
                    let end = (*number == durable.segment).then_some(durable.sequence);
                    repack::is_whole(segment, next, end)
                }
            };
            match whole {
                Ok(true) => {}
                Ok(false) => {
                    self.find(None, Some(path), "groups are damaged; mail in them may be lost".to_owned())
                }
                Err(error) => self.find(None, Some(path), format!("cannot be read: {error}")),
            }
            if *number > first && !segments.0.contains_key(&(number - 1)) {
                let missing = self.shared.layout.segment(number - 1);
                self.find(None, Some(missing), "the segment is missing; mail in it is lost".to_owned());
            }
            self.report.segments += 1;
            self.tell(progress);
        }
        Ok(())
    }
    /// What the header says is known while the store is open, and the next start needs it.
    fn header(&mut self, segment: &SegmentFile, path: &Path) {
        let Header { kind, segment: number, salt, .. } = segment.header;
        let front = files::read_header(&segment.file, kind, number);
        if matches!(&front, Ok(Front::Sound(header)) if header.salt == salt) {
            return;
        }
        let octets = segment.header.as_written();
        let fields = octets.get(..FIELDS_OCTETS).unwrap_or(&octets);
        let repaired = self.repair && segment.file.write_durable(fields, 0).is_ok();
        let what = "its header is damaged; the next start needs it".to_owned();
        self.report.findings.push(Finding { key: None, file: Some(path.to_owned()), what, repaired });
    }
    fn bodies(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let (from, end) = body_row::range();
        let mut from = from.to_vec();
        loop {
            let snapshot = Snapshot::open(self.shared)?;
            let (mut stored, mut last, mut rows) = (Vec::new(), Vec::new(), 0);
            snapshot.scan(&from, &end, &mut |key, value| {
                rows += 1;
                match body_row::parse_key(key).map(|place| (place, BodyRow::decode(&place.blob, value))) {
                    Some((key, Ok(row))) => stored.push(Stored { scope: key.scope, body: row.body }),
                    _ => self.find(Some(key.to_vec()), None, "the row of a body cannot be read".to_owned()),
                }
                if rows < BATCH_BODIES {
                    return ControlFlow::Continue(());
                }
                last = key.to_vec();
                ControlFlow::Break(())
            })?;
            stored.sort_unstable_by_key(|stored| (stored.body.segment, stored.body.offset));
            for stored in &stored {
                if let Err(what) = self.body(&snapshot, &stored.body)? {
                    let key = body_row::key(stored.scope, &stored.body.blob).to_vec();
                    self.find(Some(key), None, what);
                }
                self.report.bodies += 1;
                self.tell(progress);
            }
            if last.is_empty() {
                return Ok(());
            }
            last.push(0);
            from = last;
        }
    }
    fn body(&mut self, snapshot: &Snapshot, body: &BodyRef) -> Result<std::result::Result<(), String>> {
        const PIECE_OCTETS: u64 = 1024 * 1024;
        let mut hasher = blake3::Hasher::new();
        let mut octets = Vec::new();
        let mut at = 0;
        loop {
            octets.clear();
            match snapshot.read_body(body, at..at + PIECE_OCTETS, &mut octets) {
                Ok(()) => {}
                Err(error) if error.kind == ErrorKind::Corrupt => return Ok(Err(error.to_string())),
                Err(error) => return Err(error),
            }
            hasher.update(&octets);
            at += octets.len() as u64;
            self.report.body_octets += octets.len() as u64;
            if octets.is_empty() || at >= body.octets {
                break;
            }
        }
        let same = *hasher.finalize().as_bytes() == body.blob.0;
        let what = || format!("the octets of body {} were changed", body.blob);
        Ok(if same { Ok(()) } else { Err(what()) })
    }
    /// Runs inside a transaction, so that nothing changes between counting and comparing.
    fn references(&mut self, kv: &dyn Kv, repair: bool, references: References) -> Result<()> {
        let findings = crate::kv::transact_and_wait(kv, move |txn| {
            let expected = references(txn)?;
            compare(txn, &expected, repair)
        })?;
        self.report.findings.extend(findings);
        Ok(())
    }
}

fn compare(txn: &mut dyn Txn, expected: &BTreeMap<BodyKey, u64>, repair: bool) -> Result<Vec<Finding>> {
    let mut counted = BTreeMap::new();
    let (from, end) = body_row::range();
    txn.scan(&from, &end, &mut |key, value| {
        if let Some(place) = body_row::parse_key(key)
            && let Ok(row) = BodyRow::decode(&place.blob, value)
        {
            counted.insert(place, row);
        }
        ControlFlow::Continue(())
    })?;
    let mut findings = Vec::new();
    let mut find = |place: &BodyKey, what: String, repaired: bool| {
        let key = Some(body_row::key(place.scope, &place.blob).to_vec());
        findings.push(Finding { key, file: None, what, repaired });
    };
    for (place, row) in &counted {
        let references = expected.get(place).copied().unwrap_or_default();
        if references == row.references {
            continue;
        }
        let key = body_row::key(place.scope, &place.blob);
        match references {
            _ if !repair => {}
            0 => txn.delete(&key)?,
            _ => txn.put(&key, &BodyRow { references, ..*row }.encode())?,
        }
        find(
            place,
            format!("{} references are counted, {references} rows refer to it", row.references),
            repair,
        );
    }
    for place in expected.keys().filter(|place| !counted.contains_key(place)) {
        find(place, "rows refer to a body that is not there".to_owned(), false);
    }
    Ok(findings)
}

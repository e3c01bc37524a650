//! Copying an index so that its pages are full. Rows that come and go at random leave pages a third to two
//! thirds full, and LMDB's own compacting copy keeps them so; written in the order of their keys they take
//! what they need.

use std::fs::File;
use std::path::Path;

use heed::{EnvFlags, PutFlags};

use super::index::{Index, IndexError, ReadTxn};

/// Written between two commits of the copy, so that it does not lie in memory as a whole.
const BATCH_OCTETS: usize = 16 * 1024 * 1024;
/// Of a page, for its own use.
const PAGE_HEADER_OCTETS: u64 = 16;
/// Of a row in its page.
const ROW_HEADER_OCTETS: usize = 10;
/// Pages above the leaves, in hundredths of them.
const BRANCH_PERCENT: u64 = 3;

impl Index {
    /// What the rows would take if all pages were full, roughly. Reads all of them.
    pub(crate) fn dense_octets(&self) -> Result<u64, IndexError> {
        let txn = self.env.read_txn()?;
        let mut octets = 0;
        for row in self.rows.iter(&txn)? {
            let (key, value) = row?;
            octets += (ROW_HEADER_OCTETS + (key.len() + value.len()).next_multiple_of(2)) as u64;
        }
        let page = u64::from(self.rows.stat(&txn)?.page_size);
        let leaves = octets / page.saturating_sub(PAGE_HEADER_OCTETS).max(1) + 1;
        Ok((leaves + leaves * BRANCH_PERCENT / 100 + 1) * page)
    }
    /// Writes a copy with full pages to `folder` and makes it durable.
    pub(crate) fn copy_to(&self, folder: &Path) -> Result<(), IndexError> {
        let copy = self.begin_copy(folder, self.map_octets())?;
        let from = self.env.clone().static_read_txn()?;
        self.fill(&from, &copy, &|_| Ok(()))?;
        drop(from);
        copy.finish_copy(folder)
    }
    /// An empty index in `folder` that is durable only when it is flushed.
    pub(crate) fn begin_copy(&self, folder: &Path, map_octets: usize) -> Result<Self, IndexError> {
        let flags = EnvFlags::NO_READ_AHEAD | EnvFlags::NO_SYNC;
        Self::open_with(folder, map_octets, self.number(), flags)
    }
    /// Writes what `from` sees to `copy`; `go_on` hears of each piece, by its octets, and may end it.
    pub(crate) fn fill(
        &self,
        from: &ReadTxn,
        copy: &Self,
        go_on: &dyn Fn(u64) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut to = copy.env.write_txn()?;
        let mut waiting = 0;
        for row in self.rows.iter(from)? {
            let (key, value) = row?;
            copy.rows.put_with_flags(&mut to, PutFlags::APPEND, key, value)?;
            waiting += key.len() + value.len();
            if waiting >= BATCH_OCTETS {
                to.commit()?;
                go_on(waiting as u64)?;
                to = copy.env.write_txn()?;
                waiting = 0;
            }
        }
        for row in self.meta.iter(from)? {
            let (key, value) = row?;
            copy.meta.put(&mut to, key, value)?;
        }
        Ok(to.commit()?)
    }
    /// What was written to a copy so far is durable when this returns.
    pub(crate) fn flush(&self) -> Result<(), IndexError> {
        Ok(self.env.force_sync()?)
    }
    /// Makes a copy durable and closes it.
    pub(crate) fn finish_copy(self, folder: &Path) -> Result<(), IndexError> {
        let failed = |error: std::io::Error| IndexError::Failed(error.to_string());
        self.fill_up()?;
        self.env.force_sync()?;
        let closing = self.env.clone().prepare_for_closing();
        drop(self);
        closing.wait();
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

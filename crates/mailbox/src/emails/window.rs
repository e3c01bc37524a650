//! Which of a query's results are wanted (RFC 8620 §5.5), picked out as they come in order: nothing is kept
//! that lies before the window or behind it.

use std::collections::VecDeque;

use koi_types::EmailId;

/// Which of the results are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    pub from: WindowFrom,
    pub ids_max: usize,
    /// How many there are is to be told; it may have to be counted.
    pub total: bool,
}

/// Where a window begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowFrom {
    /// From the beginning; below 0, from the end.
    Position(i64),
    /// So many behind an email, or before it.
    Anchor { email: EmailId, offset: i64 },
}

impl Window {
    /// All of them.
    pub const ALL: Self = Self { from: WindowFrom::Position(0), ids_max: usize::MAX, total: true };
}

/// Picks a window out of results.
pub(super) struct Picking {
    window: Window,
    /// How many there are is known, or nobody wants to know.
    may_stop: bool,
    /// Where the window begins, once that is known.
    start: Option<usize>,
    /// What is in the window; before its beginning is known, what may be.
    kept: VecDeque<EmailId>,
    count: usize,
}

/// What was picked.
pub(super) struct Picked {
    pub(super) start: usize,
    pub(super) ids: Vec<EmailId>,
    /// How many results were looked at.
    pub(super) count: usize,
}

impl Picking {
    /// `total` is how many there are, where that is known.
    pub(super) fn new(window: Window, total: Option<u64>) -> Self {
        let start = match window.from {
            WindowFrom::Position(position) if position < 0 => {
                let total = total.map(|total| usize::try_from(total).unwrap_or(usize::MAX));
                total.map(|total| total.saturating_sub(back(position)))
            }
            WindowFrom::Position(position) => Some(usize::try_from(position).unwrap_or(usize::MAX)),
            WindowFrom::Anchor { .. } => None,
        };
        let may_stop = !window.total || total.is_some();
        Self { window, may_stop, start, kept: VecDeque::new(), count: 0 }
    }
    /// The next result. Answers whether another is wanted.
    pub(super) fn take(&mut self, id: EmailId) -> bool {
        let at = self.count;
        self.count += 1;
        match (self.start, self.window.from) {
            (None, WindowFrom::Anchor { email, offset }) if email == id => {
                let start = at.saturating_add_signed(isize::try_from(offset).unwrap_or(isize::MIN));
                self.start = Some(start);
                self.kept.truncate(self.window.ids_max);
            }
            (None, WindowFrom::Anchor { offset: reach, .. } | WindowFrom::Position(reach)) if reach < 0 => {
                self.kept.push_back(id);
                if self.kept.len() > back(reach) {
                    self.kept.pop_front();
                }
            }
            _ => {}
        }
        let Some(start) = self.start else { return true };
        if at >= start && self.kept.len() < self.window.ids_max {
            self.kept.push_back(id);
        }
        !self.may_stop || self.kept.len() < self.window.ids_max
    }
    /// What is in the window; nothing when its anchor did not come.
    pub(super) fn finish(mut self) -> Option<Picked> {
        let start = match (self.start, self.window.from) {
            (Some(start), _) => start,
            (None, WindowFrom::Anchor { .. }) => return None,
            (None, WindowFrom::Position(position)) => {
                self.kept.truncate(self.window.ids_max);
                self.count.saturating_sub(back(position))
            }
        };
        Some(Picked { start, ids: self.kept.into(), count: self.count })
    }
}

/// How far a number below 0 reaches back.
fn back(reach: i64) -> usize {
    usize::try_from(reach.unsigned_abs()).unwrap_or(usize::MAX)
}

//! What was measured: samples per row and server, the mark of each row, medians and verdicts.

use std::collections::BTreeMap;

/// One line of the table: a named case, what it measures, and what is owed.
pub(crate) struct Row {
    /// The name on the command line.
    pub(crate) name: &'static str,
    /// What is done and measured.
    pub(crate) what: &'static str,
    /// The unit, which also says whether more or less is better.
    pub(crate) unit: Unit,
    /// What Koi must reach.
    pub(crate) mark: Mark,
}

/// Units of measured values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// More is better.
    PerSecond,
    /// Milliseconds; less is better.
    Millis,
    /// Kibibytes; less is better.
    Kib,
    /// Octets; less is better.
    Octets,
    /// So many times; less is better.
    Times,
    /// A plain number; less is better.
    Count,
}

/// What Koi must reach.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mark {
    /// So many times as good as the peer in the same run.
    Ratio(f64),
    /// At least this value.
    AtLeast(f64),
    /// At most this value.
    AtMost(f64),
    /// Within the limit that was measured in the same run; the text says which.
    Limit(&'static str),
    /// At least the floor that was measured in the same run; the text says which.
    Floor(&'static str),
    /// Nothing is owed.
    Recorded,
}

/// All samples of a session.
#[derive(Default)]
pub(crate) struct Sheet {
    samples: BTreeMap<(String, String), Vec<f64>>,
    notes: BTreeMap<String, String>,
}

/// Those Koi is measured against; a row has one of them.
const PEERS: [&str; 2] = ["dovecot", "cyrus"];

/// The pseudo server under which limits are recorded.
pub(crate) const LIMIT: &str = "limit";

impl Sheet {
    /// Adds one sample of a row for a server (or for `LIMIT`), and says it on the terminal.
    pub(crate) fn record(&mut self, row: &str, server: &str, value: f64) {
        eprintln!("  {row:<16} {server:<8} {}", figure(value));
        self.samples.entry((row.to_string(), server.to_string())).or_default().push(value);
    }

    /// Adds a remark on a row; the last one per key stays.
    pub(crate) fn note(&mut self, key: &str, text: String) {
        eprintln!("  {key}: {text}");
        self.notes.insert(key.to_string(), text);
    }

    /// The remarks, in order of their keys.
    pub(crate) fn notes(&self) -> impl Iterator<Item = (&String, &String)> {
        self.notes.iter()
    }

    /// The samples of a row for a server.
    pub(crate) fn samples(&self, row: &str, server: &str) -> &[f64] {
        self.samples.get(&(row.to_string(), server.to_string())).map_or(&[], Vec::as_slice)
    }

    /// The median of a row for a server.
    pub(crate) fn median(&self, row: &str, server: &str) -> Option<f64> {
        quantile(self.samples(row, server), 0.5)
    }

    /// The peer that was measured beside Koi.
    pub(crate) fn peer(&self, row: &Row) -> Option<&'static str> {
        PEERS.into_iter().find(|peer| !self.samples(row.name, peer).is_empty())
    }

    /// How many times as good as the peer Koi is.
    pub(crate) fn ratio(&self, row: &Row) -> Option<f64> {
        let (koi, peer) = (self.median(row.name, "koi")?, self.median(row.name, self.peer(row)?)?);
        Some(if row.unit == Unit::PerSecond { koi / peer } else { peer / koi })
    }

    /// The median share of a measured limit (or floor): each run against the limit of the same run, as what
    /// else goes on in the machine then is in both. Where not every run has its own: median against median.
    pub(crate) fn of_limit(&self, row: &Row) -> Option<f64> {
        let (koi, limits) = (self.samples(row.name, "koi"), self.samples(row.name, LIMIT));
        if koi.len() != limits.len() {
            return Some(self.median(row.name, "koi")? / self.median(row.name, LIMIT)?);
        }
        let shares: Vec<f64> = koi.iter().zip(limits).map(|(koi, limit)| koi / limit).collect();
        quantile(&shares, 0.5)
    }

    /// Whether the mark is reached; nothing when nothing is owed or something was not measured.
    pub(crate) fn passes(&self, row: &Row) -> Option<bool> {
        let koi = self.median(row.name, "koi")?;
        match row.mark {
            Mark::Recorded => None,
            Mark::Ratio(times) => Some(self.ratio(row)? >= times),
            Mark::AtLeast(least) => Some(koi >= least),
            Mark::AtMost(most) => Some(koi <= most),
            Mark::Floor(_) => Some(self.of_limit(row)? >= 1.0),
            Mark::Limit(_) => Some(self.of_limit(row)? <= 1.0),
        }
    }
}

/// The value below which the share `part` of the samples lies (nearest rank).
pub(crate) fn quantile(samples: &[f64], part: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// A number as a person reads it: three figures that matter.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => grouped(value.round() as i64),
        middle if middle >= 10.0 => format!("{value:.1}"),
        small if small >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn grouped(value: i64) -> String {
    let digits = value.abs().to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, Mark, Row, Sheet, Unit, figure, quantile};

    #[test]
    fn quantiles_are_nearest_rank() {
        let samples = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!(quantile(&samples, 0.5), Some(3.0));
        assert_eq!(quantile(&samples, 0.99), Some(5.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn a_ratio_is_above_one_when_koi_is_better() {
        let row = |unit| Row { name: "x", what: "", unit, mark: Mark::Ratio(2.0) };
        let mut sheet = Sheet::default();
        sheet.record("x", "koi", 10.0);
        sheet.record("x", "dovecot", 30.0);
        assert_eq!(sheet.ratio(&row(Unit::Millis)), Some(3.0));
        assert_eq!(sheet.passes(&row(Unit::Millis)), Some(true));
        assert_eq!(sheet.passes(&row(Unit::PerSecond)), Some(false));
    }

    #[test]
    fn a_run_is_held_against_its_own_limit() {
        let row = |mark| Row { name: "x", what: "", unit: Unit::Millis, mark };
        let mut sheet = Sheet::default();
        for (koi, limit) in [(9.0, 10.0), (1.0, 2.0), (3.0, 2.0)] {
            sheet.record("x", "koi", koi);
            sheet.record("x", LIMIT, limit);
        }
        // The medians, 3 and 2, were not measured in the same run.
        assert_eq!(sheet.of_limit(&row(Mark::Limit("y"))), Some(0.9));
        assert_eq!(sheet.passes(&row(Mark::Limit("y"))), Some(true));
        assert_eq!(sheet.passes(&row(Mark::Floor("y"))), Some(false));
        sheet.record("x", "koi", 3.0);
        assert_eq!(sheet.of_limit(&row(Mark::Limit("y"))), Some(1.5), "a run without a limit");
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(figure(1_234_567.0), "1,234,567");
        assert_eq!(figure(12.34), "12.3");
        assert_eq!(figure(0.1234), "0.123");
    }
}

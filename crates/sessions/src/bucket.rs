//! A count that fills up steadily: what all limits of how often something may happen are made of.

/// Holds as many as a period has, and fills up steadily: when it will be full again, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket(i64);

impl Bucket {
    /// Takes one of `max` for each period, if there is one. With a `max` of 0 there always is.
    pub(crate) fn take(&mut self, max: u32, period_micros: i64, now_micros: i64) -> bool {
        if max == 0 {
            return true;
        }
        let after = self.0.max(now_micros) + period_micros / i64::from(max);
        let fits = after - now_micros <= period_micros;
        if fits {
            self.0 = after;
        }
        fits
    }
    pub(crate) const fn is_full(self, now_micros: i64) -> bool {
        self.0 <= now_micros
    }
}

//! A count that fills up steadily: what all limits of how often something may happen are made of.

/// Holds as many as a period has, and fills up steadily: when it will be full again, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket(i64);

/// What was taken at once: the end of the bucket then.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    upto: i64,
    micros: i64,
}

impl Share {
    /// With what was taken right behind it.
    pub(crate) const fn and(self, next: Self) -> Self {
        Self { upto: next.upto, micros: self.micros + next.micros }
    }
    /// The time in which it comes back.
    pub(crate) const fn micros(self) -> i64 {
        self.micros
    }
}

impl Bucket {
    /// One that will be full then.
    pub(crate) const fn full_at(micros: i64) -> Self {
        Self(micros)
    }
    /// At most empty now: a clock that was set back does not make it less.
    pub(crate) fn bound(&mut self, period_micros: i64, now_micros: i64) {
        self.0 = self.0.min(now_micros.saturating_add(period_micros));
    }
    /// Takes one of `max` for each period, if there is one. With a `max` of 0 there always is.
    pub(crate) fn take(&mut self, max: u32, period_micros: i64, now_micros: i64) -> bool {
        self.take_share(max, period_micros, now_micros).is_some()
    }
    /// The same, and can be given back.
    pub(crate) fn take_share(&mut self, max: u32, period_micros: i64, now_micros: i64) -> Option<Share> {
        if max == 0 {
            return Some(Share::default());
        }
        self.bound(period_micros, now_micros);
        let micros = period_micros / i64::from(max);
        let upto = self.0.max(now_micros) + micros;
        let fits = upto - now_micros <= period_micros;
        fits.then(|| {
            self.0 = upto;
            Share { upto, micros }
        })
    }
    /// What was taken was not used. Of that, what has filled up again meanwhile is lost: nobody saves shares
    /// to use them all at once.
    pub(crate) fn give_back(&mut self, share: Share, now_micros: i64) {
        self.0 -= (share.upto - now_micros).clamp(0, share.micros);
    }
    pub(crate) const fn is_full(self, now_micros: i64) -> bool {
        self.0 <= now_micros
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_more() {
        let mut bucket = Bucket::default();
        let first = bucket.take_share(2, 100, 1000).unwrap();
        let second = bucket.take_share(2, 100, 1000).unwrap();
        assert!(!bucket.take(2, 100, 1000));
        bucket.give_back(second, 1000);
        assert!(bucket.take(2, 100, 1000) && !bucket.take(2, 100, 1000));
        // Half of the first has filled up again; the rest is what there is.
        bucket.give_back(first, 1025);
        assert!(bucket.take(2, 100, 1025) && !bucket.take(2, 100, 1025));
        // Long ago: nothing is left of it.
        let old = bucket.take_share(2, 100, 2000).unwrap();
        bucket.give_back(old, 2050);
        assert!(bucket.take(2, 100, 2050) && bucket.take(2, 100, 2050) && !bucket.take(2, 100, 2050));
    }
}

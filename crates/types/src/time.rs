//! Points in time as numbers; the edge reads the clock and passes them in.

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }
    /// Whole seconds, rounded down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }
    #[must_use]
    pub const fn plus_secs(self, secs: u32) -> Self {
        Self(self.0.saturating_add(secs as i64 * 1000))
    }
    #[must_use]
    pub const fn minus_secs(self, secs: u32) -> Self {
        Self(self.0.saturating_sub(secs as i64 * 1000))
    }
}

impl Timestamp {
    /// The day on the calendar of somebody `zone` away from UTC.
    #[must_use]
    pub const fn day(self, zone: ZoneOffset) -> Day {
        let secs = self.secs().saturating_add(zone.0 as i64 * 60).div_euclid(86_400);
        Day(if secs > i32::MAX as i64 { i32::MAX } else { secs as i32 })
    }
}

/// Minutes east of UTC, as a date in a message or in APPEND says it (RFC 5322 §3.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ZoneOffset(pub i16);

/// A day as a number: 1970-01-01 is 0. In the searches of RFC 9051 §6.4.4 time and zone are disregarded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(pub i32);

impl Day {
    /// From a date of the Gregorian calendar; `None` when there is no such day, or its year is past 9999.
    #[must_use]
    pub const fn from_date(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        };
        if day == 0 || day > days || year > 9999 {
            return None;
        }
        // Years begin in March here, so that the leap day is the last of its year.
        let (y, m) =
            if month > 2 { (year as i32, month as i32 - 3) } else { (year as i32 - 1, month as i32 + 9) };
        let of_year = (153 * m + 2) / 5 + day as i32 - 1;
        let before = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400);
        Some(Self(before + of_year - 719_468))
    }

    /// The date in the Gregorian calendar.
    #[must_use]
    pub const fn date(self) -> CalendarDate {
        // As above: days since the first of March of the year 0, in cycles of 400 years.
        let days = self.0 as i64 + 719_468;
        let (cycle, of_cycle) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_cycle = (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
        let of_year = of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let m = (5 * of_year + 2) / 153;
        let month = if m < 10 { m + 3 } else { m - 9 };
        let year = cycle * 400 + year_of_cycle + (month <= 2) as i64;
        CalendarDate { year: year as i32, month: month as u8, day: (of_year - (153 * m + 2) / 5 + 1) as u8 }
    }
}

/// A day by its names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CalendarDate {
    pub year: i32,
    /// 1 is January.
    pub month: u8,
    pub day: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_leap_years_and_zones() {
        let known = [
            (1970, 1, 1, 0),
            (1969, 12, 31, -1),
            (2000, 2, 29, 11_016),
            (2000, 3, 1, 11_017),
            (0, 3, 1, -719_468),
        ];
        for (year, month, day, number) in known {
            assert_eq!(Day::from_date(year, month, day), Some(Day(number)), "{year}-{month}-{day}");
            assert_eq!(Day(number).date(), CalendarDate { year: year.into(), month, day });
        }
        for number in (-719_528..=2_932_896).step_by(17) {
            let CalendarDate { year, month, day } = Day(number).date();
            assert_eq!(Day::from_date(year as u16, month, day), Some(Day(number)), "{year}-{month}-{day}");
        }
        for (year, month, day) in [(1900, 2, 29), (2023, 2, 29), (2023, 13, 1), (2023, 4, 31), (2023, 1, 0)] {
            assert_eq!(Day::from_date(year, month, day), None, "{year}-{month}-{day}");
        }
        assert_eq!(Timestamp::from_secs(0).day(ZoneOffset(-1)), Day(-1));
        assert_eq!(Timestamp::from_secs(86_399).day(ZoneOffset(1)), Day(1));
    }
}

//! Timestamps in the profile of RFC 3339 §5.6, with a numeric offset as COI-webpush
//! §list-existing-subscriptions shows it.

use koi_types::{Timestamp, ZoneOffset};

/// `2019-10-16T16:14:17+00:00`; `None` before the year 0 and after 9999, and for an offset of a day or more.
#[must_use]
pub fn rfc3339(at: Timestamp, zone: ZoneOffset) -> Option<String> {
    let minutes = i64::from(zone.0);
    if minutes.abs() >= 24 * 60 {
        return None;
    }
    let local = at.secs().checked_add(minutes * 60)?;
    let date = civil(local.div_euclid(86_400))?;
    let of_day = local.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let sign = if minutes < 0 { '-' } else { '+' };
    let (zone_hour, zone_minute) = (minutes.abs() / 60, minutes.abs() % 60);
    let Civil { year, month, day } = date;
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{sign}{zone_hour:02}:{zone_minute:02}"
    ))
}

struct Civil {
    year: i64,
    month: i64,
    day: i64,
}

/// The date so many days after 1970-01-01, in the Gregorian calendar. Years begin in March here, so that the
/// leap day is the last of its year.
fn civil(days: i64) -> Option<Civil> {
    if !(-719_528..=2_932_896).contains(&days) {
        return None;
    }
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Some(Civil { year, month, day: of_year - (153 * shifted + 2) / 5 + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use koi_types::Day;

    fn text(secs: i64, zone: i16) -> Option<String> {
        rfc3339(Timestamp::from_secs(secs), ZoneOffset(zone))
    }

    /// spec: COI-webpush §list-existing-subscriptions
    #[test]
    fn with_an_offset() {
        assert_eq!(text(1_571_242_457, 0).as_deref(), Some("2019-10-16T16:14:17+00:00"));
        assert_eq!(text(1_571_242_457, 120).as_deref(), Some("2019-10-16T18:14:17+02:00"));
        assert_eq!(text(0, -210).as_deref(), Some("1969-12-31T20:30:00-03:30"));
        assert_eq!(text(-62_167_219_200, 0).as_deref(), Some("0000-01-01T00:00:00+00:00"));
        assert_eq!(text(253_402_300_799, 0).as_deref(), Some("9999-12-31T23:59:59+00:00"));
        for (secs, zone) in [(-62_167_219_201, 0), (253_402_300_800, 0), (i64::MAX / 1000, 1), (0, 1440)] {
            assert_eq!(text(secs, zone), None, "{secs} {zone}");
        }
    }

    #[test]
    fn every_day_is_the_one_it_is() {
        for days in (-719_528..=2_932_896).step_by(13) {
            let Civil { year, month, day } = civil(days).unwrap();
            let back = Day::from_date(year as u16, month as u8, day as u8);
            assert_eq!(back, Some(Day(days as i32)), "{year}-{month}-{day}");
        }
    }
}

//! Dates of the grammar and the calendar behind them (RFC 9051 §9 `date`, `date-time`).

use koi_types::{Timestamp, ZoneOffset};

use super::lex::{Cursor, SyntaxError};
use super::number;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A point in time with the zone it was written in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DateTime {
    pub at: Timestamp,
    pub zone: ZoneOffset,
}

/// A day of the proleptic Gregorian calendar that exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=days).contains(&day).then_some(Self { year, month, day })
    }
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }
    /// 1 to 12
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }
    #[must_use]
    pub const fn day(self) -> u8 {
        self.day
    }
    /// Days since 1970-01-01. Years begin in March here, so that the leap day is the last of its year.
    #[must_use]
    pub fn days(self) -> i64 {
        let (year, month, day) = (i64::from(self.year), i64::from(self.month), i64::from(self.day));
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }
    /// The day so many days after 1970-01-01, held to the years 0 to 9999, which is all the grammar can
    /// write.
    #[must_use]
    pub fn from_days(days: i64) -> Self {
        let days = days.clamp(-719_528, 2_932_896) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        Self { year: year as u16, month: month as u8, day: day as u8 }
    }
    /// Midnight, UTC.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_secs(self.days() * 86_400)
    }
}

/// ```abnf
/// date       = date-text / DQUOTE date-text DQUOTE      ; RFC 9051 §9
/// date-text  = date-day "-" date-month "-" date-year
/// date-day   = 1*2DIGIT
/// ```
pub fn date(cursor: &mut Cursor<'_>) -> Result<Date, SyntaxError> {
    let before = cursor.error("expected a date such as 1-Feb-1994");
    let quoted = cursor.take(b'"');
    let date = date_text(cursor).map_err(|_| before)?;
    if quoted && !cursor.take(b'"') {
        return Err(before);
    }
    Ok(date)
}

fn date_text(cursor: &mut Cursor<'_>) -> Result<Date, SyntaxError> {
    let before = cursor.error("no such day");
    let day = digits(cursor, 1, 2)?;
    cursor.expect(b'-', "expected -")?;
    let month = month(cursor)?;
    cursor.expect(b'-', "expected -")?;
    let year = digits(cursor, 4, 4)?;
    Date::new(year as u16, month, day as u8).ok_or(before)
}

/// ```abnf
/// date-time      = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE   ; RFC 9051 §9
/// date-day-fixed = (SP DIGIT) / 2DIGIT
/// time           = 2DIGIT ":" 2DIGIT ":" 2DIGIT
/// zone           = ("+" / "-") 4DIGIT
/// ```
/// QUIRK one_digit_day: one digit without the space.
pub fn date_time(cursor: &mut Cursor<'_>) -> Result<DateTime, SyntaxError> {
    let before = cursor.error("expected a date and time such as \"17-Jul-1996 02:44:25 -0700\"");
    parse_date_time(cursor).map_err(|_| before)
}

fn parse_date_time(cursor: &mut Cursor<'_>) -> Result<DateTime, SyntaxError> {
    cursor.expect(b'"', "expected \"")?;
    cursor.take(b' ');
    let date = date_text(cursor)?;
    cursor.space()?;
    let before = cursor.error("no such time");
    let hour = digits(cursor, 2, 2)?;
    cursor.expect(b':', "expected :")?;
    let minute = digits(cursor, 2, 2)?;
    cursor.expect(b':', "expected :")?;
    let second = digits(cursor, 2, 2)?;
    cursor.space()?;
    let west = cursor.take(b'-');
    if !west {
        cursor.expect(b'+', "expected + or -")?;
    }
    let zone = digits(cursor, 4, 4)?;
    cursor.expect(b'"', "expected \"")?;
    if hour > 23 || minute > 59 || second > 60 || zone % 100 > 59 {
        return Err(before);
    }
    let minutes = (zone / 100 * 60 + zone % 100) as i16 * if west { -1 } else { 1 };
    let time = i64::from(hour * 3600 + minute * 60 + second);
    let at = Timestamp::from_secs(date.days() * 86_400 + time - i64::from(minutes) * 60);
    Ok(DateTime { at, zone: ZoneOffset(minutes) })
}

fn month(cursor: &mut Cursor<'_>) -> Result<u8, SyntaxError> {
    let found = MONTHS.iter().position(|name| cursor.take_word(name));
    found.map_or_else(|| cursor.fail("expected a month"), |at| Ok(at as u8 + 1))
}

fn digits(cursor: &mut Cursor<'_>, min: usize, max: usize) -> Result<u32, SyntaxError> {
    let before = cursor.error("expected digits");
    let run = cursor.run(|b| b.is_ascii_digit());
    if !(min..=max).contains(&run.len()) {
        return Err(before);
    }
    Ok(run.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0')))
}

/// `date-text`: `1-Feb-1994`
pub fn push_date(date: Date, out: &mut Vec<u8>) {
    number::push_number(u64::from(date.day), out);
    push_month_and_year(date, out);
}

/// `date-time` as somebody in that zone writes it: `"17-Jul-1996 02:44:25 -0700"`, 28 octets.
pub fn push_date_time(time: DateTime, out: &mut Vec<u8>) {
    let minutes = time.zone.0.clamp(-5999, 5999);
    let secs = time.at.secs().saturating_add(i64::from(minutes) * 60);
    let date = Date::from_days(secs.div_euclid(86_400));
    let of_day = secs.rem_euclid(86_400) as u32;
    out.push(b'"');
    match date.day {
        0..=9 => out.push(b' '),
        day => out.push(b'0' + day / 10),
    }
    out.push(b'0' + date.day % 10);
    push_month_and_year(date, out);
    for (sep, value) in [(b' ', of_day / 3600), (b':', of_day / 60 % 60), (b':', of_day % 60)] {
        out.push(sep);
        number::push_padded(value, 2, out);
    }
    out.extend_from_slice(if minutes < 0 { b" -" } else { b" +" });
    let minutes = u32::from(minutes.unsigned_abs());
    number::push_padded(minutes / 60 * 100 + minutes % 60, 4, out);
    out.push(b'"');
}

fn push_month_and_year(date: Date, out: &mut Vec<u8>) {
    out.push(b'-');
    out.extend_from_slice(MONTHS.get(usize::from(date.month) - 1).map_or(b"Jan", |name| name.as_bytes()));
    out.push(b'-');
    number::push_padded(u32::from(date.year), 4, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<i64> {
        let mut cursor = Cursor::new(text.as_bytes(), false);
        date_time(&mut cursor).ok().filter(|_| cursor.end().is_ok()).map(|date| date.at.secs())
    }

    /// RFC 9051 §9 `date-time`
    #[test]
    fn date_times_both_ways() {
        let known = [
            ("\" 1-Jan-1970 00:00:00 +0000\"", 0),
            ("\"17-Jul-1996 09:44:25 +0000\"", 837_596_665),
            ("\"29-Feb-2000 23:59:59 +0000\"", 951_868_799),
            ("\"31-Dec-1969 23:59:59 +0000\"", -1),
            ("\"31-Dec-9999 23:59:59 +0000\"", 253_402_300_799),
        ];
        for (text, secs) in known {
            assert_eq!(read(text), Some(secs), "{text}");
            let mut out = Vec::new();
            push_date_time(DateTime { at: Timestamp::from_secs(secs), zone: ZoneOffset(0) }, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        assert_eq!(read("\"17-jul-1996 02:44:25 -0700\""), Some(837_596_665));
        assert_eq!(read("\"7-Feb-1994 21:52:25 -0800\""), read("\" 7-Feb-1994 21:52:25 -0800\""));
    }

    #[test]
    fn zones_are_kept() {
        for text in [
            "\"17-Jul-1996 02:44:25 -0700\"",
            "\" 1-Jan-2000 00:15:00 +0545\"",
            "\" 1-Jan-2000 00:00:00 -0030\"",
        ] {
            let date = date_time(&mut Cursor::new(text.as_bytes(), false)).unwrap();
            let mut out = Vec::new();
            push_date_time(date, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn days_that_do_not_exist() {
        for bad in [
            "\"30-Feb-2000 00:00:00 +0000\"",
            "\"29-Feb-1900 00:00:00 +0000\"",
            "\"00-Jan-2000 00:00:00 +0000\"",
            "\"01-Jan-2000 24:00:00 +0000\"",
            "\"01-Foo-2000 00:00:00 +0000\"",
            "\"01-Jan-2000 00:00:00 UTC\"",
            "\"01-Jan-00 00:00:00 +0000\"",
            "01-Jan-2000",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn days_count_both_ways(days in -719_528i64..=2_932_896) {
            let date = Date::from_days(days);
            prop_assert_eq!(date.days(), days);
            prop_assert_eq!(Date::new(date.year, date.month, date.day), Some(date));
        }
    }
}

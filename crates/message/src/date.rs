//! Date and time (RFC 5322 §3.3, obsolete forms §4.3), read leniently: comments and white space anywhere,
//! the day before or after the month, two-digit years, named zones. Written as that section has it, and as
//! RFC 3339 §5.6 has it.

use crate::lexer::Lexer;

/// A point in time and the zone it was written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub unix_s: i64,
    /// Minutes east of UTC.
    pub zone_min: i16,
}

impl DateTime {
    /// Days since 1970-01-01 of the date as it was written. RFC 9051 §6.4.4: SENTON, SENTBEFORE and
    /// SENTSINCE disregard time and zone.
    pub fn written_day(self) -> i64 {
        (self.unix_s + i64::from(self.zone_min) * 60).div_euclid(86_400)
    }
}

/// A point in time as people write it.
struct Civil {
    year: i64,
    month: u32,
    day: u32,
    /// 0 is Sunday.
    weekday: usize,
    hour: u32,
    minute: u32,
    second: u32,
}

impl DateTime {
    /// As RFC 5322 §3.3 has it: `Fri, 21 Nov 1997 09:55:06 -0600`. Years before 1900 or past 9999 have no
    /// such form, nor do zones a day and more away.
    #[must_use]
    pub fn to_rfc5322(self) -> Option<String> {
        let Civil { year, month, day, weekday, hour, minute, second } = self.civil()?;
        let weekday = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].get(weekday)?;
        let month = MONTHS.get(month as usize - 1)?;
        let sign = if self.zone_min < 0 { '-' } else { '+' };
        let (zone_h, zone_m) = (self.zone_min.abs() / 60, self.zone_min.abs() % 60);
        (year >= 1900).then(|| {
            let time = format!("{hour:02}:{minute:02}:{second:02} {sign}{zone_h:02}{zone_m:02}");
            format!("{weekday}, {day} {month} {year:04} {time}")
        })
    }

    /// As RFC 3339 §5.6 has it: `1997-11-21T09:55:06-06:00`, with `Z` for UTC. Only of the years 0 to 9999.
    #[must_use]
    pub fn to_rfc3339(self) -> Option<String> {
        let Civil { year, month, day, hour, minute, second, .. } = self.civil()?;
        let sign = if self.zone_min < 0 { '-' } else { '+' };
        let (zone_h, zone_m) = (self.zone_min.abs() / 60, self.zone_min.abs() % 60);
        let zone = if self.zone_min == 0 { "Z".to_owned() } else { format!("{sign}{zone_h:02}:{zone_m:02}") };
        Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}"))
    }

    fn civil(self) -> Option<Civil> {
        if self.zone_min.unsigned_abs() >= 24 * 60 {
            return None;
        }
        let written = self.unix_s.checked_add(i64::from(self.zone_min) * 60)?;
        let (days, second_of_day) = (written.div_euclid(86_400), written.rem_euclid(86_400) as u32);
        // Counted in years that begin with March, as in `days_since_1970`.
        let shifted = days.checked_add(719_468)?;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u32;
        let month = ((march_month + 2) % 12 + 1) as u32;
        let year = era.checked_mul(400)?.checked_add(year_of_era + i64::from(month <= 2))?;
        let weekday = (days.rem_euclid(7) + 4) as usize % 7;
        let (hour, minute, second) = (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
        (0..=9_999).contains(&year).then_some(Civil { year, month, day, weekday, hour, minute, second })
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads the value of a Date field; None if there is no valid day, month and year in it.
///
/// RFC 5256 §2.2: an invalid zone is UTC, an invalid time is 00:00:00.
pub fn parse_date(value: &[u8]) -> Option<DateTime> {
    let mut reader = Reader::default();
    let mut lexer = Lexer::new(value);
    lexer.skip_cfws();
    while let Some(octet) = lexer.peek() {
        match octet {
            b'0'..=b'9' => reader.number(&mut lexer),
            b'+' | b'-' => reader.sign(&mut lexer),
            _ if octet.is_ascii_alphabetic() => reader.word(lexer.run(|b| b.is_ascii_alphabetic())),
            _ => lexer.bump(),
        }
        lexer.skip_cfws();
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    day: Option<u32>,
    month: Option<u32>,
    year: Option<i64>,
    time_s: Option<i64>,
    zone_min: Option<i16>,
}

impl Reader {
    /// A day, a year, or the hour of a time.
    fn number(&mut self, lexer: &mut Lexer<'_>) {
        let digits = lexer.run(|b| b.is_ascii_digit());
        lexer.skip_cfws();
        let number = decimal(digits);
        if lexer.peek() == Some(b':') && self.time_s.is_none() {
            self.time_s = Some(time(lexer, number).unwrap_or(0));
        } else if self.day.is_none() && digits.len() <= 2 {
            self.day = number;
        } else if self.year.is_none() && self.month.is_some() {
            self.year = number.and_then(|number| full_year(digits.len(), i64::from(number)));
        }
    }

    /// `( "+" / "-" ) 4DIGIT` behind a time; elsewhere a separator.
    fn sign(&mut self, lexer: &mut Lexer<'_>) {
        let east = lexer.peek() == Some(b'+');
        lexer.bump();
        if self.time_s.is_none() || self.zone_min.is_some() {
            return;
        }
        let digits = lexer.run(|b| b.is_ascii_digit());
        let (hours, minutes) = if digits.len() == 2 && lexer.take(b':') {
            (decimal(digits), decimal(lexer.run(|b| b.is_ascii_digit())))
        } else {
            let (hours, minutes) =
                digits.split_at_checked(digits.len().saturating_sub(2)).unwrap_or_default();
            (decimal(hours), decimal(minutes))
        };
        let valid = hours.zip(minutes).filter(|&(hours, minutes)| hours <= 24 && minutes < 60);
        let zone_min = valid.map_or(0, |(hours, minutes)| (hours * 60 + minutes) as i16);
        self.zone_min = Some(if east { zone_min } else { -zone_min });
    }

    /// The name of a month, of a day of the week or, behind the time, of a zone.
    fn word(&mut self, word: &[u8]) {
        if self.month.is_none() && word.len() >= 3 {
            self.month = month(word);
            if self.month.is_some() {
                return;
            }
        }
        if self.time_s.is_some() && self.zone_min.is_none() {
            self.zone_min = Some(named_zone(word));
        }
    }

    fn finish(self) -> Option<DateTime> {
        let (day, month, year) = (self.day?, self.month?, self.year?);
        if day == 0 || day > days_of(month, year) {
            return None;
        }
        let zone_min = self.zone_min.unwrap_or(0);
        let written = days_since_1970(year, month, day) * 86_400 + self.time_s.unwrap_or(0);
        Some(DateTime { unix_s: written - i64::from(zone_min) * 60, zone_min })
    }
}

/// `":" minute [":" second]` after `hour`, in seconds of the day.
fn time(lexer: &mut Lexer<'_>, hour: Option<u32>) -> Option<i64> {
    let minute = colon_number(lexer);
    let second = if lexer.peek() == Some(b':') { colon_number(lexer) } else { Some(0) };
    let (hour, minute, second) = (hour?, minute?, second?);
    let valid = hour < 24 && minute < 60 && second <= 60;
    valid.then(|| i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59)))
}

fn colon_number(lexer: &mut Lexer<'_>) -> Option<u32> {
    lexer.bump();
    lexer.skip_cfws();
    let number = decimal(lexer.run(|b| b.is_ascii_digit()));
    lexer.skip_cfws();
    number
}

/// RFC 5322 §4.3: two digits below 50 are 20xx, other two and three digits count from 1900.
fn full_year(digits: usize, year: i64) -> Option<i64> {
    match digits {
        2 if year < 50 => Some(2000 + year),
        2 | 3 => Some(1900 + year),
        4 => Some(year),
        _ => None,
    }
}

fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 6 {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

fn month(word: &[u8]) -> Option<u32> {
    let head = word.get(..3)?;
    let at = MONTHS.iter().position(|name| head.eq_ignore_ascii_case(name.as_bytes()))?;
    u32::try_from(at + 1).ok()
}

/// RFC 5322 §4.3: the North American zones have their meaning, all other names are UTC.
fn named_zone(word: &[u8]) -> i16 {
    let hours = match word.to_ascii_uppercase().as_slice() {
        b"EDT" => -4,
        b"EST" | b"CDT" => -5,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" => -8,
        _ => 0,
    };
    hours * 60
}

fn days_of(month: u32, year: i64) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, counted in years that begin with March.
fn days_since_1970(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = i64::from((153 * ((month + 9) % 12) + 2) / 5 + day - 1);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{DateTime, parse_date};

    fn at(unix_s: i64, zone_min: i16) -> Option<DateTime> {
        Some(DateTime { unix_s, zone_min })
    }

    // spec: RFC 5322 §3.3
    // spec: RFC 5322 §4.3
    // spec: RFC 5256 §2.2
    #[test]
    fn reads_modern_obsolete_and_odd_dates() {
        let table: [(&str, Option<DateTime>); 30] = [
            ("Thu, 01 Jan 1970 00:00:00 +0000", at(0, 0)),
            ("Fri, 21 Nov 1997 09:55:06 -0600", at(880_127_706, -360)),
            (
                "Thu, 13\r\n     Feb\r\n  1969\r\n 23:32\r\n   -0330 (Newfoundland Time)",
                at(-27_723_480, -210),
            ),
            ("21 Nov 97 09:55:06 GMT", at(880_106_106, 0)),
            ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", at(880_127_706, -360)),
            ("21 Nov 1997 09:55 EST", at(880_124_100, -300)),
            ("21 Nov 1997 09:55 PDT", at(880_131_300, -420)),
            ("21 Nov 1997 09:55 Z", at(880_106_100, 0)),
            ("21 Nov 1997 09:55 A", at(880_106_100, 0)),
            ("21 Nov 1997 09:55 XYZ", at(880_106_100, 0)),
            ("21 Nov 1997", at(880_070_400, 0)),
            ("21 Nov 1997 99:99:99 +0000", at(880_070_400, 0)),
            ("21 Nov 1997 00:00:00 +9999", at(880_070_400, 0)),
            ("Fri Nov 21 09:55:06 1997", at(880_106_106, 0)),
            ("Fri Nov 21 09:55:06 EST 1997", at(880_124_106, -300)),
            ("21-Nov-1997 09:55:06 +0100", at(880_102_506, 60)),
            ("21 November 1997 09:55:06 +01:00", at(880_102_506, 60)),
            ("21 Nov 49 00:00 +0000", at(2_521_065_600, 0)),
            ("21 Nov 50 00:00 +0000", at(-603_158_400, 0)),
            ("21 Nov 110 00:00 +0000", at(1_290_297_600, 0)),
            ("29 Feb 2000 00:00 +0000", at(951_782_400, 0)),
            ("29 Feb 2001 00:00 +0000", None),
            ("31 Apr 2001 00:00 +0000", None),
            ("0 Apr 2001 00:00 +0000", None),
            ("1 Foo 2001 00:00 +0000", None),
            ("31 Dec 1998 23:59:60 +0000", at(915_148_799, 0)),
            ("1 Jan 99999 00:00 +0000", None),
            ("", None),
            ("garbage", None),
            ("(Mon, 1 Jan 2001)", None),
        ];
        for (text, date) in table {
            assert_eq!(parse_date(text.as_bytes()), date, "{text}");
        }
    }

    // spec: RFC 5322 §3.3; RFC 3339 §5.6
    #[test]
    fn written_dates_are_read_again() {
        let table = [
            (at(0, 0), Some("Thu, 1 Jan 1970 00:00:00 +0000"), Some("1970-01-01T00:00:00Z")),
            (
                at(880_127_706, -360),
                Some("Fri, 21 Nov 1997 09:55:06 -0600"),
                Some("1997-11-21T09:55:06-06:00"),
            ),
            (at(951_782_400, 0), Some("Tue, 29 Feb 2000 00:00:00 +0000"), Some("2000-02-29T00:00:00Z")),
            (at(951_868_799, 570), Some("Wed, 1 Mar 2000 09:29:59 +0930"), Some("2000-03-01T09:29:59+09:30")),
            (
                at(-27_723_480, -210),
                Some("Thu, 13 Feb 1969 23:32:00 -0330"),
                Some("1969-02-13T23:32:00-03:30"),
            ),
            (at(-2_208_988_801, 0), None, Some("1899-12-31T23:59:59Z")),
            (at(253_402_300_799, 0), Some("Fri, 31 Dec 9999 23:59:59 +0000"), Some("9999-12-31T23:59:59Z")),
            (at(253_402_300_800, 0), None, None),
            (at(i64::MAX, 60), None, None),
            (at(i64::MIN, -60), None, None),
            (at(0, 24 * 60), None, None),
        ];
        for (date, rfc5322, rfc3339) in table {
            let written = date.unwrap();
            assert_eq!(written.to_rfc5322().as_deref(), rfc5322, "{written:?}");
            assert_eq!(written.to_rfc3339().as_deref(), rfc3339, "{written:?}");
            if let Some(text) = rfc5322 {
                assert_eq!(parse_date(text.as_bytes()), date, "{text}");
            }
        }
        for day in (0..200_000_i64).step_by(37) {
            let date = DateTime { unix_s: day * 86_400 + 3_661, zone_min: (day % 1_400) as i16 - 700 };
            assert_eq!(parse_date(date.to_rfc5322().unwrap().as_bytes()), Some(date));
        }
    }

    // spec: RFC 9051 §6.4.4
    #[test]
    fn the_written_day_disregards_the_zone() {
        let late = parse_date(b"1 Jan 2024 23:30:00 -0800").map(DateTime::written_day);
        let early = parse_date(b"1 Jan 2024 00:30:00 +1400").map(DateTime::written_day);
        assert_eq!(late, Some(19_723));
        assert_eq!(early, late);
    }
}

//! Date and UTCDate (RFC 8620 §1.4): RFC 3339 in one form, read and written.

use std::fmt;

use koi_types::{Day, Timestamp, ZoneOffset};

use super::json::{Json, Slot, ToJson};
use super::value::{FromJson, Wrong};

/// A UTCDate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UtcDate(pub Timestamp);

/// A Date: a moment, and what the clocks showed where it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Date {
    pub at: Timestamp,
    pub zone: ZoneOffset,
}

/// The milliseconds of the years 0 to 9999, which is what can be written.
const FIRST_MS: i64 = -62_167_219_200_000;
const LAST_MS: i64 = 253_402_300_799_999;

impl UtcDate {
    /// `2014-10-30T06:12:00Z`. A fraction is read even if it is zero, which clients write although they
    /// must not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let date = Date::parse(text)?;
        (text.ends_with('Z')).then_some(Self(date.at))
    }
}

impl Date {
    /// `2014-10-30T14:12:00+08:00`; letters in upper case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest(text.as_bytes());
        let (year, month, day) =
            (rest.digits(4)?, rest.after(b'-')?.digits(2)?, rest.after(b'-')?.digits(2)?);
        let day = Day::from_date(year as u16, month as u8, day as u8)?;
        let (hour, minute) = (rest.after(b'T')?.digits(2)?, rest.after(b':')?.digits(2)?);
        // A leap second is the second after.
        let second = rest.after(b':')?.digits(2)?;
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let millis = rest.fraction()?;
        let zone = rest.zone()?;
        if !rest.0.is_empty() {
            return None;
        }
        let secs = i64::from(day.0) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
        let at = (secs - i64::from(zone.0) * 60) * 1000 + millis;
        (FIRST_MS..=LAST_MS).contains(&at).then_some(Self { at: Timestamp(at), zone })
    }
}

/// What is still to be read.
struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    fn after(&mut self, octet: u8) -> Option<&mut Self> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        (*first == octet).then_some(self)
    }
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits
            .iter()
            .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
    }
    /// Milliseconds; what is finer is dropped.
    fn fraction(&mut self) -> Option<i64> {
        let Some(rest) = self.0.strip_prefix(b".") else { return Some(0) };
        let count = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at_checked(count)?;
        self.0 = rest;
        let padded = digits.iter().chain(b"000").take(3);
        (1..=9).contains(&count).then(|| padded.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }
    fn zone(&mut self) -> Option<ZoneOffset> {
        let (sign, rest) = self.0.split_first()?;
        self.0 = rest;
        let sign: i16 = match sign {
            b'Z' => return Some(ZoneOffset(0)),
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = (self.digits(2)?, self.after(b':')?.digits(2)?);
        let is_zone = hours <= 23 && minutes <= 59;
        is_zone.then(|| ZoneOffset(sign * i16::try_from(hours * 60 + minutes).unwrap_or_default()))
    }
}

/// What cannot be written is written as the nearest that can.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = i64::from(self.zone.0) * 60_000;
        let local = self.at.0.clamp(FIRST_MS, LAST_MS).saturating_add(offset).clamp(FIRST_MS, LAST_MS);
        let day = Day(i32::try_from(local.div_euclid(86_400_000)).unwrap_or_default());
        let koi_types::time::CalendarDate { year, month, day } = day.date();
        let of_day = local.rem_euclid(86_400_000);
        let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        // RFC 8620 §1.4: omitted if zero.
        if of_day % 1000 != 0 {
            write!(f, ".{:03}", of_day % 1000)?;
        }
        match self.zone.0 {
            0 => f.write_str("Z"),
            zone => {
                let minutes = zone.unsigned_abs();
                let sign = if zone < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

impl fmt::Display for UtcDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Date { at: self.0, zone: ZoneOffset(0) }.fmt(f)
    }
}

impl ToJson for UtcDate {
    fn write(&self, slot: Slot<'_>) {
        slot.string(&self.to_string());
    }
}
impl ToJson for Date {
    fn write(&self, slot: Slot<'_>) {
        slot.string(&self.to_string());
    }
}
impl FromJson for UtcDate {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        value.as_str().and_then(Self::parse).ok_or(Wrong::expected("a UTCDate"))
    }
}
impl FromJson for Date {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        value.as_str().and_then(Self::parse).ok_or(Wrong::expected("a Date"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// spec: RFC 8620 §1.4
    #[test]
    fn the_dates_of_the_rfc() {
        let date = Date::parse("2014-10-30T14:12:00+08:00").unwrap();
        let utc = UtcDate::parse("2014-10-30T06:12:00Z").unwrap();
        assert_eq!(date.at, utc.0);
        assert_eq!(date.zone, ZoneOffset(480));
        assert_eq!(date.to_string(), "2014-10-30T14:12:00+08:00");
        assert_eq!(utc.to_string(), "2014-10-30T06:12:00Z");
        assert_eq!(UtcDate::parse("2014-10-30T06:12:00.000Z"), Some(utc), "as JavaScript writes it");
        assert_eq!(UtcDate::parse("1970-01-01T00:00:00.5Z").unwrap().to_string(), "1970-01-01T00:00:00.500Z");
        assert_eq!(UtcDate::parse("1970-01-01T00:00:00.1239Z"), Some(UtcDate(Timestamp(123))));
        assert_eq!(UtcDate::parse("1969-12-31T23:59:60Z"), Some(UtcDate(Timestamp(0))));
        assert_eq!(
            Date::parse("2000-01-01T00:00:00-03:30").unwrap().to_string(),
            "2000-01-01T00:00:00-03:30"
        );
    }

    /// spec: RFC 8620 §1.4
    #[test]
    fn what_is_no_date() {
        for bad in [
            "2014-10-30t06:12:00Z",
            "2014-10-30T06:12:00z",
            "2014-10-30 06:12:00Z",
            "2014-02-29T06:12:00Z",
            "2014-10-30T24:00:00Z",
            "2014-10-30T06:60:00Z",
            "2014-10-30T06:12:61Z",
            "2014-10-30T06:12Z",
            "2014-10-30T06:12:00",
            "2014-10-30T06:12:00.Z",
            "2014-10-30T06:12:00.0123456789Z",
            "2014-10-30T06:12:00Zx",
            "2014-10-30T06:12:00+8:00",
            "2014-10-30T06:12:00+24:00",
            "+014-10-30T06:12:00Z",
            "9999-12-31T23:59:59-01:00",
            "",
        ] {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
        assert_eq!(UtcDate::parse("2014-10-30T06:12:00+00:00"), None, "a UTCDate ends with Z");
    }

    proptest! {
        #[test]
        fn dates_read_back(at in FIRST_MS + 86_400_000..LAST_MS - 86_400_000, zone in -1439i16..=1439) {
            let date = Date { at: Timestamp(at), zone: ZoneOffset(zone) };
            prop_assert_eq!(Date::parse(&date.to_string()), Some(date));
        }

        #[test]
        fn every_time_can_be_written(at in any::<i64>(), zone in any::<i16>()) {
            let _ = Date { at: Timestamp(at), zone: ZoneOffset(zone) }.to_string();
        }
    }
}

//! The parameters of an envelope (RFC 8621 §7): those of the extensions that submission by SMTP has too, and
//! FUTURERELEASE (RFC 4865).

use koi_proto::jmap::object::submission::{Envelope, SmtpAddress, SmtpParameter};
use koi_proto::jmap::{SetError, UtcDate};
use koi_types::{Timestamp, limits};

/// When it is to be sent; nothing for now.
///
/// # Errors
/// `invalidProperties`: a parameter is unknown, wrong, or later than anybody may ask for.
pub(super) fn send_at(envelope: Option<&Envelope>, now: Timestamp) -> Result<Option<Timestamp>, SetError> {
    let Some(envelope) = envelope else { return Ok(None) };
    let mut until = None;
    for parameter in of(&envelope.mail_from) {
        let held = mail_parameter(parameter, now).map_err(|why| wrong("mailFrom", parameter, &why))?;
        // RFC 4865 §4.2 (9).
        if held.is_some() && until.is_some() {
            return Err(wrong("mailFrom", parameter, "there is one of HOLDFOR and HOLDUNTIL at most"));
        }
        until = until.or(held);
    }
    if let Some(parameter) = envelope.rcpt_to.iter().flat_map(of).next() {
        return Err(wrong("rcptTo", parameter, "there is no such parameter here"));
    }
    // RFC 4865 §4.2 (7) and (8).
    if until.is_some_and(|until| until > now.plus_secs(limits::SUBMISSION_DELAY_SECS_MAX)) {
        return Err(SetError::invalid_property("envelope", "that is later than maxDelayedSend allows"));
    }
    Ok(until.filter(|until| *until > now))
}

fn of(address: &SmtpAddress) -> impl Iterator<Item = &SmtpParameter> {
    address.parameters.iter().flatten()
}

fn wrong(place: &str, parameter: &SmtpParameter, why: &str) -> SetError {
    SetError::invalid_property("envelope", format!("{place}, {}: {why}", parameter.name))
}

/// Until when it is held, if that is what the parameter says.
fn mail_parameter(parameter: &SmtpParameter, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let value = parameter.value.as_deref();
    let digits = |most: usize| {
        let value = value.filter(|v| (1..=most).contains(&v.len()) && v.bytes().all(|d| d.is_ascii_digit()));
        value.and_then(|value| value.parse::<u64>().ok())
    };
    match &*parameter.name.to_ascii_uppercase() {
        // RFC 4865 §3 (4): 1 to 999999999 seconds.
        "HOLDFOR" => {
            let secs = digits(9).and_then(|secs| u32::try_from(secs).ok()).filter(|secs| *secs > 0);
            secs.map(|secs| Some(now.plus_secs(secs))).ok_or_else(|| "not a number of seconds".to_owned())
        }
        "HOLDUNTIL" => {
            let until = value.and_then(UtcDate::parse);
            until.map(|until| Some(until.0)).ok_or_else(|| "not a UTCDate".to_owned())
        }
        "SIZE" if digits(20).is_some() => Ok(None),
        "BODY" if value.is_some_and(|v| ["7BIT", "8BITMIME"].iter().any(|b| v.eq_ignore_ascii_case(b))) => {
            Ok(None)
        }
        "SMTPUTF8" if value.is_none() => Ok(None),
        "SIZE" | "BODY" | "SMTPUTF8" => Err("not a value it can have".to_owned()),
        _ => Err("there is no such parameter here".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn read(parameters: &[(&str, Option<&str>)]) -> Result<Option<i64>, String> {
        let parameter = |(name, value): &(&str, Option<&str>)| SmtpParameter {
            name: (*name).into(),
            value: value.map(Into::into),
        };
        let parameters = Some(parameters.iter().map(parameter).collect());
        let mail_from = SmtpAddress { email: "a@x".into(), parameters };
        let sent = send_at(Some(&Envelope { mail_from, rcpt_to: Vec::new() }), NOW);
        sent.map(|at| at.map(|at| at.0)).map_err(|error| error.description.unwrap().into())
    }

    // spec: RFC 4865 §3; RFC 4865 §4.2; RFC 8621 §7
    #[test]
    fn messages_are_held_for_and_until() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("HoldFor", Some("60"))]), Ok(Some(1_060_000)));
        assert_eq!(read(&[("HOLDUNTIL", Some("1970-01-01T00:20:00Z"))]), Ok(Some(1_200_000)));
        assert_eq!(read(&[("HOLDUNTIL", Some("1970-01-01T00:00:01Z"))]), Ok(None), "over");
        assert_eq!(read(&[("SIZE", Some("5")), ("body", Some("8bitmime")), ("SMTPUTF8", None)]), Ok(None));
        for (name, value) in [
            ("HOLDFOR", Some("0")),
            ("HOLDFOR", Some("-1")),
            ("HOLDFOR", Some("1234567890")),
            ("HOLDFOR", None),
            ("HOLDUNTIL", Some("tomorrow")),
            ("HOLDUNTIL", Some("2026-01-01T00:00:00+01:00")),
            ("SIZE", None),
            ("BODY", Some("BINARYMIME")),
            ("SMTPUTF8", Some("yes")),
            ("RET", Some("FULL")),
        ] {
            assert!(read(&[(name, value)]).is_err(), "{name} {value:?}");
        }
        let both = [("HOLDFOR", Some("1")), ("HOLDFOR", Some("1"))];
        assert!(read(&both).unwrap_err().contains("at most"));
        assert!(read(&[("HOLDFOR", Some("31536001"))]).unwrap_err().contains("maxDelayedSend"));
        assert!(read(&[("HOLDFOR", Some("31536000"))]).is_ok());
    }
}

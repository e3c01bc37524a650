//! What makes a URL a ticket: who may use it, until when, and the proof that it was issued (RFC 4467 §3, RFC
//! 5092 §6.1.2).

use hmac::{Hmac, KeyInit as _, Mac as _};
use koi_types::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::{BadUrl, Params, percent_decoded};

/// ```abnf
/// iurlauth      = iurlauth-rump iua-verifier                                 ; RFC 5092 §11
/// iurlauth-rump = [expire] ";URLAUTH=" access
/// expire        = ";EXPIRE=" date-time
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UrlAuth {
    /// After that it is good for nothing.
    pub expire: Option<Timestamp>,
    pub access: Access,
    /// Nothing in a URL that is still to be authorised.
    pub verifier: Option<Verifier>,
    /// The URL up to the verifier, exactly as it came: what the token is made of (RFC 4467 §6).
    pub rump: Box<str>,
}

/// ```abnf
/// access = ("submit+" enc-user) / ("user+" enc-user) / "authuser" / "anonymous"   ; RFC 5092 §11
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// Who submits mail on behalf of this user.
    Submit(Box<str>),
    User(Box<str>),
    AuthUser,
    Anonymous,
}

/// ```abnf
/// iua-verifier    = ":" uauth-mechanism ":" enc-urlauth                       ; RFC 5092 §11
/// uauth-mechanism = "INTERNAL" / 1*(ALPHA / DIGIT / "-" / ".")
/// enc-urlauth     = 32*HEXDIG
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verifier {
    pub mechanism: Box<str>,
    /// The octets its digits stand for.
    pub token: Box<[u8]>,
}

/// Says how a token was made (RFC 4467 §2.4.1): HMAC (RFC 2104) with SHA-256.
const HMAC_SHA256: u8 = 1;

/// The token that authorises a URL: it begins with how it was made (RFC 4467 §2.4.1).
#[must_use]
pub fn token(key: &[u8], rump: &str) -> Vec<u8> {
    let mut token = vec![HMAC_SHA256];
    // HMAC takes keys of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(rump.as_bytes());
        token.extend_from_slice(&mac.finalize().into_bytes());
    }
    token
}

/// The URL with its token (RFC 4467 §5).
#[must_use]
pub fn authorised(key: &[u8], rump: &str) -> String {
    let mut url = format!("{rump}:internal:");
    for octet in token(key, rump) {
        for digit in [octet >> 4, octet & 15] {
            url.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    url
}

impl UrlAuth {
    /// Whether the token is the one made with this key; takes the same time wherever two tokens differ (RFC
    /// 4467 §6).
    #[must_use]
    pub fn is_made_with(&self, key: &[u8]) -> bool {
        let made = token(key, &self.rump);
        let given = self.verifier.as_ref().filter(|verifier| verifier.is_internal());
        given.is_some_and(|given| bool::from(made.as_slice().ct_eq(&given.token)))
    }
}

impl Verifier {
    fn is_internal(&self) -> bool {
        self.mechanism.eq_ignore_ascii_case("INTERNAL")
    }
}

/// Reads what is left of the path; `url` is the whole.
pub(super) fn read(url: &str, params: &mut Params<'_>) -> Result<Option<UrlAuth>, BadUrl> {
    let expire = match params.take("EXPIRE")? {
        Some(time) => Some(date_time(time).ok_or(BadUrl("bad EXPIRE"))?),
        None => None,
    };
    let Some(value) = params.take("URLAUTH")? else {
        return if expire.is_some() { Err(BadUrl("EXPIRE needs URLAUTH")) } else { Ok(None) };
    };
    let (access, verifier) = match value.split_once(':') {
        Some((access, verifier)) => (access, Some(verifier)),
        None => (value, None),
    };
    let rump = url.len() - verifier.map_or(0, |verifier| verifier.len() + 1);
    let verifier = verifier.map(read_verifier).transpose()?;
    let rump = url.get(..rump).unwrap_or_default().into();
    Ok(Some(UrlAuth { expire, access: read_access(access)?, verifier, rump }))
}

fn read_access(text: &str) -> Result<Access, BadUrl> {
    let user = |prefix: &str| {
        let named = text.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix));
        text.get(prefix.len()..).filter(|user| named && !user.is_empty())
    };
    let decoded = |user: &str| match String::from_utf8(percent_decoded(user)?) {
        Ok(user) => Ok(user.into()),
        Err(_) => Err(BadUrl("user is not UTF-8")),
    };
    match (user("submit+"), user("user+")) {
        (Some(name), _) => decoded(name).map(Access::Submit),
        (_, Some(name)) => decoded(name).map(Access::User),
        _ if text.eq_ignore_ascii_case("authuser") => Ok(Access::AuthUser),
        _ if text.eq_ignore_ascii_case("anonymous") => Ok(Access::Anonymous),
        _ => Err(BadUrl("bad access identifier")),
    }
}

fn read_verifier(text: &str) -> Result<Verifier, BadUrl> {
    let bad = BadUrl("bad authorization token");
    let (mechanism, digits) = text.split_once(':').ok_or(bad)?;
    let good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
    if mechanism.is_empty() || !mechanism.bytes().all(good) || digits.len() < 32 || digits.len() % 2 != 0 {
        return Err(bad);
    }
    let digit = |c: u8| char::from(c).to_digit(16);
    let octets = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? * 16 + digit(*low)?) as u8),
        _ => None,
    });
    let token = octets.collect::<Option<Box<[u8]>>>().ok_or(bad)?;
    Ok(Verifier { mechanism: mechanism.into(), token })
}

/// `1994-11-05T08:15:30-05:00` (RFC 3339 §5.6). A leap second is the next one.
fn date_time(text: &str) -> Option<Timestamp> {
    let octets = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let separated = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separated.iter().any(|(at, wanted)| octets.get(*at) != Some(wanted)) {
        return None;
    }
    if !matches!(octets.get(10), Some(b'T' | b't')) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let date = crate::imap::command::Date::new(
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    )?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = text.get(19..)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        rest = fraction.get(digits..).filter(|_| digits > 0)?;
    }
    let zone = match rest.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let from = text.len() - 5;
            let (hours, minutes) = (number(from, from + 2)?, number(from + 3, from + 5)?);
            let zone = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
            if *sign == b'-' { -zone } else { zone }
        }
        _ => return None,
    };
    Some(Timestamp::from_secs(date.days() * 86_400 + hour * 3600 + minute * 60 + second - zone))
}

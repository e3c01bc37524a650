//! PLAIN (RFC 4616): one message with authorization identity, authentication identity and password.

use std::fmt;

/// The message of PLAIN. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain {
    /// Whom to act for; `None` when the client leaves it to the server.
    pub authorization: Option<Box<str>>,
    /// Whose password it is.
    pub authentication: Box<str>,
    pub password: Box<str>,
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain")
            .field("authorization", &self.authorization)
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}

/// Reads the message, already decoded from base64.
///
/// ```abnf
/// message = [authzid] UTF8NUL authcid UTF8NUL passwd     ; RFC 4616 §2
/// authcid = 1*SAFE ; MUST accept up to 255 octets
/// passwd  = 1*SAFE ; MUST accept up to 255 octets
/// ```
pub fn parse_plain(message: &[u8]) -> Result<Plain, &'static str> {
    let message = std::str::from_utf8(message).map_err(|_| "PLAIN: not UTF-8")?;
    let mut parts = message.split('\0');
    let (Some(authorization), Some(authentication), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("PLAIN: needs exactly two NUL");
    };
    if authentication.is_empty() || password.is_empty() {
        return Err("PLAIN: identity or password is empty");
    }
    let authorization = Some(authorization).filter(|a| !a.is_empty()).map(Box::from);
    Ok(Plain { authorization, authentication: authentication.into(), password: password.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4616 §4
    #[test]
    fn the_examples() {
        let plain = parse_plain(b"\0tim\0tanstaaftanstaaf").unwrap();
        assert_eq!((plain.authorization.as_deref(), &*plain.authentication), (None, "tim"));
        assert_eq!(&*plain.password, "tanstaaftanstaaf");
        let plain = parse_plain(b"Ursel\0Kurt\0xipj3plmq").unwrap();
        assert_eq!((plain.authorization.as_deref(), &*plain.authentication), (Some("Ursel"), "Kurt"));
        assert!(!format!("{plain:?}").contains("xipj"));
    }

    /// RFC 4616 §2
    #[test]
    fn malformed_messages() {
        for bad in [&b""[..], b"tim", b"\0tim", b"\0tim\0", b"\0\0pw", b"\0tim\0pw\0", b"\0t\xffm\0pw"] {
            assert!(parse_plain(bad).is_err(), "{bad:?}");
        }
    }
}

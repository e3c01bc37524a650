//! The query of a URL and what is encoded in its path (RFC 3986 §2.1, RFC 3986 §3.4).

/// The value of a variable, decoded; nothing when it is not there or is not UTF-8.
pub(super) fn value(query: &str, name: &str) -> Option<String> {
    let of =
        |item: &str| item.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| decoded(value));
    query.split('&').find_map(of).flatten()
}

/// RFC 3986 §2.1; nothing for what is not UTF-8.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digit = |octet: Option<u8>| char::from(octet?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        octets.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(octets).ok()
}

pub(super) fn encoded(text: &str) -> String {
    let one = |octet: u8| match octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
        true => char::from(octet).to_string(),
        false => format!("%{octet:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 3986 §2.1
    #[test]
    fn names_there_and_back() {
        for name in ["a b.pdf", "Entwürfe/x", "100%", "\"\r\n;", ""] {
            assert_eq!(decoded(&encoded(name)).as_deref(), Some(name));
            assert!(encoded(name).bytes().all(|octet| octet.is_ascii_graphic()));
        }
        assert_eq!(decoded("a%2Fb%20c").as_deref(), Some("a/b c"));
        for bad in ["%", "%2", "%zz", "%ff", "a%é"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
        assert_eq!(value("a=b&types=%2A&types=x", "types").as_deref(), Some("*"));
        assert_eq!(value("types&a=types", "types"), None);
        assert_eq!(value("types=", "types").as_deref(), Some(""));
    }
}

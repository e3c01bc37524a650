//! Octets in a script: text as it stands, `<CR>`, `<LF>`, `<CRLF>`, `<NUL>`, `<xFF>` for what cannot be
//! typed, and `<b64:text>` for what cannot be read.

/// Expands the names of octets; everything else stays as it is.
#[must_use]
pub fn octets(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        out.extend(before.as_bytes());
        match named(from) {
            Some(found) => {
                out.extend(found.octets);
                rest = from.get(found.length..).unwrap_or_default();
            }
            None => {
                out.push(b'<');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.extend(rest.as_bytes());
    out
}

struct Named {
    octets: Vec<u8>,
    length: usize,
}

fn named(text: &str) -> Option<Named> {
    let end = text.find('>')?;
    let name = text.get(1..end)?;
    let octets = match name {
        "CR" => vec![b'\r'],
        "LF" => vec![b'\n'],
        "CRLF" => vec![b'\r', b'\n'],
        "NUL" => vec![0],
        "SP" => vec![b' '],
        _ => match name.strip_prefix("b64:") {
            Some(text) => koi_proto::sasl::base64_encode(text.as_bytes()).into_bytes(),
            None => repeated(name)?,
        },
    };
    Some(Named { octets, length: end + 1 })
}

/// `xFF`, `x41*1000` for a thousand of them, `x2c31*500` for five hundred times these two.
fn repeated(name: &str) -> Option<Vec<u8>> {
    let hex = name.strip_prefix('x')?;
    let (hex, times) = hex.split_once('*').unwrap_or((hex, "1"));
    (!hex.is_empty() && hex.len().is_multiple_of(2)).then_some(())?;
    let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
    Some(pairs.collect::<Option<Vec<u8>>>()?.repeat(times.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::octets;

    #[test]
    fn names_octets() {
        assert_eq!(octets("a<CRLF>b<xff><x41*3><a@b>"), b"a\r\nb\xffAAA<a@b>");
        assert_eq!(octets("1<x2c33*2><x414>"), b"1,3,3<x414>");
    }
}

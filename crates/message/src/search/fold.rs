//! Case folding of text that is not ASCII: one character to one character, as in the simple case folding of
//! Unicode. No normalisation: a composed and a decomposed letter are different texts.

/// Appends `text` folded.
pub(super) fn fold(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|octet| !octet.is_ascii()).unwrap_or(rest.len());
        let (plain, after) = rest.split_at_checked(ascii).unwrap_or((rest, ""));
        out.extend(plain.as_bytes().iter().map(u8::to_ascii_lowercase));
        let mut chars = after.chars();
        while let Some(c) = chars.next() {
            let folded = fold_char(c);
            out.extend_from_slice(folded.encode_utf8(&mut [0; 4]).as_bytes());
            if chars.as_str().as_bytes().first().is_none_or(u8::is_ascii) {
                break;
            }
        }
        rest = chars.as_str();
    }
}

/// To upper and back to lower case, so that variants such as final sigma fall together. Characters without
/// a one-to-one mapping stay, and none that is not ASCII becomes ASCII.
fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let upper = single(c.to_uppercase()).unwrap_or(c);
    let lower = single(upper.to_lowercase()).unwrap_or(upper);
    if lower.is_ascii() { c } else { lower }
}

fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

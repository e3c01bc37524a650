//! Case folding of text that is not ASCII: one character to one character, as in the simple case folding of
//! Unicode. No normalisation: a composed and a decomposed letter are different texts.

/// Appends `text` folded.
pub(super) fn fold(text: &str, out: &mut String) {
    out.reserve(text.len());
    for c in text.chars() {
        out.push(fold_char(c));
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

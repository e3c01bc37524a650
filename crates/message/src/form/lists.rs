//! The forms MessageIds and URLs (RFC 8621 §4.1.2.5, §4.1.2.7).

use crate::lexer::{Lexer, is_white};

/// RFC 8621 §4.1.2.5: what stands between angle brackets, without white space and comments around it. Words
/// between ids (RFC 5322 §4.5.4) and ids that are never closed are passed over; `None` if no id is left.
#[must_use]
pub fn message_ids(value: &[u8]) -> Option<Vec<String>> {
    let mut lexer = Lexer::new(value);
    let mut ids = Vec::new();
    loop {
        lexer.skip_cfws();
        match lexer.peek() {
            None => break,
            Some(b'<') => {
                lexer.bump();
                ids.extend(message_id(&mut lexer));
            }
            Some(b'"') => lexer.quoted(&mut Vec::new()),
            Some(_) => lexer.bump(),
        }
    }
    (!ids.is_empty()).then_some(ids)
}

/// Behind `<`, up to and with `>`. RFC 5322 §4.5.4 allows white space and quoted strings in it.
fn message_id(lexer: &mut Lexer<'_>) -> Option<String> {
    let mut id = Vec::new();
    lexer.skip_cfws();
    loop {
        match lexer.peek()? {
            b'>' => break,
            // Another id begins: this one was never closed.
            b'<' => return None,
            b'"' => {
                let start = lexer.pos();
                lexer.quoted(&mut Vec::new());
                id.extend(lexer.since(start).iter().filter(|octet| !matches!(octet, b'\r' | b'\n')));
            }
            octet if is_white(octet) => {
                lexer.skip_cfws();
            }
            _ => id.extend_from_slice(
                lexer.run(|octet| !is_white(octet) && !matches!(octet, b'<' | b'>' | b'"')),
            ),
        }
    }
    lexer.bump();
    (!id.is_empty()).then(|| super::raw(&id))
}

/// RFC 8621 §4.1.2.7, RFC 2369 §2: a list of URLs in angle brackets. It ends where something else begins;
/// `None` if it does at once, as with `List-Post: NO`.
#[must_use]
pub fn urls(value: &[u8]) -> Option<Vec<String>> {
    let mut lexer = Lexer::new(value);
    let mut urls = Vec::new();
    loop {
        lexer.skip_cfws();
        if !lexer.take(b'<') {
            break;
        }
        let inner = lexer.run(|octet| octet != b'>');
        if !lexer.take(b'>') {
            break;
        }
        let url: Vec<u8> = inner.iter().copied().filter(|&octet| !is_white(octet)).collect();
        if !url.is_empty() {
            urls.push(super::raw(&url));
        }
        lexer.skip_cfws();
        // Some forget it.
        lexer.take(b',');
    }
    (!urls.is_empty()).then_some(urls)
}

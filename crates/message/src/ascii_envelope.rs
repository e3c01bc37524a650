//! Envelopes for readers who know no UTF-8: what has octets above 127 as encoded words (RFC 2047 §2), as the
//! header would have been without RFC 6532.

use crate::address::Address;
use crate::binary::push_base64_line;
use crate::encoded_word::decode_text;
use crate::envelope::Envelope;
use crate::structure::{Part, PartKind, Structure};

/// Octets of text in one word: with `=?utf-8?B?`, four letters for three octets, and `?=`, it stays below the
/// 75 octets that RFC 2047 §2 allows.
const WORD_TEXT_OCTETS_MAX: usize = 45;

impl Envelope {
    /// Every value with octets above 127 becomes encoded words. In an address that is no longer one: nobody
    /// who needs this could write to it.
    pub fn make_ascii(&mut self) {
        let texts = [&mut self.date, &mut self.subject, &mut self.in_reply_to, &mut self.message_id];
        texts.into_iter().for_each(make_ascii);
        let lists =
            [&mut self.from, &mut self.sender, &mut self.reply_to, &mut self.to, &mut self.cc, &mut self.bcc];
        for Address { name, route, mailbox, host } in lists.into_iter().flatten() {
            [name, route, mailbox, host].into_iter().for_each(make_ascii);
        }
    }
}

impl Structure {
    /// The same of the envelopes of all messages within the message.
    pub fn make_envelopes_ascii(&mut self) {
        part_ascii(&mut self.root);
    }
}

/// As deep as the parser lets messages be.
fn part_ascii(part: &mut Part) {
    match &mut part.kind {
        PartKind::Leaf => {}
        PartKind::Multipart(parts) => parts.iter_mut().for_each(part_ascii),
        PartKind::Message(embedded) => {
            embedded.envelope.make_ascii();
            part_ascii(&mut embedded.part);
        }
    }
}

fn make_ascii(value: &mut Option<Vec<u8>>) {
    if let Some(value) = value.as_mut().filter(|value| !value.is_ascii()) {
        *value = encoded(&decode_text(value));
    }
}

/// The text as encoded words with a blank between them, which is not shown (RFC 2047 §6.2). No character is
/// cut (RFC 2047 §5).
fn encoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_TEXT_OCTETS_MAX));
        out.extend_from_slice(if out.is_empty() { b"=?utf-8?B?" } else { b" =?utf-8?B?" });
        push_base64_line(word.as_bytes(), &mut out);
        out.extend_from_slice(b"?=");
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // spec: RFC 2047 §2
    #[test]
    fn words_are_short_and_whole() {
        assert_eq!(encoded("ä"), b"=?utf-8?B?w6Q=?=");
        assert_eq!(encoded(""), b"");
        let long = encoded(&"日本語".repeat(40));
        let words: Vec<&[u8]> = long.split(|b| *b == b' ').collect();
        assert!(words.len() > 1 && words.iter().all(|word| word.len() <= 75), "{words:?}");
        for word in words {
            assert!(decode_text(word).chars().all(|c| "日本語".contains(c)), "a character was cut");
        }
    }

    // spec: RFC 6855 §8
    #[test]
    fn nothing_above_127_is_left() {
        let raw = "Subject: Grüße =?utf-8?q?=C3=A4?=\r\nFrom: Jörg <jörg@exämple.org>\r\nMessage-ID: <ü@x>\r\n\
                   Content-Type: message/rfc822\r\n\r\nSubject: ö\r\n\r\nx";
        let mut facts = crate::parse(raw.as_bytes()).facts;
        facts.envelope.make_ascii();
        facts.structure.make_envelopes_ascii();
        let text = |value: &Option<Vec<u8>>| decode_text(value.as_deref().unwrap_or_default());
        let envelope = &facts.envelope;
        assert_eq!(text(&envelope.subject), "Grüße ä");
        assert_eq!(text(&envelope.message_id), "<ü@x>");
        let from = &envelope.from[0];
        assert_eq!(
            (text(&from.name), text(&from.mailbox), text(&from.host)),
            ("Jörg".into(), "jörg".into(), "exämple.org".into())
        );
        let PartKind::Message(embedded) = &facts.structure.root.kind else { panic!() };
        assert_eq!(embedded.envelope.subject.as_deref(), Some(&b"=?utf-8?B?w7Y=?="[..]));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_as_it_was(text in "\\PC{1,80}") {
            let words = encoded(&text);
            prop_assert!(words.is_ascii());
            prop_assert_eq!(decode_text(&words), text);
        }
    }
}

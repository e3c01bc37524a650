//! The base subject (RFC 5256 §2.1): the subject without what replying and forwarding put around it.

use crate::encoded_word;

/// Octets of a subject that are considered: the algorithm looks at its beginning again and again.
const SUBJECT_OCTETS_MAX: usize = 2_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// In UTF-8, case as in the message.
    pub text: String,
    /// Whether something that says reply or forward was taken off.
    pub is_reply_or_forward: bool,
}

impl BaseSubject {
    /// Of the raw value of a Subject field.
    pub fn of(subject: &[u8]) -> BaseSubject {
        let subject = subject.get(..SUBJECT_OCTETS_MAX).unwrap_or(subject);
        let decoded = encoded_word::decode_text(subject);
        let mut base = BaseSubject::default();
        let text = collapse(decoded);
        base.text = base.strip(&text).to_owned();
        base
    }

    /// Steps 2 to 6.
    fn strip<'a>(&mut self, text: &'a str) -> &'a str {
        let mut text = text;
        loop {
            text = self.strip_trailers(text);
            text = self.strip_leaders(text);
            let forwarded = strip_prefix_no_case(text, "[fwd:").and_then(|inner| inner.strip_suffix(']'));
            let Some(inner) = forwarded else { return text };
            self.is_reply_or_forward = true;
            text = inner;
        }
    }

    /// Step 2: `subj-trailer = "(fwd)" / WSP`.
    fn strip_trailers<'a>(&mut self, text: &'a str) -> &'a str {
        let mut text = text.trim_end_matches([' ', '\t']);
        while let Some(before) = strip_suffix_no_case(text, "(fwd)") {
            self.is_reply_or_forward = true;
            text = before.trim_end_matches([' ', '\t']);
        }
        text
    }

    /// Steps 3 to 5: `subj-leader = (*subj-blob subj-refwd) / WSP`, then a blob if something remains.
    fn strip_leaders<'a>(&mut self, text: &'a str) -> &'a str {
        let mut text = text;
        loop {
            text = text.trim_start_matches([' ', '\t']);
            if let Some(rest) = strip_refwd(text) {
                self.is_reply_or_forward = true;
                text = rest;
                continue;
            }
            match strip_blob(text) {
                Some(rest) if !rest.is_empty() => text = rest,
                _ => return text,
            }
        }
    }
}

/// Step 1: tabs and continuations become spaces, several spaces one.
fn collapse(text: String) -> String {
    if !text.contains(['\t', '\r', '\n']) && !text.contains("  ") {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let space = matches!(c, ' ' | '\t' | '\r' | '\n');
        if !space {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

/// `*subj-blob ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`.
fn strip_refwd(text: &str) -> Option<&str> {
    let mut text = text;
    while let Some(rest) = strip_blob(text) {
        text = rest;
    }
    let words = ["fwd", "fw", "re"];
    let rest = words.iter().find_map(|word| strip_prefix_no_case(text, word))?;
    let rest = rest.trim_start_matches([' ', '\t']);
    strip_blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// `"[" *BLOBCHAR "]" *WSP`.
fn strip_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    let rest = inner.get(end..)?.strip_prefix(']')?;
    Some(rest.trim_start_matches([' ', '\t']))
}

fn strip_prefix_no_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix_no_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    rest.eq_ignore_ascii_case(suffix).then_some(head)
}

#[cfg(test)]
mod tests {
    use super::BaseSubject;

    // spec: RFC 5256 §2.1
    #[test]
    fn strips_what_replying_and_forwarding_add() {
        let table: [(&str, &str, bool); 18] = [
            ("hello", "hello", false),
            ("Re: hello", "hello", true),
            ("RE: re : Fwd: FW: hello", "hello", true),
            ("Re[2]: hello", "hello", true),
            ("Re [list] : hello", "hello", true),
            ("[list] Re: hello", "hello", true),
            ("[list] hello", "hello", false),
            ("[list]", "[list]", false),
            ("[a][b] Re: [c] hello (fwd) (FWD) ", "hello", true),
            ("[fwd: hello]", "hello", true),
            ("[Fwd: Re: hello (fwd)]", "hello", true),
            ("  many   spaces\there ", "many spaces here", false),
            ("Re: ", "", true),
            ("", "", false),
            ("Research: x", "Research: x", false),
            ("fwd hello", "fwd hello", false),
            ("=?utf-8?q?Re=3A_caf=C3=A9?=", "café", true),
            ("AW: hello", "AW: hello", false),
        ];
        for (subject, text, is_reply_or_forward) in table {
            let base = BaseSubject::of(subject.as_bytes());
            assert_eq!(base, BaseSubject { text: text.into(), is_reply_or_forward }, "{subject}");
        }
    }
}

//! SMTP replies (RFC 5321 §4.2) with enhanced status codes (RFC 2034 §4, RFC 3463 §2).

use std::borrow::Cow;

/// One reply; more than one line for EHLO and long texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// 200 to 599
    pub code: u16,
    /// On every line. Absent in greetings, in answers to EHLO and in 3xx (RFC 2034 §4).
    pub enhanced: Option<EnhancedCode>,
    /// Lines separated by LF. What is not printable is replaced by `?`, unless it is UTF-8 after SMTPUTF8.
    pub text: Cow<'static, str>,
}

/// `class.subject.detail`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnhancedCode {
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

/// One line of a reply, with its code and CRLF (RFC 5321 §4.5.3.1.5).
const LINE_OCTETS_MAX: usize = 512;

impl EnhancedCode {
    #[must_use]
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }
}

impl Reply {
    /// A reply without an enhanced code.
    #[must_use]
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: None, text: text.into() }
    }
    #[must_use]
    pub fn new(code: u16, enhanced: EnhancedCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: Some(enhanced), text: text.into() }
    }
    /// Whether the client may repeat the same later: 4xx.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }
    /// ```abnf
    /// Reply-line = *( Reply-code "-" [ textstring ] CRLF )   ; RFC 5321 §4.2
    ///              Reply-code [ SP textstring ] CRLF
    /// textstring = 1*(%d09 / %d32-126)
    /// ```
    /// Longer lines than RFC 5321 §4.5.3.1.5 allows are cut.
    pub fn push(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let end = out.len() + LINE_OCTETS_MAX - 2;
            out.extend_from_slice(self.code.to_string().as_bytes());
            out.push(if lines.peek().is_some() { b'-' } else { b' ' });
            if let Some(EnhancedCode { class, subject, detail }) = self.enhanced {
                out.extend_from_slice(format!("{class}.{subject}.{detail} ").as_bytes());
            }
            let shown = |c: char| if c.is_control() && c != '\t' { '?' } else { c };
            for c in line.chars().map(shown) {
                if out.len() + c.len_utf8() > end {
                    break;
                }
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.push(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// RFC 5321 §4.2.1, RFC 2034 §4
    #[test]
    fn one_line_and_more() {
        assert_eq!(written(&Reply::plain(354, "go ahead")), "354 go ahead\r\n");
        let reply = Reply::new(250, EnhancedCode::new(2, 1, 5), "ok");
        assert_eq!(written(&reply), "250 2.1.5 ok\r\n");
        let ehlo = Reply::plain(250, "koi.example.org\nPIPELINING\nSIZE 10");
        assert_eq!(written(&ehlo), "250-koi.example.org\r\n250-PIPELINING\r\n250 SIZE 10\r\n");
        let two = Reply::new(452, EnhancedCode::new(4, 3, 1), "full\r\nlater");
        assert_eq!(written(&two), "452-4.3.1 full?\r\n452 4.3.1 later\r\n");
        assert!(two.is_temporary() && !reply.is_temporary());
    }

    // spec: RFC 5321 §4.5.3.1.5
    #[test]
    fn no_line_is_longer_than_512_octets() {
        for text in ["x".repeat(5000), "ä".repeat(5000), format!("{}\n{}", "x".repeat(505), "y".repeat(600))]
        {
            let reply = written(&Reply::new(550, EnhancedCode::new(5, 7, 1), text));
            assert!(reply.ends_with("\r\n"));
            let longest = reply.split_inclusive("\r\n").map(str::len).max();
            assert!(matches!(longest, Some(511 | 512)), "{longest:?}");
        }
    }
}

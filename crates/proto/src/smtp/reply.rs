//! SMTP replies (RFC 5321 §4.2) with enhanced status codes (RFC 2034 §4, RFC 3463 §2).

/// One reply; more than one line for EHLO and long texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// 200 to 599
    pub code: u16,
    pub enhanced: Option<EnhancedCode>,
    /// Lines separated by LF; no CR.
    pub text: Box<str>,
}

/// `class.subject.detail`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnhancedCode {
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

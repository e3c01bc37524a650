//! Tracing objects: what hops add in front of a message; nobody signs them (docs/DIME.md, tracing).

/// Octets of the text of one object.
const TRACING_OCTETS_MAX: usize = 4096;

/// One hop. Lines `Name: value`, CRLF; there is no published content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tracing<'a> {
    /// The domain it came from.
    pub received_from: &'a str,
    /// RFC 3339 §5.6.
    pub received_at: &'a str,
    pub transaction: &'a str,
}

impl Tracing<'_> {
    /// The whole object; control characters in values are left out.
    #[must_use]
    pub fn object(&self) -> Vec<u8> {
        let lines = [
            ("Received-From", self.received_from),
            ("Received-At", self.received_at),
            ("Transaction", self.transaction),
        ];
        let mut text = String::new();
        for (name, value) in lines {
            let value: String = value.chars().filter(|c| !c.is_control()).collect();
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut end = text.len().min(TRACING_OCTETS_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        let header = crate::object::header(crate::Magic::Tracing, text.len()).unwrap_or_default();
        [header, text.into_bytes()].concat()
    }
}

/// The message with the object of the last hop in front.
#[must_use]
pub fn add_tracing(tracing: &Tracing<'_>, message: &[u8]) -> Vec<u8> {
    [&tracing.object(), message].concat()
}

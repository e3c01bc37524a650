//! What a part is without its Content-Transfer-Encoding: how large it is, and which identity encoding says
//! what is in it (RFC 2045 §2.7, RFC 2045 §2.8, RFC 2045 §2.9, RFC 2045 §6.2).

/// What 7bit and 8bit data may have between two CRLF.
const LINE_OCTETS_MAX: u64 = 998;

/// Decoded octets that went by, in pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    pub(super) octets: u64,
    /// Line ends, as BODYSTRUCTURE counts lines.
    pub(super) lines: u64,
    /// Of the line that has no end yet.
    line_octets: u64,
    /// The last octet was CR.
    after_cr: bool,
    eight_bit: bool,
    /// NUL, CR or LF alone, or too long a line.
    free: bool,
}

impl Identity {
    pub(super) fn push(&mut self, octets: &[u8]) {
        self.octets += octets.len() as u64;
        for octet in octets {
            let ends = *octet == b'\n';
            self.free |= *octet == 0 || self.after_cr != ends;
            self.eight_bit |= *octet > 0x7f;
            self.after_cr = *octet == b'\r';
            if ends {
                self.lines += 1;
                self.line_octets = 0;
            } else if !self.after_cr {
                self.line_octets += 1;
                self.free |= self.line_octets > LINE_OCTETS_MAX;
            }
        }
    }
    /// The name of the encoding that promises the most.
    pub(super) const fn encoding(&self) -> &'static [u8] {
        match (self.free || self.after_cr, self.eight_bit) {
            (true, _) => b"binary",
            (false, true) => b"8bit",
            (false, false) => b"7bit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pieces: &[&[u8]]) -> (&'static str, u64, u64) {
        let mut identity = Identity::default();
        pieces.iter().for_each(|piece| identity.push(piece));
        (std::str::from_utf8(identity.encoding()).unwrap(), identity.octets, identity.lines)
    }

    // spec: RFC 2045 §2.7; RFC 2045 §2.8; RFC 2045 §2.9
    #[test]
    fn the_encoding_that_promises_the_most() {
        assert_eq!(of(&[]), ("7bit", 0, 0));
        assert_eq!(of(&[b"hello world"]), ("7bit", 11, 0));
        assert_eq!(of(&[b"a\r", b"\nb\r\n"]), ("7bit", 6, 2));
        assert_eq!(of(&["ä\r\n".as_bytes()]), ("8bit", 4, 1));
        for free in [&b"a\nb"[..], b"a\rb", b"a\r", b"\r\r\n", b"\0", b"\xe4\0"] {
            assert_eq!(of(&[free]).0, "binary", "{free:?}");
        }
        let long = [b'x'; 999];
        assert_eq!(of(&[&long[1..], b"\r\n", &long[1..]]).0, "7bit");
        assert_eq!(of(&[&long[1..], b"y\r\n"]).0, "binary");
    }
}

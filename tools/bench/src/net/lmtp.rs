//! LMTP deliveries for measuring (RFC 2033 §4.2, RFC 2920): a blocking client for one at a time.

use super::stream::Stream;
use crate::failure::{Context, Outcome, fail};

/// The three commands before a message.
pub(crate) fn envelope(recipient: &str) -> Vec<u8> {
    format!("MAIL FROM:<sender@example.com>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n").into_bytes()
}

/// One LMTP session, blocking.
pub(crate) struct Lmtp {
    stream: Stream,
}

impl Lmtp {
    /// Connects, reads the greeting and says LHLO.
    pub(crate) fn connect(port: u16) -> Outcome<Self> {
        let mut lmtp = Self { stream: Stream::connect(port, None)? };
        lmtp.reply('2')?;
        lmtp.stream.send(b"LHLO bench.example\r\n")?;
        lmtp.reply('2')?;
        Ok(lmtp)
    }

    /// Sends MAIL, RCPT and DATA; returns when the server asks for the message.
    pub(crate) fn open(&mut self, recipient: &str) -> Outcome<()> {
        self.stream.send(&envelope(recipient))?;
        self.reply('2').context("MAIL")?;
        self.reply('2').context("RCPT")?;
        self.reply('3').context("DATA")
    }

    /// Sends the message without waiting for the reply.
    pub(crate) fn submit(&mut self, message: &[u8]) -> Outcome<()> {
        let mut request = message.to_vec();
        request.extend_from_slice(b".\r\n");
        self.stream.send(&request)
    }

    /// The reply to a submitted message.
    pub(crate) fn accepted(&mut self) -> Outcome<()> {
        self.reply('2').context("end of data")
    }

    fn reply(&mut self, wanted: char) -> Outcome<()> {
        loop {
            let line = self.stream.line()?;
            if !line.starts_with(wanted) {
                return fail(format!("LMTP reply: {line}"));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}

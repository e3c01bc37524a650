//! Deliveries by LMTP (RFC 2033 §4.2) and submissions (RFC 6409, RFC 8314 §3.3) for measuring: a blocking
//! client that sends one message at a time, its envelope in one write (RFC 2920 §3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::stream::Stream;
use super::trust;
use crate::failure::{Context, Outcome, fail};

/// Octets written at a time.
const PIECE_OCTETS: usize = 64 * 1024;
/// Who sends what is delivered by LMTP.
pub(crate) const SENDER: &str = "sender@example.com";

/// The three commands before a message.
pub(crate) fn envelope(sender: &str, recipient: &str) -> Vec<u8> {
    format!("MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n").into_bytes()
}

/// One session, blocking.
pub(crate) struct Smtp {
    stream: Stream,
}

impl Smtp {
    /// LMTP: connects, reads the greeting and says LHLO.
    pub(crate) fn lmtp(port: u16) -> Outcome<Self> {
        Self::begin(Stream::connect(port, None)?, b"LHLO bench.example\r\n")
    }

    /// Submission: connects with TLS, says EHLO and logs in.
    pub(crate) fn submission(port: u16, user: &str, password: &str) -> Outcome<Self> {
        let stream = Stream::connect(port, Some(&trust::any_certificate()?))?;
        let mut smtp = Self::begin(stream, b"EHLO bench.example\r\n")?;
        let response = STANDARD.encode(format!("\0{user}\0{password}"));
        smtp.stream.send(format!("AUTH PLAIN {response}\r\n").as_bytes())?;
        smtp.reply('2').context("AUTH")?;
        Ok(smtp)
    }

    fn begin(stream: Stream, hello: &[u8]) -> Outcome<Self> {
        let mut smtp = Self { stream };
        smtp.reply('2')?;
        smtp.stream.send(hello)?;
        smtp.reply('2')?;
        Ok(smtp)
    }

    /// Sends MAIL, RCPT and DATA; returns when the server asks for the message.
    pub(crate) fn open(&mut self, sender: &str, recipient: &str) -> Outcome<()> {
        self.stream.send(&envelope(sender, recipient))?;
        self.reply('2').context("MAIL")?;
        self.reply('2').context("RCPT")?;
        self.reply('3').context("DATA")
    }

    /// Sends the message without waiting for the reply. A large one lets others run between its pieces: a
    /// client on a machine of its own takes no processor from those who are measured here, and the system
    /// does not interrupt a long copy.
    pub(crate) fn submit(&mut self, message: &[u8]) -> Outcome<()> {
        let mut rest = message;
        while let Some((piece, more)) = rest.split_at_checked(PIECE_OCTETS) {
            self.stream.send(piece)?;
            std::thread::yield_now();
            rest = more;
        }
        self.stream.send(&[rest, b".\r\n"].concat())
    }

    /// The reply to a submitted message.
    pub(crate) fn accepted(&mut self) -> Outcome<()> {
        self.reply('2').context("end of data")
    }

    fn reply(&mut self, wanted: char) -> Outcome<()> {
        loop {
            let line = self.stream.line()?;
            if !line.starts_with(wanted) {
                return fail(format!("reply: {line}"));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}

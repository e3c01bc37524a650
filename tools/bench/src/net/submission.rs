//! Submissions for measuring (RFC 6409, RFC 8314 §3.3): a blocking client over TLS, logged in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::stream::Stream;
use super::trust;
use crate::failure::{Context, Outcome, fail};

/// One submission session, blocking.
pub(crate) struct Submission {
    stream: Stream,
}

impl Submission {
    /// Connects with TLS, says EHLO and logs in.
    pub(crate) fn login(port: u16, user: &str, password: &str) -> Outcome<Self> {
        let mut submission = Self { stream: Stream::connect(port, Some(&trust::any_certificate()?))? };
        submission.reply('2')?;
        submission.stream.send(b"EHLO bench.example\r\n")?;
        submission.reply('2')?;
        let response = STANDARD.encode(format!("\0{user}\0{password}"));
        submission.stream.send(format!("AUTH PLAIN {response}\r\n").as_bytes())?;
        submission.reply('2').context("AUTH")?;
        Ok(submission)
    }

    /// Sends MAIL, RCPT and DATA in one write; returns when the server asks for the message.
    pub(crate) fn open(&mut self, sender: &str, recipient: &str) -> Outcome<()> {
        let envelope = format!("MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n");
        self.stream.send(envelope.as_bytes())?;
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
                return fail(format!("SMTP reply: {line}"));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}

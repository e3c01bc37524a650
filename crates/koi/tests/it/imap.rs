//! A small IMAP client and a small LMTP client for tests: blocking, with a deadline, no cleverness.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// TLS that trusts the folder's CA; nothing is read yet.
pub(crate) fn tls(port: u16, folder: &Path) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    use rustls::pki_types::pem::PemObject as _;
    let ca = rustls::pki_types::CertificateDer::from_pem_file(folder.join("tls/ca.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection =
        rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    rustls::StreamOwned::new(connection, stream)
}

/// An IMAP connection.
pub(crate) struct Imap {
    stream: BufReader<Box<dyn Stream>>,
    next: u32,
}

/// Everything up to and with the tagged line; literals are kept in the lines where they were.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) untagged: Vec<Vec<u8>>,
    pub(crate) tagged: String,
}

impl Answer {
    /// Untagged lines as text.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.untagged.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect()
    }
}

impl Imap {
    /// Clear text, greeting read.
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Self::greeted(Box::new(stream))
    }

    /// TLS that trusts the folder's CA, greeting read.
    pub(crate) fn connect_tls(port: u16, folder: &Path) -> Self {
        Self::greeted(Box::new(tls(port, folder))).unwrap()
    }

    fn greeted(stream: Box<dyn Stream>) -> io::Result<Self> {
        let mut imap = Self { stream: BufReader::with_capacity(64 * 1024, stream), next: 1 };
        let greeting = imap.line()?;
        if greeting.starts_with(b"* OK") {
            return Ok(imap);
        }
        Err(io::Error::other(String::from_utf8_lossy(&greeting).into_owned()))
    }

    /// One logical line: literals included, without the last CRLF. An error at the end of the stream.
    pub(crate) fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            if self.stream.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if !line.ends_with(b"\r\n") {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            line.truncate(line.len() - 2);
            let Some(octets) = literal_at_end(&line) else { return Ok(line) };
            line.extend_from_slice(b"\r\n");
            let from = line.len();
            line.resize(from + octets, 0);
            self.stream.read_exact(&mut line[from..])?;
        }
    }

    /// Sends octets as they are.
    pub(crate) fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(octets)?;
        self.stream.get_mut().flush()
    }

    /// A command and its answer.
    pub(crate) fn command(&mut self, command: &[u8]) -> io::Result<Answer> {
        let tag = format!("t{}", self.next);
        self.next += 1;
        let mut octets = format!("{tag} ").into_bytes();
        octets.extend_from_slice(command);
        octets.extend_from_slice(b"\r\n");
        self.send(&octets)?;
        let mut untagged = Vec::new();
        loop {
            let line = self.line()?;
            if let Some(rest) = line.strip_prefix(format!("{tag} ").as_bytes()) {
                return Ok(Answer { untagged, tagged: String::from_utf8_lossy(rest).into_owned() });
            }
            untagged.push(line);
        }
    }

    /// A command that must be answered OK.
    pub(crate) fn ok(&mut self, command: &str) -> Answer {
        let answer = self.command(command.as_bytes()).unwrap();
        assert!(answer.tagged.starts_with("OK"), "{command}: {}", answer.tagged);
        answer
    }

    /// APPEND with a non-synchronizing literal (RFC 7888 §4); the tagged text.
    pub(crate) fn append(&mut self, mailbox: &str, flags: &str, message: &[u8]) -> io::Result<Answer> {
        let mut command = format!("APPEND {mailbox} ({flags}) {{{}+}}\r\n", message.len()).into_bytes();
        command.extend_from_slice(message);
        self.command(&command)
    }

    /// UIDs and octets of all messages of a mailbox.
    pub(crate) fn all(&mut self, mailbox: &str) -> Vec<Fetched> {
        self.ok(&format!("EXAMINE {mailbox}"));
        let answer = self.ok("UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])");
        answer.untagged.iter().filter_map(|line| Fetched::parse(line)).collect()
    }
}

fn literal_at_end(line: &[u8]) -> Option<usize> {
    let open = line.iter().rposition(|b| *b == b'{')?;
    let digits = line.strip_suffix(b"}")?.get(open + 1..)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// One message of an answer to FETCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fetched {
    pub(crate) uid: u32,
    /// Sorted. Without `\Recent`, which is not the message's but the session's (RFC 3501 §2.3.2).
    pub(crate) flags: Vec<String>,
    pub(crate) internaldate: String,
    pub(crate) octets: Vec<u8>,
}

impl Fetched {
    fn parse(line: &[u8]) -> Option<Self> {
        let at = line.windows(2).position(|w| w == b"\r\n").unwrap_or(line.len());
        let length = literal_at_end(&line[..at]).unwrap_or(0);
        // The literal's octets may look like anything; the items stand before and after it.
        let after = line.get(at + 2 + length..).unwrap_or_default();
        let head = format!("{}{}", std::str::from_utf8(&line[..at]).ok()?, std::str::from_utf8(after).ok()?);
        let between = |from: &str, to: &str| {
            let start = head.find(from)? + from.len();
            let end = head[start..].find(to)? + start;
            Some(&head[start..end])
        };
        if !head.contains(" FETCH (") {
            return None;
        }
        let uid = between("UID ", " ").or_else(|| between("UID ", ")"))?.parse().ok()?;
        let mut flags: Vec<String> = between("FLAGS (", ")")?
            .split(' ')
            .filter(|f| !["", "\\Recent"].contains(f))
            .map(str::to_owned)
            .collect();
        flags.sort();
        let internaldate = between("INTERNALDATE \"", "\"").unwrap_or_default().to_owned();
        let octets = line.get(at + 2..at + 2 + length).unwrap_or_default().to_vec();
        Some(Self { uid, flags, internaldate, octets })
    }
}

/// An LMTP connection (RFC 2033).
pub(crate) struct Lmtp {
    stream: BufReader<TcpStream>,
}

impl Lmtp {
    /// Greeting and LHLO done.
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut lmtp = Self { stream: BufReader::new(stream) };
        lmtp.expect('2')?;
        lmtp.stream.get_mut().write_all(b"LHLO test\r\n")?;
        lmtp.expect('2')?;
        Ok(lmtp)
    }

    /// The last line of a reply.
    fn reply(&mut self) -> io::Result<String> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }

    fn expect(&mut self, class: char) -> io::Result<()> {
        let reply = self.reply()?;
        if reply.starts_with(class) { Ok(()) } else { Err(io::Error::other(reply)) }
    }

    /// Delivers; one reply per recipient.
    pub(crate) fn deliver(&mut self, recipients: &[&str], message: &[u8]) -> io::Result<Vec<String>> {
        let mut octets = b"MAIL FROM:<sender@example.net>\r\n".to_vec();
        for recipient in recipients {
            octets.extend_from_slice(format!("RCPT TO:<{recipient}>\r\n").as_bytes());
        }
        octets.extend_from_slice(b"DATA\r\n");
        self.stream.get_mut().write_all(&octets)?;
        for _ in 0..=recipients.len() {
            self.expect('2')?;
        }
        self.expect('3')?;
        let mut octets = Vec::with_capacity(message.len() + 5);
        for line in message.split_inclusive(|b| *b == b'\n') {
            if line.starts_with(b".") {
                octets.push(b'.');
            }
            octets.extend_from_slice(line);
        }
        octets.extend_from_slice(b".\r\n");
        self.stream.get_mut().write_all(&octets)?;
        recipients.iter().map(|_| self.reply()).collect()
    }
}

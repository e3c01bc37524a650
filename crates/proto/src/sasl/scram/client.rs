//! The client's side of SCRAM (RFC 5802 §5): for tests, the benchmark and tools.

use super::keys::{SaltedPassword, ScramKeys};
use super::message::{Attribute, is_nonce, name_to};
use super::{Exporter, TLS_EXPORTER};
use crate::sasl::base64::{base64_decode, base64_encode};
use crate::sasl::prepare::saslprep;

/// A server that asks for more is refused, not obeyed: the count is the server's to choose, the time is ours.
const ITERATIONS_MAX: u32 = 10_000_000;

/// What the client tells about channel binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binding<'a> {
    /// `n`
    None,
    /// `y`: could, but the server did not offer it.
    NotOffered,
    /// `p=tls-exporter`
    TlsExporter(&'a Exporter),
}

/// One exchange.
#[derive(Clone, Debug)]
pub struct ScramClient {
    /// `c=`, before base64.
    binding: Vec<u8>,
    gs2_header: String,
    bare: String,
    nonce: String,
    expected: Option<Expected>,
}

#[derive(Clone, Debug)]
struct Expected {
    keys: ScramKeys,
    auth_message: String,
}

impl ScramClient {
    /// `nonce`: printable ASCII without comma, never the same twice.
    #[must_use]
    pub fn new(username: &str, nonce: &str, binding: Binding<'_>) -> Self {
        let (flag, data): (String, &[u8]) = match binding {
            Binding::None => ("n".into(), &[]),
            Binding::NotOffered => ("y".into(), &[]),
            Binding::TlsExporter(data) => (format!("p={TLS_EXPORTER}"), data),
        };
        let gs2_header = format!("{flag},,");
        let binding = [gs2_header.as_bytes(), data].concat();
        let bare = format!("n={},r={nonce}", name_to(username));
        Self { binding, gs2_header, bare, nonce: nonce.to_owned(), expected: None }
    }

    /// The first message.
    #[must_use]
    pub fn first(&self) -> Vec<u8> {
        format!("{}{}", self.gs2_header, self.bare).into_bytes()
    }

    /// The answer to the server's first message; computes PBKDF2.
    pub fn proof(&mut self, server_first: &[u8], password: &str) -> Result<Vec<u8>, &'static str> {
        let password = saslprep(password).ok_or("the password holds prohibited characters")?;
        self.proof_salted(server_first, |salt, iterations| {
            SaltedPassword::new(password.as_bytes(), salt, iterations)
        })
    }

    /// The same by a client that keeps what a salt and a count made of its password (RFC 5802 §5.1).
    pub fn proof_salted(
        &mut self,
        server_first: &[u8],
        salted: impl FnOnce(&[u8], u32) -> SaltedPassword,
    ) -> Result<Vec<u8>, &'static str> {
        let wrong = "not a server-first-message";
        let server_first = std::str::from_utf8(server_first).map_err(|_| wrong)?;
        let mut attributes = server_first.split(',');
        let mut next = |letter| attributes.next().and_then(|a| Attribute::of(letter, a)).ok_or(wrong);
        let (nonce, salt, iterations) = (next(b'r')?, next(b's')?, next(b'i')?);
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() || !is_nonce(nonce) {
            return Err("the server's nonce does not continue ours");
        }
        let salt = base64_decode(salt.as_bytes())?;
        let iterations = iterations.parse().ok().filter(|i| (1..=ITERATIONS_MAX).contains(i));
        let salted = salted(&salt, iterations.ok_or(wrong)?);
        let keys = ScramKeys::new(&salted);
        let without_proof = format!("c={},r={nonce}", base64_encode(&self.binding));
        let auth_message = format!("{},{server_first},{without_proof}", self.bare);
        let proof = keys.prove(&salted, auth_message.as_bytes());
        self.expected = Some(Expected { keys, auth_message });
        Ok(format!("{without_proof},p={}", base64_encode(&proof)).into_bytes())
    }

    /// Whether the server knows the password too.
    pub fn check(&self, server_final: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(server_final);
        let first = text.split(',').next().unwrap_or_default();
        if let Some(error) = Attribute::of(b'e', first) {
            return Err(format!("the server says {error}"));
        }
        let signature = Attribute::of(b'v', first).ok_or("not a server-final-message")?;
        let signature = base64_decode(signature.as_bytes())?;
        let expected = self.expected.as_ref().ok_or("the server is too early")?;
        match expected.keys.is_signature(expected.auth_message.as_bytes(), &signature) {
            true => Ok(()),
            false => Err("the server does not know the password".into()),
        }
    }
}

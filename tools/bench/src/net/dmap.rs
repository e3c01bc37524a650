//! A DMAP client for measuring: logs in by STACIE, sends prepared commands (docs/DMAP-SYNTAX.md).

use std::sync::Arc;

use koi_dime::stacie::exchange::{Challenge, ClientFirst, ServerProof, proof_message};
use koi_dime::stacie::{Derived, Inputs, Password, Salt, VerificationToken};
use koi_proto::sasl::{base64_decode, base64_encode};
use rustls::ClientConfig;

use super::stream::{Counted, Stream};
use crate::failure::{Context, Outcome, fail};

/// How every untagged FETCH response goes on after its number.
const FETCH: &[u8] = b" FETCH (";

/// What a client computes once of its password and the server's salt.
#[derive(Default)]
pub(crate) struct Tokens {
    known: Option<(Salt, VerificationToken)>,
}

/// One session.
pub(crate) struct Dmap {
    stream: Stream,
    number: u32,
}

impl Dmap {
    /// Connects over TLS and reads the greeting.
    pub(crate) fn connect(port: u16, tls: &Arc<ClientConfig>) -> Outcome<Self> {
        let mut stream = Stream::connect(port, Some(tls))?;
        let greeting = stream.line().context("DMAP greeting")?;
        if !greeting.starts_with("* OK") {
            return fail(format!("DMAP greeting: {greeting}"));
        }
        Ok(Self { stream, number: 0 })
    }

    /// AUTHENTICATE STACIE. The tokens are derived the first time only.
    pub(crate) fn log_in(&mut self, user: &str, password: &str, tokens: &mut Tokens) -> Outcome<()> {
        let tag = self.next_tag();
        let first = ClientFirst { authzid: "", authcid: user }.message();
        let line = format!("{tag} AUTHENTICATE STACIE {}\r\n", base64_encode(first.as_bytes()));
        self.stream.send(line.as_bytes())?;
        let said = self.challenge()?;
        let challenge = Challenge::parse(&said)?;
        let username = challenge.username.as_deref().unwrap_or(user);
        let token = tokens.of(username, password, &challenge)?;
        let proof = proof_message(&token.login_token(username, &challenge.salt, &challenge.nonce));
        self.stream.send(format!("{}\r\n", base64_encode(proof.as_bytes())).as_bytes())?;
        let theirs = ServerProof::parse(&self.challenge()?)?;
        if theirs != ServerProof::new(token, first.as_bytes(), &said, proof.as_bytes()) {
            return fail("the server does not know the token");
        }
        self.stream.send(b"\r\n")?;
        self.finish(&tag, "AUTHENTICATE").map(drop)
    }

    /// Runs one command and counts the FETCH responses of its answer; anything but a tagged OK is a failure.
    pub(crate) fn run(&mut self, command: &str) -> Outcome<Counted> {
        let tag = self.next_tag();
        self.stream.send(format!("{tag} {command}\r\n").as_bytes())?;
        self.finish(&tag, command)
    }

    /// APPEND of one message, small enough for a literal that does not wait.
    pub(crate) fn append(&mut self, message: &[u8]) -> Outcome<()> {
        let tag = self.next_tag();
        let mut request = format!("{tag} APPEND INBOX ~{{{}+}}\r\n", message.len()).into_bytes();
        request.extend_from_slice(message);
        request.extend_from_slice(b"\r\n");
        self.stream.send(&request)?;
        self.finish(&tag, "APPEND").map(drop)
    }

    fn challenge(&mut self) -> Outcome<Vec<u8>> {
        let line = self.stream.line()?;
        match line.strip_prefix("+ ") {
            Some(text) => base64_decode(text.trim_end().as_bytes()).or_else(fail),
            None => fail(format!("AUTHENTICATE: {line}")),
        }
    }

    fn next_tag(&mut self) -> String {
        self.number += 1;
        format!("kb7q{}", self.number)
    }

    fn finish(&mut self, tag: &str, command: &str) -> Outcome<Counted> {
        let verb = command.get(..command.len().min(60)).unwrap_or_default();
        let answer = self.stream.until_tagged(tag, FETCH).context(verb)?;
        let tagged = answer.tagged();
        match tagged.strip_prefix(tag) {
            Some(rest) if rest.starts_with(" OK") => Ok(answer),
            _ => fail(format!("{verb}: {tagged}")),
        }
    }
}

impl Tokens {
    fn of(&mut self, username: &str, password: &str, challenge: &Challenge) -> Outcome<&VerificationToken> {
        let is_known = self.known.as_ref().is_some_and(|(salt, _)| salt.0 == challenge.salt.0);
        if !is_known {
            let password = Password::new(password.as_bytes())?;
            let inputs =
                Inputs { username, password: &password, salt: &challenge.salt, bonus: challenge.bonus };
            let Derived { password_key, .. } = inputs.derive();
            let token = password_key.verification_token(username, &challenge.salt);
            self.known = Some((challenge.salt, token));
        }
        self.known.as_ref().map(|(_, token)| token).context("no token")
    }
}

//! A whole session (DMAP-00 §9): both sides read it, and write the same octets again.

use koi_proto::dmap::client;
use koi_proto::dmap::command::{Append, encode_sasl};
use koi_proto::dmap::decode::{Decoded, Decoder, Phase};
use koi_proto::dmap::{Command, Response, Tag};
use koi_proto::sasl::SaslLine;
use koi_types::limits;

const ID: &str = "5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ";

/// What client and server say in turn. `<n>` stands for n octets of any value, `@` for the key id.
const SESSION: &[&str] = &[
    "S: * OK [CAPABILITY DMAPv1 DMAP=CAUTIOUS SASL-IR LITERAL- AUTH=STACIE AUTH=STACIE-PLUS] \
      mail.example.tld \
           DMAPv1 ready\r\n",
    "C: a1 AUTHENTICATE STACIE AHVzZXJAZXhhbXBsZS50bGQ=\r\n",
    "S: + dj0xLGI9MTI4LHM9bHlydHB6TjhjQlJadnNpSFg2eTRqLXBKT2pJeUpldXc1YVZYenJJdHcxRzRFT2EtNkNBNFI5\
           QmhWcGlua2VIMFVlWHlPZVRpc0hSM0lrM3l1T2h4YldQeWVzTUp2ZnAwSUJ0eDBmMHVvcmI4d1BuaHc1QnhESlZDYj\
           FUT1NFNTBQRktHQkZNa2M2M0tvYTd2TURqLVdFb0RqMlgwa2tUdGxXNmNVdkY4aS1NLG49b0RkWUFIT3NpWDdObDJx\
           VHdUMThvblcwaFpkZVRPM2VieHpacDZuWE1Ub19fMF92cl9Bc21BbTN2WVJ3V3RTQ1BKejBzQTJvNjZ1aE5tNlllbk\
           9HejBOa0hjU0FWZ1FoS2RFQmZfQlRZa3lVTER1dzJmU2tiTzdtbG54RWh4cXJKRWMyN1pWYW02b2dZQUJmSFpqZ1ZV\
           VEFpX1NJQ3lLQU43S09NdUltTDJn\r\n",
    "C: dD1fLU1PVWtGYkpMQUVGWDhJNGs5QmYtOFZWazlEUWxFVEFsaW9vVUg1dW5MVW1nUGt4YzJwZVFhUVVYdnlvUnJNODdERjNrU2ZG\
           aENoX3V5djNCTWI3UQ==\r\n",
    "S: + \
      cD0zQm1LUFhfVVQyMk54eFZyc1pTbUdXY1owdlB1Q191R3pLLVdSMW9sTTlPeFNUaEhVVWlid1E4dnh6N0l4VFB1YnJRSnc3cFV5\
           MloxQkpCTVdGRmVfUQ==\r\n",
    "C: \r\n",
    "S: a1 OK [CAPABILITY DMAPv1 DMAP=CAUTIOUS LITERAL- IDLE ENABLE UNSELECT MOVE UIDPLUS ESEARCH CONDSTORE \
           QRESYNC SPECIAL-USE LIST-STATUS LIST-META REALM STACIE-PASSWD] Logged in\r\n",
    "C: a2 GETREALM mail\r\n",
    "S: * REALM mail 0 SALT @\r\na2 OK GETREALM completed\r\n",
    "C: a3 LISTKEYS\r\n",
    "S: a3 OK LISTKEYS completed\r\n",
    "C: a4 ADDKEY @ ~{139+}\r\n<139> ~{118+}\r\n<118>\r\n",
    "S: a4 OK ADDKEY completed\r\n",
    "C: a5 GETKEY @ BOTH\r\n",
    "S: * KEY @ (STATUS CURRENT CREATED \"19-Oct-2015 10:00:01 +0000\" EXPIRES NIL PUBLIC ~{139}\r\n<139> \
           PRIVATE ~{118}\r\n<118> SIGNET ~{204}\r\n<204>)\r\na5 OK GETKEY completed\r\n",
    "C: a6 LIST (SPECIAL-USE) * RETURN (STATUS (MESSAGES UNSEEN HIGHESTMODSEQ) META)\r\n",
    "S: * LIST (\\HasNoChildren \\Drafts) \"/\" =9vK1qZ0hS7mQ2cXyTgBnUA (STATUS (MESSAGES 0 UNSEEN 0 \
      HIGHESTMODSEQ \
           1) META ~{98}\r\n<98>)\r\na6 OK LIST completed\r\n",
    "C: a7 SELECT INBOX\r\n",
    "S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\Forwarded \\Submitted \\SubmitPending)\r\n\
           * 1 EXISTS\r\n\
           * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\Forwarded \
           \\SubmitPending \\*)] Limited\r\n\
           * OK [UIDNEXT 8] Predicted next UID\r\n\
           * OK [UIDVALIDITY 1445248800] UIDs valid\r\n\
           * OK [HIGHESTMODSEQ 90] Highest\r\n\
           * LIST () \"/\" INBOX\r\n\
           a7 OK [READ-WRITE] SELECT completed\r\n",
    "C: a8 FETCH 1 (FULL)\r\n",
    "S: a8 BAD Macro must stand alone\r\n",
    "C: a9 UID FETCH 7 (FLAGS INTERNALDATE SIZE BODYSTRUCTURE)\r\n",
    "S: * 1 FETCH (UID 7 FLAGS () INTERNALDATE \"19-Oct-2015 10:00:05 +0000\" SIZE 1598 BODYSTRUCTURE \
      ((1 73) (32 \
           356) (33 356) (48 356) (224 161) (225 161) (255 129)) MODSEQ (90))\r\na9 OK FETCH completed\r\n",
    "C: b1 UID FETCH 7 (KEYID BODY.PEEK[1.1] BODY.PEEK[32.1] BODY.PEEK[48.1]<0.16> BODY.PEEK[67.2])\r\n",
    "S: * 1 FETCH (UID 7 MODSEQ (90) KEYID @ BODY[1.1] ~{73}\r\n<73> BODY[32.1] ~{356}\r\n<356> \
      BODY[48.1]<0> \
           ~{16}\r\n<16> BODY[67.2] NIL)\r\nb1 OK FETCH completed\r\n",
    "C: b2 UID STORE 7 (UNCHANGEDSINCE 90) META ~{114+}\r\n<114>\r\n",
    "S: * 1 FETCH (UID 7 META ~{114}\r\n<114> MODSEQ (91))\r\nb2 OK STORE completed\r\n",
    "C: b3 GETSIGNET bob@example.net (REFRESH)\r\n",
    "S: * SIGNET bob@example.net @ (STATUS CURRENT SOURCE DMTP VALIDATION (SELF ORG DNSSEC TLS) RECORD \
           \"ver=1 pok=... pol=strict\" DATA ~{269}\r\n<269> ORG ~{139}\r\n<139>)\r\nb3 OK GETSIGNET \
           completed\r\n",
    "C: b4 APPEND INBOX (\\SubmitPending) \"19-Oct-2015 10:02:00 +0000\" ~{3072+}\r\n<3072>\r\n",
    "S: * 2 EXISTS\r\nb4 OK [APPENDUID 1445248800 8] APPEND completed\r\n",
    "C: b5 UID SUBMIT 8 (RETURN HEADER SAVETO =9vK1qZ0hS7mQ2cXyTgBnUA)\r\n",
    "S: * 2 FETCH (UID 8 FLAGS (\\Submitted \\SubmitPending) MODSEQ (93))\r\n\
           * 2 FETCH (UID 8 FLAGS (\\Submitted) MODSEQ (94))\r\n\
           b5 OK [SUBMITTED rT0mXbC4QmWl1T2jKc9B1w] Queued for example.net\r\n",
    "C: b6 UID SUBMIT 8\r\n",
    "S: b6 NO [SUBMISSIONRACE] Message is not pending submission\r\n",
    "C: b7 IDLE\r\n",
    "S: + idling\r\n* 3 EXISTS\r\n",
    "C: DONE\r\n",
    "S: b7 OK IDLE completed\r\n",
    "C: b8 LOGOUT\r\n",
    "S: * BYE Logging out\r\nb8 OK LOGOUT completed\r\n",
];

/// Octets of every value, among them CR, LF, NUL and what would end a list.
fn octets(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 7 + 3) as u8).collect()
}

fn expanded(line: &str) -> Vec<u8> {
    let line = line.replace('@', ID).replace(&format!("bob{ID}"), "bob@");
    let mut out = Vec::new();
    let mut rest = line.as_str();
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').unwrap();
        match rest[at + 1..end].parse() {
            // `BODY[48.1]<0.16>` and `BODY[48.1]<0>` are no octets.
            Ok(count) if count > 0 => {
                out.extend_from_slice(&rest.as_bytes()[..at]);
                out.extend(octets(count));
            }
            _ => out.extend_from_slice(&rest.as_bytes()[..=end]),
        }
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// All that one side sends; `who` begins its lines.
fn side(who: &str) -> Vec<u8> {
    SESSION.iter().filter_map(|line| line.strip_prefix(who)).flat_map(expanded).collect()
}

/// DMAP-00 §9: what the client sends, read by the server and written again.
#[test]
fn the_client_side() {
    let sent = side("C: ");
    for piece in [sent.len(), 1, 13] {
        assert_eq!(rewritten(&sent, piece).escape_ascii().to_string(), sent.escape_ascii().to_string());
    }
}

fn rewritten(sent: &[u8], piece: usize) -> Vec<u8> {
    let mut decoder = Decoder::new(limits::MESSAGE_OCTETS_MAX);
    let mut phase = Phase::NotAuthenticated;
    let (mut out, mut sasl_lines) = (Vec::new(), 0);
    for octets in sent.chunks(piece) {
        decoder.feed(octets);
        loop {
            match decoder.next(phase) {
                Decoded::NeedMore => break,
                Decoded::Command { tag, command } => {
                    phase = match command {
                        Command::Authenticate { .. } => Phase::Sasl,
                        Command::Idle => Phase::Idle,
                        _ => Phase::Authenticated,
                    };
                    out.extend_from_slice(command.encode(&tag).octets());
                }
                Decoded::Sasl(SaslLine::Response(response)) => {
                    sasl_lines += 1;
                    phase = if sasl_lines == 2 { Phase::Authenticated } else { Phase::Sasl };
                    out.extend(encode_sasl(&response.0));
                }
                Decoded::Bad { tag, text, .. } => {
                    assert_eq!(&*text, "a macro must stand alone at octet 12");
                    out.extend_from_slice(format!("{} FETCH 1 (FULL)\r\n", tag.unwrap()).as_bytes());
                }
                Decoded::AppendBegin { tag, append } => {
                    assert_eq!(append, Append { octets: 3072, literal8: true, ..append.clone() });
                    out.extend_from_slice(append.encode(&tag).octets());
                    decoder.accept_append();
                }
                Decoded::AppendData => out.extend_from_slice(decoder.append_data()),
                Decoded::AppendEnd => out.extend_from_slice(b"\r\n"),
                Decoded::Done => {
                    phase = Phase::Authenticated;
                    out.extend_from_slice(b"DONE\r\n");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    out
}

/// DMAP-00 §9: what the server sends, read by the client and written again.
#[test]
fn the_server_side() {
    let sent = side("S: ");
    for piece in [sent.len(), 1, 13] {
        let mut decoder = client::Decoder::new(limits::DMAP_RESPONSE_OCTETS_MAX);
        let (mut out, mut tagged, mut challenges) = (Vec::new(), Vec::new(), 0);
        for octets in sent.chunks(piece) {
            decoder.feed(octets);
            loop {
                match decoder.receive() {
                    client::Received::NeedMore => break,
                    client::Received::Response(response) => {
                        challenges += usize::from(response.challenge().is_some_and(|c| !c.is_empty()));
                        if let Response::Status(status) = &response {
                            tagged.extend(status.tag.clone());
                        }
                        response.push(&mut out);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(out.escape_ascii().to_string(), sent.escape_ascii().to_string());
        let tags = [
            "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b1", "b2", "b3", "b4", "b5", "b6", "b7",
            "b8",
        ];
        assert_eq!(tagged, tags.map(|tag| Tag::new(tag).unwrap()));
        assert_eq!(challenges, 2);
    }
}

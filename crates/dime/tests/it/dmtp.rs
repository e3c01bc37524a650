//! DMTP: both syntaxes, replies, and octets in any pieces.

use koi_dime::Fingerprint;
use koi_dime::dmtp::{
    COMMAND_LINE_OCTETS_MAX, Command, CommandError, Commands, DecodeError, Decoded, MailParameters, Name,
    REPLY_LINE_OCTETS_MAX, Replies, Reply, ReplyError, Return, SignetReply, VerifyReply,
};
use koi_types::Address;
use proptest::prelude::*;

fn print(octet: u8) -> Fingerprint {
    Fingerprint([octet; 64])
}

fn user() -> Name {
    Name::User(Address::parse("bob@example.net").unwrap())
}

fn all() -> Vec<Command> {
    let domain = || String::from("example.net");
    let size = |return_| MailParameters { size: 1598, return_ };
    vec![
        Command::StartTls { domain: domain() },
        Command::Ehlo { domain: domain() },
        Command::Mode,
        Command::Mail { origin: domain(), signet: print(1), parameters: size(None) },
        Command::Mail { origin: domain(), signet: print(1), parameters: size(Some(Return::Header)) },
        Command::Rcpt { destination: domain(), signet: print(2) },
        Command::Data { hash: None },
        Command::Data { hash: Some(print(3)) },
        Command::Signet { name: user(), fingerprint: None },
        Command::Signet { name: Name::Domain(domain()), fingerprint: Some(print(4)) },
        Command::Verify { name: user(), fingerprint: print(5) },
        Command::History { name: user(), start: None, stop: None },
        Command::History { name: user(), start: Some(print(6)), stop: Some(print(7)) },
        Command::Reset,
        Command::Noop,
        Command::Help,
        Command::Quit,
    ]
}

#[test]
fn what_is_written_reads_back() {
    for command in all() {
        let line = command.line();
        assert_eq!(Command::parse(line.strip_suffix("\r\n").unwrap()), Ok(command), "{line}");
    }
    let line = all()[4].line();
    assert!(line.starts_with("MAIL FROM: <example.net> [AQEB"));
    assert!(line.ends_with("] SIZE=1598 RETURN=HEADER\r\n"));
}

#[test]
fn the_newer_syntax() {
    let (one, two) = (print(1), print(2).standard());
    let table = [
        (format!("mail from=<Example.NET> fingerprint=[{one}] size=1598 data=8bit"), 3),
        (format!("RCPT TO=<example.net> FINGERPRINT=[{two}]"), 5),
        (String::from("STARTTLS HOST=<example.net> MODE=<DMTPv1>"), 0),
        (String::from("EHLO HOST=<example.net>"), 1),
        (String::from("SGNT USER=<bob@example.net>"), 8),
        (format!("SGNT DOMAIN=<example.net> FINGERPRINT=[{}]", print(4)), 9),
        (format!("HIST USER=<bob@example.net> START=[{}] STOP=[{}]", print(6), print(7)), 12),
        (String::from("noop whatever it is"), 14),
    ];
    for (line, wanted) in table {
        assert_eq!(Command::parse(&line).as_ref(), Ok(&all()[wanted]), "{line}");
    }
}

#[test]
fn no_commands() {
    let refused = |line: &str| Command::parse(line).unwrap_err();
    for line in ["", "VERB", "STATS", "HELO", "LHLO <x>"] {
        assert!(matches!(refused(line), CommandError::Unknown | CommandError::Syntax), "{line}");
    }
    let one = print(1);
    for line in [
        "EHLO",
        "EHLO example.net",
        "EHLO <exa mple>",
        "EHLO <>",
        "EHLO <a> x",
        "QUIT now",
        "RCPT TO: <a>",
        "RCPT TO: <a> [AA]",
        "SGNT <a@>",
        "VRFY <a@b>",
        "STARTTLS <a>",
        &format!("MAIL FROM: <a> [{one}]"),
        &format!("MAIL FROM: <a> [{one}] SIZE=-1"),
        &format!("MAIL FROM: <a> [{one}] SIZE=99999999999999999999"),
        &format!("MAIL FROM: <a> [{one}] SIZE=1 SIZE=1"),
        &format!("MAIL FROM: <a> [{one}] SIZE"),
        &format!("DATA [{one}]x"),
    ] {
        assert_eq!(refused(line), CommandError::Syntax, "{line}");
    }
    for line in [
        "STARTTLS <a> MODE=SMTP".to_owned(),
        format!("MAIL FROM: <a> [{one}] SIZE=1 DATA=7BIT"),
        format!("MAIL FROM: <a> [{one}] SIZE=1 X=1"),
        format!("MAIL FROM: <a> [{one}] SIZE=1 RETURN=ALL"),
    ] {
        assert_eq!(refused(&line), CommandError::Parameter, "{line}");
    }
}

/// All that is found in octets fed in pieces of `piece`.
fn found(octets: &[u8], piece: usize, size: u64) -> Result<Vec<Decoded>, DecodeError> {
    let mut commands = Commands::new();
    let mut all: Vec<Decoded> = Vec::new();
    for piece in octets.chunks(piece.max(1)) {
        commands.feed(piece);
        loop {
            match commands.decode()? {
                Decoded::NeedMore => break,
                Decoded::Data(more) => match all.last_mut() {
                    Some(Decoded::Data(data)) => data.extend(more),
                    _ => all.push(Decoded::Data(more)),
                },
                decoded => {
                    if matches!(decoded, Decoded::Command(Command::Data { .. })) {
                        commands.expect_data(size);
                    }
                    all.push(decoded);
                }
            }
        }
    }
    Ok(all)
}

#[test]
fn a_message_is_counted() {
    let octets = b"DATA\r\nQUIT\r\n.\r\n\x00\r\nNOOP\n\xff\r\nRSET\x01\r\n";
    for piece in 1..octets.len() {
        let wanted = [
            Decoded::Command(Command::Data { hash: None }),
            Decoded::Data(b"QUIT\r\n.\r\n\x00".to_vec()),
            Decoded::DataEnd,
            Decoded::Command(Command::Noop),
            Decoded::Bad(CommandError::Syntax),
            Decoded::Bad(CommandError::Syntax),
        ];
        assert_eq!(found(octets, piece, 10).unwrap(), wanted);
        assert_eq!(found(octets, piece, 9), Err(DecodeError::NoLineEnd));
    }
    let empty = [Decoded::Command(Command::Data { hash: None }), Decoded::DataEnd];
    assert_eq!(found(b"DATA\r\n\r\n", 3, 0).unwrap(), empty);
    let long = vec![b'a'; COMMAND_LINE_OCTETS_MAX + 1];
    assert_eq!(found(&long, 100, 0), Err(DecodeError::LineTooLong));
}

fn replies(octets: &[u8], piece: usize) -> Result<Vec<Reply>, ReplyError> {
    let mut replies = Replies::new();
    let mut all = Vec::new();
    for piece in octets.chunks(piece) {
        replies.feed(piece);
        while let Some(reply) = replies.decode()? {
            all.push(reply);
        }
    }
    Ok(all)
}

#[test]
fn replies_of_servers() {
    let octets =
        b"220 mx.example.net DMTPv1 ready\r\n250-PIPELINING 8BITMIME\r\n250-SIZE 1\r\n250 OK\r\n221\r\n";
    let extensions =
        Reply { code: 250, lines: ["PIPELINING 8BITMIME", "SIZE 1", "OK"].map(String::from).to_vec() };
    for piece in 1..octets.len() {
        let all = replies(octets, piece).unwrap();
        assert_eq!(
            all,
            [Reply::new(220, "mx.example.net DMTPv1 ready"), extensions.clone(), Reply::new(221, "")]
        );
    }
    assert_eq!(extensions.text(), "250-PIPELINING 8BITMIME\r\n250-SIZE 1\r\n250 OK\r\n");
    assert_eq!(Reply::new(250, "a\r\nb").text(), "250 a  b\r\n");
    for bad in [
        "250-a\r\n251 b\r\n",
        "25 a\r\n",
        "a50 a\r\n",
        "250a\r\n",
        "199 a\r\n",
        "+50 a\r\n",
        "600 a\r\n",
        "\r\n",
    ] {
        assert_eq!(replies(bad.as_bytes(), 100), Err(ReplyError::Syntax), "{bad}");
    }
    assert_eq!(replies(&b"250-a\r\n".repeat(65), 100), Err(ReplyError::TooLong));
    assert_eq!(replies(&vec![b'2'; REPLY_LINE_OCTETS_MAX + 1], 4096), Err(ReplyError::TooLong));
}

#[test]
fn replies_with_signets() {
    let signet = SignetReply(b"octets".to_vec());
    assert_eq!(signet.reply().text(), "250 OK [b2N0ZXRz]\r\n");
    assert_eq!(SignetReply::of(&signet.reply()), Ok(signet.clone()));
    assert_eq!(SignetReply::of(&Reply::new(450, "not found")), Err(ReplyError::Refused(450)));
    assert_eq!(SignetReply::of(&Reply::new(250, "OK")), Err(ReplyError::Content));
    let history = [signet.clone(), SignetReply(b"former".to_vec())];
    let reply = SignetReply::history_reply(&history);
    assert_eq!(reply.text(), "250-[b2N0ZXRz]\r\n250-[Zm9ybWVy]\r\n250 OK\r\n");
    assert_eq!(SignetReply::history(&reply), Ok(history.to_vec()));
    for verify in [VerifyReply::Current, VerifyReply::Update(print(9))] {
        assert_eq!(VerifyReply::of(&verify.reply()), Ok(verify));
    }
    assert_eq!(VerifyReply::of(&Reply::new(250, "UPDATE [x]")), Err(ReplyError::Content));
}

proptest! {
    #[test]
    fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..300), piece in 1usize..50) {
        let _ = found(&octets, piece, 20);
        let _ = replies(&octets, piece);
    }

    #[test]
    fn any_line(line in "(MAIL FROM|RCPT TO|SGNT|HIST|EHLO|STARTTLS)[ :=<>\\[\\]A-Za-z0-9@.]{0,60}") {
        if let Ok(command) = Command::parse(&line) {
            let again = command.line();
            prop_assert_eq!(Command::parse(again.trim_end()), Ok(command));
        }
    }
}

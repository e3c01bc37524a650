//! Keys, signets, realms.

use super::*;

const ID: &str = "5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ";

/// DMAP-00 §7.4.1, DMAP-00 §7.4.3, DMAP-00 §7.4.4
#[test]
fn the_key_ring() {
    for part in ["PRIVATE", "PUBLIC", "BOTH"] {
        reads(&format!("GETKEY {ID} {part}"));
    }
    let Command::GetKey { key, part } = reads(&format!("GETKEY {ID} BOTH")) else { panic!("no GETKEY") };
    assert_eq!((key.to_string().as_str(), part), (ID, KeyPart::Both));
    assert_eq!(key.0[..4], [0xe6, 0xe2, 0xa8, 0x92]);
    reads(&format!("DELETEKEY {ID}"));
    reads("LISTKEYS");
    refuses(&format!("GETKEY {ID} ALL"), "expected PRIVATE, PUBLIC or BOTH");
    refuses(&format!("GETKEY {ID}"), "expected a space");
    let why = "expected a key id of 86 characters";
    refuses(&format!("DELETEKEY {}", &ID[1..]), why);
    refuses(&format!("DELETEKEY {ID}A"), why);
    // Bits left over: two spellings of one id there must not be.
    refuses(&format!("DELETEKEY {}R", &ID[..85]), why);
    refuses(&format!("DELETEKEY {}=", &ID[..85]), why);
}

/// DMAP-00 §7.4.2
#[test]
fn addkey() {
    let Command::AddKey(add) = reads(&format!("ADDKEY {ID} ~{{3+}}\r\na\0b")) else { panic!("no ADDKEY") };
    assert_eq!((add.request.as_slice(), add.private.is_none()), (b"a\0b".as_slice(), true));
    let Command::AddKey(add) = reads(&format!(
        "ADDKEY {ID} ~{{3+}}\r\na\0b ~{{2+}}\r\n\r\n (EXPIRES \"19-Oct-2025 10:00:00 +0000\")"
    )) else {
        panic!("no ADDKEY");
    };
    assert_eq!(add.private, Some(Secret(b"\r\n".to_vec())));
    assert_eq!(add.expires.unwrap().at.secs(), 1_760_868_000);
    assert!(!format!("{add:?}").contains("13, 10"), "a private key is not shown");
    reads_as(&format!("ADDKEY {ID} ~{{1+}}\r\na NIL"), &format!("ADDKEY {ID} ~{{1+}}\r\na"));
    reads(&format!("ADDKEY {ID} ~{{1+}}\r\na (EXPIRES \" 1-Oct-2025 10:00:00 +0000\")"));
    refuses(&format!("ADDKEY {ID} {{1+}}\r\na"), "expected a literal");
    refuses(&format!("ADDKEY {ID} NIL"), "expected a literal");
    refuses(&format!("ADDKEY {ID} ~{{262145}}"), "signing request is too large");
    refuses(&format!("ADDKEY {ID} ~{{1+}}\r\na ~{{4097}}"), "private key is too large");
    refuses(&format!("ADDKEY {ID} ~{{1+}}\r\na (FOO)"), "unknown ADDKEY option");
}

/// DMAP-00 §7.5
#[test]
fn the_signet_ring() {
    let Command::GetSignet(get) = reads("GETSIGNET bob@example.net (REFRESH)") else {
        panic!("no GETSIGNET")
    };
    assert_eq!((get.version, get.lookup), (Version::Current, Lookup::Refresh));
    reads("GETSIGNET example.net");
    reads("GETSIGNET bob@example.net (HISTORY RING)");
    reads(&format!("GETSIGNET bob@example.net (FINGERPRINT {ID})"));
    reads("ADDSIGNET bob@example.net ~{2+}\r\n\0\0");
    reads("ADDSIGNET bob@example.net ~{2+}\r\n\0\0 META NIL");
    reads("ADDSIGNET bob@example.net ~{2+}\r\n\0\0 META ~{1+}\r\n(");
    reads("DELETESIGNET bob@example.net");
    reads(&format!("DELETESIGNET \"bö@example.net\" {ID}"));
    // RFC 5321 §4.1.2: a local part in quotes is the same without. It has them where it begins with one.
    reads("GETSIGNET \"\\\"\\\\\\\"a\\\"@c\"");
    for text in ["\"odd name@c\"", "\"\\\"odd name\\\"@c\"", "\"\\\"odd\\\\ name\\\"@c\""] {
        let got = reads_as(&format!("GETSIGNET {text}"), "GETSIGNET \"odd name@c\"");
        assert!(matches!(got, Command::GetSignet(get) if get.address.as_str() == "odd name@c"), "{text}");
    }
    reads("LISTSIGNETS %@example.net");
    reads("LISTSIGNETS *");
    refuses("GETSIGNET \"\"", "expected an address or a domain");
    refuses("GETSIGNET \"a@b c\"", "expected an address or a domain");
    refuses("GETSIGNET \"\\\"a b\"", "expected an address or a domain");
    refuses("GETSIGNET a@b (REFRESH RING)", "this option came before");
    refuses("GETSIGNET a@b (HISTORY HISTORY)", "this option came before");
    refuses("GETSIGNET a@b (FOO)", "unknown GETSIGNET option");
    refuses("GETSIGNET a@b (FINGERPRINT x)", "expected a fingerprint of 86 characters");
    refuses("ADDSIGNET a@b ~{262145}", "signet is too large");
    refuses("LISTSIGNETS", "expected a space");
}

/// Realms and the change of a password, for STACIE (DMAP-00 §7.2.1).
#[test]
fn realms() {
    reads("GETREALM mail");
    let Command::AddRealm(add) = reads(&format!("ADDREALM mail 7 {ID}")) else { panic!("no ADDREALM") };
    assert_eq!((add.label.as_str(), add.serial, add.shard[0]), ("mail", 7, 0xe6));
    let salt = format!("{}{}", "A".repeat(170), "Q");
    let Command::StaciePasswd(passwd) =
        reads(&format!("STACIE-PASSWD {ID} 262144 {salt} {ID} (mail {ID} meta {ID})"))
    else {
        panic!("no STACIE-PASSWD");
    };
    assert_eq!((passwd.bonus, passwd.shards.len(), passwd.salt[127]), (262_144, 2, 4));
    reads(&format!("STACIE-PASSWD {ID} 0 {salt} {ID} ()"));
    refuses("GETREALM a_b", "expected the end of the command");
    refuses(
        &format!("GETREALM {}", "a".repeat(33)),
        "expected a label of at most 32 letters, digits and hyphens",
    );
    refuses(&format!("ADDREALM mail 65536 {ID}"), "a serial is at most 65535");
    refuses("ADDREALM mail 0 AAAA", "expected a shard of 64 octets in base64url");
    refuses(&format!("STACIE-PASSWD {ID} 0 {ID} {ID} ()"), "expected a salt of 128 octets in base64url");
    refuses(
        &format!("STACIE-PASSWD AAAA 0 {salt} {ID} ()"),
        "expected a password key of 64 octets in base64url",
    );
    let many = vec![format!("m {ID}"); 65].join(" ");
    refuses(&format!("STACIE-PASSWD {ID} 0 {salt} {ID} ({many})"), "too many realms");
}

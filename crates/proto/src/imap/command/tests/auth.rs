//! Known answers for login and what goes with it: LOGIN, AUTHENTICATE, ENABLE, ID, COMPRESS, UNAUTHENTICATE.

use super::super::*;
use super::{read, refused};

// spec: RFC 4978 §5; RFC 8437 §6
#[test]
fn compress_and_unauthenticate() {
    assert_eq!(read("a COMPRESS DEFLATE"), Command::Compress);
    assert_eq!(read("a compress deflate"), Command::Compress);
    assert_eq!(read("a Unauthenticate"), Command::Unauthenticate);
    refused(&[
        "a COMPRESS",
        "a COMPRESS ",
        "a COMPRESS GZIP",
        "a COMPRESS \"DEFLATE\"",
        "a COMPRESS DEFLATE 9",
    ]);
    refused(&["a UNAUTHENTICATE x"]);
}

// spec: RFC 9698 §4
#[test]
fn asking_for_jmap() {
    assert_eq!(read("a GetJmapAccess"), Command::GetJmapAccess);
    refused(&["a GETJMAPACCESS x"]);
}

/// RFC 9051 §6.2.3, RFC 7888 §3
#[test]
fn login() {
    let login = |user: &[u8], password: &[u8]| Command::Login {
        username: user.into(),
        password: Secret(password.into()),
    };
    assert_eq!(read("a LOGIN SMITH SESAME"), login(b"SMITH", b"SESAME"));
    assert_eq!(read("a login \"FRED FOOBAR\" \"fat \\\"man\\\\\""), login(b"FRED FOOBAR", b"fat \"man\\"));
    assert_eq!(read("a LOGIN {11+}\r\nFRED FOOBAR {7}\r\nfat man"), login(b"FRED FOOBAR", b"fat man"));
    assert_eq!(read("a LOGIN a] \"\""), login(b"a]", b""));
    assert_eq!(read("a LOGIN \"jörg\" b"), login("jörg".as_bytes(), b"b"), "QUIRK quoted_8bit");
    let latin = parse(b"a LOGIN {2}\r\n\xe4\xff b", false).unwrap();
    assert_eq!(latin.command, login(b"\xe4\xff", b"b"));
    assert!(parse(b"a LOGIN \"\xe4\" b", false).is_err());
    refused(&[
        "a LOGIN",
        "a LOGIN a",
        "a LOGIN a ",
        "a LOGIN a b c",
        "a LOGIN a  b",
        "a LOGIN \"a b",
        "a LOGIN \"a\\b\" c",
        "a LOGIN {3}\r\nab",
        "a LOGIN {1}\r\nab c",
        "a LOGIN {1}\r\n\0 c",
        "a LOGIN ~{1}\r\nb c",
        "a LOGIN a {x}\r\nb",
        "a LOGIN (a) b",
        "a LOGIN a* b",
        "a LOGIN jörg b",
        "a LOGIN \"a\r\nb\" c",
    ]);
    assert!(!format!("{:?}", read("a LOGIN a sesame")).contains("sesame"), "a password in a log");
}

/// RFC 9051 §6.2.2, RFC 4959 §3
#[test]
fn authenticate() {
    let with = |mechanism: &str, response: Option<&[u8]>| Command::Authenticate {
        mechanism: mechanism.into(),
        initial_response: response.map(|r| Secret(r.into())),
    };
    assert_eq!(read("a AUTHENTICATE plain"), with("PLAIN", None));
    assert_eq!(read("a AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q="), with("PLAIN", Some(b"test\0test\0test")));
    assert_eq!(read("a AUTHENTICATE EXTERNAL ="), with("EXTERNAL", Some(b"")));
    refused(&[
        "a AUTHENTICATE",
        "a AUTHENTICATE PLAIN x",
        "a AUTHENTICATE PLAIN = =",
        "a AUTHENTICATE \"PLAIN\"",
    ]);
}

/// RFC 9051 §6.3.1, RFC 2971 §3.1
#[test]
fn enable_and_id() {
    assert_eq!(
        read("a ENABLE CONDSTORE x-good-idea"),
        Command::Enable(vec!["CONDSTORE".into(), "X-GOOD-IDEA".into()])
    );
    refused(&["a ENABLE", "a ENABLE ", "a ENABLE (CONDSTORE)"]);
    assert_eq!(read("a ID NIL"), Command::Id(Vec::new()));
    assert_eq!(read("a ID ()"), Command::Id(Vec::new()));
    let field = |name: &str, value: Option<&str>| IdField { name: name.into(), value: value.map(Box::from) };
    assert_eq!(
        read("a ID (\"name\" \"sodr\" \"version\" {4+}\r\n19.3 \"os\" NIL)"),
        Command::Id(vec![field("name", Some("sodr")), field("version", Some("19.3")), field("os", None)])
    );
    let many = format!("a ID ({})", ["\"x\" NIL"; 31].join(" "));
    refused(&["a ID", "a ID (\"name\")", "a ID (name \"x\")", "a ID (\"a\" \"b\" \"c\")", &many]);
}

//! A start that fails leaves what the next one needs.

use super::*;
use crate::ca::LocalCa;

/// Pages that were logged in are so after the next start, when this one fails in the end.
#[test]
fn a_start_that_fails_keeps_who_is_logged_in() {
    let folder = tempfile::tempdir().unwrap();
    let authority = LocalCa::make(folder.path(), "mail.example.org").unwrap();
    let text = format!(
        "[server]\nhostname='mail.example.org'\ndomains=['example.org']\ndata='{}'\n\
         [tls]\ncertificate='{}'\nkey='{}'\n[listen]\nhttps=['127.0.0.1:0']\n",
        folder.path().join("data").display(),
        authority.certificate.display(),
        authority.key.display(),
    );
    let config = resolve::resolve(&raw::parse(Path::new("koi.toml"), &text).unwrap()).unwrap();
    let file = crate::folder::web_logins(&config.data);
    drop(Service::open(&config).unwrap());
    let used = crate::clock::now().0;
    let logins = format!(
        "{{\"version\":1,\"logins\":[{{\"hash\":\"{octets}\",\"account\":1,\"address\":\"a@example.org\",\
         \"access\":1,\"client\":null,\"proof\":\"{octets}\",\"app_password\":null,\"used\":{used}}}]}}",
        octets = "A".repeat(43),
    );
    crate::folder::write_private(&file, &logins).unwrap();
    let start = Start { config, raw: None, log: None };
    let failed = run(
        start,
        |_| Ok(()),
        || {
            assert!(!file.exists(), "they are taken");
            Err(Problem::new("nobody reads this", ""))
        },
    );
    assert_eq!(&*failed.unwrap_err().what, "nobody reads this");
    assert!(std::fs::read_to_string(&file).unwrap().contains("a@example.org"));
}

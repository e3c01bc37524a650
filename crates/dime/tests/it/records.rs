//! Management records: long and short names, what must be there, certificates.

use koi_dime::record::{ManagementRecord, Policy, RecordError, Subdomain, Vouched, sign_certificate};
use proptest::prelude::*;

use crate::material::{ORG_SIGN, USER_SIGN, signing};

fn record(text: &str) -> Result<ManagementRecord, RecordError> {
    ManagementRecord::parse(text)
}

fn pok() -> String {
    ManagementRecord::new(signing(ORG_SIGN).public()).text().replace("ver=1 pok=", "")
}

#[test]
fn names_and_defaults() {
    let read = record(&format!("pok={}", pok())).unwrap();
    assert_eq!(read, ManagementRecord::new(signing(ORG_SIGN).public()));
    assert_eq!(pok().len(), 43, "without padding");
    let text = format!(
        "VERSION=1;primary={};policy=Strict; deliver=DX.example.net dx=b.example;exp=7;syn=s.example x=y \
         sub=explicit",
        pok()
    );
    let read = record(&text).unwrap();
    assert_eq!(
        (read.policy, read.subdomain, read.expiry_days),
        (Policy::Strict, Subdomain::Explicit, Some(7))
    );
    assert_eq!(read.deliver, ["dx.example.net", "b.example"]);
    assert_eq!(read.syndicates, ["s.example"]);
    let printed = format!(
        "ver=1 pok={} pol=strict syn=s.example dx=dx.example.net dx=b.example exp=7 sub=explicit",
        pok()
    );
    assert_eq!(read.text(), printed);
    assert_eq!(record(&printed), Ok(read));
}

#[test]
fn refused() {
    let with = |more: &str| record(&format!("pok={} {more}", pok())).unwrap_err();
    assert_eq!(record(""), Err(RecordError::NoKey));
    assert_eq!(record("ver=1"), Err(RecordError::NoKey));
    assert_eq!(record("pok="), Err(RecordError::Value("pok")));
    assert_eq!(record(&format!("pok={}", &pok()[1..])), Err(RecordError::Value("pok")));
    assert_eq!(record(&format!("pok=AQ{}", "A".repeat(41))), Err(RecordError::Value("pok")), "a weak key");
    assert_eq!(with("ver=2"), RecordError::Version);
    assert_eq!(with("ver=1 ver=1"), RecordError::Repeated("ver"));
    assert_eq!(with("pol=loose"), RecordError::Value("pol"));
    assert_eq!(with("exp=-1"), RecordError::Value("exp"));
    assert_eq!(with("exp=99999999999"), RecordError::Value("exp"));
    assert_eq!(with("dx=a_b dx=a/b"), RecordError::Value("dx"));
    assert_eq!(with("tls=AAAA"), RecordError::Value("tls"));
    assert_eq!(with("alone"), RecordError::Pair);
    assert_eq!(with(&"x=y ".repeat(3000)), RecordError::TooLarge);
    assert_eq!(with(&"dx=a ".repeat(65)), RecordError::TooLarge);
}

#[test]
fn certificates() {
    let (key, other) = (signing(ORG_SIGN), signing(USER_SIGN));
    let mut read = ManagementRecord::new(key.public());
    assert_eq!(read.vouches_for(b"certificate"), Vouched::Unnamed);
    read.tls = vec![sign_certificate(&other, b"certificate")];
    assert_eq!(read.vouches_for(b"certificate"), Vouched::Other, "another's signature");
    read.tls.push(sign_certificate(&key, b"certificate"));
    assert_eq!(read.vouches_for(b"certificate"), Vouched::Signed);
    assert_eq!(read.vouches_for(b"another"), Vouched::Other);
    let strings = read.strings();
    assert_eq!((strings.concat(), strings[0].len()), (read.text(), read.text().len().min(255)));
    assert_eq!(record(&read.text()), Ok(read));
}

proptest! {
    #[test]
    fn any_text(text in "[ -~]{0,80}", pairs in proptest::collection::vec("(dx|tls|exp|pol|sub|ver)=[a-z0-9.]{0,6}", 0..6)) {
        let _ = record(&text);
        if let Ok(read) = record(&format!("pok={} {}", pok(), pairs.join(" "))) {
            prop_assert_eq!(record(&read.text()), Ok(read));
        }
    }
}

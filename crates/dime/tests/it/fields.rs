//! Fields and object headers: every form of length, what is cut, what cannot be written.

use koi_dime::field::{Counted, Field, FieldError, Fields};
use proptest::prelude::*;

use crate::material::hex;

#[test]
fn each_form() {
    let signature = [7; 64];
    let table = [
        (Field { id: 4, name: b"", data: &signature }, format!("04{}", "07".repeat(64))),
        (Field { id: 16, name: b"", data: b"ab" }, String::from("10026162")),
        (Field { id: 160, name: b"", data: b"ab" }, String::from("a000026162")),
        (Field { id: 251, name: b"n", data: b"ab" }, String::from("fb016e00026162")),
        (Field { id: 252, name: b"", data: b"ab" }, String::from("fc0000026162")),
        (Field { id: 254, name: b"", data: b"" }, String::from("fe00")),
    ];
    for (field, wanted) in table {
        let mut out = Vec::new();
        field.write(&mut out).unwrap();
        assert_eq!(out, hex(&wanted));
        assert_eq!(Fields::new(&out).collect::<Vec<_>>(), [Ok(field)]);
        let cut: Vec<_> = Fields::new(&out[..out.len() - 1]).collect();
        assert_eq!(cut, [Err(FieldError::Cut(field.id))]);
    }
}

#[test]
fn what_cannot_be() {
    let refused = |id, name: &[u8], data: &[u8]| {
        let mut out = Vec::new();
        let error = Field { id, name, data }.write(&mut out).unwrap_err();
        assert!(out.is_empty(), "nothing is left of it");
        error
    };
    assert_eq!(refused(0, b"", b""), FieldError::Reserved);
    assert_eq!(refused(4, b"", b"short"), FieldError::Length(4));
    assert_eq!(refused(16, b"", &[0; 256]), FieldError::Length(16));
    assert_eq!(refused(16, b"name", b""), FieldError::Length(16));
    assert_eq!(refused(160, b"", &[0; 65_536]), FieldError::Length(160));
    assert_eq!(refused(251, &[0; 256], b""), FieldError::Length(251));
    assert_eq!(refused(252, b"", &vec![0; 1 << 24]), FieldError::Length(252));
    assert_eq!(Fields::new(&[0, 1, 2]).collect::<Vec<_>>(), [Err(FieldError::Reserved)]);
}

proptest! {
    #[test]
    fn any_octets_end(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut written = Vec::new();
        let mut is_good = true;
        for field in Fields::new(&octets) {
            match field {
                Ok(field) => field.write(&mut written).unwrap(),
                Err(_) => is_good = false,
            }
        }
        prop_assert!(octets.starts_with(&written));
        prop_assert_eq!(is_good, written.len() == octets.len());
    }

    #[test]
    fn each_reads_back(id in 1u8..=255, data in proptest::collection::vec(any::<u8>(), 64)) {
        let name: &[u8] = if Counted::of(id) == Some(Counted::Named) { b"x" } else { b"" };
        let field = Field { id, name, data: &data };
        let mut out = Vec::new();
        field.write(&mut out).unwrap();
        prop_assert_eq!(Fields::new(&out).collect::<Vec<_>>(), vec![Ok(field)]);
    }
}

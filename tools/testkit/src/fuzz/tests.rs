//! Each body for `KOI_FUZZ_SECS` seconds, and a look at the fuzzer itself.

use super::*;

#[test]
fn fuzz_mime() {
    mime::target().smoke();
}

#[test]
fn fuzz_header_forms() {
    header_forms::target().smoke();
}

#[test]
fn fuzz_mail_build() {
    mail_build::target().smoke();
}

#[test]
fn fuzz_imap() {
    imap::target().smoke();
}

#[test]
fn fuzz_dmap() {
    dmap::target().smoke();
}

#[test]
fn fuzz_dmap_client() {
    dmap_client::target().smoke();
}

#[test]
fn fuzz_index_rows() {
    index_rows::target().smoke();
}

#[test]
fn fuzz_jmap_request() {
    jmap_request::target().smoke();
}

#[test]
fn fuzz_jmap_exchange() {
    jmap_exchange::target().smoke();
}

#[test]
fn fuzz_jmap_legacy() {
    jmap_legacy::target().smoke();
}

#[test]
fn fuzz_jmap_pointer() {
    jmap_pointer::target().smoke();
}

#[test]
fn fuzz_jmap_patch() {
    jmap_patch::target().smoke();
}

#[test]
fn fuzz_jmap_header() {
    jmap_header::target().smoke();
}

#[test]
fn fuzz_smtp() {
    smtp::target().smoke();
}

#[test]
fn fuzz_sasl() {
    sasl::target().smoke();
}

#[test]
fn fuzz_push_subscription() {
    push_subscription::target().smoke();
}

#[test]
fn fuzz_push_payload() {
    push_payload::target().smoke();
}

#[test]
fn fuzz_smtp_session() {
    smtp_session::target().smoke();
}

#[test]
fn fuzz_session() {
    session::target().smoke();
}

#[test]
fn fuzz_compressed_session() {
    compressed_session::target().smoke();
}

#[test]
fn a_failure_is_found() {
    fn body(input: &[u8]) {
        assert!(!input.windows(4).any(|window| window == b"BOOM"), "found");
    }
    let target = Target { name: "self", body, seeds: vec![b"BxxM".to_vec()], words: &[b"BOOM"] };
    assert!(catch_unwind(AssertUnwindSafe(|| target.smoke())).is_err());
}

//! Each body for `KOI_FUZZ_SECS` seconds, and a look at the fuzzer itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// All of them; `KOI_FUZZ_BODY` runs those alone whose names contain it.
const TARGETS: &[fn() -> Target] = &[
    mime::target,
    header_forms::target,
    mail_build::target,
    imap::target,
    dmap::target,
    dmap_session::target,
    dmap_client::target,
    dime_armor::target,
    dime_dmtp::target,
    dime_field::target,
    dime_message::target,
    index_rows::target,
    jmap_request::target,
    jmap_exchange::target,
    jmap_legacy::target,
    jmap_pointer::target,
    jmap_patch::target,
    jmap_header::target,
    smtp::target,
    sasl::target,
    push_subscription::target,
    push_payload::target,
    smtp_session::target,
    dmtp_session::target,
    session::target,
    compressed_session::target,
];

/// So many at a time, whatever the processors: the suite has 25 minutes, `cargo xtask fuzz` as long as it
/// takes.
const AT_A_TIME: usize = 4;

#[test]
fn every_body_keeps_its_promises() {
    let wanted = std::env::var("KOI_FUZZ_BODY").unwrap_or_default();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut run = 0;
        while let Some(target) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let target = target();
            if target.name.contains(&wanted) {
                target.smoke();
                run += 1;
            }
        }
        run
    };
    let run: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a body broke a promise")).sum()
    });
    assert_ne!(run, 0, "there is no body {wanted}");
}

/// What libFuzzer runs, and what the suite runs, is the same.
#[test]
fn every_target_of_the_fuzzer_is_run_here() {
    let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let mut files: Vec<String> = std::fs::read_dir(fuzz.join("fuzz_targets"))
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut bodies: Vec<String> = TARGETS.iter().map(|target| target().name.to_owned()).collect();
    bodies.sort();
    assert_eq!(bodies, files);
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for file in files {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{file}.rs\"")), "{file} is not built");
    }
}

#[test]
fn a_failure_is_found() {
    fn body(input: &[u8]) {
        assert!(!input.windows(4).any(|window| window == b"BOOM"), "found");
    }
    let target = Target { name: "self", body, seeds: vec![b"BxxM".to_vec()], words: &[b"BOOM"] };
    assert!(catch_unwind(AssertUnwindSafe(|| target.smoke())).is_err());
}

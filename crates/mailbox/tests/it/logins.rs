//! What a login reads: nothing that tells whether a name is somebody's.

use std::sync::Arc;

use koi_mailbox::Options;
use koi_store::kv::Kv;
use koi_types::Address;

use crate::meddling::MeddlingKv;
use crate::rig::Rig;

#[test]
fn a_name_nobody_has_costs_as_many_reads_as_any_other() {
    let kv = MeddlingKv::new();
    let rig = Rig::on(Arc::clone(&kv) as Arc<dyn Kv>, Options::default());
    rig.account("alice");
    let closed = rig.account("closed");
    rig.service.directory().set_disabled(closed.id(), true).unwrap();
    let reads = |text: &str, there: bool| {
        let address = Address::parse(text).unwrap();
        kv.rows_read();
        assert_eq!(rig.service.directory().verifier(&address).unwrap().is_some(), there, "{text}");
        kv.rows_read()
    };
    let known = reads("alice@example.org", true);
    assert!(known >= 3);
    for nobody in ["closed@example.org", "nobody@example.org", "nobody@elsewhere.example"] {
        assert_eq!(reads(nobody, false), known, "{nobody}");
    }
}

//! Where the server lets itself be sent: not into its own network, not to other ports, or through a proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use koi_push_service::{Proxy, PushService};

use crate::webpush::rig::{Names, PATIENCE, Rig};

const ONE: &str = "resource-0001";

fn refused(rig: &Rig, endpoint: &str) {
    rig.subscribe_to(ONE, endpoint);
    rig.counted(|m| &m.pushes_refused, 1);
    assert_eq!((rig.service.connections(), rig.service.all_requests().len()), (0, 0), "{endpoint}");
}

#[test]
fn an_address_inside_is_refused_in_every_form() {
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "127.0.0.2"] {
        let mut rig = Rig::stopped(PushService::start());
        rig.settings.private = false;
        rig.start();
        refused(&rig, &rig.service.url_at(host, ONE));
    }
}

/// The connection goes to the address that was checked: a name is asked for once.
#[test]
fn a_name_that_leads_inside_is_refused() {
    let mut rig = Rig::stopped(PushService::start());
    let address = rig.service.address();
    let names = Arc::new(Names { addresses: vec![address], asked: AtomicUsize::new(0) });
    rig.settings.private = false;
    rig.resolver = Arc::clone(&names) as Arc<_>;
    rig.start();
    refused(&rig, &rig.service.url_at("push.test", ONE));
    assert_eq!(names.asked.load(Ordering::Relaxed), 1);
    rig.stop();
    rig.settings.private = true;
    rig.start();
    rig.subscribe_to(ONE, &rig.service.url_at("push.test", ONE));
    rig.validate(ONE, &rig.service.wait(ONE, 1, PATIENCE)[0]);
    assert_eq!(names.asked.load(Ordering::Relaxed), 2);
}

#[test]
fn another_port_is_refused() {
    let mut rig = Rig::stopped(PushService::start());
    rig.settings.any_port = false;
    rig.start();
    refused(&rig, &rig.service.url(ONE));
}

#[test]
fn a_certificate_for_another_name_is_not_trusted() {
    let options =
        koi_push_service::Options { certificate_fits: false, ..koi_push_service::Options::default() };
    let mut rig = Rig::stopped(PushService::start_with(options));
    rig.start();
    rig.subscribe_to(ONE, &rig.service.url(ONE));
    rig.counted(|m| &m.pushes_failed, 1);
    assert!(rig.service.all_requests().is_empty());
}

/// COI-webpush §security-considerations commends it.
#[test]
fn through_a_proxy() {
    let mut rig = Rig::stopped(PushService::start());
    let proxy = Proxy::start(rig.service.address(), 200);
    rig.settings.private = false;
    rig.settings.proxy = Some(proxy.address().to_string().into());
    rig.start();
    rig.subscribe_to(ONE, &rig.service.url_at("push.test", ONE));
    rig.validate(ONE, &rig.service.wait(ONE, 1, PATIENCE)[0]);
    rig.deliver("one");
    assert_eq!(rig.subjects(ONE, 1), ["one"]);
    let port = rig.service.address().port();
    assert_eq!(proxy.asked(), [format!("CONNECT push.test:{port} HTTP/1.1")]);
    let spellings = [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "127.0.0.1.",
        "[::ffff:7f00:1]",
        "localhost",
    ];
    for (host, refused) in spellings.iter().zip(1..) {
        rig.subscribe_to(&format!("resource-{:04}", refused + 1), &rig.service.url_at(host, ONE));
        rig.counted(|m| &m.pushes_refused, refused);
    }
    assert_eq!(proxy.asked().len(), 1, "an address is refused before the proxy is asked");
}

#[test]
fn a_proxy_that_refuses() {
    let mut rig = Rig::stopped(PushService::start());
    let proxy = Proxy::start(rig.service.address(), 403);
    rig.settings.proxy = Some(proxy.address().to_string().into());
    rig.start();
    rig.subscribe_to(ONE, &rig.service.url(ONE));
    rig.counted(|m| &m.pushes_failed, 1);
    assert!(rig.service.all_requests().is_empty());
}

//! Connections that wait for what another server must say.

use std::sync::Arc;
use std::time::Duration;

use koi_dime::OrgSignet;
use koi_server::dmtp::{Asker, Later, Organisations};
use koi_sessions::{FoundSignets, SignetLookup};
use koi_types::{ErrorKind, MailError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::rig::Rig;

/// Never answers, but to `quick`; tells when it was asked, and when nobody waits any more.
struct Silent(UnboundedSender<&'static str>);

struct Waits<'a>(&'a Silent);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.0.send("left").unwrap();
    }
}

impl Organisations for Silent {
    fn organisation<'a>(&'a self, domain: &'a str, _asker: Asker) -> Later<'a, Arc<OrgSignet>> {
        Box::pin(async move {
            let _waits = Waits(self);
            self.0.send("asked").unwrap();
            if domain == "quick" {
                return Err(MailError::new(ErrorKind::NotFound, "there is none"));
            }
            std::future::pending().await
        })
    }
    fn signets<'a>(&'a self, _wanted: &'a SignetLookup, _asker: Asker) -> Later<'a, FoundSignets> {
        Box::pin(std::future::pending())
    }
}

fn rig() -> (Rig, UnboundedReceiver<&'static str>) {
    let (told, hears) = unbounded_channel();
    (Rig::asking(Arc::new(Silent(told))), hears)
}

async fn hears(from: &mut UnboundedReceiver<&'static str>, wanted: &str) {
    let heard = timeout(Duration::from_secs(20), from.recv()).await;
    assert_eq!(heard.expect(wanted), Some(wanted));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_hears_that_the_server_stops() {
    let (rig, mut told) = rig();
    let mut client = rig.connect().await;
    client.send("look elsewhere\n").await;
    hears(&mut told, "asked").await;
    rig.edge.admission.shut_down();
    assert_eq!(client.line().await, "BYE down");
    hears(&mut told, "left").await;
    timeout(Duration::from_secs(20), rig.edge.admission.drained()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_looked_up_for_a_client_that_is_gone() {
    let (rig, mut told) = rig();
    let mut client = rig.connect().await;
    client.send("look elsewhere\n").await;
    hears(&mut told, "asked").await;
    drop(client);
    hears(&mut told, "left").await;
    timeout(Duration::from_secs(20), rig.edge.admission.drained()).await.unwrap();
}

/// Who has only closed his side is still answered, and what he sends meanwhile is kept.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_asked_and_closed_is_answered() {
    let (rig, _told) = rig();
    let mut client = rig.connect().await;
    client.send("look quick\nbehind it\n").await;
    tokio::io::AsyncWriteExt::shutdown(client.0.get_mut()).await.unwrap();
    let lines = [client.line().await, client.line().await, client.line().await];
    assert_eq!(lines, ["NO there is none", "behind it", ""]);
}

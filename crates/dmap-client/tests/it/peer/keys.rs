//! The peer's keys and signets: its own users', and those a user keeps of others.

use koi_dime::UserSignet;
use koi_proto::dmap::Response;
use koi_proto::dmap::command::{Lookup, Version};
use koi_proto::dmap::id::{Fingerprint, KeyId, SignetAddress};
use koi_proto::dmap::response::{Key, KeyItem, KeyState, Signet, SignetItem};

use super::{Done, Peer, no, ok};

impl Peer {
    pub(super) fn key(&mut self, key: KeyId) -> Done {
        let found = self.holding(|holding| {
            let current = holding.keys.last().map(|key| key.id);
            let found = holding.keys.iter().find(|stored| stored.id == key.0)?;
            let state = if current == Some(found.id) { KeyState::Current } else { KeyState::Previous };
            Some(vec![
                KeyItem::Status(state),
                KeyItem::Expires(None),
                KeyItem::Public(Some(found.request.clone())),
                KeyItem::Private(found.private.clone()),
                KeyItem::Signet(Some(found.signet.object())),
            ])
        });
        let Some(items) = found else { return no("NONEXISTENT") };
        self.say(Response::Key(Key { key, items }));
        ok("")
    }

    pub(super) fn signet(&mut self, address: &SignetAddress, version: Version, lookup: Lookup) -> Done {
        let name = address.as_str().to_owned();
        let org = self.world.borrow().organisation.signet().clone();
        let (org, print) = (org.object(), Fingerprint(org.core_fingerprint().0));
        let items = |data: Vec<u8>, meta: Option<Vec<u8>>| {
            vec![SignetItem::Data(Some(data)), SignetItem::Org(Some(org.clone())), SignetItem::Meta(meta)]
        };
        if !name.contains('@') {
            let items = items(org.clone(), None);
            self.say(Response::Signet(Signet { address: address.clone(), fingerprint: print, items }));
            return ok("");
        }
        if lookup == Lookup::Ring {
            let Some((data, meta)) = self.holding(|holding| holding.ring.get(&name).cloned()) else {
                return no("NOSIGNET");
            };
            let fingerprint = Fingerprint(UserSignet::parse(&data).unwrap().core_fingerprint().0);
            let items = items(data, meta);
            self.say(Response::Signet(Signet { address: address.clone(), fingerprint, items }));
            return ok("");
        }
        let mut found = self.world.borrow().signets(&name);
        match version {
            Version::Current => found.truncate(1),
            Version::Fingerprint(wanted) => found.retain(|signet| signet.core_fingerprint().0 == wanted.0),
            Version::History => {}
        }
        if found.is_empty() {
            return no("NOSIGNET");
        }
        for signet in found {
            let fingerprint = Fingerprint(signet.core_fingerprint().0);
            let items = items(signet.object(), None);
            self.say(Response::Signet(Signet { address: address.clone(), fingerprint, items }));
        }
        ok("")
    }

    pub(super) fn ring(&mut self) -> Done {
        let ring = self.holding(|holding| holding.ring.clone());
        for (name, (data, _)) in ring {
            let fingerprint = Fingerprint(UserSignet::parse(&data).unwrap().core_fingerprint().0);
            let address = SignetAddress::new(&name).unwrap();
            self.say(Response::Signet(Signet { address, fingerprint, items: vec![] }));
        }
        ok("")
    }
}

//! What a name server answers whose zones are signed (RFC 4033, 4034, 4035; Ed25519 of RFC 8080): the root
//! and `test`, from now on for a day. It answers as one that asks others does, in one go.
//!
//! Nothing of the library that verifies is used here: what both had wrong, no test would see.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;

use super::{Records, TYPE_A, TYPE_MX, TYPE_TXT};

const TYPE_NS: u16 = 2;
const TYPE_SOA: u16 = 6;
const TYPE_DS: u16 = 43;
const TYPE_RRSIG: u16 = 46;
const TYPE_NSEC: u16 = 47;
const TYPE_DNSKEY: u16 = 48;
/// Those that a name may have here, in their order.
const TYPES: [u16; 7] = [TYPE_A, TYPE_NS, TYPE_SOA, TYPE_MX, TYPE_TXT, TYPE_DS, TYPE_DNSKEY];
/// Ed25519 (RFC 8080 §6).
const ALGORITHM: u8 = 15;
const CLASS_IN: u16 = 1;
pub(super) const TTL_SECS: u32 = 1;
const DAY_SECS: u32 = 24 * 3600;
/// The zones that are signed, the longest name first.
const ZONES: [&str; 2] = ["test", ""];

/// Keys, and what is wrong on purpose. Names are in lower case, without the last dot.
pub(super) struct Signed {
    keys: [Ed25519KeyPair; 2],
    /// Zones that are delegated without a key.
    pub(super) unsigned: HashSet<String>,
    /// Names whose signatures are of something else.
    pub(super) spoiled: HashSet<String>,
    /// Nothing of signatures is handed on.
    pub(super) strips: bool,
}

/// A record without its name.
type Data = (u16, Vec<u8>);

/// What is answered: answers, and what says that there is none.
pub(super) struct Sections {
    pub(super) answers: Vec<Vec<u8>>,
    pub(super) authorities: Vec<Vec<u8>>,
}

impl Signed {
    pub(super) fn new() -> Self {
        let keys = [(); 2].map(|()| Ed25519KeyPair::generate().unwrap());
        Self { keys, unsigned: HashSet::new(), spoiled: HashSet::new(), strips: false }
    }
    /// The root's key, as a zone file has it.
    pub(super) fn anchors(&self) -> String {
        let key = base64::engine::general_purpose::STANDARD.encode(self.keys[1].public_key());
        format!(". IN DNSKEY 257 3 {ALGORITHM} {key}\n")
    }
    pub(super) fn sections(&self, name: &str, kind: u16, records: &Records) -> Sections {
        let (mut answers, mut authorities) = (Vec::new(), Vec::new());
        if let Some(data) = self.data(name, kind, records) {
            answers.push(row(name, &(kind, data.clone())));
            answers.extend(self.signature(name, &(kind, data)));
            return Sections { answers, authorities };
        }
        let zone = self.zone(name, kind);
        let soa = (TYPE_SOA, self.data(zone, TYPE_SOA, records).unwrap());
        authorities.push(row(zone, &soa));
        authorities.extend(self.signature(zone, &soa));
        if !self.strips && !self.unsigned.contains(zone) {
            let nsec = (TYPE_NSEC, self.nsec(name, kind, records));
            authorities.push(row(name, &nsec));
            authorities.extend(self.signature_by(zone, name, &nsec));
        }
        Sections { answers, authorities }
    }
    /// The apex of the zone that has a name; DS is the parent's (RFC 4035 §2.4).
    fn zone<'a>(&'a self, name: &str, kind: u16) -> &'a str {
        let holds = |apex: &&str| match kind {
            TYPE_DS if name == *apex && !apex.is_empty() => false,
            _ => apex.is_empty() || name == *apex || name.ends_with(&format!(".{apex}")),
        };
        let mut zones = self.unsigned.iter().map(String::as_str).chain(ZONES);
        zones.find(holds).unwrap()
    }
    fn data(&self, name: &str, kind: u16, records: &Records) -> Option<Vec<u8>> {
        let is_signed_apex = ZONES.contains(&name);
        let is_apex = is_signed_apex || self.unsigned.contains(name);
        match kind {
            TYPE_NS if is_apex => Some(wire("ns.test")),
            TYPE_SOA if is_apex => {
                let numbers = [1, 3600, 600, DAY_SECS, TTL_SECS].map(u32::to_be_bytes).concat();
                Some([wire("ns.test"), wire("postmaster.test"), numbers].concat())
            }
            TYPE_DNSKEY if is_signed_apex => Some(self.dnskey(name)),
            TYPE_DS if is_signed_apex && !name.is_empty() => Some(self.ds(name)),
            TYPE_NS | TYPE_SOA | TYPE_DNSKEY | TYPE_DS => None,
            _ => records.get(&(name.to_owned(), kind)).cloned(),
        }
    }
    fn key(&self, zone: &str) -> &Ed25519KeyPair {
        &self.keys[ZONES.iter().position(|one| *one == zone).unwrap()]
    }
    /// RFC 4034 §2.1: a key of a zone that its parent may name.
    fn dnskey(&self, zone: &str) -> Vec<u8> {
        [&[1, 1, 3, ALGORITHM], self.key(zone).public_key().as_ref()].concat()
    }
    /// RFC 4034 §5.1: SHA-256 of name and key.
    fn ds(&self, zone: &str) -> Vec<u8> {
        let dnskey = self.dnskey(zone);
        let hash = digest(&SHA256, &[wire(zone), dnskey.clone()].concat());
        [&tag(&dnskey).to_be_bytes()[..], &[ALGORITHM, 2], hash.as_ref()].concat()
    }
    /// RFC 4034 §4.1: what there is of that name; the next is the least that follows.
    fn nsec(&self, name: &str, kind: u16, records: &Records) -> Vec<u8> {
        let zone = self.zone(name, kind);
        let is_there = |one: &u16| {
            let is_cut = self.zone(name, TYPE_A) != zone && *one == TYPE_NS;
            (self.zone(name, *one) == zone || is_cut) && self.data(name, *one, records).is_some()
        };
        let mut bits = [0; 7];
        for one in TYPES.into_iter().filter(is_there).chain([TYPE_RRSIG, TYPE_NSEC]) {
            bits[usize::from(one / 8)] |= 0x80 >> (one % 8);
        }
        [&[1, 0], &*wire(name), &[0, 7], &bits].concat()
    }
    fn signature(&self, name: &str, data: &Data) -> Option<Vec<u8>> {
        self.signature_by(self.zone(name, data.0), name, data)
    }
    /// RFC 4034 §3.1: of a set that has one record.
    fn signature_by(&self, zone: &str, name: &str, data: &Data) -> Option<Vec<u8>> {
        if self.strips || self.unsigned.contains(zone) {
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let now = u32::try_from(now).unwrap();
        let labels = u8::try_from(name.split('.').filter(|label| !label.is_empty()).count()).unwrap();
        let mut signature = data.0.to_be_bytes().to_vec();
        signature.extend([ALGORITHM, labels]);
        signature.extend([TTL_SECS, now + DAY_SECS, now - DAY_SECS].map(u32::to_be_bytes).concat());
        signature.extend(tag(&self.dnskey(zone)).to_be_bytes());
        signature.extend(wire(zone));
        let mut signed = [&*signature, &row(name, data)].concat();
        if self.spoiled.contains(name) {
            *signed.last_mut().unwrap() ^= 1;
        }
        signature.extend(self.key(zone).sign(&signed).as_ref());
        Some(row(name, &(TYPE_RRSIG, signature)))
    }
}

/// RFC 4034, appendix B.
fn tag(dnskey: &[u8]) -> u16 {
    let odd = |place: usize| if place.is_multiple_of(2) { 8 } else { 0 };
    let sum: u32 = dnskey.iter().enumerate().map(|(place, octet)| u32::from(*octet) << odd(place)).sum();
    u16::try_from((sum + (sum >> 16)) & 0xffff).unwrap()
}

/// A name, in full.
fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let labels = labels.flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

fn row(name: &str, (kind, data): &Data) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let numbers = [kind.to_be_bytes(), CLASS_IN.to_be_bytes()].concat();
    [wire(name), numbers, TTL_SECS.to_be_bytes().to_vec(), length.to_be_bytes().to_vec(), data.clone()]
        .concat()
}

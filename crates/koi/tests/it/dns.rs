//! A name server that answers what it is told to (RFC 1035 §4), for tests of servers that ask one; its zones
//! may be signed.

mod signed;

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use signed::{Sections, Signed};

const TYPE_A: u16 = 1;
const TYPE_MX: u16 = 15;
const TYPE_TXT: u16 = 16;

/// The rest of a record, by name in lower case and type.
type Records = HashMap<(String, u16), Vec<u8>>;

/// What it knows.
#[derive(Default)]
struct Zones {
    records: Records,
    /// Who takes mail for a name, the best first; where nothing is signed.
    exchanges: HashMap<String, Vec<Vec<u8>>>,
    /// Names of TXT records of which is only said that the server is in trouble.
    failing: HashSet<String>,
    signed: Option<Signed>,
}

/// Runs as long as the test does.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    zones: Arc<Mutex<Zones>>,
}

impl Dns {
    /// Nothing is signed.
    pub(crate) fn start() -> Self {
        Self::with(Zones::default())
    }
    /// Everything is, from the root on.
    pub(crate) fn signed() -> Self {
        Self::with(Zones { signed: Some(Signed::new()), ..Zones::default() })
    }
    fn with(zones: Zones) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let zones = Arc::new(Mutex::new(zones));
        let served = Arc::clone(&zones);
        std::thread::spawn(move || {
            let mut query = [0; 1500];
            while let Ok((octets, peer)) = socket.recv_from(&mut query) {
                if let Some(answer) = answer(&query[..octets], &served.lock()) {
                    let _ = socket.send_to(&answer, peer);
                }
            }
        });
        Self { address, zones }
    }
    /// What a server that asks it has in its configuration; its folder takes the root's key.
    pub(crate) fn settings(&self, folder: &Path) -> String {
        let servers = format!("[dns]\nservers = [\"{}\"]\n", self.address);
        match &self.zones.lock().signed {
            None => servers + "dnssec = false\n",
            Some(signed) => {
                std::fs::write(folder.join("anchors.zone"), signed.anchors()).unwrap();
                servers + "trust_anchor_file = \"anchors.zone\"\n"
            }
        }
    }
    pub(crate) fn a(&self, name: &str, address: Ipv4Addr) {
        self.zones.lock().records.insert((name.to_owned(), TYPE_A), address.octets().to_vec());
    }
    /// A TXT record of as many strings as it takes.
    pub(crate) fn txt(&self, name: &str, text: &str) {
        let strings = text.as_bytes().chunks(255);
        let data = strings.flat_map(|string| [&[u8::try_from(string.len()).unwrap()], string].concat());
        self.zones.lock().records.insert((name.to_owned(), TYPE_TXT), data.collect());
    }
    /// Who takes mail for a name, the best first.
    pub(crate) fn mx(&self, name: &str, hosts: &[&str]) {
        let record = |(at, host): (usize, &&str)| {
            let mut data = u16::try_from(at).unwrap().to_be_bytes().to_vec();
            for label in host.split('.').filter(|label| !label.is_empty()) {
                data.push(u8::try_from(label.len()).unwrap());
                data.extend_from_slice(label.as_bytes());
            }
            data.push(0);
            data
        };
        let all = hosts.iter().enumerate().map(record).collect();
        self.zones.lock().exchanges.insert(name.to_owned(), all);
    }
    /// Whether nothing is said of a TXT record but that the server is in trouble.
    pub(crate) fn fails(&self, name: &str, is_failing: bool) {
        let mut zones = self.zones.lock();
        match is_failing {
            true => zones.failing.insert(name.to_owned()),
            false => zones.failing.remove(name),
        };
    }
    /// The signatures of a name are of something else, or not any more.
    pub(crate) fn spoil(&self, name: &str, is_spoiled: bool) {
        let mut signing = self.signing();
        match is_spoiled {
            true => signing.spoiled.insert(name.to_owned()),
            false => signing.spoiled.remove(name),
        };
    }
    /// The domain becomes a zone of its own, provably without signatures.
    pub(crate) fn unsign(&self, domain: &str) {
        self.signing().unsigned.insert(domain.to_owned());
    }
    /// No signatures are handed on, or they are again.
    pub(crate) fn strip(&self, strips: bool) {
        self.signing().strips = strips;
    }
    fn signing(&self) -> MappedMutexGuard<'_, Signed> {
        MutexGuard::map(self.zones.lock(), |zones| zones.signed.as_mut().unwrap())
    }
}

/// RFC 1035 §4.1: header, question, and one answer or none.
fn answer(query: &[u8], zones: &Zones) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let question = query.get(12..at + 4)?;
    let kind = u16::from_be_bytes([question[question.len() - 4], question[question.len() - 3]]);
    let name = labels.join(".");
    let is_failing = kind == TYPE_TXT && zones.failing.contains(&name);
    let exchanges = zones.exchanges.get(&name).filter(|_| kind == TYPE_MX);
    let Sections { answers, authorities } = match &zones.signed {
        _ if is_failing => Sections { answers: Vec::new(), authorities: Vec::new() },
        None if exchanges.is_some() => {
            let all = exchanges.into_iter().flatten().map(|data| plain(kind, data));
            Sections { answers: all.collect(), authorities: Vec::new() }
        }
        Some(signed) => signed.sections(&name, kind, &zones.records),
        None => {
            let data = zones.records.get(&(name, kind));
            Sections {
                answers: data.map(|data| plain(kind, data)).into_iter().collect(),
                authorities: Vec::new(),
            }
        }
    };
    // Id; a response, recursion asked for and available; one question, answers, and where signatures may be
    // large, how much is taken (EDNS).
    let mut out = query.get(..2)?.to_vec();
    let counts = [1, answers.len(), authorities.len(), usize::from(zones.signed.is_some())];
    // SERVFAIL, or all is well.
    out.extend_from_slice(&[0x81, if is_failing { 0x82 } else { 0x80 }]);
    out.extend(counts.iter().flat_map(|count| u16::try_from(*count).unwrap().to_be_bytes()));
    out.extend_from_slice(question);
    out.extend(answers.into_iter().chain(authorities).flatten());
    if zones.signed.is_some() {
        out.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]);
    }
    Some(out)
}

/// The name of the question, class IN, one second to live.
fn plain(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    [&[0xc0, 12], &kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 1], &length, data].concat()
}

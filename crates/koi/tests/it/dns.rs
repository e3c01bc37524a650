//! A name server that answers what it is told to (RFC 1035 §4), for tests of servers that ask one.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use parking_lot::Mutex;

const TYPE_A: u16 = 1;
const TYPE_TXT: u16 = 16;

/// The rest of a record, by name in lower case and type.
type Records = HashMap<(String, u16), Vec<u8>>;

/// Runs as long as the test does.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    records: Arc<Mutex<Records>>,
}

impl Dns {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let records: Arc<Mutex<Records>> = Arc::default();
        let served = Arc::clone(&records);
        std::thread::spawn(move || {
            let mut query = [0; 1500];
            while let Ok((octets, peer)) = socket.recv_from(&mut query) {
                if let Some(answer) = answer(&query[..octets], &served.lock()) {
                    let _ = socket.send_to(&answer, peer);
                }
            }
        });
        Self { address, records }
    }
    pub(crate) fn a(&self, name: &str, address: Ipv4Addr) {
        self.records.lock().insert((name.to_owned(), TYPE_A), address.octets().to_vec());
    }
    /// A TXT record of as many strings as it takes.
    pub(crate) fn txt(&self, name: &str, text: &str) {
        let strings = text.as_bytes().chunks(255);
        let data = strings.flat_map(|string| [&[u8::try_from(string.len()).unwrap()], string].concat());
        self.records.lock().insert((name.to_owned(), TYPE_TXT), data.collect());
    }
}

/// RFC 1035 §4.1: header, question, and one answer or none.
fn answer(query: &[u8], records: &Records) -> Option<Vec<u8>> {
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
    let data = records.get(&(labels.join("."), kind));
    // Id; a response, recursion asked for and available; one question, answers.
    let mut out = query.get(..2)?.to_vec();
    out.extend_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    out.extend_from_slice(question);
    if let Some(data) = data {
        // The name of the question, class IN, one second to live.
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 1]);
        out.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        out.extend_from_slice(data);
    }
    Some(out)
}

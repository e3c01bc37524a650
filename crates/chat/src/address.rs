//! Addresses in normal form: the octets whose hash a contact storage message holds (COI-client
//! §contact-storage-message-headers), and whom a message is from.

use koi_message::Address;
use koi_types::limits;

/// Without quotes, in UTF-8 and lower case. `None` when a part is missing. A detail (`user+detail`) stays:
/// what it means is for the sender's domain to say. Dots at the end of a domain go, or a sender could step
/// out of a block by writing one.
///
/// `local` and `domain` are as parsed: quotes and comments are gone.
#[must_use]
pub fn normalised(local: &[u8], domain: &[u8]) -> Option<Vec<u8>> {
    let mut domain = domain;
    while let Some(shorter) = domain.strip_suffix(b".") {
        domain = shorter;
    }
    if local.is_empty() || domain.is_empty() {
        return None;
    }
    let address = [local, b"@", domain].concat();
    Some(match String::from_utf8(address) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(other) => other.into_bytes().to_ascii_lowercase(),
    })
}

/// The addresses of a From field in normal form, members of groups among them (RFC 6854 §2), each once, at
/// most `limits::SENDERS_LOOKED_UP_MAX`. None when the field has no address that could be anybody's.
#[must_use]
pub fn senders(from: &[Address]) -> Vec<Vec<u8>> {
    let mut senders: Vec<Vec<u8>> = Vec::new();
    for address in from {
        let (Some(local), Some(domain)) = (&address.mailbox, &address.host) else { continue };
        let sender = normalised(local, domain).filter(|sender| !senders.contains(sender));
        senders.extend(sender);
        if senders.len() == limits::SENDERS_LOOKED_UP_MAX {
            break;
        }
    }
    senders
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(from: &str) -> Vec<String> {
        let mut list = Vec::new();
        koi_message::address::parse_addresses(from.as_bytes(), &mut list);
        senders(&list).into_iter().map(|sender| String::from_utf8(sender).unwrap()).collect()
    }

    // spec: COI-client §contact-storage-message-headers
    #[test]
    fn whom_a_message_is_from() {
        for (from, senders) in [
            ("John Doe <John.Doe@COI-Dev.ORG>", vec!["john.doe@coi-dev.org"]),
            ("\"John.Doe\"@coi-dev.org", vec!["john.doe@coi-dev.org"]),
            ("\"john doe\"@coi-dev.org (a comment)", vec!["john doe@coi-dev.org"]),
            ("john (x) . doe @ coi-dev.org.", vec!["john.doe@coi-dev.org"]),
            ("JÜRGEN@BÜCHER.example", vec!["jürgen@bücher.example"]),
            ("john+chat@coi-dev.org", vec!["john+chat@coi-dev.org"]),
            ("a@x.example, B@x.example, A@X.example", vec!["a@x.example", "b@x.example"]),
            ("Friends: a@x.example, b@x.example;", vec!["a@x.example", "b@x.example"]),
            ("Undisclosed recipients:;", vec![]),
            ("John Doe", vec![]),
            ("john@", vec![]),
            ("<@coi-dev.org>", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(of(from), senders, "{from}");
        }
        let many: String = (0..100).map(|n| format!("a{n}@x.example,")).collect();
        assert_eq!(of(&many).len(), limits::SENDERS_LOOKED_UP_MAX);
    }

    #[test]
    fn what_is_no_text_is_compared_as_octets() {
        assert_eq!(normalised(b"J\xffRN", b"X.example.."), Some(b"j\xffrn@x.example".to_vec()));
        assert_eq!(normalised(b"john", b"."), None);
    }

    proptest! {
        /// Whatever stands in From: no panic, nobody twice, and the normal form of a normal form is itself.
        #[test]
        fn anything_may_come(from in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut list = Vec::new();
            koi_message::address::parse_addresses(&from, &mut list);
            let senders = senders(&list);
            for (at, sender) in senders.iter().enumerate() {
                prop_assert!(!senders[..at].contains(sender));
                let middle = sender.iter().rposition(|octet| *octet == b'@').unwrap();
                let (local, domain) = (&sender[..middle], &sender[middle + 1..]);
                let again = normalised(local, domain);
                prop_assert_eq!(again.as_ref(), Some(sender));
            }
        }
    }
}

//! Any command and any response: written, cut anywhere, and read to the same (DMAP-00 §7 and §8).

mod commands;
mod responses;

use koi_proto::dmap::chunk::{Body, BodyForm, ChunkType, Section};
use koi_proto::dmap::client;
use koi_proto::dmap::command::{self, *};
use koi_proto::dmap::decode::{Decoded, Decoder, Phase};
use koi_proto::dmap::id::{Fingerprint, KeyId, Label, SignetAddress};
use koi_proto::dmap::name::MailboxArg;
use koi_proto::dmap::response::{self, *};
use koi_proto::dmap::{Capability, Command, DateTime, Mode, Response, SequenceSet, Tag};
use koi_proto::line::set::{SequenceEnd, SequenceRange};
use koi_types::{
    Flags, Keyword, MailboxName, ModSeq, NumSet, Role, SeqNum, SystemFlags, Timestamp, Uid, UidSet,
    UidValidity, ZoneOffset,
};
use proptest::prelude::*;
use proptest::sample::select;

use commands::any_command;
use responses::any_response;

fn mailbox() -> impl Strategy<Value = MailboxArg> {
    let name = "[ -~ä日😀&=]{1,12}(/[a-zÄ*%\"]{1,5}){0,2}";
    name.prop_filter_map("no name", |text| MailboxName::new(&text).ok().map(MailboxArg::Name))
}

/// Text of an astring; CR and LF make it a literal.
fn text() -> impl Strategy<Value = Box<str>> {
    prop_oneof!["[ -~äß日]{0,9}", "[a-z]{1,5}", "NIL", "[a\r\n\"\\\\]{0,5}"].prop_map(String::into)
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(select(b"\r\n{}~+0)\0 ".to_vec()), 0..12),
    ]
}

/// On both sides of what may be sent without being asked for.
fn long_octets() -> impl Strategy<Value = Vec<u8>> {
    select(vec![0usize, 4095, 4096, 4097, 20_000]).prop_map(|count| vec![b'}'; count])
}

fn flags() -> impl Strategy<Value = Flags> {
    let keyword = prop_oneof!["[a-z$]{1,4}", Just("$Submitted".to_owned()), Just("$forwarded".to_owned())];
    (0u8..32, prop::collection::vec(keyword, 0..4)).prop_map(|(system, keywords)| {
        let mut flags = Flags::system(SystemFlags(system));
        // One spelling on the wire, and so one case.
        let spelled = |text: String| if text == "$forwarded" { "$Forwarded".to_owned() } else { text };
        keywords.into_iter().filter_map(|text| Keyword::new(&spelled(text))).for_each(|k| flags.insert(k));
        flags
    })
}

fn date_time() -> impl Strategy<Value = DateTime> {
    // The years that the grammar can write, whatever the zone.
    (-62_000_000_000i64..253_000_000_000, -1439i16..1440)
        .prop_map(|(secs, zone)| DateTime { at: Timestamp::from_secs(secs), zone: ZoneOffset(zone) })
}

fn set() -> impl Strategy<Value = SequenceSet> {
    let end = || prop_oneof![5 => (1u32..).prop_map(SequenceEnd::Number), 1 => Just(SequenceEnd::Largest)];
    let range = (end(), end()).prop_map(|(from, to)| SequenceRange { from, to });
    (prop::collection::vec(range, 1..5), any::<bool>())
        .prop_map(|(ranges, saved)| SequenceSet::new(ranges, saved))
}

fn numbers() -> impl Strategy<Value = NumSet> {
    prop::collection::vec(1u32.., 1..9).prop_map(|numbers| numbers.into_iter().collect())
}

fn mod_seq() -> impl Strategy<Value = ModSeq> {
    (1u64..=i64::MAX as u64).prop_map(|number| ModSeq::new(number).unwrap())
}

fn uid() -> impl Strategy<Value = Uid> {
    (1u32..).prop_map(|number| Uid::new(number).unwrap())
}

fn uid_validity() -> impl Strategy<Value = UidValidity> {
    (1u32..).prop_map(|number| UidValidity::new(number).unwrap())
}

fn hash() -> impl Strategy<Value = [u8; 64]> {
    prop::collection::vec(any::<u8>(), 64).prop_map(|octets| octets.try_into().unwrap())
}

fn key_id() -> impl Strategy<Value = KeyId> {
    hash().prop_map(KeyId)
}

fn address() -> impl Strategy<Value = SignetAddress> {
    "[a-zö\"\\\\( @]{1,5}@[a-z.]{1,9}".prop_map(|text| SignetAddress::new(&text).unwrap())
}

fn label() -> impl Strategy<Value = Label> {
    "[a-zA-Z0-9-]{1,32}".prop_map(|text| Label::new(&text).unwrap())
}

fn meta() -> impl Strategy<Value = MetaChange> {
    prop_oneof![octets().prop_map(MetaChange::Set), Just(MetaChange::Remove)]
}

fn body() -> impl Strategy<Value = Body> {
    let section =
        (any::<u8>(), 1u32..).prop_map(|(chunk, number)| Section { chunk: ChunkType(chunk), number });
    let form = select(vec![BodyForm::Stored, BodyForm::Plain]);
    (form, prop::option::of(section)).prop_map(|(form, section)| Body { form, section })
}

fn uses() -> impl Strategy<Value = Vec<UseAttr>> {
    let attribute = prop_oneof![
        select(Role::ALL.to_vec()).prop_map(UseAttr::Role),
        "[A-Z][a-z]{5,8}x".prop_map(|name| UseAttr::Other(format!("\\{name}").into())),
    ];
    prop::collection::vec(attribute, 0..3)
}

/// What the server reads of these octets, cut at these places.
fn decoded(octets: &[u8], cuts: &[usize]) -> Vec<Decoded> {
    let mut decoder = Decoder::new(1 << 20);
    let mut seen = Vec::new();
    for piece in pieces(octets, cuts) {
        decoder.feed(piece);
        loop {
            match decoder.next(Phase::Authenticated) {
                Decoded::NeedMore => break,
                Decoded::Continue => {}
                other => seen.push(other),
            }
        }
    }
    seen
}

fn pieces<'a>(octets: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let ends = cuts.iter().copied().filter(|cut| *cut < octets.len()).chain([octets.len()]);
    let mut from = 0;
    ends.map(|end| &octets[std::mem::replace(&mut from, end)..end]).collect()
}

fn received(octets: &[u8], cuts: &[usize]) -> Vec<client::Received> {
    let mut decoder = client::Decoder::new(1 << 20);
    let mut seen = Vec::new();
    for piece in pieces(octets, cuts) {
        decoder.feed(piece);
        loop {
            match decoder.receive() {
                client::Received::NeedMore => break,
                other => seen.push(other),
            }
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// DMAP-00 §7
    #[test]
    fn commands(command in any_command()) {
        let tag = Tag::new("a1").unwrap();
        let encoded = command.encode(&tag);
        let octets = encoded.octets();
        prop_assert_eq!(command::parse(octets.strip_suffix(b"\r\n").unwrap()).map(|p| p.command), Ok(command.clone()));
        let expected = [Decoded::Command { tag, command }];
        prop_assert_eq!(decoded(octets, &[]), &expected);
        for cut in 0..octets.len().min(300) {
            prop_assert_eq!(decoded(octets, &[cut]), &expected, "cut at {}", cut);
        }
    }

    /// DMAP-00 §5.3, RFC 7888 §5: a client waits just where the server asks.
    #[test]
    fn continuations(request in long_octets(), private in octets(), meta in long_octets(), key in key_id()) {
        let private = Some(Secret(private));
        let add = AddKey { key, request: request.clone(), private, expires: None };
        let address = SignetAddress::new("a@b").unwrap();
        let ring = AddSignet { address, signet: request, meta: Some(MetaChange::Set(meta)) };
        for command in [Command::AddKey(Box::new(add)), Command::AddSignet(ring)] {
            let tag = Tag::new("a1").unwrap();
            let encoded = command.encode(&tag);
            let mut decoder = Decoder::new(0);
            let mut pieces = encoded.pieces().peekable();
            while let Some(piece) = pieces.next() {
                decoder.feed(piece);
                let found = decoder.next(Phase::Authenticated);
                match pieces.peek() {
                    Some(_) => prop_assert_eq!(found, Decoded::Continue),
                    None => {
                        let whole = Decoded::Command { tag: tag.clone(), command: command.clone() };
                        prop_assert_eq!(found, whole);
                    }
                }
                prop_assert_eq!(decoder.next(Phase::Authenticated), Decoded::NeedMore);
            }
        }
    }

    /// DMAP-00 §8
    #[test]
    fn responses(sent in any_response()) {
        let mut octets = Vec::new();
        sent.push(&mut octets);
        prop_assert_eq!(response::parse(octets.strip_suffix(b"\r\n").unwrap()), Ok(sent.clone()));
        let expected = [client::Received::Response(sent)];
        prop_assert_eq!(received(&octets, &[]), &expected);
        for cut in 0..octets.len().min(300) {
            prop_assert_eq!(received(&octets, &[cut]), &expected, "cut at {}", cut);
        }
    }
}

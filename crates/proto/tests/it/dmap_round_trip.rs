//! Any command and any response: written, cut anywhere, and read to the same (DMAP-00 §7 and §8).

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
    "[a-zö\"\\\\(]{1,5}@[a-z.]{1,9}".prop_map(|text| SignetAddress::new(&text).unwrap())
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

fn on_mailboxes() -> impl Strategy<Value = Command> {
    let qresync = (uid_validity(), mod_seq(), prop::option::of(numbers().prop_map(UidSet)))
        .prop_map(|(uid_validity, mod_seq, known_uids)| Qresync { uid_validity, mod_seq, known_uids });
    let items = || prop::collection::vec(select(StatusItem::ALL.to_vec()), 1..4);
    let returns = prop_oneof![
        Just(ListReturn::Subscribed),
        Just(ListReturn::Children),
        Just(ListReturn::SpecialUse),
        Just(ListReturn::Meta),
        items().prop_map(ListReturn::Status),
    ];
    let selection = prop::collection::vec(select(ListSelect::ALL.to_vec()), 0..3)
        .prop_filter("never alone", |select| *select != [ListSelect::RecursiveMatch]);
    prop_oneof![
        (mailbox(), any::<bool>(), prop::option::of(qresync)).prop_map(|(mailbox, read_only, qresync)| {
            Command::Select(Select { mailbox, read_only, qresync })
        }),
        (mailbox(), uses(), prop::option::of(octets()))
            .prop_map(|(mailbox, uses, meta)| Command::Create(Create { mailbox, uses, meta })),
        mailbox().prop_map(|mailbox| Command::Delete { mailbox }),
        (mailbox(), mailbox()).prop_map(|(from, to)| Command::Rename { from, to }),
        mailbox().prop_map(|mailbox| Command::Subscribe { mailbox }),
        mailbox().prop_map(|mailbox| Command::Unsubscribe { mailbox }),
        (selection, prop::collection::vec(text(), 1..4), prop::collection::vec(returns, 0..3))
            .prop_map(|(select, patterns, returns)| Command::List(List { select, patterns, returns })),
        (mailbox(), items()).prop_map(|(mailbox, items)| Command::Status { mailbox, items }),
        (mailbox(), prop::option::of(meta()))
            .prop_map(|(mailbox, change)| Command::MailboxMeta { mailbox, change }),
    ]
}

fn on_keys() -> impl Strategy<Value = Command> {
    let shards = prop::collection::vec((label(), hash()), 0..3)
        .prop_map(|shards| shards.into_iter().map(|(label, shard)| NewShard { label, shard }).collect());
    let version = prop_oneof![
        Just(Version::Current),
        Just(Version::History),
        hash().prop_map(|hash| Version::Fingerprint(Fingerprint(hash))),
    ];
    let lookup = select(vec![Lookup::Usual, Lookup::Refresh, Lookup::Ring]);
    prop_oneof![
        (key_id(), select(KeyPart::ALL.to_vec())).prop_map(|(key, part)| Command::GetKey { key, part }),
        (key_id(), octets(), prop::option::of(octets()), prop::option::of(date_time())).prop_map(
            |(key, request, private, expires)| {
                let private = private.map(Secret);
                Command::AddKey(Box::new(AddKey { key, request, private, expires }))
            }
        ),
        key_id().prop_map(|key| Command::DeleteKey { key }),
        Just(Command::ListKeys),
        (address(), version, lookup).prop_map(|(address, version, lookup)| Command::GetSignet(GetSignet {
            address,
            version,
            lookup
        })),
        (address(), octets(), prop::option::of(meta()))
            .prop_map(|(address, signet, meta)| Command::AddSignet(AddSignet { address, signet, meta })),
        (address(), prop::option::of(hash().prop_map(Fingerprint)))
            .prop_map(|(address, fingerprint)| Command::DeleteSignet { address, fingerprint }),
        text().prop_map(|pattern| Command::ListSignets { pattern }),
        label().prop_map(|label| Command::GetRealm { label }),
        (label(), any::<u16>(), hash()).prop_map(|(label, serial, shard)| Command::AddRealm(Box::new(
            AddRealm { label, serial, shard }
        ))),
        (hash(), any::<u32>(), hash(), hash(), shards).prop_map(|(key, bonus, salt, token, shards)| {
            Command::StaciePasswd(Box::new(StaciePasswd {
                password_key: Secret(key.to_vec()),
                bonus,
                salt: Box::new([salt, token].concat().try_into().unwrap()),
                verification_token: Secret(token.to_vec()),
                shards,
            }))
        }),
    ]
}

fn search_key() -> impl Strategy<Value = SearchKey> {
    let flag = (select(SearchFlag::ALL.to_vec()), any::<bool>());
    let date = || (0i64..2_900_000).prop_map(koi_proto::dmap::Date::from_days);
    let keyword = || "[a-z$]{1,5}".prop_map(|text| Keyword::new(&text).unwrap());
    let leaf = prop_oneof![
        Just(SearchKey::All),
        set().prop_map(SearchKey::Sequence),
        set().prop_map(SearchKey::Uid),
        flag.prop_map(|(flag, set)| SearchKey::Flag { flag, set }),
        keyword().prop_map(SearchKey::Keyword),
        keyword().prop_map(SearchKey::Unkeyword),
        date().prop_map(SearchKey::Before),
        date().prop_map(SearchKey::On),
        date().prop_map(SearchKey::Since),
        (0..=i64::MAX as u64).prop_map(SearchKey::Larger),
        any::<u32>().prop_map(|n| SearchKey::Smaller(n.into())),
        mod_seq().prop_map(SearchKey::ModSeq),
        any::<u8>().prop_map(|chunk| SearchKey::Chunk(ChunkType(chunk))),
        key_id().prop_map(SearchKey::KeyId),
        text().prop_map(SearchKey::Peer),
    ];
    leaf.prop_recursive(4, 12, 4, |inner| {
        let or = prop::collection::vec(inner.clone(), 2..4)
            .prop_filter("an OR at the end is one with this", |keys| {
                !matches!(keys.last(), Some(SearchKey::Or(_)))
            });
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(SearchKey::And),
            or.prop_map(SearchKey::Or),
            inner.prop_map(|key| SearchKey::Not(Box::new(key))),
        ]
    })
}

fn fetch() -> impl Strategy<Value = Command> {
    let partial = (0..=i64::MAX as u64, 1u32..).prop_map(|(first, octets)| Partial { first, octets });
    let item = prop_oneof![
        select(vec![
            FetchItem::Flags,
            FetchItem::Meta,
            FetchItem::ModSeq,
            FetchItem::InternalDate,
            FetchItem::Size,
            FetchItem::Uid,
            FetchItem::BodyStructure,
            FetchItem::ChunkHash,
            FetchItem::KeyId,
        ]),
        (body(), any::<bool>(), prop::option::of(partial)).prop_map(|(body, peek, partial)| {
            FetchItem::Body { body, peek: peek && body.form == BodyForm::Stored, partial }
        }),
    ];
    let items = prop::collection::vec(item, 1..5).prop_map(|mut items| {
        let mut seen = Vec::new();
        items.retain(|item| {
            !seen.contains(item) && {
                seen.push(*item);
                true
            }
        });
        items
    });
    (any::<bool>(), set(), items, prop::option::of((mod_seq(), any::<bool>()))).prop_map(
        |(by_uid, set, items, since)| {
            let since =
                since.map(|(mod_seq, vanished)| ChangedSince { mod_seq, vanished: vanished && by_uid });
            Command::Fetch(Fetch { by_uid, set, items, changed_since: since })
        },
    )
}

fn on_messages() -> impl Strategy<Value = Command> {
    let action = select(vec![FlagAction::Replace, FlagAction::Add, FlagAction::Remove]);
    let value = prop_oneof![
        (action, flags()).prop_map(|(action, flags)| StoreValue::Flags { action, flags }),
        meta().prop_map(StoreValue::Meta),
    ];
    let unchanged = prop::option::of(0..=i64::MAX as u64);
    let hold = prop_oneof![(1u32..).prop_map(Hold::For), date_time().prop_map(Hold::Until)];
    let one = (1u32..).prop_map(|number| SequenceSet::of(&[number].into_iter().collect()));
    let save = (mailbox(), prop::option::of(flags())).prop_map(|(mailbox, flags)| SaveTo { mailbox, flags });
    let bounce = prop::option::of(select(Bounce::ALL.to_vec()));
    let returns = prop::option::of(prop::collection::vec(select(ReturnOption::ALL.to_vec()), 0..3));
    prop_oneof![
        prop::option::of(numbers().prop_map(UidSet)).prop_map(|uids| Command::Expunge { uids }),
        (any::<bool>(), returns, prop::collection::vec(search_key(), 1..4))
            .prop_map(|(by_uid, returns, keys)| Command::Search(Search { by_uid, returns, keys })),
        fetch(),
        (any::<bool>(), set(), unchanged, any::<bool>(), value).prop_map(
            |(by_uid, set, unchanged_since, silent, value)| {
                Command::Store(Store { by_uid, set, unchanged_since, silent, value })
            }
        ),
        (any::<bool>(), set(), mailbox()).prop_map(|(by_uid, set, mailbox)| Command::Copy {
            by_uid,
            set,
            mailbox
        }),
        (any::<bool>(), set(), mailbox()).prop_map(|(by_uid, set, mailbox)| Command::Move {
            by_uid,
            set,
            mailbox
        }),
        (any::<bool>(), one, prop::option::of(hold), bounce, prop::option::of(save)).prop_map(
            |(by_uid, message, hold, bounce, save_to)| {
                Command::Submit(Submit { by_uid, message, hold, bounce, save_to })
            }
        ),
    ]
}

fn any_command() -> impl Strategy<Value = Command> {
    let argument = prop_oneof![
        text().prop_map(XArgument::Text),
        octets().prop_map(XArgument::Octets),
        flags().prop_map(XArgument::Flags),
    ];
    let plain = select(vec![
        Command::Capability,
        Command::Noop,
        Command::Logout,
        Command::Idle,
        Command::Close,
        Command::Unselect,
    ]);
    prop_oneof![
        1 => plain,
        1 => prop::option::of(octets()).prop_map(|octets| Command::Authenticate {
            mechanism: "STACIE-PLUS".into(),
            initial_response: octets.map(Secret),
        }),
        1 => prop::collection::vec("[A-Z]{1,5}".prop_map(String::into), 1..3).prop_map(Command::Enable),
        1 => ("X[A-Z-]{1,5}", prop::collection::vec(argument, 0..4)).prop_map(|(name, arguments)| {
            Command::Experimental(Experimental { name: name.into(), arguments })
        }),
        4 => on_mailboxes(),
        4 => on_keys(),
        6 => on_messages(),
    ]
}

fn fetched() -> impl Strategy<Value = Response> {
    let entry = (any::<u8>(), 0..=i64::MAX as u64)
        .prop_map(|(chunk, octets)| ChunkEntry { chunk: ChunkType(chunk), octets });
    let item = prop_oneof![
        flags().prop_map(FetchedItem::Flags),
        mod_seq().prop_map(FetchedItem::ModSeq),
        uid().prop_map(FetchedItem::Uid),
        (0..=i64::MAX as u64).prop_map(FetchedItem::Size),
        date_time().prop_map(FetchedItem::InternalDate),
        prop::collection::vec(entry, 0..4).prop_map(FetchedItem::BodyStructure),
        prop::collection::vec(hash(), 0..3).prop_map(FetchedItem::ChunkHash),
        prop::option::of(key_id()).prop_map(FetchedItem::KeyId),
        prop::option::of(octets()).prop_map(FetchedItem::Meta),
        (body(), prop::option::of(0..=i64::MAX as u64), prop::option::of(octets()))
            .prop_map(|(body, first, octets)| FetchedItem::Body { body, first, octets }),
    ];
    let of = (1u32.., any::<bool>()).prop_map(|(number, by_uid)| match by_uid {
        true => Of::Uid(Uid::new(number).unwrap()),
        false => Of::Seq(SeqNum::new(number).unwrap()),
    });
    (of, prop::collection::vec(item, 1..5)).prop_map(|(of, items)| Response::Fetch(Fetched { of, items }))
}

fn code() -> impl Strategy<Value = Code> {
    prop_oneof![
        select(vec![Code::Alert, Code::TryCreate, Code::ReadOnly, Code::SubmissionRace, Code::TooBig]),
        (uid_validity(), numbers())
            .prop_map(|(uid_validity, uids)| Code::AppendUid { uid_validity, uids: UidSet(uids) }),
        (uid_validity(), numbers(), numbers()).prop_map(|(uid_validity, from, to)| Code::CopyUid {
            uid_validity,
            from: UidSet(from),
            to: UidSet(to)
        }),
        date_time().prop_map(Code::Held),
        mod_seq().prop_map(Code::HighestModSeq),
        numbers().prop_map(Code::Modified),
        (flags(), any::<bool>())
            .prop_map(|(flags, new_keywords)| Code::PermanentFlags { flags, new_keywords }),
        octets().prop_filter("one octet", |o| !o.is_empty()).prop_map(Code::Submitted),
        uid().prop_map(Code::UidNext),
        uid_validity().prop_map(Code::UidValidity),
        ("X[A-Z]{1,5}", prop::option::of("[ -Za-z]{1,9}".prop_map(String::into)))
            .prop_map(|(name, arguments)| Code::Other { name: name.into(), arguments }),
        Just(Code::Capability(vec![Capability::Mode(Mode::Paranoid), Capability::Auth("X".into())])),
    ]
}

fn status_values() -> impl Strategy<Value = Vec<StatusValue>> {
    let number = || 0..=i64::MAX as u64;
    let value = prop_oneof![
        number().prop_map(StatusValue::Messages),
        uid().prop_map(StatusValue::UidNext),
        uid_validity().prop_map(StatusValue::UidValidity),
        number().prop_map(StatusValue::Unseen),
        number().prop_map(StatusValue::Deleted),
        number().prop_map(StatusValue::Size),
        mod_seq().prop_map(StatusValue::HighestModSeq),
    ];
    prop::collection::vec(value, 0..4)
}

fn listed() -> impl Strategy<Value = Response> {
    let attribute = prop_oneof![
        select(vec![MailboxAttr::NoSelect, MailboxAttr::HasChildren, MailboxAttr::Subscribed]),
        select(Role::ALL.to_vec()).prop_map(|role| MailboxAttr::Use(UseAttr::Role(role))),
    ];
    let extra = prop_oneof![
        status_values().prop_map(ListExtra::Status),
        prop::option::of(octets()).prop_map(ListExtra::Meta),
        prop::collection::vec(text(), 1..3).prop_map(ListExtra::ChildInfo),
        ("[A-Z]{6,8}", text()).prop_map(|(name, value)| ListExtra::Other { name: name.into(), value }),
    ];
    (mailbox(), prop::collection::vec(attribute, 0..3), prop::collection::vec(extra, 0..3))
        .prop_map(|(mailbox, attributes, extras)| Response::List(ListEntry { mailbox, attributes, extras }))
}

fn ring() -> impl Strategy<Value = Response> {
    let part = || prop::option::of(octets());
    let key_item = prop_oneof![
        part().prop_map(KeyItem::Public),
        part().prop_map(KeyItem::Private),
        part().prop_map(KeyItem::Signet),
        select(KeyState::ALL.to_vec()).prop_map(KeyItem::Status),
        date_time().prop_map(KeyItem::Created),
        prop::option::of(date_time()).prop_map(KeyItem::Expires),
        any::<u32>().prop_map(KeyItem::Messages),
    ];
    let item = prop_oneof![
        part().prop_map(SignetItem::Data),
        part().prop_map(SignetItem::Org),
        part().prop_map(SignetItem::Meta),
        prop::option::of(text()).prop_map(SignetItem::Record),
        date_time().prop_map(SignetItem::Fetched),
        select(SignetState::ALL.to_vec()).prop_map(SignetItem::Status),
        select(Source::ALL.to_vec()).prop_map(SignetItem::Source),
        prop::collection::vec(select(Check::ALL.to_vec()), 0..4).prop_map(SignetItem::Validation),
    ];
    let form = select(ShardForm::ALL.to_vec());
    prop_oneof![
        (key_id(), prop::collection::vec(key_item, 0..4))
            .prop_map(|(key, items)| Response::Key(Key { key, items })),
        (address(), hash(), prop::collection::vec(item, 0..4)).prop_map(|(address, hash, items)| {
            Response::Signet(Signet { address, fingerprint: Fingerprint(hash), items })
        }),
        (label(), any::<u16>(), form, hash())
            .prop_map(|(label, serial, form, shard)| Response::Realm(Realm { label, serial, form, shard })),
    ]
}

fn any_response() -> impl Strategy<Value = Response> {
    let line = || "[ a-zä{}0-9]{0,9}".prop_map(|text| Box::from(text.trim_start()));
    let tag = "[a-z0-9]{1,4}".prop_map(|text| Tag::new(&text).unwrap());
    let condition = select(vec![Condition::Ok, Condition::No, Condition::Bad]);
    let search = (prop::collection::vec(1u32.., 0..5), prop::option::of(mod_seq()))
        .prop_map(|(numbers, mod_seq)| Response::Search(SearchResult { numbers, mod_seq }));
    let number = || prop::option::of(any::<u32>());
    let esearch = (prop::option::of(text()), any::<bool>(), number(), number(), prop::option::of(numbers()))
        .prop_map(|(tag, by_uid, min, count, all)| {
            Response::Esearch(Esearch { tag, by_uid, min, count, all, ..Esearch::default() })
        });
    prop_oneof![
        (prop::option::of(tag), condition, prop::option::of(code()), line())
            .prop_map(|(tag, condition, code, text)| Response::Status(Status { tag, condition, code, text })),
        line().prop_map(Response::Continue),
        flags().prop_map(Response::Flags),
        listed(),
        (mailbox(), status_values())
            .prop_map(|(mailbox, values)| Response::MailboxStatus { mailbox, values }),
        (mailbox(), prop::option::of(octets()))
            .prop_map(|(mailbox, meta)| Response::MailboxMeta { mailbox, meta }),
        search,
        esearch,
        any::<u32>().prop_map(Response::Exists),
        (1u32..).prop_map(|seq| Response::Expunge(SeqNum::new(seq).unwrap())),
        (any::<bool>(), numbers())
            .prop_map(|(earlier, uids)| Response::Vanished { earlier, uids: UidSet(uids) }),
        fetched(),
        ring(),
    ]
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

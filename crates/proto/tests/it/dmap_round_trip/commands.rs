//! Any command (DMAP-00 §7).

use super::*;

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
    let shard = (label(), prop::option::of(any::<u16>()), hash())
        .prop_map(|(label, serial, shard)| NewShard { label, serial, shard });
    let shards = prop::collection::vec(shard, 0..3);
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

pub(super) fn any_command() -> impl Strategy<Value = Command> {
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

//! Any response (DMAP-00 §8).

use super::*;

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

pub(super) fn any_response() -> impl Strategy<Value = Response> {
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

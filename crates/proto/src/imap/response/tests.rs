//! Known answers: what the server sends, most of it from the examples of the standards.

use koi_types::{
    Keyword, MailboxId, ModSeq, NumSet, Role, SeqNum, SystemFlags, Timestamp, Uid, UidSet, UidValidity,
    ZoneOffset,
};

use super::body::BodyForm;
use super::envelope::push_envelope;
use super::*;
use crate::imap::capability::{Capabilities, Capability};
use crate::imap::command::{Section, SectionText, Tag, tag_of};
use crate::imap::date::DateTime;

fn sent(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    let text = String::from_utf8_lossy(&out).into_owned();
    text.strip_suffix("\r\n").unwrap_or(&text).to_owned()
}

fn tag(text: &str) -> Tag {
    tag_of(text.as_bytes()).unwrap()
}

fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().filter_map(|n| Uid::new(*n)).collect()
}

/// RFC 9051 §7.1
#[test]
fn status_responses() {
    let line = |tag: Option<&Tag>, word, code: Option<Code<'_>>, text| {
        sent(|out| status(tag, word, code.as_ref(), text, out))
    };
    assert_eq!(line(None, Status::Ok, None, "IMAP4rev1 server ready"), "* OK IMAP4rev1 server ready");
    assert_eq!(
        line(Some(&tag("A222")), Status::No, None, "COPY failed: disk is full"),
        "A222 NO COPY failed: disk is full"
    );
    assert_eq!(line(None, Status::Bad, None, "Empty command line"), "* BAD Empty command line");
    assert_eq!(line(None, Status::PreAuth, None, "hello"), "* PREAUTH hello");
    assert_eq!(line(None, Status::Bye, None, "Autologout"), "* BYE Autologout");
    assert_eq!(line(None, Status::Ok, Some(Code::Alert), "a\r\nb \u{e4}"), "* OK [ALERT] a??b ??");
}

/// RFC 9051 §7.1, RFC 3501 §7.1, RFC 4315 §3, RFC 5530 §3, RFC 7162 §3.1.2 and §3.1.3, RFC 6154 §3
#[test]
fn response_codes() {
    let text = |code: Code<'_>| {
        let line = sent(|out| status(None, Status::Ok, Some(&code), "x", out));
        line.strip_prefix("* OK [").unwrap().strip_suffix("] x").unwrap().to_owned()
    };
    let validity = UidValidity::new(38505).unwrap();
    assert_eq!(
        text(Code::AppendUid { uid_validity: validity, uids: &uids(&[3955]) }),
        "APPENDUID 38505 3955"
    );
    let (from, to) = (uids(&[304, 319, 320]), uids(&[3956, 3957, 3958]));
    assert_eq!(
        text(Code::CopyUid { uid_validity: validity, from: &from, to: &to }),
        "COPYUID 38505 304,319:320 3956:3958"
    );
    assert_eq!(text(Code::BadCharset(&["US-ASCII", "UTF-8"])), "BADCHARSET (US-ASCII UTF-8)");
    assert_eq!(text(Code::BadCharset(&[])), "BADCHARSET");
    let names = vec![Capability::Imap4Rev1, Capability::AuthPlain];
    let capabilities = Capabilities { names, append_limit: Some(1) };
    assert_eq!(text(Code::Capability(&capabilities)), "CAPABILITY IMAP4rev1 AUTH=PLAIN");
    assert_eq!(text(Code::MailboxId(MailboxId(1))), format!("MAILBOXID ({})", MailboxId(1)));
    assert_eq!(
        text(Code::HighestModSeq(ModSeq::new(715_194_045_007).unwrap())),
        "HIGHESTMODSEQ 715194045007"
    );
    let modified: NumSet = [7, 9].into_iter().collect();
    assert_eq!(text(Code::Modified(&modified)), "MODIFIED 7,9");
    let keywords = [Keyword::new("$Forwarded").unwrap()];
    let system = SystemFlags::DELETED.union(SystemFlags::SEEN);
    let permanent =
        |system, keywords, new_keywords| text(Code::PermanentFlags { system, keywords, new_keywords });
    assert_eq!(permanent(system, &[], true), "PERMANENTFLAGS (\\Deleted \\Seen \\*)");
    assert_eq!(permanent(system, &keywords, false), "PERMANENTFLAGS (\\Deleted \\Seen $Forwarded)");
    assert_eq!(permanent(SystemFlags::NONE, &[], false), "PERMANENTFLAGS ()");
    assert_eq!(text(Code::UidNext(Uid::new(4392).unwrap())), "UIDNEXT 4392");
    assert_eq!(text(Code::UidValidity(UidValidity::new(3_857_529_045).unwrap())), "UIDVALIDITY 3857529045");
    assert_eq!(text(Code::Unseen(SeqNum::new(12).unwrap())), "UNSEEN 12");
    for (code, name) in [
        (Code::AlreadyExists, "ALREADYEXISTS"),
        (Code::AuthenticationFailed, "AUTHENTICATIONFAILED"),
        (Code::AuthorizationFailed, "AUTHORIZATIONFAILED"),
        (Code::Cannot, "CANNOT"),
        (Code::ClientBug, "CLIENTBUG"),
        (Code::Closed, "CLOSED"),
        (Code::CompressionActive, "COMPRESSIONACTIVE"),
        (Code::ContactAdmin, "CONTACTADMIN"),
        (Code::Corruption, "CORRUPTION"),
        (Code::Expired, "EXPIRED"),
        (Code::ExpungeIssued, "EXPUNGEISSUED"),
        (Code::HasChildren, "HASCHILDREN"),
        (Code::InUse, "INUSE"),
        (Code::Limit, "LIMIT"),
        (Code::NoModSeq, "NOMODSEQ"),
        (Code::NonExistent, "NONEXISTENT"),
        (Code::NoPerm, "NOPERM"),
        (Code::NotSaved, "NOTSAVED"),
        (Code::OverQuota, "OVERQUOTA"),
        (Code::Parse, "PARSE"),
        (Code::PrivacyRequired, "PRIVACYREQUIRED"),
        (Code::ReadOnly, "READ-ONLY"),
        (Code::ReadWrite, "READ-WRITE"),
        (Code::ServerBug, "SERVERBUG"),
        (Code::TooBig, "TOOBIG"),
        (Code::TryCreate, "TRYCREATE"),
        (Code::UidNotSticky, "UIDNOTSTICKY"),
        (Code::Unavailable, "UNAVAILABLE"),
        (Code::UnknownCte, "UNKNOWN-CTE"),
        (Code::UseAttr, "USEATTR"),
    ] {
        assert_eq!(text(code), name);
    }
    // RFC 5464 §4.2.1 and §4.3
    assert_eq!(text(Code::MetadataLongEntries(2199)), "METADATA LONGENTRIES 2199");
    assert_eq!(text(Code::MetadataMaxSize(1024)), "METADATA MAXSIZE 1024");
    assert_eq!(text(Code::MetadataTooMany), "METADATA TOOMANY");
    assert_eq!(text(Code::MetadataNoPrivate), "METADATA NOPRIVATE");
}

// spec: RFC 9585 §5
#[test]
fn progress() {
    let text = |tag_text: &str, done, total| {
        let (tag, mut out) = (tag(tag_text), Vec::new());
        Code::InProgress { tag: &tag, done, total }.push(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(text("A001", Some(454), Some(1000)), "INPROGRESS (\"A001\" 454 1000)");
    assert_eq!(text("A001", Some(0), Some(1)), "INPROGRESS (\"A001\" 0 1)");
    assert_eq!(text("A001", Some(454), None), "INPROGRESS (\"A001\" 454 NIL)");
    assert_eq!(text("A001", None, None), "INPROGRESS (\"A001\" NIL NIL)");
    assert_eq!(text("A]1", Some(7), Some(9)), "INPROGRESS (NIL 7 9)");
    // RFC 9585 §4: the goal is more than what is done, and there is none where nobody knows what is done.
    assert_eq!(text("a", Some(9), Some(9)), "INPROGRESS (\"a\" 9 NIL)");
    assert_eq!(text("a", None, Some(9)), "INPROGRESS (\"a\" NIL NIL)");
}

/// RFC 9051 §7.2.1, §7.2.2 and §7.6, RFC 2971 §3.2
#[test]
fn server_responses() {
    assert_eq!(
        sent(|out| continuation("Ready for additional command text", out)),
        "+ Ready for additional command text"
    );
    assert_eq!(sent(|out| challenge(b"", out)), "+ ");
    assert_eq!(sent(|out| challenge(b"foo", out)), "+ Zm9v");
    let names = vec![Capability::Imap4Rev1, Capability::StartTls, Capability::LoginDisabled];
    let mut capabilities = Capabilities { names, append_limit: None };
    assert_eq!(sent(|out| capability(&capabilities, out)), "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED");
    // RFC 7889 §2
    capabilities.names = vec![Capability::AppendLimit];
    assert_eq!(sent(|out| capability(&capabilities, out)), "* CAPABILITY APPENDLIMIT");
    capabilities.append_limit = Some(257_890);
    assert_eq!(sent(|out| capability(&capabilities, out)), "* CAPABILITY APPENDLIMIT=257890");
    assert_eq!(sent(|out| enabled(&[Capability::CondStore], out)), "* ENABLED CONDSTORE");
    assert_eq!(sent(|out| enabled(&[], out)), "* ENABLED");
    let fields = [IdPair { name: "name", value: Some("Koi") }, IdPair { name: "os", value: None }];
    assert_eq!(sent(|out| id(&fields, out)), "* ID (\"name\" \"Koi\" \"os\" NIL)");
    assert_eq!(sent(|out| id(&[], out)), "* ID NIL");
    for capability in Capability::ALL {
        assert_eq!(Capability::parse(&capability.name().to_lowercase()), Some(*capability));
    }
    assert_eq!(Capability::parse("X-GOOD-IDEA"), None);
}

/// RFC 9051 §7.3.1, RFC 3501 §7.2.3, RFC 5258 §4, RFC 6154 §5
#[test]
fn list_responses() {
    let line = |name, attributes: &[Attribute], encoding| {
        sent(|out| {
            list(&ListEntry { name, attributes, subscribed_below: false, old_name: None }, encoding, out)
        })
    };
    let plain = NameEncoding::ModifiedUtf7;
    assert_eq!(line("~/Mail/foo", &[Attribute::NoSelect], plain), "* LIST (\\Noselect) \"/\" ~/Mail/foo");
    assert_eq!(line("", &[Attribute::NoSelect], plain), "* LIST (\\Noselect) \"/\" \"\"");
    assert_eq!(line("Sent Mail", &[], plain), "* LIST () \"/\" \"Sent Mail\"");
    assert_eq!(line("Entwürfe", &[], plain), "* LIST () \"/\" Entw&APw-rfe");
    assert_eq!(line("Entwürfe", &[], NameEncoding::Utf8), "* LIST () \"/\" \"Entwürfe\"");
    assert_eq!(line("A&B", &[], plain), "* LIST () \"/\" A&-B");
    assert_eq!(line("A&B", &[], NameEncoding::Utf8), "* LIST () \"/\" \"A&B\"");
    assert_eq!(line("a\"b*", &[], plain), "* LIST () \"/\" \"a\\\"b*\"");
    assert_eq!(line("nil", &[], plain), "* LIST () \"/\" \"nil\"");
    let all = [
        Attribute::NonExistent,
        Attribute::NoInferiors,
        Attribute::HasChildren,
        Attribute::HasNoChildren,
        Attribute::Marked,
        Attribute::Unmarked,
        Attribute::Subscribed,
        Attribute::Remote,
        Attribute::Role(Role::Sent),
    ];
    let names = "\\NonExistent \\Noinferiors \\HasChildren \\HasNoChildren \\Marked \
        \\Unmarked \\Subscribed \\Remote \\Sent";
    assert_eq!(line("x", &all, plain), format!("* LIST ({names}) \"/\" x"));
    let foo = ListEntry { name: "foo", attributes: &[], subscribed_below: true, old_name: None };
    let childinfo = "\"CHILDINFO\" (\"SUBSCRIBED\")";
    assert_eq!(sent(|out| list(&foo, plain, out)), format!("* LIST () \"/\" foo ({childinfo})"));
    // RFC 9051 §6.3.9.7
    let oldname = "\"OLDNAME\" (\"o f\")";
    let entry = ListEntry { old_name: Some("o f"), ..foo };
    assert_eq!(sent(|out| list(&entry, plain, out)), format!("* LIST () \"/\" foo ({childinfo} {oldname})"));
    let entry = ListEntry { subscribed_below: false, ..entry };
    assert_eq!(sent(|out| list(&entry, plain, out)), format!("* LIST () \"/\" foo ({oldname})"));
    let attributes = &[Attribute::NoSelect];
    let entry = ListEntry { name: "#news.comp.mail", attributes, subscribed_below: false, old_name: None };
    assert_eq!(sent(|out| lsub(&entry, plain, out)), "* LSUB (\\Noselect) \"/\" #news.comp.mail");
}

/// RFC 9051 §7.3.2 to §7.3.5, §7.4.1 and §7.5.1, RFC 3501 §7.3.2, RFC 7162 §3.1.7
#[test]
fn mailbox_responses() {
    let values = [
        StatusValue::Messages(231),
        StatusValue::UidNext(Uid::new(44292).unwrap()),
        StatusValue::HighestModSeq(ModSeq::new(7_011_231_777).unwrap()),
        StatusValue::Recent(0),
        StatusValue::UidValidity(UidValidity::MIN),
        StatusValue::Unseen(2),
        StatusValue::Deleted(3),
        StatusValue::Size(u64::from(u32::MAX) + 1),
    ];
    let line =
        |values: &[StatusValue]| sent(|out| status_data("blurdybloop", NameEncoding::default(), values, out));
    assert_eq!(
        line(&values),
        "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 HIGHESTMODSEQ 7011231777 RECENT 0 UIDVALIDITY 1 \
         UNSEEN 2 \
         DELETED 3 SIZE 4294967296)"
    );
    assert_eq!(line(&[]), "* STATUS blurdybloop ()");
    // RFC 9208 §4.1.4, RFC 7889 §3.1, RFC 8474 §4.3
    let values = [
        StatusValue::DeletedStorage(8),
        StatusValue::AppendLimit(257_890),
        StatusValue::MailboxId(MailboxId(7)),
        StatusValue::Messages(0),
    ];
    let id = MailboxId(7);
    assert_eq!(
        line(&values),
        format!("* STATUS blurdybloop (DELETED-STORAGE 8 APPENDLIMIT 257890 MAILBOXID ({id}) MESSAGES 0)")
    );
    let (own, others) = ([Namespace { prefix: "" }], [Namespace { prefix: "~" }, Namespace { prefix: "&" }]);
    assert_eq!(sent(|out| namespace(&own, &[], &[], out)), "* NAMESPACE ((\"\" \"/\")) NIL NIL");
    assert_eq!(
        sent(|out| namespace(&[], &others, &own, out)),
        "* NAMESPACE NIL ((\"~\" \"/\")(\"&-\" \"/\")) ((\"\" \"/\"))"
    );
    assert_eq!(
        sent(|out| flags(SystemFlags::ALL, ["$Junk"], out)),
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)"
    );
    assert_eq!(sent(|out| exists(23, out)), "* 23 EXISTS");
    assert_eq!(sent(|out| recent(0, out)), "* 0 RECENT");
    assert_eq!(sent(|out| expunge(SeqNum::new(44).unwrap(), out)), "* 44 EXPUNGE");
}

/// RFC 3501 §7.2.5, RFC 7162 §3.1.6, RFC 9051 §7.3.4, RFC 4731 §3.1 and §3.2
#[test]
fn search_responses() {
    let mod_seq = ModSeq::new(917_162_500);
    assert_eq!(sent(|out| search([2, 3, 6], None, out)), "* SEARCH 2 3 6");
    assert_eq!(sent(|out| search([], mod_seq, out)), "* SEARCH");
    assert_eq!(sent(|out| search([2, 5], mod_seq, out)), "* SEARCH 2 5 (MODSEQ 917162500)");
    let line = |answer: Esearch<'_>| sent(|out| esearch(&answer, out));
    let (a, all) = (tag("A282"), [2, 10, 11, 12].into_iter().collect::<NumSet>());
    assert_eq!(
        line(Esearch { tag: Some(&a), min: Some(2), count: Some(3), ..Esearch::default() }),
        "* ESEARCH (TAG \"A282\") MIN 2 COUNT 3"
    );
    let both = Esearch {
        tag: Some(&a),
        by_uid: true,
        max: Some(3800),
        all: Some(Numbers::Set(&all)),
        mod_seq,
        ..Esearch::default()
    };
    assert_eq!(line(both), "* ESEARCH (TAG \"A282\") UID MAX 3800 ALL 2,10:12 MODSEQ 917162500");
    let none = NumSet::new();
    assert_eq!(
        line(Esearch { tag: Some(&a), all: Some(Numbers::Set(&none)), count: Some(0), ..Esearch::default() }),
        "* ESEARCH (TAG \"A282\") COUNT 0"
    );
    assert_eq!(line(Esearch::default()), "* ESEARCH");
}

fn text(text: &str) -> Option<&[u8]> {
    Some(text.as_bytes())
}

fn person<'a>(name: Option<&'a [u8]>, mailbox: &'a str, host: &'a str) -> AddressRef<'a> {
    AddressRef { name, route: None, mailbox: text(mailbox), host: text(host) }
}

/// RFC 3501 §8 (its sample session)
#[test]
fn envelope_of_the_sample_session() {
    let gray = || vec![person(text("Terry Gray"), "gray", "cac.washington.edu")];
    let envelope = EnvelopeRef {
        date: text("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)"),
        subject: text("IMAP4rev1 WG mtg summary and minutes"),
        from: gray(),
        sender: gray(),
        reply_to: gray(),
        to: vec![person(None, "imap", "cac.washington.edu")],
        cc: vec![
            person(None, "minutes", "CNRI.Reston.VA.US"),
            person(text("John Klensin"), "KLENSIN", "MIT.EDU"),
        ],
        bcc: vec![],
        in_reply_to: None,
        message_id: text("<B27397-0100000@cac.washington.edu>"),
    };
    let gray = "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\"))";
    let expected = format!(
        "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" {gray} \
         {gray} {gray} \
         ((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")\
         (\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\")"
    );
    assert_eq!(sent(|out| push_envelope(envelope, out)), expected);
}

/// RFC 9051 §7.5.2: the begin of a group has only a name, its end has nothing.
#[test]
fn envelope_with_groups_and_without_anything() {
    let group = [AddressRef { mailbox: text("undisclosed"), ..AddressRef::default() }, AddressRef::default()];
    let envelope = EnvelopeRef { to: group.to_vec(), ..EnvelopeRef::default() };
    assert_eq!(
        sent(|out| push_envelope(envelope, out)),
        "(NIL NIL NIL NIL NIL ((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)"
    );
}

fn leaf<'a>(media_type: &'a str, media_subtype: &'a str, kind: BodyKind<'a>) -> BodyRef<'a> {
    BodyRef {
        media_type: media_type.as_bytes(),
        media_subtype: media_subtype.as_bytes(),
        parameters: vec![],
        disposition: None,
        language: vec![],
        location: None,
        kind,
    }
}

fn plain_text(charset: &'static str, octets: u64, lines: u64) -> BodyRef<'static> {
    let fields = BodyFields { encoding: b"7BIT", octets, ..BodyFields::default() };
    let parameters = vec![Parameter { name: b"CHARSET", value: charset.as_bytes() }];
    BodyRef { parameters, ..leaf("TEXT", "PLAIN", BodyKind::Text { fields, lines }) }
}

fn body(part: &BodyRef<'_>, form: BodyForm) -> String {
    sent(|out| super::body::push_body(part, form, out))
}

/// RFC 9051 §7.5.2 (its examples of BODYSTRUCTURE)
#[test]
fn body_of_the_examples() {
    let part = plain_text("US-ASCII", 2279, 48);
    let expected = "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 2279 48";
    assert_eq!(body(&part, BodyForm::Short), format!("{expected})"));
    assert_eq!(body(&part, BodyForm::Extended), format!("{expected} NIL NIL NIL NIL)"));

    let mut second = plain_text("US-ASCII", 4554, 73);
    second.parameters.push(Parameter { name: b"NAME", value: b"cc.diff" });
    let BodyKind::Text { fields, .. } = &mut second.kind else { panic!() };
    fields.id = text("<960723163407.20117h@cac.washington.edu>");
    fields.description = text("Compiler diff");
    fields.encoding = b"BASE64";
    let mixed =
        leaf("multipart", "MIXED", BodyKind::Multipart(vec![plain_text("US-ASCII", 1152, 23), second]));
    assert_eq!(
        body(&mixed, BodyForm::Short),
        "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)(\"TEXT\" \"PLAIN\" \
         (\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") \"<960723163407.20117h@cac.washington.edu>\" \
         \"Compiler diff\" \"BASE64\" 4554 73) \"MIXED\")"
    );
}

/// RFC 9051 §7.5.2: extension data, in the order of the grammar.
#[test]
fn body_with_everything() {
    let fields =
        BodyFields { encoding: b"base64", octets: 10, md5: text("Q2hlY2s="), ..BodyFields::default() };
    let mut image = leaf("image", "png", BodyKind::Basic(fields));
    let file = Parameter { name: b"filename", value: "ä\"".as_bytes() };
    image.disposition = Some(Disposition { kind: b"attachment", parameters: vec![file] });
    image.language = vec![b"en", b"de"];
    image.location = text("http://x/");
    let mut alternative = leaf("multipart", "alternative", BodyKind::Multipart(vec![image]));
    alternative.parameters.push(Parameter { name: b"boundary", value: b"x y" });
    alternative.disposition = Some(Disposition { kind: b"inline", parameters: vec![] });
    alternative.language = vec![b"fr"];
    assert_eq!(
        body(&alternative, BodyForm::Extended),
        "((\"image\" \"png\" NIL NIL NIL \"base64\" 10 \"Q2hlY2s=\" \
         (\"attachment\" (\"filename\" {3}\r\nä\")) \
         (\"en\" \"de\") \"http://x/\") \"alternative\" (\"boundary\" \"x y\") (\"inline\" NIL) (\"fr\") NIL)"
    );
    assert_eq!(
        body(&alternative, BodyForm::Short),
        "((\"image\" \"png\" NIL NIL NIL \"base64\" 10) \"alternative\")"
    );
}

/// RFC 9051 §9 `body-type-msg`, and a multipart without a part, which `body-type-mpart` does not know.
#[test]
fn body_of_messages_and_of_empty_multiparts() {
    let fields = BodyFields { encoding: b"7BIT", octets: 99, ..BodyFields::default() };
    let envelope =
        EnvelopeRef { subject: text("in"), from: vec![person(None, "a", "b")], ..EnvelopeRef::default() };
    let inner = Box::new(leaf("multipart", "mixed", BodyKind::Multipart(vec![])));
    let kind = BodyKind::Message { fields, envelope: Box::new(envelope), body: inner, lines: 7 };
    assert_eq!(
        body(&leaf("message", "rfc822", kind), BodyForm::Short),
        "(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 99 \
         (NIL \"in\" ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL NIL NIL) \
         ((\"text\" \"plain\" NIL NIL NIL \"7BIT\" 0 0) \"mixed\") 7)"
    );
}

/// RFC 9051 §7.5.2, RFC 3501 §7.4.2, RFC 7162 §3.1.4.2
#[test]
fn fetch_lines() {
    let mut out = Vec::new();
    let mut line = FetchLine::begin(SeqNum::new(12).unwrap(), &mut out);
    line.flags(SystemFlags::SEEN, ["$MDNSent", "\\Recent"], &mut out);
    line.uid(Uid::new(4_827_313).unwrap(), &mut out);
    let date = DateTime { at: Timestamp::from_secs(837_596_665), zone: ZoneOffset(0) };
    line.internal_date(date, &mut out);
    line.rfc822_size(4286, &mut out);
    line.mod_seq(ModSeq::new(624_140_003).unwrap(), &mut out);
    line.envelope(EnvelopeRef::<Vec<_>>::default(), &mut out);
    line.envelope_encoded(b"(x)", &mut out);
    let part = plain_text("x", 1, 2);
    line.body(&part, &mut out);
    line.body_structure(&part, &mut out);
    line.rfc822(2, &mut out);
    out.extend_from_slice(b"ab");
    line.rfc822_header(0, &mut out);
    line.rfc822_text(1, &mut out);
    out.push(b'x');
    line.end(&mut out);
    let part = "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"x\") NIL NIL \"7BIT\" 1 2";
    assert_eq!(
        sent(|all| all.extend(out)),
        format!(
            "* 12 FETCH (FLAGS (\\Seen $MDNSent \\Recent) UID 4827313 \
             INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" RFC822.SIZE 4286 \
             MODSEQ (624140003) ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ENVELOPE (x) BODY {part}) \
             BODYSTRUCTURE {part} NIL NIL NIL NIL) \
             RFC822 {{2}}\r\nab RFC822.HEADER {{0}}\r\n RFC822.TEXT {{1}}\r\nx)"
        )
    );
}

/// RFC 9051 §7.5.2: the section comes back as it was asked for, the partial with its first octet only.
#[test]
fn sections_come_back() {
    let line = |part: &[u32], what, first| {
        let section = Section { part: part.into(), text: what };
        sent(|out| {
            let mut line = FetchLine::begin(SeqNum::MIN, out);
            line.section(&section, first, 3, out);
            out.extend_from_slice(b"a\0b");
            line.section_nil(&section, first, out);
            line.end(out);
        })
    };
    let twice = |name: &str| format!("* 1 FETCH ({name} {{3}}\r\na\0b {name} NIL)");
    assert_eq!(line(&[], SectionText::Whole, None), twice("BODY[]"));
    assert_eq!(line(&[4, 2], SectionText::Whole, Some(0)), twice("BODY[4.2]<0>"));
    assert_eq!(line(&[1], SectionText::Mime, None), twice("BODY[1.MIME]"));
    assert_eq!(line(&[], SectionText::Text, Some(2048)), twice("BODY[TEXT]<2048>"));
    assert_eq!(line(&[3], SectionText::Header, None), twice("BODY[3.HEADER]"));
    let names = || vec!["DATE".into(), "a\"b".into()];
    assert_eq!(
        line(&[], SectionText::HeaderFields(names()), None),
        twice("BODY[HEADER.FIELDS (DATE \"a\\\"b\")]")
    );
    assert_eq!(
        line(&[1], SectionText::HeaderFieldsNot(names()), None),
        twice("BODY[1.HEADER.FIELDS.NOT (DATE \"a\\\"b\")]")
    );
}

/// RFC 5464 §4.4.1 and §4.4.2
#[test]
fn metadata_responses() {
    let plain = NameEncoding::ModifiedUtf7;
    let values = |mailbox, encoding, entries: &[(&str, Option<&[u8]>)]| {
        sent(|out| {
            let mut line = MetadataLine::begin(mailbox, encoding, out);
            entries.iter().for_each(|(name, value)| line.entry(name, *value, out));
            line.end(out);
        })
    };
    assert_eq!(
        values("", plain, &[("/shared/comment", Some(b"Shared comment"))]),
        "* METADATA \"\" (/shared/comment \"Shared comment\")"
    );
    assert_eq!(
        values("INBOX", plain, &[("/private/comment", Some(b"My own")), ("/shared/comment", None)]),
        "* METADATA INBOX (/private/comment \"My own\" /shared/comment NIL)"
    );
    assert_eq!(
        values("ä", plain, &[("/private/a b", Some(b"two\r\nlines")), ("/private/c", Some(b"\0"))]),
        "* METADATA &AOQ- (\"/private/a b\" {10}\r\ntwo\r\nlines /private/c ~{1}\r\n\0)"
    );
    assert_eq!(
        values("ä", NameEncoding::Utf8, &[("/private/c", Some(b""))]),
        "* METADATA \"ä\" (/private/c \"\")"
    );
    let changed = |names: &[&str]| sent(|out| metadata_changed("INBOX", plain, names.iter().copied(), out));
    assert_eq!(
        changed(&["/shared/comment", "/private/comment"]),
        "* METADATA INBOX /shared/comment /private/comment"
    );
    assert_eq!(changed(&[]), "");
}

/// RFC 9208 §4.2.1 and §4.2.2
#[test]
fn quota_responses() {
    let storage = ResourceUse { resource: Resource::Storage, usage: 54, limit: 111 };
    let message = ResourceUse { resource: Resource::Message, usage: 42, limit: 1000 };
    assert_eq!(
        sent(|out| quota("#user/alice", &[storage, message], out)),
        "* QUOTA #user/alice (STORAGE 54 111 MESSAGE 42 1000)"
    );
    assert_eq!(sent(|out| quota("", &[], out)), "* QUOTA \"\" ()");
    let plain = NameEncoding::ModifiedUtf7;
    assert_eq!(sent(|out| quota_root("INBOX", plain, &[""], out)), "* QUOTAROOT INBOX \"\"");
    assert_eq!(sent(|out| quota_root("ä", plain, &[], out)), "* QUOTAROOT &AOQ-");
}

/// RFC 5256 §4, RFC 7162 §3.1.9, RFC 5255 §4.8
#[test]
fn sort_thread_and_comparator_responses() {
    assert_eq!(sent(|out| sort(&[2, 84, 3], None, out)), "* SORT 2 84 3");
    assert_eq!(sent(|out| sort(&[], ModSeq::new(5), out)), "* SORT");
    assert_eq!(sent(|out| sort(&[2], ModSeq::new(5), out)), "* SORT 2 (MODSEQ 5)");
    // (2)(3 6 (4 23)(44 7 96))
    let tree = sent(|out| {
        let mut line = ThreadLine::begin(out);
        line.open(out);
        line.member(2, out);
        line.close(out);
        line.open(out);
        line.member(3, out);
        line.member(6, out);
        for members in [&[4, 23][..], &[44, 7, 96]] {
            line.open(out);
            members.iter().for_each(|member| line.member(*member, out));
            line.close(out);
        }
        line.close(out);
        line.end(out);
    });
    assert_eq!(tree, "* THREAD (2)(3 6 (4 23)(44 7 96))");
    assert_eq!(sent(|out| ThreadLine::begin(out).end(out)), "* THREAD");
    assert_eq!(sent(|out| comparator("i;octet", true, &["i;octet"], out)), "* COMPARATOR -i;octet");
    assert_eq!(sent(|out| comparator("a", false, &["a", "b"], out)), "* COMPARATOR a (a b)");
}

/// RFC 5267 §4.3.3 and §4.4, RFC 6203 §4, RFC 7377 §2.1
#[test]
fn extended_search_responses() {
    let tag = tag("B01");
    let change = |position, numbers: &[u32]| ListChange { position, numbers: numbers.to_vec() };
    let changes = |removed: &[ListChange], added: &[ListChange]| {
        sent(|out| context_changes(&tag, true, removed, added, out))
    };
    assert_eq!(changes(&[], &[]), "");
    assert_eq!(
        changes(&[], &[change(0, &[32768, 32769])]),
        "* ESEARCH (TAG \"B01\") UID ADDTO (0 32768:32769)"
    );
    assert_eq!(
        changes(&[change(2, &[5, 4, 7, 8])], &[change(1, &[2733]), change(3, &[9])]),
        "* ESEARCH (TAG \"B01\") UID REMOVEFROM (2 5,4,7:8) ADDTO (1 2733 3 9)"
    );
    let range = |from, to, backwards| crate::imap::command::PartialRange { from, to, backwards };
    let partial = |range, numbers| {
        let partial = Some(Partial { range, numbers: Numbers::Ordered(numbers) });
        sent(|out| esearch(&Esearch { tag: Some(&tag), partial, ..Esearch::default() }, out))
    };
    assert_eq!(
        partial(range(1, 10, false), &[42, 9, 34, 13, 15]),
        "* ESEARCH (TAG \"B01\") PARTIAL (1:10 42,9,34,13,15)"
    );
    assert_eq!(partial(range(1, 100, true), &[]), "* ESEARCH (TAG \"B01\") PARTIAL (-1:-100 NIL)");
    let scored = Esearch {
        tag: Some(&tag),
        mailbox: Some(MailboxCorrelator {
            name: "folder 1",
            encoding: NameEncoding::ModifiedUtf7,
            uid_validity: UidValidity::new(7).unwrap(),
        }),
        by_uid: true,
        all: Some(Numbers::Ordered(&[5, 10, 1])),
        relevancy: Some(&[99, 42, 4]),
        ..Esearch::default()
    };
    assert_eq!(
        sent(|out| esearch(&scored, out)),
        "* ESEARCH (TAG \"B01\" MAILBOX \"folder 1\" UIDVALIDITY 7) UID ALL 5,10,1 RELEVANCY (99 42 4)"
    );
}

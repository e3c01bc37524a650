//! Known answers for SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 4731 §3, RFC 7162 §3.1.5).

use koi_types::MailboxName;

use super::super::*;
use super::{read, refused, set};

fn search(line: &str) -> Search {
    match read(&format!("a SEARCH {line}")) {
        Command::Search(search) => search,
        other => panic!("{other:?}"),
    }
}

fn key(line: &str) -> SearchKey {
    let search = search(line);
    assert_eq!(
        (search.keys.len(), search.by_uid, search.returns, search.charset),
        (1, false, None, Charset::Known)
    );
    search.keys[0].clone()
}

/// RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 7162 §3.1.5
#[test]
fn every_key() {
    use SearchKey::*;
    let (date, text) = (super::super::Date::new(1994, 2, 1).unwrap(), || Box::<str>::from("Smith"));
    let keyword = |k: fn(koi_types::Keyword) -> SearchKey| k(koi_types::Keyword::new("$Junk").unwrap());
    let all = [
        ("ALL", All),
        ("ANSWERED", Answered),
        ("DELETED", Deleted),
        ("DRAFT", Draft),
        ("FLAGGED", Flagged),
        ("SEEN", Seen),
        ("UNANSWERED", Unanswered),
        ("UNDELETED", Undeleted),
        ("UNDRAFT", Undraft),
        ("UNFLAGGED", Unflagged),
        ("UNSEEN", Unseen),
        ("NEW", New),
        ("OLD", Old),
        ("RECENT", Recent),
        ("KEYWORD $Junk", keyword(Keyword)),
        ("UNKEYWORD $Junk", keyword(Unkeyword)),
        ("BCC Smith", Bcc(text())),
        ("BODY Smith", Body(text())),
        ("CC Smith", Cc(text())),
        ("FROM \"Smith\"", From(text())),
        ("SUBJECT {5}\r\nSmith", Subject(text())),
        ("TEXT {5+}\r\nSmith", Text(text())),
        ("TO Smith", To(text())),
        ("HEADER Message-ID Smith", Header { name: "Message-ID".into(), value: text() }),
        ("HEADER \"X\" \"\"", Header { name: "X".into(), value: "".into() }),
        ("BEFORE 1-Feb-1994", Before(date)),
        ("ON \"1-Feb-1994\"", On(date)),
        ("SINCE 01-feb-1994", Since(date)),
        ("SENTBEFORE 1-Feb-1994", SentBefore(date)),
        ("SENTON 1-Feb-1994", SentOn(date)),
        ("SENTSINCE 1-Feb-1994", SentSince(date)),
        ("LARGER 50000", Larger(50_000)),
        ("SMALLER 0", Smaller(0)),
        ("2,4:7,*", Sequence(set("2,4:7,*"))),
        ("UID 1:*", Uid(set("1:*"))),
        ("MODSEQ 620162338", ModSeq(620_162_338)),
        ("MODSEQ \"/flags/\\\\draft\" all 620162338", ModSeq(620_162_338)),
        ("MODSEQ \"/flags/$x\" priv 0", ModSeq(0)),
        ("EMAILID M6d99ac3275bb4e", EmailId(None)),
        ("THREADID t00000000000000000000000000", ThreadId(Some(koi_types::ThreadId([0; 16])))),
        ("NOT SEEN", Not(Box::new(Seen))),
        ("OR SEEN DRAFT", Or(vec![Seen, Draft])),
        ("(SEEN DRAFT)", And(vec![Seen, Draft])),
        ("(SEEN)", And(vec![Seen])),
    ];
    for (line, expected) in all {
        assert_eq!(key(line), expected, "{line}");
        if !line.contains(['{', '"']) {
            let lower = line
                .to_lowercase()
                .replace("smith", "Smith")
                .replace("$junk", "$Junk")
                .replace("message-id", "Message-ID");
            assert_eq!(key(&lower), expected, "{lower}");
        }
    }
}

/// RFC 9051 §6.4.4 (its examples and those of RFC 3501 §6.4.4)
#[test]
fn several_keys() {
    let found = search("FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"");
    assert_eq!(found.keys.len(), 3);
    assert_eq!(found.keys[2], SearchKey::Not(Box::new(SearchKey::From("Smith".into()))));
    let found = search("OR NOT MODSEQ 720162338 LARGER 50000");
    let not = SearchKey::Not(Box::new(SearchKey::ModSeq(720_162_338)));
    assert_eq!(found.keys, [SearchKey::Or(vec![not, SearchKey::Larger(50_000)])]);
    let found = search("CHARSET UTF-8 (OR 1,3000:3021 SEEN) TEXT {8+}\r\nмать");
    assert_eq!(found.keys[1], SearchKey::Text("мать".into()));
    assert_eq!(search("TEXT \"мать\"").keys, [SearchKey::Text("мать".into())], "QUIRK quoted_8bit");
}

/// RFC 9051 §6.4.4, RFC 4731 §3.1
#[test]
fn return_options() {
    use ReturnOption::{All, Count, Max, Min};
    assert_eq!(search("RETURN (MIN COUNT) FLAGGED").returns, Some(vec![Min, Count]));
    assert_eq!(search("return () FLAGGED").returns, Some(vec![]));
    assert_eq!(search("RETURN (ALL MAX) CHARSET us-ascii FLAGGED").returns, Some(vec![All, Max]));
    let Command::Search(by_uid) = read("a UID SEARCH RETURN (MIN MAX) 1:5000") else { panic!() };
    assert!(by_uid.by_uid && by_uid.keys == [SearchKey::Sequence(set("1:5000"))]);
    refused(&["a SEARCH RETURN (FOO) SEEN", "a SEARCH RETURN (MIN)", "a SEARCH RETURN MIN SEEN"]);
}

/// RFC 9394 §4, RFC 5267 §5, RFC 6203 §7, RFC 5465 §8
#[test]
fn partial_update_and_scores() {
    let partial = |from, to, backwards| ReturnOption::Partial(PartialRange { from, to, backwards });
    use ReturnOption::{Context, Count, Relevancy, Update};
    assert_eq!(search("RETURN (PARTIAL 1:500) ALL").returns, Some(vec![partial(1, 500, false)]));
    assert_eq!(search("RETURN (COUNT PARTIAL -5:-1) ALL").returns, Some(vec![Count, partial(5, 1, true)]));
    assert_eq!(
        search("return (update context relevancy update) ALL").returns,
        Some(vec![Update, Context, Relevancy])
    );
    let items = search("RETURN (UPDATE (UID FLAGS UID) COUNT) ALL");
    assert_eq!(
        (items.returns, items.update_items.len()),
        (Some(vec![Update, Count]), 2),
        "QUIRK update_items"
    );
    assert_eq!(search("RETURN (COUNT UPDATE(FLAGS)) ALL").update_items, [FetchItem::Flags]);
    assert_eq!(search("RETURN (UPDATE) ALL").update_items, []);
    refused(&["a SEARCH RETURN (UPDATE ()) ALL", "a SEARCH RETURN (UPDATE FLAGS) ALL"]);
    refused(&["a SEARCH RETURN (COUNT (FLAGS)) ALL", "a SEARCH RETURN (UPDATE (FLAGS) ALL"]);
    refused(&[
        "a SEARCH RETURN (PARTIAL 1) ALL",
        "a SEARCH RETURN (PARTIAL 0:1) ALL",
        "a SEARCH RETURN (PARTIAL 1:*) ALL",
        "a SEARCH RETURN (PARTIAL -1:1) ALL",
        "a SEARCH RETURN (PARTIAL 1:-1) ALL",
        "a SEARCH RETURN (PARTIAL 1:2 ALL) ALL",
        "a SEARCH RETURN (PARTIAL 1:2 PARTIAL 2:3) ALL",
        "a FETCH 1 FLAGS (PARTIAL 1:2)",
        "a UID FETCH 1 FLAGS (PARTIAL 1:2 PARTIAL 1:2)",
    ]);
    let set = |range: PartialRange| range.of(&[2, 3, 5, 8].into_iter().collect()).to_string();
    let table = [
        (1, 2, false, "2:3"),
        (2, 1, false, "2:3"),
        (3, 9, false, "5,8"),
        (5, 9, false, ""),
        (1, 1, true, "8"),
        (2, 3, true, "3,5"),
        (4, 99, true, "2"),
        (5, 6, true, ""),
        (u32::MAX, 1, true, "2:3,5,8"),
    ];
    for (from, to, backwards, expected) in table {
        assert_eq!(set(PartialRange { from, to, backwards }), expected, "{from}:{to} {backwards}");
    }
}

/// RFC 6203 §7, RFC 5466 §4
#[test]
fn fuzzy_keys_and_filters() {
    use SearchKey::*;
    assert_eq!(key("FUZZY SUBJECT x"), Fuzzy(Box::new(Subject("x".into()))));
    assert_eq!(key("NOT FUZZY (SEEN DRAFT)"), Not(Box::new(Fuzzy(Box::new(And(vec![Seen, Draft]))))));
    assert_eq!(key("FILTER on-the-road"), Filter("on-the-road".into()));
    refused(&[
        "a SEARCH FUZZY",
        "a SEARCH FILTER",
        "a SEARCH FILTER a/b",
        "a SEARCH FILTER \"x\"",
        "a SEARCH FILTER a]",
    ]);
    let value = search::filter(b"OR SMALLER 5000 FROM \"boss@example.com\"").unwrap();
    assert_eq!(value, [Or(vec![Smaller(5000), From("boss@example.com".into())])]);
    assert_eq!(search::filter("SEEN SUBJECT \"мат\"".as_bytes()).unwrap(), [Seen, Subject("мат".into())]);
    for bad in ["", "OR SMALLER", "SEEN)", "SUBJECT \"x", "\r\n"] {
        assert!(search::filter(bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert!(search::is_filter_name("a.b+c") && !search::is_filter_name("a/b") && !search::is_filter_name(""));
}

/// RFC 7377 §4, RFC 5267 §5
#[test]
fn searches_in_several_mailboxes() {
    let sources = |line: &str| match read(&format!("a ESEARCH {line}")) {
        Command::MultiSearch(command) => {
            assert!(command.search.by_uid && !command.search.keys.is_empty());
            command.sources
        }
        other => panic!("{other:?}"),
    };
    let name = |text: &str| MailboxArg::Name(MailboxName::new(text).unwrap());
    assert_eq!(sources("ALL"), [MailboxSource::Selected]);
    assert_eq!(sources("RETURN (COUNT) CHARSET UTF-8 SUBJECT x"), [MailboxSource::Selected]);
    assert_eq!(
        sources("IN (mailboxes \"folder1\" subtree-one (a b) personal) RETURN () unseen"),
        [
            MailboxSource::Mailboxes(vec![name("folder1")]),
            MailboxSource::SubtreeOne(vec![name("a"), name("b")]),
            MailboxSource::Personal
        ]
    );
    refused(&[
        "a ESEARCH",
        "a ESEARCH IN () ALL",
        "a ESEARCH IN (selected)",
        "a ESEARCH IN (selected-delayed) ALL",
        "a ESEARCH IN (subtree) ALL",
        "a ESEARCH IN (mailboxes ()) ALL",
        "a ESEARCH IN (personal (x)) ALL",
        "a CANCELUPDATE",
        "a CANCELUPDATE \"x",
    ]);
    assert_eq!(
        read("a CANCELUPDATE \"B01\" \"B02\""),
        Command::CancelUpdate(vec!["B01".into(), "B02".into()])
    );
}

/// RFC 9051 §6.4.4: an unknown charset is answered NO, whatever the strings are.
#[test]
fn charsets() {
    assert_eq!(search("CHARSET utf-8 SEEN").charset, Charset::Known);
    assert_eq!(search("CHARSET \"US-ASCII\" SEEN").charset, Charset::Known);
    assert_eq!(search("CHARSET UTF-7 SEEN").charset, Charset::Unknown);
    let koi = parse(b"a SEARCH CHARSET KOI8-R SUBJECT {2}\r\n\xcd\xc1", false).unwrap();
    assert!(matches!(koi.command, Command::Search(s) if s.keys == [SearchKey::Subject("ма".into())]));
    let unknown = parse(b"a SEARCH CHARSET x SUBJECT {2}\r\n\xcd\xc1", false).unwrap();
    assert!(matches!(unknown.command, Command::Search(s) if s.charset == Charset::Unknown));
    assert!(parse(b"a SEARCH CHARSET EUC-JP SUBJECT {1}\r\n\xff", false).is_err());
    assert!(parse(b"a SEARCH SUBJECT {2}\r\n\xcd\xc1", false).is_err());
    refused(&["a SEARCH CHARSET", "a SEARCH CHARSET UTF-8", "a SEARCH CHARSET {x} SEEN"]);
}

#[test]
fn malformed_keys() {
    refused(&[
        "a SEARCH",
        "a SEARCH ",
        "a SEARCH FOO",
        "a SEARCH ()",
        "a SEARCH (SEEN",
        "a SEARCH SEEN)",
        "a SEARCH SEEN  DRAFT",
        "a SEARCH NOT",
        "a SEARCH OR SEEN",
        "a SEARCH FROM",
        "a SEARCH HEADER x",
        "a SEARCH BEFORE x",
        "a SEARCH BEFORE 30-Feb-2000",
        "a SEARCH BEFORE \"1-Feb-2000",
        "a SEARCH LARGER x",
        "a SEARCH LARGER -1",
        "a SEARCH KEYWORD \\Seen",
        "a SEARCH UID",
        "a SEARCH UID x",
        "a SEARCH 0",
        "a SEARCH 1,",
        "a SEARCH MODSEQ",
        "a SEARCH $$",
        "a SEARCH MODSEQ \"x\" all 1",
        "a SEARCH MODSEQ \"/flags/x\" some 1",
        "a SEARCH ON 1-Feb-94",
        "a SEARCH SEENX",
        "a SEARCH HEADER ä x",
    ]);
}

/// `limits::IMAP_SEARCH_DEPTH_MAX`: no input makes us recurse without bound, but chains of OR are as long as
/// they like.
#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("a SEARCH {}SEEN{}", "(".repeat(depth), ")".repeat(depth));
    read(&nested(31));
    let nots = format!("a SEARCH {}SEEN", "NOT ".repeat(10_000));
    let ors = format!("a SEARCH {}SEEN", "OR ".repeat(10_000));
    refused(&[&nested(32), &nested(10_000), &nots, &ors]);
    let chain = format!("a SEARCH {}SEEN", "OR FROM x ".repeat(5_000));
    let Command::Search(search) = read(&chain) else { panic!() };
    assert!(matches!(&search.keys[0], SearchKey::Or(keys) if keys.len() == 5_001));
}

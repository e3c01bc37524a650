//! Known answers for FETCH: ENVELOPE, BODY and BODYSTRUCTURE, sections, whole lines.

use koi_types::{ModSeq, SeqNum, SystemFlags, Timestamp, Uid, ZoneOffset};

use super::super::body::{BodyForm, push_body};
use super::super::envelope::push_envelope;
use super::super::*;
use super::sent;
use crate::imap::command::{Section, SectionText};
use crate::imap::date::DateTime;

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
    sent(|out| push_body(part, form, out))
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

//! Python's `email` reads what `build` writes, and finds nothing wrong with it.

use std::io::Write;
use std::process::{Command, Stdio};

use koi_message::body::BodyValue;
use koi_message::build::{EmailForm, Given, HeaderSetting, PartForm, build};
use koi_message::{DateTime, EmailAddress, HeaderValue};
use serde_json::{Value, json};

const READER: &str = r#"
import email, email.policy, json, sys
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts, defects = [], []
for part in message.walk():
    defects += [str(d) for d in part.defects]
    for value in part.values():
        defects += [str(d) for d in getattr(value, "defects", [])]
    if not part.is_multipart():
        content = part.get_content()
        text = content.replace("\r\n", "\n") if isinstance(content, str) else content.hex()
        parts.append([part.get_content_type(), part.get_filename(), text])
to = [[a.display_name, a.addr_spec] for a in message["to"].addresses] if message["to"] else []
print(json.dumps({"subject": message["subject"], "to": to, "parts": parts, "defects": defects}))
"#;

fn read_by_python(message: &[u8]) -> Value {
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(message).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn setting(field: &str, value: HeaderValue) -> HeaderSetting {
    HeaderSetting { property: field.into(), field: field.into(), form: value.form(), values: vec![value] }
}

// spec: RFC 8621 §4.6; RFC 2047 §5; RFC 2231 §3; RFC 2045 §6.7; RFC 2045 §6.8
#[test]
fn python_reads_what_we_write() {
    let subject =
        "Gr\u{fc}\u{df}e \u{1f600} und eine sehr lange Zeile, die gefaltet werden muss, ".repeat(3) + "Ende";
    let people = [
        ("Plain Name", "a@b.example"),
        ("M\u{fc}ller, Hans \"H\"", "h@b.example"),
        ("Dr. X", "\"a b\"@b.example"),
    ];
    let to =
        people.map(|(name, email)| EmailAddress { name: Some(name.into()), email: email.into() }).to_vec();
    let text = "Gr\u{fc}\u{df}e\n.\nFrom x \n\u{442}\n".repeat(20);
    let part = |media_type: &str| PartForm { media_type: Some(media_type.into()), ..PartForm::default() };
    let name = "\u{20ac} ein sehr langer Name einer Datei mit Leerzeichen und \u{4e2d}\u{6587} darin.bin";
    let form = EmailForm {
        headers: vec![
            setting("Subject", HeaderValue::Text(subject.clone())),
            setting("To", HeaderValue::Addresses(to)),
        ],
        text_body: Some(vec![PartForm { part_id: Some("t".into()), ..part("text/plain") }]),
        html_body: Some(vec![PartForm { part_id: Some("h".into()), ..part("text/html") }]),
        attachments: Some(vec![
            PartForm {
                blob_id: Some("b".into()),
                name: Some(name.into()),
                ..part("application/octet-stream")
            },
            PartForm {
                blob_id: Some("p".into()),
                cid: Some("p@q".into()),
                name: Some("p.png".into()),
                ..part("image/png")
            },
        ]),
        body_values: [("t", text.as_str()), ("h", "<p>\u{e4}</p>\n")]
            .map(|(id, value)| (id.to_owned(), BodyValue { value: value.into(), ..BodyValue::default() }))
            .into(),
        ..EmailForm::default()
    };
    let given = Given {
        message_id: "a@b",
        date: DateTime { unix_s: 0, zone_min: 60 },
        random: [9; 16],
        octets_max: 1 << 20,
    };
    let blob: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    let message = build(&form, &given, &mut |_| Some(blob.clone())).unwrap();
    let hex: String = blob.iter().map(|octet| format!("{octet:02x}")).collect();
    let expected = json!({
        "subject": subject,
        "to": people.map(|(name, email)| json!([name, email])),
        "parts": [
            ["text/plain", null, text],
            ["text/html", null, "<p>\u{e4}</p>\n"],
            ["image/png", "p.png", hex],
            ["application/octet-stream", name, hex],
        ],
        "defects": [],
    });
    assert_eq!(read_by_python(&message), expected, "{}", String::from_utf8_lossy(&message));
}

//! Previews of all kinds of messages.

use super::*;
use proptest::prelude::*;

fn preview(raw: &[u8]) -> String {
    let structure = crate::parse(raw).facts.structure;
    let Some(part) = PreviewPart::of(&structure) else { return String::new() };
    part.text(part.octets(false).unwrap().of(raw))
}

fn of_html(html: &str) -> String {
    preview(format!("Content-Type: text/html; charset=utf-8\r\n\r\n{html}").as_bytes())
}

fn of_text(text: &str) -> String {
    preview(format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}").as_bytes())
}

// spec: RFC 8970 §3.3
#[test]
fn text_is_one_line() {
    assert_eq!(of_text("  Hello,\r\n\r\n\tworld \u{200b}!\r\n"), "Hello, world !");
    assert_eq!(of_text("a\u{7}b\u{202e}c"), "abc");
    assert_eq!(of_text(""), "");
    assert_eq!(of_text(" \r\n\r\n"), "");
}

#[test]
fn quoted_lines_and_signatures_are_left_out() {
    assert_eq!(of_text("> Shall we?\r\n> When?\r\nYes.\r\n-- \r\nAlice\r\n"), "Yes.");
    assert_eq!(of_text("> Shall we?\r\n>> When?\r\n"), "Shall we? When?");
    assert_eq!(of_text("-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n"), "");
}

// spec: RFC 8970 §3.3
#[test]
fn never_too_long_and_never_cut_in_a_character() {
    let long = of_text(&"日本 ".repeat(200));
    assert_eq!(long.chars().count(), PREVIEW_CHARS_MAX);
    assert!(long.starts_with("日本 日本"));
    let large = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{}", "ä".repeat(40_000));
    assert_eq!(preview(large.as_bytes()), "ä".repeat(200));
}

#[test]
fn html_is_stripped() {
    assert_eq!(of_html("<p>One</p><p>t<b>w</b>o<br>three</p>"), "One two three");
    assert_eq!(
        of_html("<html><head><title>No</title><style>p > a { x: \"</b>\" }</style></head><body>Yes</body>"),
        "Yes"
    );
    assert_eq!(of_html("<!-- <p>no</p> --><script>if (a<b) '</p>'</script >yes"), "yes");
    assert_eq!(
        of_html("a &amp;&lt;b&#62; &auml;&#xe9;&nbsp;&zwnj;&foo; & &#; &#x110000;"),
        "a &<b> äé &foo; & &#; &#x110000;"
    );
    assert_eq!(of_html("1 < 2 <a title='x > y' href=\"<>\">3</a>"), "1 < 2 3");
    assert_eq!(of_html("x<style>never closed"), "x");
    assert_eq!(of_html("x<a href=\"never closed>y"), "xy");
    assert_eq!(of_html("<"), "<");
}

#[test]
fn the_first_text_that_is_shown() {
    let multipart = |subtype: &str, parts: &[&str]| {
        let parts: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
        preview(format!("Content-Type: multipart/{subtype}; boundary=b\r\n\r\n{parts}--b--\r\n").as_bytes())
    };
    let (plain, html) = ("\r\nplain", "Content-Type: text/html\r\n\r\n<b>html</b>");
    let attached = "Content-Disposition: attachment\r\n\r\nattached";
    let image = "Content-Type: image/png\r\n\r\nPNG";
    assert_eq!(multipart("alternative", &[html, plain]), "plain");
    assert_eq!(multipart("alternative", &[image, html]), "html");
    assert_eq!(multipart("mixed", &[attached, html, plain]), "html");
    assert_eq!(multipart("mixed", &["\r\n", plain]), "plain");
    assert_eq!(multipart("mixed", &[image]), "");
    assert_eq!(multipart("encrypted", &[plain, plain]), "");
    assert_eq!(multipart("digest", &["\r\nSubject: x\r\n\r\nwithin"]), "within");
    assert_eq!(preview(b"Content-Type: image/png\r\n\r\nPNG"), "");
    assert_eq!(preview(b"Content-Disposition: attachment\r\n\r\nall there is"), "all there is");
}

#[test]
fn what_is_encoded_is_decoded() {
    assert_eq!(
        preview(
            b"Content-Type: text/plain; charset=iso-8859-1\r\n\
              Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe"
        ),
        "Grüße"
    );
    assert_eq!(preview(b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8="), "Hello");
}

#[test]
fn a_long_style_sheet_is_looked_behind() {
    let html = format!("Content-Type: text/html\r\n\r\n<style>{}</style>text", "x".repeat(100_000));
    let structure = crate::parse(html.as_bytes()).facts.structure;
    let part = PreviewPart::of(&structure).unwrap();
    assert_eq!(part.text(part.octets(false).unwrap().of(html.as_bytes())), "");
    assert_eq!(part.text(part.octets(true).unwrap().of(html.as_bytes())), "text");
    let short = crate::parse(b"x: y\r\n\r\nz").facts.structure;
    assert_eq!(PreviewPart::of(&short).unwrap().octets(true), None);
}

proptest! {
    // spec: RFC 8970 §3.3
    #[test]
    fn whatever_comes_it_is_short_plain_text(
        html in any::<bool>(),
        body in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let kind = if html { "html" } else { "plain" };
        let mut raw = format!("Content-Type: text/{kind}\r\n\r\n").into_bytes();
        raw.extend_from_slice(&body);
        let text = preview(&raw);
        prop_assert!(text.chars().count() <= PREVIEW_CHARS_MAX);
        prop_assert!(!text.chars().any(|c| c.is_control()));
        prop_assert_eq!(text.trim(), text.as_str());
    }
    #[test]
    fn markup_of_any_kind(html in "[<>&;/!\"'a-c#x1 -]{0,200}") {
        let _ = of_html(&html);
    }
}

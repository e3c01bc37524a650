//! What the scanner must not be fooled by.

use super::*;

fn scan(text: &str) -> Source {
    Source::new("a.rs", "crates/a", text.to_owned())
}

#[test]
fn comments_and_literals_are_blanked_and_lengths_kept() {
    for text in [
        "let a = \"{ // no\"; // yes {",
        "let a = r#\"quote \" { \"#; /* a /* nested */ } */ b",
        "let a = '{'; let b = '\\''; let c = b'\"'; fn f<'a>(x: &'a str) {}",
        "let a = br##\"x\"# }\"##; let r#type = 1; c\"{\"",
        "let é = \"ü{\"; // ß",
        "let a = '\\u{7d}'; let b = 'ü';",
        "unterminated \"{",
        "unterminated /* {",
        "unterminated '",
    ] {
        let masks = Masks::of(text);
        assert_eq!(masks.code.len(), text.len(), "{text}");
        assert_eq!(masks.comments.len(), text.len(), "{text}");
        let braces = masks.code.matches('{').count();
        let closes = masks.code.matches('}').count();
        assert_eq!(braces, closes, "a brace of a literal or comment was taken for code in {text}");
    }
    let masks = Masks::of("let a = \"x // y\"; // z");
    assert_eq!(masks.code.trim_end(), "let a = \"      \";");
    assert_eq!(masks.comments.trim_start(), "// z");
}

#[test]
fn a_lifetime_is_not_a_character() {
    let source = scan("fn f<'a>(x: &'a str) -> &'static str { x } // '");
    assert!(source.tokens.iter().any(|token| token.text == "static"));
    assert!(source.tokens.iter().filter(|token| token.text == "{").count() == 1);
}

#[test]
fn lines_count_from_one() {
    let source = scan("a\nb\n\nc");
    assert_eq!([0, 1, 2, 3, 4, 5].map(|at| source.line_of(at)), [1, 1, 2, 2, 3, 4]);
}

#[test]
fn test_items_are_known() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { let x = [1; 2]; } }\nfn c() {}\n";
    let source = scan(text);
    let at = |needle: &str| text.find(needle).unwrap();
    assert!(!source.is_test_at(at("a()")));
    assert!(source.is_test_at(at("b()")));
    assert!(!source.is_test_at(at("c()")));
    let source = scan("#[cfg(test)]\nmod tests;\nfn c() {}\n");
    assert!(!source.is_test_at(24));
    let source = scan("#[cfg(all(test, unix))]\nfn a() { b }");
    assert!(source.is_test_at(33));
}

#[test]
fn a_reason_is_on_the_line_or_directly_above() {
    let source = scan("// tidy-long: a table\n#[inline]\nfn a() {}\n\nfn b() {} // tidy-long: \nfn c() {}");
    assert!(source.has_reason(3, "tidy-long:"));
    assert!(!source.has_reason(5, "tidy-long:"), "a mark without a reason is none");
    assert!(!source.has_reason(6, "tidy-long:"));
}

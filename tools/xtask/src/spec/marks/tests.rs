//! Which texts are marks, of what, and where.

use super::*;

/// `document §section` of each, `!` before one with trouble.
fn marks(comments: &str) -> Vec<String> {
    let shown = |found: &Found| {
        let trouble = if found.trouble.is_some() { "!" } else { "" };
        let section = found.section.as_deref().map(|section| format!(" §{section}")).unwrap_or_default();
        format!("{trouble}{}:{}{section}", found.line, found.document)
    };
    Text::of_comments(comments).marks().iter().map(shown).collect()
}

#[test]
fn one_form_and_its_lists() {
    assert_eq!(
        marks("//! FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4)."),
        ["1:RFC 9051 §6.4.5", "1:RFC 7162 §3.1.4"]
    );
    assert_eq!(
        marks("// RFC 9051 §6.4.5, §7.5.2 and §2.3.\n\n// RFC 2177"),
        ["1:RFC 9051 §6.4.5", "1:RFC 9051 §7.5.2", "1:RFC 9051 §2.3", "3:RFC 2177"]
    );
    assert_eq!(marks("// see COI-server §message-filtering: x"), ["1:COI-server §message-filtering"]);
    assert_eq!(marks("// DMAP-00 §7.6.7; RFC 3501 §A"), ["1:DMAP-00 §7.6.7", "1:RFC 3501 §A"]);
    assert_eq!(marks("// RFC 2045 §6.7-6.8"), ["1:RFC 2045 §6.7"]);
    assert_eq!(marks("// FETCH RFC822.SIZE of RFC 822 §3"), ["1:RFC 822 §3"]);
    assert_eq!(marks("// §6 of another text, and ARFC 1234"), [""; 0]);
}

#[test]
fn a_mark_may_be_broken_over_lines() {
    assert_eq!(marks("/// as in RFC 9051\n/// §6.4.5 says"), ["1:RFC 9051 §6.4.5"]);
    assert_eq!(marks("// RFC 9051\n\n// §6.4.5"), ["1:RFC 9051"]);
}

#[test]
fn other_forms_are_told() {
    for text in
        ["// RFC9051 §6", "// RFC 9051 section 6.4", "// RFC 9051, Section 6", "// RFC 9051§6", "// RFC-9051"]
    {
        let found = marks(text);
        assert!(found.len() == 1 && found[0].starts_with('!'), "{text}: {found:?}");
    }
}

#[test]
fn a_deviation_takes_its_reason_along() {
    let text = "// DEVIATION RFC 3501 §5.5: we do a\n// and b, because c.\nlet x;\n// d";
    let code_blank = text.replace("let x;", "");
    let found = Text::of_comments(&code_blank).marks();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].deviation.as_deref(), Some("we do a and b, because c."));
    assert_eq!(found[0].trouble, None);
    let found = Text::of_comments("// DEVIATION RFC 3501 §5.5: so there").marks();
    assert_eq!(found[0].trouble, Some(Trouble::NoReason));
}

#[test]
fn code_and_tests_are_told_apart() {
    let text =
        "// RFC 1 §1\n//! RFC 9051 §1\nfn a() {}\n// RFC 9051 §2\n#[test]\nfn b() {\n    // RFC 9051 §3\n}\n";
    let found = of_source(&Source::new("crates/a/src/a.rs", "crates/a", text.to_owned()));
    let places: Vec<Place> = found.iter().map(|mark| mark.place).collect();
    assert_eq!(places, [Place::Code, Place::Test, Place::Test]);
}

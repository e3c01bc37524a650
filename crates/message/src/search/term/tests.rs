//! Terms of texts, and that no substring is missed.

use unicode_normalization::UnicodeNormalization;

use super::{TERM_OCTETS_MAX, TermKind, needle_pieces, visit_terms, word_of_term};
use crate::collation::Collation;

fn folded(text: &str) -> Vec<u8> {
    Collation::UnicodeCasemap.key(text)
}

fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    visit_terms(&folded(text), |term| {
        assert!(term.octets.len() <= TERM_OCTETS_MAX);
        terms.push(String::from_utf8(term.octets.to_vec()).unwrap());
    });
    terms
}

fn pieces(needle: &str) -> Vec<String> {
    needle_pieces(needle).iter().map(|piece| String::from_utf8(piece.to_vec()).unwrap()).collect()
}

#[test]
fn words_pairs_and_symbols() {
    assert_eq!(terms("The quick-brown FOX_2"), ["the", "quick", "brown", "fox", "2"]);
    let words: Vec<String> = terms("Grüße, naïve").iter().map(|term| term.nfc().collect()).collect();
    assert_eq!(words, ["grüße", "naïve"]);
    let words = terms("ПРИВЕТ Éa");
    assert_eq!(
        words.iter().map(|term| word_of_term(term.as_bytes()).unwrap()).collect::<Vec<_>>(),
        ["привет", "éa"]
    );
    assert_eq!(terms("漢字かな"), ["漢字", "字か", "かな"]);
    assert_eq!(terms("a漢b 字"), ["a", "漢", "b", "字"]);
    assert_eq!(terms("“x”😀😀"), ["“", "x", "”", "😀", "😀"]);
    let words: Vec<String> = terms("한국어 텍스트").iter().map(|term| term.nfc().collect()).collect();
    assert_eq!(words, ["한국어", "텍스트"]);
    assert_eq!(terms(" .\r\n\t"), Vec::<String>::new());
    let mut kinds = Vec::new();
    visit_terms("x漢€".as_bytes(), |term| kinds.push(term.kind));
    assert_eq!(kinds, [TermKind::Word, TermKind::Dense, TermKind::Symbol]);
}

#[test]
fn octets_that_are_no_text_separate() {
    let mut terms = Vec::new();
    visit_terms(b"ab\xffcd\xc3", |term| terms.push(term.octets.to_vec()));
    assert_eq!(terms, [b"ab", b"cd"]);
}

#[test]
fn pieces_of_needles() {
    assert_eq!(pieces("foo@Bar.example"), ["example", "foo", "bar"]);
    assert_eq!(pieces("漢字か"), ["漢字", "字か"]);
    assert_eq!(pieces("--"), Vec::<String>::new());
    let long = "0123456789abcdefghijklmnopqrstuvwxyz";
    assert_eq!(pieces(long), ["0123456789abcdefg", "hijklmnopqrstuvwx", "jklmnopqrstuvwxyz"]);
    assert_eq!(pieces(&"x ".repeat(99)), ["x"]);
    let many: String = (0..99).map(|n| format!("{n} ")).collect();
    assert_eq!(pieces(&many).len(), 8);
}

/// Every substring of a text leaves its pieces within the terms of the text.
#[test]
fn no_substring_is_missed() {
    let long = "abcdefghij0123456789".repeat(5);
    let texts = [
        "The Quick brown\r\n fox=C3 jumps-over 7 lazy dogs".to_owned(),
        format!("x{long}y z"),
        format!("Ä{}ß€", "öé".repeat(40)),
        "日本語のテキスト、全文 検索。ไทยภาษา and Latin混ぜ書きΣίσυφος".to_owned(),
    ];
    for text in texts {
        let terms = terms(&text);
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        for (number, start) in starts.iter().enumerate() {
            for end in starts.iter().skip(number + 1) {
                for piece in pieces(&text[*start..*end]) {
                    let has = terms.iter().any(|term| term.contains(&piece));
                    assert!(has, "{piece:?} of {:?} in {text:?}", &text[*start..*end]);
                }
            }
        }
    }
}

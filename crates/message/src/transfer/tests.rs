//! Known answers for the transfer encodings.

use super::{decode_base64, decode_percent, decode_q, decode_quoted_printable, decode_uuencode};

fn decoded(decode: fn(&[u8], &mut Vec<u8>), text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    decode(text, &mut out);
    out
}

// spec: RFC 2045 §6.8
#[test]
fn base64_ignores_what_does_not_belong() {
    let table: [(&[u8], &[u8]); 13] = [
        (b"", b""),
        (b"aGVsbG8=", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aGVs\r\nbG8gd29ybGQ=\r\n", b"hello world"),
        (b"a G\tV!s*bG8=", b"hello"),
        (b"aGU=bGxv", b"hello"),
        (b"aA==", b"h"),
        (b"aA=", b"h"),
        (b"aA", b"h"),
        (b"a", b""),
        (b"====", b""),
        (b"+/+/", b"\xfb\xff\xbf"),
        (b"\xff\xfe", b""),
    ];
    for (text, octets) in table {
        assert_eq!(decoded(decode_base64, text), octets, "{}", text.escape_ascii());
    }
}

// spec: RFC 2045 §6.7
#[test]
fn quoted_printable_keeps_what_it_cannot_decode() {
    let table: [(&[u8], &[u8]); 17] = [
        (b"", b""),
        (b"a=3Db", b"a=b"),
        (b"a=3db", b"a=b"),
        (b"soft=\r\nbreak", b"softbreak"),
        (b"soft=\nbreak", b"softbreak"),
        (b"soft= \t\r\nbreak", b"softbreak"),
        (b"trail  \t\r\nnext", b"trail\r\nnext"),
        (b"trail \nnext", b"trail\nnext"),
        (b"kept=20\r\nnext", b"kept \r\nnext"),
        (b"kept=20  \r\nnext", b"kept \r\nnext"),
        (b"bad=ZZ", b"bad=ZZ"),
        (b"bad=4", b"bad=4"),
        (b"end=", b"end"),
        (b"a==20", b"a= "),
        (b"\r\n\r\n", b"\r\n\r\n"),
        (b"bare\rcr", b"bare\rcr"),
        (b"8bit \xe9", b"8bit \xe9"),
    ];
    for (text, octets) in table {
        assert_eq!(decoded(decode_quoted_printable, text), octets, "{}", text.escape_ascii());
    }
}

// spec: RFC 2047 §4.2
// spec: RFC 2231 §4
#[test]
fn words_and_extended_values() {
    assert_eq!(decoded(decode_q, b"a_b=20c=5Fd=zz="), b"a b c_d=zz=");
    assert_eq!(decoded(decode_percent, b"a%20b%zz%4"), b"a b%zz%4");
}

#[test]
fn uuencode_takes_what_is_between_begin_and_end() {
    let text = b"junk\r\nbegin 644 hello.txt\r\n+:&5L;&\\@=V]R;&0\r\n`\r\nend\r\n";
    assert_eq!(decoded(decode_uuencode, text), b"hello world");
    let spaces = b"begin 644 x\n#0V%T\n \nend\n";
    assert_eq!(decoded(decode_uuencode, spaces), b"Cat");
    assert_eq!(decoded(decode_uuencode, b"no such thing"), b"");
    assert_eq!(decoded(decode_uuencode, b"begin 644 x\n#0V%T"), b"Cat");
}

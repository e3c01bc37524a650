//! Whatever way a stream is cut, put down in between or ends, what comes out is what went in.

use proptest::prelude::*;

use super::*;

const MAX: usize = 64 * 1024;

fn inflated(inflater: &mut Inflater, octets: &[u8]) -> Result<Vec<u8>, Broken> {
    inflater.feed(octets);
    let mut out = Vec::new();
    while inflater.read(MAX, &mut out)? == Stopped::Full {}
    Ok(out)
}

fn packed(octets: &[u8]) -> Vec<u8> {
    let (mut deflater, mut out) = (Deflater::default(), Vec::new());
    deflater.write(octets, &mut out);
    deflater.flush(&mut out);
    out
}

/// Like what is said in IMAP: words that come again and again, and now and then octets of any kind.
fn speech() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"* 12 FETCH (UID 34 FLAGS (\\Seen))\r\n".to_vec()),
        Just(b"a UID FETCH 1:* (FLAGS)\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 1usize..20_000).prop_map(|(octet, count)| vec![octet; count]),
    ];
    prop::collection::vec(word, 0..20).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // spec: RFC 4978 §3
    #[test]
    fn any_cut_of_the_stream_says_the_same(
        said in prop::collection::vec(speech(), 1..5),
        cuts in prop::collection::vec(1usize..500, 1..40),
        down in any::<u64>(),
    ) {
        let (mut deflater, mut inflater) = (Deflater::default(), Inflater::default());
        let (mut heard, mut cuts, mut turn) = (Vec::new(), cuts.iter().cycle(), 0);
        for octets in &said {
            let mut wire = Vec::new();
            for piece in octets.chunks(777) {
                deflater.write(piece, &mut wire);
            }
            deflater.flush(&mut wire);
            if down & 1 == 1 {
                let spare = deflater.put_down();
                prop_assert!(!deflater.is_at_work());
                if let Some(spare) = spare.filter(|_| down & 2 == 2) {
                    deflater.take_up(spare);
                }
            }
            let mut rest = wire.as_slice();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                heard.extend(inflated(&mut inflater, piece).unwrap());
                rest = after;
                turn += 1;
                if (down >> (turn % 64)) & 1 == 1 {
                    inflater.put_down();
                }
            }
            // Flushed: all of it is there.
            let so_far: Vec<u8> = said.concat().into_iter().take(heard.len()).collect();
            prop_assert_eq!(&heard, &so_far);
            inflater.put_down();
            prop_assert!(inflater.memory_octets() <= 32 * 1024, "between blocks only the window is held");
        }
        prop_assert_eq!(heard, said.concat());
    }

    // spec: RFC 4978 §3
    #[test]
    fn anything_at_all_comes_to_an_end(octets in prop::collection::vec(any::<u8>(), 0..4000)) {
        let mut inflater = Inflater::default();
        inflater.feed(&octets);
        for _ in 0..10_000 {
            let mut out = Vec::new();
            let stopped = inflater.read(MAX, &mut out);
            prop_assert!(out.len() <= MAX);
            if stopped != Ok(Stopped::Full) {
                return Ok(());
            }
        }
        prop_assert!(false, "it never ends");
    }
}

/// RFC 4978 §3: nothing is taken for a stream that zlib and others would not.
#[test]
fn what_is_not_deflate_is_broken() {
    for octets in [&b"a NOOP\r\n"[..], b"\x07\xff\xff", b"\x00\x01\x00\x01\x00x", b"\x78\x9c\x03\x00"] {
        let broken = inflated(&mut Inflater::default(), octets);
        let ends = inflated(&mut Inflater::default(), &[octets, &[0xee; 400]].concat());
        assert!(broken.is_err() || ends.is_err(), "{octets:02x?}");
    }
    let mut after_the_end = vec![0x03, 0x00];
    assert_eq!(inflated(&mut Inflater::default(), &after_the_end), Ok(Vec::new()));
    after_the_end.push(0x03);
    assert_eq!(inflated(&mut Inflater::default(), &after_the_end), Err(Broken));
}

/// A hundred megabytes of nothing come as slowly as they are asked for, and nobody holds them.
#[test]
fn a_bomb_goes_off_slowly() {
    let (mut deflater, mut bomb) = (Deflater::default(), Vec::new());
    for _ in 0..100 {
        deflater.write(&vec![b'0'; 1 << 20], &mut bomb);
    }
    deflater.flush(&mut bomb);
    assert!(bomb.len() < 2 << 20);
    let (mut inflater, mut made, mut turns) = (Inflater::default(), 0, 0);
    for piece in bomb.chunks(MAX) {
        inflater.feed(piece);
        loop {
            let mut out = Vec::new();
            let stopped = inflater.read(MAX, &mut out).unwrap();
            assert!(out.len() <= MAX);
            assert!(inflater.memory_octets() <= 32 * 1024 + MAX + 16 * 1024);
            (made, turns) = (made + out.len(), turns + 1);
            if stopped == Stopped::NeedMore {
                break;
            }
        }
    }
    assert_eq!(made, 100 << 20);
    assert!(turns >= made / MAX);
}

/// A session that was sent a little keeps a little: not the window, what is in it.
#[test]
fn an_idle_stream_is_as_small_as_what_was_said() {
    let mut inflater = Inflater::default();
    inflated(&mut inflater, &packed(b"a LOGIN alice secret\r\nb SELECT INBOX\r\nc IDLE\r\n")).unwrap();
    inflater.put_down();
    assert!(inflater.memory_octets() < 100, "{}", inflater.memory_octets());
    // Whole blocks later it still refers to what came before.
    let (mut deflater, mut wire) = (Deflater::default(), Vec::new());
    let mut inflater = Inflater::default();
    for n in 0..200 {
        wire.clear();
        deflater.write(format!("{n} UID FETCH 1:* (FLAGS INTERNALDATE)\r\n").as_bytes(), &mut wire);
        deflater.flush(&mut wire);
        assert!(n == 0 || wire.len() < 40, "it refers back");
        inflated(&mut inflater, &wire).unwrap();
        inflater.put_down();
    }
}

/// RFC 8437 §4.1: the stream ends behind the line end of UNAUTHENTICATE, whichever way the client ends it.
#[test]
fn what_comes_behind_unauthenticate_is_clear() {
    let clear = b"b LOGIN bob secret\r\n";
    let ends: [fn(&mut Deflater, &mut Vec<u8>); 3] = [
        |deflater, out| deflater.flush(out),
        |deflater, out| deflater.finish(out),
        |deflater, out| {
            deflater.flush(out);
            deflater.finish(out);
        },
    ];
    for end in ends {
        let (mut deflater, mut wire) = (Deflater::default(), Vec::new());
        deflater.write(b"a NOOP\r\nx unauthenticatE\r\n", &mut wire);
        end(&mut deflater, &mut wire);
        let whole = wire.len();
        wire.extend_from_slice(clear);
        for cut in 0..whole {
            let mut inflater = Inflater::of_commands();
            let mut out = inflated(&mut inflater, &wire[..cut]).unwrap();
            let behind = match inflater.is_holding() {
                true => [inflater.rest(), &wire[cut..]].concat(),
                false => {
                    out.extend(inflated(&mut inflater, &wire[cut..]).unwrap());
                    inflater.rest().to_vec()
                }
            };
            assert!(inflater.is_holding(), "cut at {cut}");
            assert_eq!(out, b"a NOOP\r\nx unauthenticatE\r\n");
            assert_eq!(without_end(&behind), clear, "cut at {cut}");
        }
    }
}

/// The command need not be accepted: it was in a message, or it is not offered.
#[test]
fn it_goes_on_when_unauthenticate_was_not_meant() {
    let (mut deflater, mut wire) = (Deflater::default(), Vec::new());
    deflater.write(b"a UNAUTHENTICATE\r\n", &mut wire);
    deflater.flush(&mut wire);
    deflater.write(b"b NOOP\r\n", &mut wire);
    deflater.flush(&mut wire);
    let mut inflater = Inflater::of_commands();
    assert_eq!(inflated(&mut inflater, &wire).unwrap(), b"a UNAUTHENTICATE\r\n");
    assert_eq!(inflated(&mut inflater, &[]).unwrap(), b"");
    inflater.go_on();
    assert_eq!(inflated(&mut inflater, &[]).unwrap(), b"b NOOP\r\n");
}

/// The octets of a member without its header and trailer are a stream; the trailer says how long they are.
#[test]
fn gzip_is_a_stream_with_a_header_and_a_length() {
    for length in [0usize, 1, 1000, 100_000, 3_000_000] {
        let octets: Vec<u8> = (0..).flat_map(|n: u32| format!("{n} ").into_bytes()).take(length).collect();
        let member = gzip(&octets);
        let (mut pieces, mut packer) = (Vec::new(), Gzip::default());
        octets.chunks(70_001).for_each(|piece| packer.write(piece, &mut pieces));
        packer.finish(&mut pieces);
        assert!(pieces == member, "in pieces it is the same");
        assert!(member.starts_with(&[0x1f, 0x8b, 8, 0]), "no name, no extra field");
        let (stream, trailer) = member[10..].split_at(member.len() - 18);
        assert!(inflated(&mut Inflater::default(), stream) == Ok(octets), "{length}");
        assert_eq!(trailer[4..], u32::try_from(length).unwrap().to_le_bytes());
    }
}

//! A JSON pointer and a response it points into: what is found on octets is what is found on values, and
//! what a pointer reads as is what it was (RFC 6901 §3, RFC 8620 §3.7).

use koi_proto::jmap::json::Bounds;
use koi_proto::jmap::pointer::Pointer;
use koi_proto::jmap::{Capabilities, CoreLimits, Envelope, Json, Raw, Request, Responses};

use super::Target;

/// The first line is the pointer, the rest is the value.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 4] = [
        b"/list/*/emailIds\n{\"list\":[{\"emailIds\":[\"a\",\"b\"]},{\"emailIds\":[\"c\"]}]}",
        b"/a~1b/0/m~0n\n{\"a/b\":[{\"m~n\":1}],\"\":2}",
        b"\n[1,2]",
        b"/*/*/1\n[[[1,2],[3,4]],[]]",
    ];
    Target {
        name: "jmap_pointer",
        body,
        seeds: seeds.iter().map(|seed| seed.to_vec()).collect(),
        words: WORDS,
    }
}

const WORDS: &[&[u8]] =
    &[b"/*", b"/0", b"/-", b"/01", b"~0", b"~1", b"~", b"/", b"[[", b"]", b"{\"*\":", b"{\"0\":"];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let mut lines = input.splitn(2, |octet| *octet == b'\n');
    let (Some(pointer), Some(value)) = (lines.next(), lines.next()) else { return };
    let Ok(pointer) = std::str::from_utf8(pointer) else { return };
    let Ok(value) = Json::parse(value, &Bounds::default()) else { return };
    let expected = Pointer::parse(pointer).ok().and_then(|parsed| {
        assert_eq!(Pointer::parse(&parsed.to_string()), Ok(parsed.clone()), "it reads back");
        parsed.evaluate(&value)
    });
    let path = Raw::of(pointer);
    let request = format!(
        r##"{{"using":[],"methodCalls":[["x",{{"#a":{{"resultOf":"c","name":"n","path":{}}}}},"d"]]}}"##,
        path.as_str()
    );
    // A pointer that is no I-JSON string cannot be sent.
    let request = Request::parse(request.as_bytes(), &CoreLimits::default(), Capabilities::all());
    let Ok(mut request) = request else { return };
    let mut responses = Responses::new(&Envelope::Http);
    responses.respond("c", "n", &value);
    let Some(call) = request.calls.first_mut() else { return };
    match responses.arguments(call) {
        Ok(arguments) => assert_eq!(arguments.into_members().value("a"), expected.as_ref()),
        Err(error) => assert_eq!((error.kind(), expected), ("invalidResultReference", None)),
    }
}

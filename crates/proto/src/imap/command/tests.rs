//! Known answers for every command of the grammar.

use super::*;

fn ok(line: &str) -> Command {
    match parse(line.as_bytes(), false) {
        Ok(parsed) => parsed.command,
        Err(error) => panic!("{line}: {error}"),
    }
}

#[test]
fn smoke() {
    assert_eq!(ok("a NOOP"), Command::Noop);
    assert!(
        matches!(ok("a uid fetch 1:* (flags body.peek[1.2.header.fields (date from)]<0.10>) (changedsince 5)"), Command::Fetch(f) if f.items.len() == 4)
    );
    assert!(
        matches!(ok("a SEARCH RETURN (MIN) CHARSET UTF-8 OR OR SEEN FROM x NOT (TO \"a b\" 1:3) SINCE 1-Feb-1994"), Command::Search(s) if s.keys.len() == 2)
    );
}

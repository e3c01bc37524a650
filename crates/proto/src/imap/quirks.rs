//! What is accepted although the grammar forbids it: each with a name, what it is, and who needs it.
//!
//! The code that makes the exception carries a comment `QUIRK name`. Nothing else is lenient.

use crate::line::Quirk;

/// All of them.
pub const QUIRKS: &[Quirk] = &[
    Quirk {
        name: "bare_lf",
        what: "LF without CR ends a line, also one that announces a literal",
        who: "people and scripts on a terminal (netcat, openssl s_client without -crlf)",
    },
    Quirk {
        name: "empty_line",
        what: "an empty line between commands is nothing",
        who: "old clients that send CRLF once more after a literal",
    },
    Quirk {
        name: "trailing_space",
        what: "spaces before the end of a command",
        who: "scripts, and clients that build commands from optional parts",
    },
    Quirk {
        name: "quoted_8bit",
        what: "UTF-8 in a quoted string before it was enabled",
        who: "clients that send user names and search strings of their users as they are",
    },
    Quirk {
        name: "one_digit_day",
        what: "a day of one digit in the date of APPEND without the space in front",
        who: "migration tools that format dates with %d or %e and trim",
    },
    Quirk {
        name: "recent_ignored",
        what: "\\Recent in the flags of APPEND and STORE is dropped",
        who: "migration tools that copy the flags they fetched",
    },
    Quirk {
        name: "changed_since_zero",
        what: "CHANGEDSINCE 0 is everything, although a mod-sequence is above 0",
        who: "Mail on iPhones, for what it cached before the server had CONDSTORE",
    },
    Quirk {
        name: "metadata_options",
        what: "options of GETMETADATA behind the mailbox name",
        who: "clients written after the examples of RFC 5464, which differ from its grammar",
    },
    Quirk {
        name: "metadata_entries",
        what: "several entries of GETMETADATA without parentheses",
        who: "clients written after the examples of RFC 5464 §4.4.1",
    },
    Quirk {
        name: "notify_events",
        what: "events of NOTIFY without parentheses around them",
        who: "clients written after the first example of RFC 5465 §3.1, which differs from its grammar",
    },
    Quirk {
        name: "update_items",
        what: "a space between UPDATE and its items in RETURN",
        who: "clients written after the example of RFC 5465 §7, which differs from its grammar",
    },
];

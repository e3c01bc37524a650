//! What is accepted although the grammar of SMTP forbids it: each with a name, what it is, and who needs it.
//!
//! The code that makes the exception carries a comment `QUIRK name`. Nothing else is lenient; above all not
//! the end of lines and of messages.

use crate::line::Quirk;

/// All of them.
pub const QUIRKS: &[Quirk] = &[
    Quirk {
        name: "client_name",
        what: "any printable word is a name in EHLO, HELO and LHLO; Received shows it only if it is a domain \
               or an address",
        who: "clients on hosts without a domain name, or with an underscore in it",
    },
    Quirk {
        name: "space_before_path",
        what: "spaces between FROM: or TO: and the path",
        who: "old clients, and people who type the command by hand",
    },
    Quirk {
        name: "underscore_in_domain",
        what: "a domain label may have underscores",
        who: "hosts in private networks, in bounces and reports that they send",
    },
];

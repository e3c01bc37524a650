//! Numbers of a mailbox: UID, UIDVALIDITY, message sequence number (RFC 9051 §2.3.1), MODSEQ (RFC 7162 §3.1).

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $nonzero:ident, $raw:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name($nonzero);

        impl $name {
            /// The smallest value, 1.
            pub const MIN: Self = Self($nonzero::MIN);
            /// `None` for 0, which is never a valid value.
            #[must_use]
            pub const fn new(value: $raw) -> Option<Self> {
                match $nonzero::new(value) {
                    Some(v) => Some(Self(v)),
                    None => None,
                }
            }
            /// The plain number.
            #[must_use]
            pub const fn value(self) -> $raw {
                self.0.get()
            }
            /// The next number, or `None` at the end of the range.
            #[must_use]
            pub const fn next(self) -> Option<Self> {
                match self.0.checked_add(1) {
                    Some(v) => Some(Self(v)),
                    None => None,
                }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
number!(
    /// Unique identifier of a message in a mailbox (RFC 9051 §2.3.1.1).
    Uid, NonZeroU32, u32
);
number!(
    /// Says when UIDs were given anew (RFC 9051 §2.3.1.1).
    UidValidity, NonZeroU32, u32
);
number!(
    /// Position in a mailbox as one client knows it (RFC 9051 §2.3.1.2).
    SeqNum, NonZeroU32, u32
);
number!(
    /// Account-wide modification sequence (RFC 7162 §3.1); at most 63 bits on the wire.
    ModSeq, NonZeroU64, u64
);

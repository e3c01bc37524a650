//! Wire formats and connection state of every protocol. Pure, sans-I/O.

//! Load driver for any IMAP and LMTP server; runs Koi beside a peer and writes the ratio table.
fn main() {}

//! HTTP over TLS against a JMAP that mirrors: logins, limits, slow peers, bad input, shutdown. The client is
//! hyper's, and a bare socket where no client would do it.

mod bad_input;
mod blobs;
mod client;
mod limits;
mod logins;
mod requests;

//! HTTP over TLS. Against a JMAP that mirrors: logins, limits, slow peers, bad input, shutdown; against the
//! real one: the session, event sources, WebSockets. The client is hyper's, and a bare socket where no client
//! would do it.

mod api;
mod bad_input;
mod blobs;
mod client;
mod events;
mod limits;
mod logins;
mod requests;
mod session;
mod socket_pace;
mod sockets;
mod web_logins;

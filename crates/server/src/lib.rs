//! The edge: listeners, TLS, drivers, configuration, passwords, admin socket. The only server-side crate with tokio.

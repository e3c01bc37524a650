//! What lies between a session and its socket changes: TLS (RFC 9051 §6.2.1), compression (RFC 4978 §3),
//! and both streams clear again (RFC 8437 §3).
//!
//! Must not: read between the last answer of the old layer and the first octet of the new one.

use std::future::poll_fn;

use super::{Driver, End};
use crate::metrics::count;

impl Driver {
    /// RFC 9051 §6.2.1: what the peer sent before the handshake is thrown away by the session; nothing is
    /// read from the socket between its answer and the handshake.
    pub(super) async fn start_tls(&mut self) -> Result<(), End> {
        let handshake_max = self.edge.limits().handshake;
        let answer = async {
            while !self.quiet() {
                poll_fn(|cx| self.poll_out(cx)).await?;
            }
            Ok(())
        };
        tokio::time::timeout(handshake_max, answer).await.unwrap_or(Err(End::NotReading))?;
        let (Some(tls), Some(stream)) = (self.edge.tls.clone(), self.wire.take_plain()) else {
            return Err(End::Handshake);
        };
        let handshake = tls.acceptor().accept(stream);
        let stream = match tokio::time::timeout(handshake_max, handshake).await {
            Ok(Ok(stream)) => stream,
            _ => {
                count(&self.edge.metrics.tls_failures);
                return Err(End::Handshake);
            }
        };
        count(&self.edge.metrics.tls_handshakes);
        self.session.tls_ready(&crate::tls::facts(stream.get_ref().1));
        self.tally.tls = true;
        self.wire.secured(stream);
        Ok(())
    }

    /// RFC 4978 §3: the answer is the last that is clear, and nothing is read before the peer has it.
    pub(super) async fn start_compress(&mut self) -> Result<(), End> {
        self.drain(0).await?;
        self.wire.start_packing();
        Ok(())
    }

    /// RFC 8437 §3: the account is left as if the connection had ended, and the next login comes.
    pub(super) async fn unauthenticated(&mut self) -> Result<(), End> {
        self.drain(0).await?;
        let end = poll_fn(|cx| self.wire.poll_end_packing(cx));
        let rest = tokio::time::timeout(self.edge.limits().write, end).await;
        let rest = rest.map_err(|_| End::NotReading)??;
        (self.joined, self.scram) = (None, None);
        self.following.clear();
        self.admitted.logged_out();
        self.admitted.link.came_with(None);
        // Told of the account that was left; a shutdown concerns everybody.
        if self.admitted.link.take().shutdown {
            self.session.shutdown();
        }
        if let Some(address) = self.tally.account.take() {
            tracing::info!(peer = %self.peer, %address, "unauthenticated");
        }
        if !rest.is_empty() {
            self.session.input(&rest);
        }
        Ok(())
    }
}

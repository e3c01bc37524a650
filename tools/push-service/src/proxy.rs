//! A proxy as a network that lets nothing else out has it: CONNECT (RFC 9110 §9.3.6) and nothing more.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A proxy on loopback; it ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Wherever a client wants to, it is connected with `to`; `status` answers instead when it is not 200.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(to: SocketAddr, status: u16) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connect(stream, to, status, Arc::clone(&heard)));
            }
        });
        Self { address, asked, runtime: Some(runtime) }
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The request lines so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn connect(
    stream: TcpStream,
    to: SocketAddr,
    status: u16,
    asked: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut client = BufReader::new(stream);
    let mut first = String::new();
    client.read_line(&mut first).await?;
    asked.lock().push(first.trim_end().to_owned());
    let mut line = first;
    while line != "\r\n" {
        line.clear();
        if client.read_line(&mut line).await? == 0 {
            return Ok(());
        }
    }
    client.write_all(format!("HTTP/1.1 {status} as told\r\n\r\n").as_bytes()).await?;
    if status == 200 {
        let mut there = TcpStream::connect(to).await?;
        copy_bidirectional(&mut client, &mut there).await?;
    }
    Ok(())
}

//! A receiver on loopback that answers with given bytes, right or wrong, and keeps what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What comes after the request was read.
#[derive(Clone)]
pub(super) enum Then {
    /// These bytes, then the end.
    Say(String),
    /// These bytes, then more of the same without end.
    Babble(String),
    /// Nothing, and the connection stays open.
    Nothing,
    /// The end, without a word.
    Hang,
}

/// A running receiver.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub(super) async fn start(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, then.clone(), log.clone()));
            }
        });
        Self { address, seen }
    }

    /// Answers a status with headers and no body.
    pub(super) async fn status(line: &str) -> Self {
        Self::start(Then::Say(format!("HTTP/1.1 {line}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"))).await
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hooks/canary?token=canary", self.address)
    }

    /// Requests, whole.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, then: Then, log: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let (mut request, mut chunk) = (String::new(), [0; 4096]);
    while !whole(&request) {
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            break;
        }
        request.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    log.lock().unwrap().push(request);
    match then {
        Then::Say(text) => stream.write_all(text.as_bytes()).await?,
        Then::Babble(text) => {
            stream.write_all(text.as_bytes()).await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
            }
        }
        Then::Nothing => std::future::pending().await,
        Then::Hang => {}
    }
    stream.shutdown().await
}

/// Whether head and body are there, or somebody speaks TLS to us.
fn whole(request: &str) -> bool {
    if request.starts_with('\u{16}') {
        return true;
    }
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0_usize)
}

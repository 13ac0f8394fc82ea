//! An address that stays: connections to it go on to the server, whichever port that has after a restart.

use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};

use super::World;

/// What stands in front of the server.
pub(crate) struct Front {
    behind: Arc<Mutex<String>>,
    pub(crate) url: String,
}

impl Front {
    /// One that leads nowhere yet.
    pub(crate) async fn start() -> Self {
        let behind: Arc<Mutex<String>> = Arc::default();
        let (shared, listener) = (behind.clone(), TcpListener::bind("127.0.0.1:0").await.expect("a port"));
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            loop {
                let Ok((mut from, _)) = listener.accept().await else { continue };
                let address = shared.lock().expect("kept").clone();
                tokio::spawn(async move {
                    // without a server the connection just ends
                    if let Ok(mut to) = TcpStream::connect(address).await {
                        let _ended = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        });
        Self { behind, url }
    }

    /// From now on it leads to this world's server.
    pub(crate) fn lead_to(&self, world: &World) {
        let address = world.public().trim_start_matches("http://").trim_end_matches('/').to_owned();
        *self.behind.lock().expect("kept") = address;
    }
}

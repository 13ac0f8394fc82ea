//! A mail server on this machine: keeps what it takes, and refuses, hangs up or waits as it is told, by recipient.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What is done to one attempt to write to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// "Mailbox unavailable", for good.
    Never,
    /// "Try again later".
    Later,
    /// Takes the whole mail and hangs up without a word.
    HangsUp,
    /// Answers after so many seconds.
    Slow(u64),
}

/// A mail that was taken, or at least read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) to: String,
    pub(crate) text: String,
    /// Whether we said that it is taken.
    pub(crate) accepted: bool,
}

impl Taken {
    /// A header, unfolded and with encoded words left as they are.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
        let prefix = format!("{}:", name.to_ascii_lowercase());
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&prefix))?;
        Some(line[prefix.len()..].trim().to_owned())
    }
}

#[derive(Default)]
struct Kept {
    taken: Vec<Taken>,
    troubles: Vec<(String, VecDeque<Trouble>)>,
    /// Every address somebody tried to write to.
    tried: Vec<String>,
}

/// A mail server.
pub(crate) struct Mailbox {
    kept: Arc<Mutex<Kept>>,
    pub(crate) url: String,
}

impl Mailbox {
    pub(crate) async fn start() -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let shared = kept.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                tokio::spawn(async move {
                    let _ended = talk(stream, &shared).await;
                });
            }
        });
        Self { kept, url }
    }

    /// Treats the next attempts to write to a recipient like this.
    pub(crate) fn will(&self, to: &str, troubles: impl IntoIterator<Item = Trouble>) {
        self.kept.lock().expect("kept").troubles.push((to.to_owned(), troubles.into_iter().collect()));
    }

    /// Everything that was taken, oldest first.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.kept.lock().expect("kept").taken.clone()
    }

    /// Mails to somebody, by subject, that were taken.
    pub(crate) fn subjects(&self, to: &str) -> Vec<String> {
        let taken = self.taken().into_iter().filter(|mail| mail.to == to && mail.accepted);
        taken.filter_map(|mail| mail.header("Subject")).collect()
    }

    /// How often somebody tried to write to a recipient.
    pub(crate) fn tried(&self, to: &str) -> usize {
        self.kept.lock().expect("kept").tried.iter().filter(|one| *one == to).count()
    }
}

async fn talk(stream: TcpStream, kept: &Mutex<Kept>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mailbox\r\n").await?;
    let (mut to, mut trouble) = (String::new(), None);
    while let Some(line) = lines.next_line().await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-mailbox\r\n250 8BITMIME",
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                trouble = next(kept, &to);
                if let Some(Trouble::Slow(seconds)) = trouble {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                match trouble {
                    Some(Trouble::Never) => "550 5.1.1 no such mailbox",
                    Some(Trouble::Later) => "451 4.3.0 later",
                    Some(Trouble::HangsUp | Trouble::Slow(_)) | None => "250 ok",
                }
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut text = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push_str("\r\n");
                }
                let accepted = trouble != Some(Trouble::HangsUp);
                kept.lock().expect("kept").taken.push(Taken { to: to.clone(), text, accepted });
                if !accepted {
                    return Ok(());
                }
                "250 taken"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn next(kept: &Mutex<Kept>, to: &str) -> Option<Trouble> {
    let mut kept = kept.lock().expect("kept");
    kept.tried.push(to.to_owned());
    kept.troubles.iter_mut().filter(|(of, _)| of == to).find_map(|(_, troubles)| troubles.pop_front())
}

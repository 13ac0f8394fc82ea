//! A mail server on this machine: keeps what it takes, and refuses, hangs up or waits as it is told, by recipient. It speaks in the
//! clear, or TLS in either of the two ways, and then wants a login.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Who may send through the server when it speaks TLS.
pub(crate) const LOGIN: (&str, &str) = ("countersign", "canary-mail-password");

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

/// How the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// In the clear, for whoever is on the same machine.
    Plain,
    /// In the clear, and offers a login; to a client that takes it for another machine.
    NoTls,
    /// In the clear until STARTTLS, with the certificate of this name.
    StartTls(&'static str),
    /// TLS from the first byte, with the certificate of this name.
    Tls(&'static str),
}

/// The certificate of an authority, or of the server, by its name in `tls/`: `authority` signed `here` (for this machine's addresses) and
/// `elsewhere` (for another name), `stranger` signed nothing.
pub(crate) fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/harness/tls/{name}.pem"))
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
    /// Every line that came in the clear.
    in_the_clear: Vec<String>,
    /// Connections that were opened.
    opened: usize,
    /// Logins that were right, under TLS.
    logins: usize,
}

/// A mail server.
pub(crate) struct Mailbox {
    kept: Arc<Mutex<Kept>>,
    pub(crate) url: String,
}

impl Mailbox {
    pub(crate) async fn start() -> Self {
        Self::speaking(Speech::Plain).await
    }

    pub(crate) async fn speaking(speech: Speech) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (user, password) = LOGIN;
        let url = match speech {
            Speech::Plain => format!("smtp://127.0.0.1:{port}"),
            // the same machine, by an address that says nothing of that
            Speech::NoTls | Speech::StartTls(_) => format!("smtp://{user}:{password}@0.0.0.0:{port}"),
            Speech::Tls(_) => format!("smtps://{user}:{password}@127.0.0.1:{port}"),
        };
        let acceptor = match speech {
            Speech::StartTls(name) | Speech::Tls(name) => Some(acceptor(name)),
            Speech::Plain | Speech::NoTls => None,
        };
        let shared = kept.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, acceptor) = (shared.clone(), acceptor.clone());
                shared.lock().expect("kept").opened += 1;
                tokio::spawn(async move {
                    let _ended = serve(stream, speech, acceptor, &shared).await;
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

    /// Every line that came in the clear.
    pub(crate) fn in_the_clear(&self) -> Vec<String> {
        self.kept.lock().expect("kept").in_the_clear.clone()
    }

    /// Connections that were opened, and logins that were right, under TLS.
    pub(crate) fn visits(&self) -> (usize, usize) {
        let kept = self.kept.lock().expect("kept");
        (kept.opened, kept.logins)
    }
}

fn acceptor(name: &str) -> TlsAcceptor {
    let chain = CertificateDer::from_pem_file(certificate(name)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(certificate("server").with_extension("key")).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![chain], key).expect("they fit");
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    stream: TcpStream,
    speech: Speech,
    acceptor: Option<TlsAcceptor>,
    kept: &Mutex<Kept>,
) -> std::io::Result<()> {
    match (speech, acceptor) {
        (Speech::Tls(_), Some(acceptor)) => {
            talk(acceptor.accept(stream).await?, (true, true), "AUTH PLAIN LOGIN", kept).await.map(|_| ())
        }
        (Speech::StartTls(_), Some(acceptor)) => {
            // a login is offered in the clear, too: nobody should take it
            let Some(stream) = talk(stream, (false, true), "STARTTLS\r\n250-AUTH PLAIN LOGIN", kept).await? else {
                return Ok(());
            };
            talk(acceptor.accept(stream).await?, (true, false), "AUTH PLAIN LOGIN", kept).await.map(|_| ())
        }
        (Speech::NoTls, _) => talk(stream, (false, true), "AUTH PLAIN LOGIN", kept).await.map(|_| ()),
        _ => talk(stream, (false, true), "8BITMIME", kept).await.map(|_| ()),
    }
}

/// One conversation; the stream, when the client asks for TLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    (tls, greets): (bool, bool),
    offers: &str,
    kept: &Mutex<Kept>,
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    if greets {
        stream.write_all(b"220 mailbox\r\n").await?;
        stream.flush().await?;
    }
    let (mut to, mut trouble) = (String::new(), None);
    while let Some(line) = next_line(&mut stream, tls, kept).await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let hello = format!("250-mailbox\r\n250-{offers}\r\n250 8BITMIME");
        let answer = match verb.as_str() {
            "EHLO" => hello.as_str(),
            "STARTTLS" => {
                stream.write_all(b"220 go on\r\n").await?;
                return Ok(Some(stream.into_inner()));
            }
            "AUTH" => {
                let (user, password) = LOGIN;
                let right = STANDARD.encode(format!("\0{user}\0{password}"));
                if tls && line == format!("AUTH PLAIN {right}") {
                    kept.lock().expect("kept").logins += 1;
                    "235 welcome"
                } else {
                    "535 5.7.8 no"
                }
            }
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
                stream.write_all(b"354 go on\r\n").await?;
                stream.flush().await?;
                let mut text = String::new();
                while let Some(line) = next_line(&mut stream, tls, kept).await? {
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push_str("\r\n");
                }
                let accepted = trouble != Some(Trouble::HangsUp);
                kept.lock().expect("kept").taken.push(Taken { to: to.clone(), text, accepted });
                if !accepted {
                    return Ok(None);
                }
                "250 taken"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                stream.flush().await?;
                return Ok(None);
            }
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(None)
}

async fn next_line<S: AsyncRead + Unpin>(
    stream: &mut BufReader<S>,
    tls: bool,
    kept: &Mutex<Kept>,
) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let line = line.trim_end_matches(['\r', '\n']).to_owned();
    if !tls {
        kept.lock().expect("kept").in_the_clear.push(line.clone());
    }
    Ok(Some(line))
}

fn next(kept: &Mutex<Kept>, to: &str) -> Option<Trouble> {
    let mut kept = kept.lock().expect("kept");
    kept.tried.push(to.to_owned());
    kept.troubles.iter_mut().filter(|(of, _)| of == to).find_map(|(_, troubles)| troubles.pop_front())
}

//! Mail by SMTP: one mail, one mailbox, one connection.
//!
//! TLS always (implicit or STARTTLS, never optional), except to a server on this machine. Headers are made by a library that
//! encodes what is put into them; nothing of a mail is logged.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use tokio::time::timeout;
use url::Url;

use crate::engine::ports::{Mail, MailServer, Mailer, SendError, SendKind};

/// How long a whole attempt may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one step may take.
const STEP: Duration = Duration::from_secs(20);

/// Why mail cannot be set up. The address is never repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoMail {
    /// The address is none of a mail server.
    #[error(
        "`smtp_url` is no address of a mail server\nhelp: write `smtps://user:password@mail.example.com` (TLS from the start) or `smtp://…` (STARTTLS); characters such as `@` in a password are written as `%40`"
    )]
    Address,
    /// The sender is no address.
    #[error(
        "`mail_from` is no mail address\nhelp: write `countersign@example.com` or `countersign <countersign@example.com>`"
    )]
    From,
}

/// A mail server.
pub struct Smtp {
    host: String,
    port: u16,
    tls: Tls,
    login: Option<(String, SecretString)>,
    from: Mailbox,
    patience: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    FromTheStart,
    Start,
    /// To this machine only.
    None,
}

impl Smtp {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn new(server: &MailServer) -> Result<Self, NoMail> {
        let url = Url::parse(server.url.expose_secret().trim()).map_err(|_| NoMail::Address)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(NoMail::Address)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let (tls, port) = match url.scheme() {
            "smtps" => (Tls::FromTheStart, 465),
            "smtp" if local => (Tls::None, 25),
            "smtp" => (Tls::Start, 587),
            _ => return Err(NoMail::Address),
        };
        if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            return Err(NoMail::Address);
        }
        let decoded = |text: &str| {
            let query = format!("x={}", text.replace('+', "%2B"));
            let found = url::form_urlencoded::parse(query.as_bytes()).next();
            found.map(|(_, value)| value.into_owned()).ok_or(NoMail::Address)
        };
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) => Some((decoded(user)?, decoded(password)?.into())),
            (_, None) => return Err(NoMail::Address),
        };
        let from: Mailbox = server.from.trim().parse().map_err(|_| NoMail::From)?;
        Ok(Self { host, port: url.port().unwrap_or(port), tls, login, from, patience: PATIENCE })
    }

    /// The mail as it leaves.
    fn message(&self, mail: &Mail) -> Result<Message, SendError> {
        let to: lettre::Address =
            mail.to.parse().map_err(|_| refused("the address cannot be written to".to_owned()))?;
        let domain = self.from.email.domain();
        let id = |id: &str| format!("<{id}@{domain}>");
        let seconds = u64::try_from(mail.at.seconds()).unwrap_or_default();
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .subject(mail.text.subject.clone())
            .message_id(Some(id(&mail.id)))
            .header(AutoSubmitted)
            .header(ListId(format!("countersign for {} <{}.{domain}>", mail.list, list_label(&mail.list))));
        if let Some(first) = &mail.answers {
            builder = builder.in_reply_to(id(first)).references(id(first));
        }
        let parts = MultiPart::alternative_plain_html(mail.text.plain.clone(), mail.text.html.clone());
        builder.multipart(parts).map_err(|_| refused("the mail cannot be put together".to_owned()))
    }

    /// A connection that is encrypted and logged in. Nothing was sent until then, so every failure is one to try again after.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let fault = |what: &str, fault: &lettre::transport::smtp::Error| {
            let what = if of_tls(fault) { NOT_TRUSTED.to_owned() } else { format!("{what}{}", code(fault)) };
            SendError { kind: SendKind::Again { after: None }, what }
        };
        let hello = ClientId::default();
        let tls = || {
            TlsParameters::new(self.host.clone())
                .map_err(|broken| fault("TLS to the mail server cannot be prepared", &broken))
        };
        let from_the_start = if self.tls == Tls::FromTheStart { Some(tls()?) } else { None };
        let place = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(place, Some(STEP), &hello, from_the_start, None)
            .await
            .map_err(|broken| fault("the mail server cannot be reached", &broken))?;
        if self.tls == Tls::Start {
            if !connection.can_starttls() {
                connection.abort().await;
                let what = "the mail server does not offer STARTTLS".to_owned();
                return Err(SendError { kind: SendKind::Again { after: None }, what });
            }
            let started = connection.starttls(tls()?, &hello).await;
            started.map_err(|broken| fault("the mail server broke off when TLS began", &broken))?;
        }
        if let Some((user, password)) = &self.login {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let login = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            login.map_err(|broken| fault("the mail server does not let us in", &broken))?;
        }
        Ok(connection)
    }

    async fn deliver(&self, mail: &Mail) -> Result<(), SendError> {
        let message = self.message(mail)?;
        let mut connection = self.connect().await?;
        let sent = connection.send(message.envelope(), &message.formatted()).await;
        let outcome = match sent {
            Ok(_) => Ok(()),
            Err(fault) if fault.is_permanent() => {
                Err(refused(format!("the mail server refuses the mail{}", code(&fault))))
            }
            Err(fault) if fault.is_transient() => Err(SendError {
                kind: SendKind::Again { after: None },
                what: format!("the mail server does not take the mail now{}", code(&fault)),
            }),
            Err(_) => Err(doubtful()),
        };
        connection.abort().await;
        outcome
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        timeout(self.patience, self.deliver(mail)).await.unwrap_or_else(|_| Err(doubtful()))
    }
}

fn doubtful() -> SendError {
    SendError { kind: SendKind::Doubtful, what: "the mail server broke off while it took the mail".to_owned() }
}

fn refused(what: String) -> SendError {
    SendError { kind: SendKind::Refused, what }
}

/// What a failed handshake means.
const NOT_TRUSTED: &str = "the mail server cannot be trusted: its certificate is not one that is trusted here, or for another name, or it \
                           speaks no TLS on this port; docs/notifications.md says how an authority is added";

/// Whether the handshake failed: certificate, name, or no TLS at all.
fn of_tls(fault: &lettre::transport::smtp::Error) -> bool {
    let mut source = std::error::Error::source(fault);
    while let Some(cause) = source {
        let io = cause.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData) {
            return true;
        }
        source = cause.source();
    }
    fault.is_tls()
}

/// The number a server answered with; never its words, which may repeat anything.
fn code(fault: &lettre::transport::smtp::Error) -> String {
    fault.status().map_or_else(String::new, |code| format!(" ({code})"))
}

/// `acme/app` as labels of a name: `app.acme`.
fn list_label(repository: &str) -> String {
    let label = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect()
    };
    match repository.split_once('/') {
        Some((owner, name)) => format!("{}.{}", label(name), label(owner)),
        None => label(repository),
    }
}

/// `Auto-Submitted: auto-generated` (RFC 3834): nobody's holiday reply is wanted.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// `List-Id` (RFC 2919): what people filter by.
#[derive(Clone)]
struct ListId(String);

impl Header for ListId {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Id")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use countersign_core::domain::Timestamp;
    use countersign_core::notify::MailText;

    use super::*;

    fn smtp(url: &str, from: &str) -> Result<Smtp, NoMail> {
        Smtp::new(&MailServer { url: url.into(), from: from.to_owned() })
    }

    #[test]
    fn tls_is_left_out_on_this_machine_alone() {
        let cases = [
            ("smtps://mail.example.com", Tls::FromTheStart, 465),
            ("smtp://mail.example.com", Tls::Start, 587),
            ("smtp://u:p@mail.example.com:2525", Tls::Start, 2525),
            ("smtp://127.0.0.1:1025", Tls::None, 1025),
            ("smtp://[::1]", Tls::None, 25),
            ("smtp://localhost", Tls::None, 25),
            ("smtp://localhost.example.com", Tls::Start, 587),
            ("smtp://10.0.0.1", Tls::Start, 587),
        ];
        for (url, tls, port) in cases {
            let smtp = smtp(url, "a@example.com").unwrap();
            assert_eq!((smtp.tls, smtp.port), (tls, port), "{url}");
        }
        for url in
            ["", "http://mail", "smtp://", "smtp://h?tls=none", "smtp://u@h", "smtp://h/path", "mail.example.com"]
        {
            let fault = smtp(url, "a@example.com").err().map(|fault| fault.to_string()).unwrap_or_default();
            assert!(fault.contains("`smtp_url` is no address"), "{url}: {fault}");
        }
        assert_eq!(smtp("smtp://h.example", "nobody").err(), Some(NoMail::From));
    }

    #[test]
    fn a_password_is_read_as_it_was_meant() {
        let smtp = smtp("smtps://user%40example.com:p%40ss+w%3Ard@mail.example.com", "Us <us@example.com>").unwrap();
        let (user, password) = smtp.login.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("user@example.com", "p@ss+w:rd"));
    }

    #[test]
    fn nothing_in_a_mail_becomes_a_header() {
        let smtp = smtp("smtp://localhost", "countersign <us@example.com>").unwrap();
        let text = MailText {
            subject: "one\r\nBcc: all@example.com".to_owned(),
            plain: "plain\n.\nBcc: x".to_owned(),
            html: "<p>ü</p>".to_owned(),
        };
        let mail = Mail {
            to: "ann@example.com".to_owned(),
            text,
            id: "abc".to_owned(),
            answers: Some("first".to_owned()),
            list: "acme/app".to_owned(),
            at: Timestamp::from_seconds(1_800_000_000),
        };
        let sent = String::from_utf8(smtp.message(&mail).unwrap().formatted()).unwrap();
        let head = sent.split("\r\n\r\n").next().unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        for line in
            ["Message-ID: <abc@example.com>", "In-Reply-To: <first@example.com>", "Auto-Submitted: auto-generated"]
        {
            assert!(head.contains(line), "{head}");
        }
        let other = Mail { to: "ann@example.com, all@example.com".to_owned(), ..mail };
        assert_eq!(smtp.message(&other).err().map(|fault| fault.kind), Some(SendKind::Refused));
    }
}

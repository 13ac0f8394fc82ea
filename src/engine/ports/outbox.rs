//! Letters that wait to be sent, and the ways they are sent on. What they say and whom they reach is decided in the core.
//!
//! No error repeats an address of a service, a token, or what a server answered beyond its status.

use async_trait::async_trait;
use countersign_core::domain::{Digest, RepoId, Span, Timestamp};
use countersign_core::notify::{Letter, MailText};
use secrecy::SecretString;

use super::{Granted, JournalError};

/// The durable memory of what was told: each notice once, each letter with how its sending stands.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Whether a notice was told.
    async fn is_told(&self, repo: RepoId, key: &str) -> Result<bool, JournalError>;

    /// Keeps letters of a notice and asks for a look at each of their destinations, in one transaction. `false`: it was told
    /// before, and nothing was changed.
    async fn tell(&self, repo: RepoId, key: &str, letters: &[Letter], now: Timestamp) -> Result<bool, JournalError>;

    /// The oldest letter to a destination that is neither sent nor given up.
    async fn next_letter(&self, repo: RepoId, destination: Digest) -> Result<Option<Waiting>, JournalError>;

    /// Notes how the sending of a letter stands.
    async fn mark_letter(&self, repo: RepoId, letter: Digest, mark: &Mark) -> Result<(), JournalError>;

    /// The first letter of a thread that was sent to a destination.
    async fn first_sent(&self, repo: RepoId, destination: Digest, thread: &str)
    -> Result<Option<Digest>, JournalError>;

    /// How many letters wait, and how many were given up.
    async fn letters(&self) -> Result<LetterFigures, JournalError>;

    /// Letters that were given up, newest first.
    async fn given_up(&self, most: u32) -> Result<Vec<GivenUp>, JournalError>;

    /// Throws away letters that were sent or given up and were last due before an instant; how many. That their notices were told
    /// stays: none is told again.
    async fn forget_letters(&self, before: Timestamp) -> Result<u64, JournalError>;
}

/// A letter that is neither sent nor given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The letter.
    pub letter: Letter,
    /// An attempt was begun, and how it ended is not known.
    pub begun: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// Not before.
    pub due: Timestamp,
}

/// How the sending of a letter stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// An attempt begins; it counts.
    Begun,
    /// Another attempt, not before then.
    Later {
        /// When.
        due: Timestamp,
        /// Why, without content.
        reason: String,
    },
    /// It is sent.
    Sent,
    /// It is given up.
    GivenUp {
        /// When.
        at: Timestamp,
        /// Why, without content.
        reason: String,
    },
}

/// How many letters there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetterFigures {
    /// Neither sent nor given up.
    pub waiting: u64,
    /// Given up.
    pub given_up: u64,
}

/// A letter that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Its repository.
    pub repo: RepoId,
    /// The letter.
    pub letter: Letter,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// A mail, ready to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To one mailbox.
    pub to: String,
    /// What it says.
    pub text: MailText,
    /// The part of `Message-ID` before the `@`: the same for every attempt.
    pub id: String,
    /// The same of the first mail of the thread, when this is not the first.
    pub answers: Option<String>,
    /// `owner/name`, for `List-Id`.
    pub list: String,
    /// When it happened.
    pub at: Timestamp,
}

/// Sends mail. One attempt per call.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail to the mail server.
    async fn send(&self, mail: &Mail) -> Result<(), SendError>;
}

/// A JSON message to an address that users name. It holds secrets and cannot be printed.
pub struct Post {
    /// The address, and which hosts it may name.
    pub url: Granted,
    /// A token for `Authorization: Bearer`.
    pub token: Option<Granted>,
    /// The body.
    pub body: String,
}

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendError {
    /// What may be done next.
    pub kind: SendKind,
    /// A lower-case sentence of what is wrong, without secrets.
    pub what: String,
}

/// What may be done after an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendKind {
    /// It surely did not arrive: try again, not before the receiver's `Retry-After`.
    Again {
        /// What the receiver asked for.
        after: Option<Span>,
    },
    /// It may have arrived.
    Doubtful,
    /// The receiver says no; another attempt would hear the same.
    Refused,
}

/// Address and credentials of a mail server; cannot be printed.
pub struct MailServer {
    /// `smtp://` or `smtps://`.
    pub url: SecretString,
    /// Sender.
    pub from: String,
}

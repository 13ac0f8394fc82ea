//! The turn: look at a subject, read live state, decide purely, perform the difference, record.
//!
//! A delivery only says "look at this"; nothing is decided from what it claims. The engine takes no decision of its own about
//! people or policies: that is `countersign_core::decision`.

pub mod crash;
pub mod by_hand;
pub mod doctor;
pub mod forecast;
pub mod intake;
pub mod keyplan;
pub mod lint;
pub mod ports;
pub mod proof;
pub mod readiness;
pub mod revoke;
mod adopt;
mod asked;
mod book;
mod branch;
mod change;
mod copies;
mod command;
mod debt;
mod documents;
mod error;
mod essence;
pub mod explain;
mod figures;
mod finish;
mod foreign;
mod gather;
mod idle;
mod job;
mod joint;
mod loosened;
mod merge;
mod notify;
pub mod once;
pub mod overview;
mod people;
mod perform;
mod policies;
mod putback;
mod queue;
mod record;
mod repository;
mod run;
mod siblings;
mod spoken;
mod sync;
mod timeline;
mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use countersign_core::domain::{Account, CommentId, Oid, PrNumber, RefName, RepoId, Sequence, Span, Timestamp};
use countersign_core::ledger::{KeyClass, SigningKey, Trust};
use countersign_core::notify::Templates;

pub use adopt::{AdoptError, Adopted};
pub use error::TurnError;
pub use run::{Progress, run};
pub use sync::{Carried, CarryError, Unheard, take_callback};

use ports::{Clock, Forge, Grants, Journal, Keyring, Mailer, Outbound, Repo};
use readiness::Readiness;

/// How the engine behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The ledger's reference.
    pub ledger_ref: RefName,
    /// Whether a repository that has a policy and was never adopted is taken as it is found.
    pub adopt_first_seen: bool,
    /// How often everything is looked at without being asked.
    pub reconcile: Span,
    /// GitHub for people, without a trailing slash: what links begin with.
    pub pages: String,
    /// What people are told in, where the operator has texts of their own.
    pub templates: Templates,
    /// Root keys a ledger must start from; empty: our own signing key.
    pub trust: Trust,
    /// What holds our signing key: a ledger we begin says so.
    pub key_class: KeyClass,
    /// Where jobs report to us, without a trailing slash; `None`: we start none.
    pub public_url: Option<String>,
}

/// What an engine is made of.
pub struct Parts {
    /// GitHub.
    pub forge: Arc<dyn Forge>,
    /// Git.
    pub repo: Arc<dyn Repo>,
    /// The durable memory.
    pub journal: Arc<dyn Journal>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Secrets the server's own settings grant to repositories.
    pub grants: Arc<dyn Grants>,
    /// Identities of environments, where the operator gave some.
    pub keyring: Arc<dyn Keyring>,
    /// The way to targets outside GitHub.
    pub outbound: Arc<dyn Outbound>,
    /// Sends mail, where the operator named a mail server.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Signs the ledger.
    pub signer: SigningKey,
    /// How to behave.
    pub settings: Settings,
    /// Our own account, told to everybody who wants to know as soon as GitHub said it.
    pub ourselves: Arc<OnceLock<Account>>,
    /// How we are, told after every turn.
    pub readiness: Readiness,
}

/// Everything a turn needs.
pub struct Engine {
    forge: Arc<dyn Forge>,
    repo: Arc<dyn Repo>,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    grants: Arc<dyn Grants>,
    keyring: Arc<dyn Keyring>,
    outbound: Arc<dyn Outbound>,
    mailer: Option<Arc<dyn Mailer>>,
    signer: SigningKey,
    settings: Settings,
    ourselves: Arc<OnceLock<Account>>,
    readiness: Readiness,
    memory: Memory,
}

/// What saves work and may be forgotten at any time.
#[derive(Default)]
struct Memory {
    /// Verified ledgers by repository and tip.
    books: Mutex<BTreeMap<RepoId, Arc<book::Book>>>,
    /// One writer per ledger in this process; across processes the reference's compare-and-swap decides.
    writers: Mutex<BTreeMap<RepoId, Arc<tokio::sync::Mutex<()>>>>,
    /// What an open change looked like when it was last judged without doubt.
    settled: Mutex<BTreeMap<(RepoId, PrNumber), Settled>>,
    /// Ledgers whose decisions were run again, by repository.
    proofs: Mutex<BTreeMap<RepoId, Arc<sync::Proved>>>,
    /// Environments of open changes, and when each repository was last swept: for figures.
    figures: Mutex<figures::Figures>,
    /// Tips of ordinary branches that were looked at, with the base tips they were compared with.
    branches: Mutex<BTreeMap<(RepoId, RefName), LookedAt>>,
    /// One look at the governed branches of a repository at a time in this process.
    gates: Mutex<BTreeMap<RepoId, Arc<tokio::sync::Mutex<()>>>>,
    /// Governed branches that held what was approved when they were last looked at.
    watched: Mutex<BTreeMap<(RepoId, RefName), putback::Watched>>,
    /// Whether comments were written by their authors, and not by an App in their name.
    own_words: Mutex<BTreeMap<(RepoId, CommentId), bool>>,
    /// Who gave commands lately, and how many.
    speaking: Mutex<command::limit::Speaking>,
    /// Where every ciphertext stands that was ever approved.
    copies: Mutex<BTreeMap<RepoId, Arc<copies::Copies>>>,
    /// When the guard of a repository was last asked after.
    guarded: Mutex<BTreeMap<RepoId, Timestamp>>,
    /// When pushes of an unknown sender were first noticed.
    noticed: Mutex<BTreeMap<(RepoId, Oid), Timestamp>>,
}

/// A tip, and the base tips it was compared with.
type LookedAt = (Oid, Vec<Oid>);

/// A change that need not be looked at again while all of this is unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Settled {
    updated: String,
    head: Oid,
    base_tip: Oid,
    ledger: Sequence,
    judged: Timestamp,
}

impl Engine {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts {
            forge,
            repo,
            journal,
            clock,
            grants,
            keyring,
            outbound,
            mailer,
            signer,
            settings,
            ourselves,
            readiness,
        } = parts;
        let memory = Memory::default();
        Self {
            forge,
            repo,
            journal,
            clock,
            grants,
            keyring,
            outbound,
            mailer,
            signer,
            settings,
            ourselves,
            readiness,
            memory,
        }
    }

    /// Our own account, asked once.
    async fn ourselves(&self) -> Result<&Account, TurnError> {
        if let Some(known) = self.ourselves.get() {
            return Ok(known);
        }
        let account = self.forge.ourselves().await?;
        Ok(self.ourselves.get_or_init(|| account))
    }

    /// The address of our own account in commits we build.
    async fn email(&self) -> Result<String, TurnError> {
        let us = self.ourselves().await?;
        Ok(format!("{}+{}@users.noreply.github.com", us.id, us.login))
    }
}

/// Locks a mutex whose holders never panic half-way: a poisoned cache is still a cache.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::cast_possible_wrap, reason = "tests")]
pub(crate) mod states;

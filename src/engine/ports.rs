//! What the engine needs from the world: traits, implemented by adapters. What leaves for other places than GitHub is in
//! [`outbound`].
//!
//! Nothing here decides. Questions and effects are data of the core; errors say what the engine may do next.

pub mod cluster;
pub mod desk;
pub mod outbound;
pub mod keyring;
pub mod operator;
pub mod outbox;
pub mod remote;
pub mod vessel;

use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_core::domain::{
    Account, Alias, CheckId, CommentId, DeliveryId, Delta, DeploymentId, Digest, EntryMode, InstallationId, Oid,
    PrNumber, RefName, RepoId, RepoName, RepoPath, ReviewId, RunId, Sequence, Span, TargetId, Timestamp, TreeEntry,
};
use countersign_core::effect::{Effect, Receipt};
use countersign_core::event::command::Spoken;
use countersign_core::facts::question::Movement;
use countersign_core::facts::{Answer, MergeBase, Question, VoteKind};
use countersign_core::guard::AppFacts;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use cluster::{Cluster, ClusterGrant, NoCluster, Unusable, WhyNoCluster, api_server, is_namespace};
pub use desk::{Answered, Desk, DeskError, JobTokens, TokenError};
pub use keyring::{Keyring, NoIdentity};
pub use operator::{Operator, OperatorReach};
pub use outbound::{
    Accepted, Block, Grant, Granted, Grants, HostPattern, NotGranted, Outbound, OutboundError, OutboundKind, Place,
    WebhookMessage, WhyNot,
};
pub use outbox::{GivenUp, LetterFigures, Mail, MailServer, Mailer, Mark, Outbox, Post, SendError, SendKind, Waiting};
pub use remote::{Reach, Remote, Telling};
pub use vessel::{Fill, Held, Holders, Seen, Tag, Vessel, VesselReach};

/// Which repository, as we reach it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoRef {
    /// Identity.
    pub id: RepoId,
    /// Present name.
    pub name: RepoName,
    /// Installation through which we reach it.
    pub installation: InstallationId,
}

/// Now.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

// ── the forge ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// GitHub: asked and told, nothing else.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Asks. `freshness` says how old the answer may be.
    async fn answer(&self, repo: &RepoRef, question: &Question, freshness: Freshness) -> Result<Answer, ForgeError>;

    /// Carries out. Writes are repeated only after a read shows that the effect is absent.
    async fn apply(&self, repo: &RepoRef, effect: &Effect) -> Result<Receipt, ForgeError>;

    /// The secrets of an environment of a repository.
    fn vessel(&self, repo: &RepoRef, environment: &str) -> Box<dyn Vessel + '_>;

    /// Our own account (`<slug>[bot]`), to recognise what we did ourselves.
    async fn ourselves(&self) -> Result<Account, ForgeError>;

    /// Repositories the App is installed on.
    async fn repositories(&self) -> Result<Vec<RepoRef>, ForgeError>;

    /// Deliveries that never succeeded since an instant, newest first.
    async fn failed_deliveries(&self, since: Timestamp) -> Result<Vec<FailedDelivery>, ForgeError>;

    /// Asks GitHub to bring a delivery again (202; the delivery itself follows as a webhook with the same id).
    async fn redeliver(&self, delivery: &FailedDelivery) -> Result<(), ForgeError>;

    /// What the App may do and is told at an installation, and how its webhook is set.
    async fn app(&self, installation: InstallationId) -> Result<AppFacts, ForgeError>;

    /// Number of the App.
    fn app_id(&self) -> u64;

    /// User name and secret for Git over HTTPS, valid for at least five more minutes, for this repository only.
    async fn git_credentials(&self, repo: &RepoRef) -> Result<GitCredentials, ForgeError>;
}

/// How old an answer may be (R42).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// For display: up to 60 s.
    Display,
    /// For a merge: read now.
    Now,
}

/// A webhook delivery GitHub could not bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDelivery {
    /// GitHub's number of the attempt, for redelivery.
    pub attempt: u64,
    /// The delivery.
    pub delivery: DeliveryId,
}

/// How Git authenticates. No `Debug` of the secret.
pub struct GitCredentials {
    /// User name (`x-access-token`).
    pub user: String,
    /// Token.
    pub secret: secrecy::SecretString,
}

/// Why the forge did not do or say something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{operation}: {message}")]
pub struct ForgeError {
    /// What may be done next.
    pub kind: ForgeErrorKind,
    /// GitHub operation, for the log.
    pub operation: &'static str,
    /// What GitHub said, cut and without secrets.
    pub message: String,
}

/// What the engine may do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForgeErrorKind {
    /// No answer or a server fault: try the turn again later.
    Later,
    /// Rate limited until then.
    Wait(Timestamp),
    /// Our credentials are refused, or the installation is suspended: an operator must act.
    Credentials,
    /// A permission of the App is missing.
    Forbidden,
    /// Not there, or not visible: never proof of absence for a policy.
    NotFound,
    /// The forge refuses for a reason of its own (409, 422, 405).
    Refused,
    /// The answer makes no sense.
    Garbled,
}

// ── Git ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Git objects and references of one repository: a bare clone of our own, and the remote.
#[async_trait]
pub trait Repo: Send + Sync {
    /// Lists the remote's references now and fetches what is missing: all branches, and `wanted` besides. `depth` is never limited.
    async fn fetch(&self, repo: &RepoRef, wanted: &[RefName]) -> Result<BTreeMap<RefName, Oid>, RepoError>;

    /// Merge base of two commits.
    async fn merge_base(&self, repo: &RepoRef, one: &Oid, other: &Oid) -> Result<MergeBase, RepoError>;

    /// Whether `ancestor` is reachable from `commit`.
    async fn reaches(&self, repo: &RepoRef, commit: &Oid, ancestor: &Oid) -> Result<bool, RepoError>;

    /// Whole-tree difference of two commits, no rename detection.
    async fn delta(&self, repo: &RepoRef, from: &Oid, to: &Oid) -> Result<Delta, RepoError>;

    /// Every entry (blobs, links, submodules) of a commit's tree.
    async fn entries(&self, repo: &RepoRef, commit: &Oid) -> Result<BTreeMap<RepoPath, TreeEntry>, RepoError>;

    /// Bytes of a blob; `None` when larger than `limit` bytes.
    async fn blob(&self, repo: &RepoRef, blob: &Oid, limit: usize) -> Result<Option<Vec<u8>>, RepoError>;

    /// Commits reachable from `head` and not from `base`, through all parents, newest first; a null `base` excludes none.
    async fn commits(&self, repo: &RepoRef, base: &Oid, head: &Oid) -> Result<Vec<CommitRead>, RepoError>;

    /// The ledger, oldest first: commit and its `entry.json`, if it has one. At most the entries above `above` (exclusive).
    async fn chain(
        &self,
        repo: &RepoRef,
        tip: &Oid,
        above: Option<&Oid>,
    ) -> Result<Vec<(Oid, Option<Vec<u8>>)>, RepoError>;

    /// Builds one ledger commit per envelope on top of `tip` and moves the reference from exactly `held` by compare-and-swap; the
    /// new tip. `held` differs from `tip` where unsigned commits stand on top of the ledger: they are dropped.
    async fn append(
        &self,
        repo: &RepoRef,
        ledger: &RefName,
        (tip, held): (Option<&Oid>, Option<&Oid>),
        entries: &[NewEntry],
    ) -> Result<Oid, RepoError>;

    /// Builds the merge commit of `base_tip` and `head`: entries of `taken` as given, everything else by ordinary three-way
    /// merge. Nothing is pushed.
    async fn merge_commit(&self, repo: &RepoRef, merge: &MergeCommit) -> Result<Oid, RepoError>;

    /// Builds the merge of a base into a request: first parent the head, second the base tip; entries of `taken` as given, files
    /// of `made` as new blobs, everything else by ordinary three-way merge. Nothing is pushed.
    async fn update_commit(&self, repo: &RepoRef, update: &UpdateCommit) -> Result<Oid, RepoError>;

    /// Builds a commit with one parent: its tree with some entries placed or removed. What stands in the way of a placed entry, a
    /// file where a directory must be or the other way round, goes. Nothing is pushed.
    async fn compose(&self, repo: &RepoRef, composition: &Composition) -> Result<Oid, RepoError>;

    /// Moves a remote branch from exactly `old` to `new` by compare-and-swap.
    async fn push(&self, repo: &RepoRef, branch: &RefName, old: Option<&Oid>, new: &Oid) -> Result<(), RepoError>;
}

/// A commit, as Git has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRead {
    /// Its id.
    pub oid: Oid,
    /// Parents in order.
    pub parents: Vec<Oid>,
    /// Author's name.
    pub author_name: String,
    /// Author's e-mail, lower case.
    pub author_email: String,
    /// Committer's e-mail, lower case.
    pub committer_email: String,
    /// Whole message.
    pub message: String,
}

/// A ledger entry to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Bytes of `entry.json`.
    pub envelope: Vec<u8>,
    /// Author and committer time of the commit.
    pub at: Timestamp,
    /// Commit message.
    pub message: String,
}

/// A merge commit to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeCommit {
    /// First parent.
    pub base_tip: Oid,
    /// Second parent.
    pub head: Oid,
    /// Governed and control entries of the result that differ from the base tip: taken whole, never merged as text.
    pub taken: BTreeMap<RepoPath, Option<TreeEntry>>,
    /// Author and committer: name and e-mail.
    pub identity: (String, String),
    /// Author and committer time.
    pub at: Timestamp,
    /// Message, trailers included.
    pub message: String,
}

/// The base brought into a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateCommit {
    /// As for a merge into the base; the parents stand the other way round.
    pub merge: MergeCommit,
    /// Files that neither side has as they are to be.
    pub made: BTreeMap<RepoPath, Made>,
}

/// A file to be made: sealed, or it would not be here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its mode.
    pub mode: EntryMode,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A commit on top of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composition {
    /// Its parent.
    pub parent: Oid,
    /// Entries that differ from the parent's.
    pub placed: BTreeMap<RepoPath, Option<TreeEntry>>,
    /// Author: name and e-mail.
    pub author: (String, String),
    /// Committer: name and e-mail.
    pub committer: (String, String),
    /// Author and committer time.
    pub at: Timestamp,
    /// Message, trailers included.
    pub message: String,
}

/// Why Git did not do something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RepoError {
    /// The remote reference is not what was expected: somebody else was faster.
    #[error("`{0}` has moved since it was read")]
    LeaseLost(RefName),
    /// The remote refused the reference by a rule; its words.
    #[error("the remote refuses to move `{reference}`: {message}")]
    Refused {
        /// Which reference.
        reference: RefName,
        /// What the remote said.
        message: String,
    },
    /// An object is not there.
    #[error("object `{0}` cannot be read")]
    Missing(Oid),
    /// Files outside the governed set conflict.
    #[error("{} files conflict with the base", .0.len())]
    Conflict(Vec<RepoPath>),
    /// Network, disk, credentials: try again later.
    #[error("{0}")]
    Later(String),
    /// The repository is gone or invisible.
    #[error("the repository cannot be reached: {0}")]
    Unreachable(String),
}

// ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// What a turn looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A branch that was pushed, or should be looked at.
    Branch(RepoId, RefName),
    /// A pull request.
    Change(RepoId, PrNumber),
    /// A whole repository: adoption, governed branches, open changes.
    Repository(RepoId),
    /// Every open change of a repository: people or rules have changed, so none stands as it was judged.
    Changes(RepoId),
    /// The rules GitHub keeps of the branches we answer for.
    Guard(RepoId),
    /// A sync target: what it has, what it should have.
    Sync(RepoId, TargetId),
    /// A comment under a pull request that may hold a command.
    Command(RepoId, CommentId),
    /// A job that waits to deploy to an environment of GitHub, by its run and its deployment.
    Job(RepoId, RunId, DeploymentId),
    /// What the ledger says and was not told yet.
    Notices(RepoId),
    /// Letters to one destination: one after the other.
    Letters(RepoId, Digest),
    /// All installations: which repositories there are, which deliveries failed.
    Installations,
}

/// A webhook delivery to keep: what was extracted, never the body unless it could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// GitHub's id of it.
    pub id: DeliveryId,
    /// `X-GitHub-Event`.
    pub event: String,
    /// SHA-256 of the body.
    pub body: Digest,
    /// When it arrived.
    pub at: Timestamp,
    /// The raw body, kept only when it could not be parsed.
    pub unparsable: Option<Vec<u8>>,
    /// Things that only deliveries tell.
    pub sightings: Vec<Sighting>,
    /// What to look at, and when.
    pub look_at: Vec<(Subject, Timestamp)>,
}

/// A fact that only a delivery tells (`changes.md` 1). It may exclude people or void votes, never make something count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sighting {
    /// Somebody moved a reference.
    Push {
        /// Repository.
        repo: RepoId,
        /// Reference.
        reference: RefName,
        /// The move. `actor` is the `sender` (R31).
        movement: Movement,
    },
    /// A review was submitted or dismissed.
    Review {
        /// Repository.
        repo: RepoId,
        /// Pull request.
        change: PrNumber,
        /// Review.
        review: ReviewId,
        /// What it said then.
        kind: VoteKind,
        /// Commit it named then.
        commit: Option<Oid>,
        /// Base of the pull request then (R27).
        base: Option<RefName>,
        /// Sender of the delivery: the reviewer, or who dismissed.
        by: Option<Account>,
        /// When the delivery arrived.
        at: Timestamp,
        /// The delivery.
        delivery: Option<DeliveryId>,
    },
    /// Somebody wrote, edited or deleted a comment that held a command.
    Comment {
        /// Repository.
        repo: RepoId,
        /// Pull request.
        change: PrNumber,
        /// Comment.
        comment: CommentId,
        /// What happened.
        told: CommentTold,
        /// Sender of the delivery.
        by: Option<Account>,
        /// When the delivery arrived.
        at: Timestamp,
        /// The delivery.
        delivery: Option<DeliveryId>,
    },
    /// A repository is reachable through an installation (`Some`), or no longer (`None`).
    Installed {
        /// Repository.
        repo: RepoId,
        /// Present name.
        name: RepoName,
        /// Installation.
        installation: Option<InstallationId>,
    },
}

/// What a delivery told of a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommentTold {
    /// It was written, and said this; free words left out.
    Written(Spoken),
    /// It was edited.
    Edited,
    /// It was deleted.
    Deleted,
}

/// Whether a delivery was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Stored now.
    New,
    /// Its id was there already; nothing was changed.
    Duplicate,
}

/// A leased subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What to look at.
    pub subject: Subject,
    /// Who claimed it.
    pub owner: String,
    /// Fencing number: rises with every claim of the subject.
    pub fence: u64,
    /// How often looking has failed in a row; a lease that ran out without an end counts as a failure.
    pub attempts: u32,
    /// Number of times it had been scheduled when claimed; completing leaves later requests standing.
    pub asked: u64,
}

/// Queue figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Subjects due or leased.
    pub due: u64,
    /// Seconds the oldest due subject has waited.
    pub oldest_seconds: u64,
}

/// What we last wrote of a kind for a subject, so that a turn without change writes nothing and reads nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The check on the head, and its external id.
    pub check: Option<(Oid, CheckId, String)>,
    /// The sticky comment, and the digest of its text.
    pub comment: Option<(CommentId, Digest)>,
    /// Title and body digest of the description, when we opened the request.
    pub description: Option<Digest>,
    /// Reviewers asked for, as printed names.
    pub asked: Vec<String>,
}

/// What a note is about. A note is JSON that one kind of turn writes and reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKey {
    /// The run of a target: `sync::Run`.
    Run(TargetId),
    /// The newest request of a person to deliver to a target again: a number that rises.
    Asked(TargetId),
    /// What a receiver called back about its newest delivery: [`Callback`]; of a target that a job delivers to, what the job said:
    /// `sync::JobReport`.
    Callback(TargetId),
    /// A command that was carried out or refused: nothing more is done for that comment.
    Command(CommentId),
    /// Who asked last for the merge of a pull request: `facts::MergeAsked`.
    MergeAsked(PrNumber),
    /// Somebody who may write said that a fork's pull request may be treated as any other: an `Account`.
    Vouched(PrNumber),
    /// A pull request bears the label of a bypass.
    Labelled(PrNumber),
    /// Those who must ratify a bypass were called, for it is overdue.
    Called(PrNumber),
    /// Which keys of a target are ours, by their marks.
    Owned(TargetId),
    /// A job that asked whether it may deploy: what it was told.
    Job(RunId, DeploymentId),
    /// Jobs have asked here whether they may deploy.
    Jobs,
    /// What was last seen of the guard: `guard::Watch`.
    Guard,
    /// Up to which ledger entry people were told: its sequence.
    Told,
    /// The card of a thread in a chat, by destination and thread: a `notify::Card`.
    Card(Digest, String),
}

/// What a receiver says about a delivery it took, by `POST /api/v1/syncs/{id}/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// The generation it speaks of.
    pub generation: Sequence,
    /// It runs the content; `false`: it failed.
    pub converged: bool,
    /// The instant that was signed: of several calls the newest counts.
    pub at: Timestamp,
    /// What it speaks of is over: somebody asked for another delivery since.
    #[serde(default)]
    pub over: bool,
    /// Alias of the secret that signed. Whether it is the target's is for the turn to ask the policy.
    pub secret: Alias,
}

/// The durable memory: inbox, work table, sightings, presence, remembered ledger head; and the [`Outbox`].
#[async_trait]
pub trait Journal: Outbox {
    /// Stores a delivery, its sightings and its work in one transaction; returns after it is on disk.
    async fn record(&self, delivery: &NewDelivery) -> Result<Recorded, JournalError>;

    /// Asks for a look at a subject; an earlier due time wins, repeated requests coalesce.
    async fn schedule(&self, subject: &Subject, due: Timestamp) -> Result<(), JournalError>;

    /// Leases the subject that has been due longest, if any. One subject is leased to one owner at a time; an expired lease is taken over.
    async fn claim(&self, owner: &str, now: Timestamp, lease: Span) -> Result<Option<Claim>, JournalError>;

    /// Ends a claim. The subject is looked at again at `again`, or as asked for meanwhile. `false`: the claim had been taken over.
    async fn complete(&self, claim: &Claim, again: Option<Timestamp>) -> Result<bool, JournalError>;

    /// Ends a claim that failed; counts the attempt.
    async fn fail(&self, claim: &Claim, again: Timestamp, reason: &str) -> Result<bool, JournalError>;

    /// Whether the claim still holds (fence and owner), extending its lease. Asked before every outside write.
    async fn renew(&self, claim: &Claim, now: Timestamp, lease: Span) -> Result<bool, JournalError>;

    /// Queue figures.
    async fn depth(&self, now: Timestamp) -> Result<QueueDepth, JournalError>;

    /// When the next subject is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, JournalError>;

    /// Keeps a fact learnt by reading what no delivery told.
    async fn sight(&self, sighting: &Sighting) -> Result<(), JournalError>;

    /// Moves of a reference, newest first.
    async fn movements(&self, repo: RepoId, reference: &RefName) -> Result<Vec<Movement>, JournalError>;

    /// Sightings of reviews of a pull request, in order of arrival.
    async fn reviews(&self, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, JournalError>;

    /// Sightings of comments under a pull request, in order of arrival.
    async fn comments(&self, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, JournalError>;

    /// Repositories we can reach.
    async fn repositories(&self) -> Result<Vec<RepoRef>, JournalError>;

    /// What we last wrote on a pull request.
    async fn presence(&self, repo: RepoId, change: PrNumber) -> Result<Option<Presence>, JournalError>;

    /// Remembers what we wrote.
    async fn remember(&self, repo: RepoId, change: PrNumber, presence: &Presence) -> Result<(), JournalError>;

    /// A note.
    async fn note(&self, repo: RepoId, key: &NoteKey) -> Result<Option<String>, JournalError>;

    /// Every note of a repository about runs of targets and requests for them.
    async fn sync_notes(&self, repo: RepoId) -> Result<Vec<(NoteKey, String)>, JournalError>;

    /// Keeps a note; the one before of the same key is gone.
    async fn keep_note(&self, repo: RepoId, key: &NoteKey, text: &str) -> Result<(), JournalError>;

    /// The newest ledger head this server has seen: sequence and commit. It never goes back.
    async fn ledger_head(&self, repo: RepoId) -> Result<Option<(Sequence, Oid)>, JournalError>;

    /// Remembers a ledger head; only a higher sequence replaces the remembered one.
    async fn remember_ledger(&self, repo: RepoId, sequence: Sequence, commit: &Oid) -> Result<(), JournalError>;
}

/// The store failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the store cannot {action}: {message}")]
pub struct JournalError {
    /// What was tried.
    pub action: &'static str,
    /// Why not, without content.
    pub message: String,
}

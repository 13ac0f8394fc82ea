//! What a decision is made from: one dated snapshot, and the questions that fill it.
//!
//! Facts are answers, never opinions: nothing here says whether somebody counts or something may merge. Nothing is fetched here.

mod asked;
mod bypass;
mod change;
pub mod compare;
mod direct;
mod document;
mod keys;
mod readers;
pub mod essence;
mod people;
pub mod question;
pub mod rules;
pub mod trailers;
mod vote;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use asked::{Asked, AskedFor};
pub use bypass::{BypassAsked, BypassSource, Debt, Ratifying};
pub use change::{ChangeFacts, History, MergeAsked, MergeBase, PlainCommit};
pub use direct::{HeldPush, LeftOut, LeftOutKind, Quarantine};
pub use document::{DocumentFacts, FileState, KeyChange, KeyChangeKind, Origin, SettingChange};
pub use keys::KeyChanges;
pub use people::{Contributor, ContributorRole, People, Pusher};
pub use question::{Answer, Question, WrongAnswer};
pub use readers::Readers;
pub use vote::{Authority, VoteFacts, VoteKind, VoteSource};

use crate::domain::{
    Account, Digest, Login, Oid, RefName, RepoId, RepoName, RepoPath, ResolvedNames, TeamId, Timestamp, UserId,
};

/// Something we asked: the answer, or why there is none. Unknown is never yes and never remembered as no (R41).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// The answer.
    Is(T),
    /// No answer, and the reason in words.
    Unknown(String),
}

impl<T> Known<T> {
    /// The answer, if there is one.
    #[must_use]
    pub fn answer(&self) -> Option<&T> {
        match self {
            Self::Is(answer) => Some(answer),
            Self::Unknown(_) => None,
        }
    }
}

/// One change request as it stood at one moment, with everything that may bear on the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When the snapshot was taken.
    pub at: Timestamp,
    /// Which repository.
    pub repository: RepoId,
    /// Its name, for people.
    pub repository_name: RepoName,
    /// Default branch as pinned in the ledger.
    pub default_branch: RefName,
    /// Digest of the covered policy text; the decision refuses another policy.
    pub policy_digest: Digest,
    /// Names of that policy, as resolved when it became effective.
    pub names: ResolvedNames,
    /// What the names mean today, asked only for names whose person seems to have changed.
    pub names_now: BTreeMap<Login, Known<Option<UserId>>>,
    /// The pull request.
    pub change: ChangeFacts,
    /// What Git says of it.
    pub history: History,
    /// What the governed documents are, per path of the delta.
    pub documents: BTreeMap<RepoPath, DocumentFacts>,
    /// Who made it.
    pub people: People,
    /// What was said about it.
    pub votes: Vec<VoteFacts>,
    /// What was asked for in comments besides votes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// Digest of the delta at each commit that was voted on; `None`: the commit or its history cannot be read.
    pub delta_at: BTreeMap<Oid, Option<Digest>>,
    /// Digest of what the change comes to ([`essence`]), at the head and at each commit that was voted on; only where an
    /// environment binds votes to it. `None`: it cannot be read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub change_at: BTreeMap<Oid, Option<Digest>>,
    /// What each voter may do.
    pub authority: BTreeMap<UserId, Authority>,
    /// Who is in each team of the policy, to name who could approve; never to count a vote.
    pub rosters: BTreeMap<TeamId, Known<Vec<Account>>>,
    /// What the change is, when it holds a direct push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldPush>,
    /// The clock of the forge when the change was read, where it said what it is: ages are measured by it (R30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forge_time: Option<Timestamp>,
    /// Who asked last for the merge, and of which head (`merge: manual`). It is no vote (R58).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_asked: Option<MergeAsked>,
    /// Bypasses that were asked for, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bypasses: Vec<BypassAsked>,
    /// Earlier bypasses of the base that nobody has ratified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debts: Vec<Debt>,
    /// The change was merged by a bypass, and is judged once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratifying: Option<Ratifying>,
    /// Our own App's account: never one of `machines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ourselves: Option<UserId>,
}

impl Facts {
    /// The time that ages are measured by: the forge's, from whose times they are; ours where it did not say (R30).
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.forge_time.unwrap_or(self.at)
    }
}

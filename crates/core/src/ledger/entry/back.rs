//! The entry of a direct push: what was pushed past everybody, and what became of it.
//!
//! It never changes what is approved. It may exclude people from approving what was kept, and never makes anybody's vote count.

use serde::{Deserialize, Serialize};

use crate::domain::{Account, Digest, Oid, RefName, RepoPath, Timestamp};
use crate::facts::{Known, LeftOut, Quarantine};

/// A push to a governed branch that no decision covers (`changes.md` 2), written before anything is moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutBackEntry {
    /// The branch that was pushed to.
    pub branch: RefName,
    /// What was pushed: `T`.
    pub pushed: Oid,
    /// What becomes of the branch.
    pub outcome: PushOutcome,
    /// `T` with its protected entries as approved: `Y`. `None`: it cannot be built.
    pub restored: Option<Oid>,
    /// `Y` with what was pushed, as far as it may be kept: `K`. `None`: it cannot be built.
    pub kept: Option<Oid>,
    /// Where `K` is held for review.
    pub held: Option<RefName>,
    /// Digest of the difference between what is approved and what was pushed, over protected paths.
    pub delta_digest: Digest,
    /// Protected paths at which the push differs from what is approved, in order.
    pub paths: Vec<RepoPath>,
    /// What of the push is not in `K`, in path order.
    pub left_out: Vec<LeftOut>,
    /// Who pushed.
    pub sender: Known<Account>,
    /// Whose approval of `K` does not count: sender, other pushers, and whom the commits name, as far as known. In order of ids.
    pub excluded: Vec<Account>,
    /// A commit of the push asks for a bypass by a `Countersign-Bypass` trailer.
    pub bypass_asked: bool,
    /// Why, in the words of the trailer of the tip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bypass_reason: Option<String>,
    /// When this was decided; the time of both commits.
    pub at: Timestamp,
}

/// What becomes of a branch that was pushed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PushOutcome {
    /// It is moved on to `Y`.
    PutBack,
    /// It is left as it is, and nothing is delivered from it until it holds what is approved again.
    Quarantined(Quarantine),
}

impl PutBackEntry {
    /// Why it is quarantined, if it is.
    #[must_use]
    pub fn quarantine(&self) -> Option<Quarantine> {
        match self.outcome {
            PushOutcome::PutBack => None,
            PushOutcome::Quarantined(why) => Some(why),
        }
    }
}

//! Entries of what is seen only once: who pushed, and a vote at first sight.
//!
//! They may exclude people and void votes; nothing here ever makes a vote count.

use serde::{Deserialize, Serialize};

use crate::domain::{Account, DeliveryId, Digest, Oid, PrNumber, RefName, Timestamp};
use crate::facts::{Known, VoteKind, VoteSource};

/// A push, as a delivery told it: who pushed is seen nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushEntry {
    /// What was pushed to.
    pub reference: RefName,
    /// From which commit.
    pub before: Oid,
    /// To which commit.
    pub after: Oid,
    /// Who pushed.
    pub sender: Known<Account>,
    /// Whether history was rewritten.
    pub forced: bool,
    /// The delivery that said so.
    pub delivery: Option<DeliveryId>,
    /// The pull request it was first seen as the head of, and who asked for it then (R31). Left out before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestSeen>,
}

/// Who asked for a pull request, at first sight: whoever rewrites the branch later does not take their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestSeen {
    /// Which pull request.
    pub pull: PrNumber,
    /// Who asked for it.
    pub by: Account,
}

/// A vote at first sight, or its end. May exclude people and void votes, never makes one count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoteEntry {
    /// On which pull request.
    pub pull: PrNumber,
    /// Review or comment it was given by.
    pub source: VoteSource,
    /// Whose vote; `None`: a deleted account.
    pub user: Option<Account>,
    /// What it said.
    pub kind: VoteKind,
    /// The commit it named when first seen.
    pub commit: Oid,
    /// Base of the pull request when it was first seen.
    pub base: RefName,
    /// When it was given, in GitHub's time.
    pub at: Timestamp,
    /// Digest of the delta at that commit, when it could be computed.
    pub delta_digest: Option<Digest>,
    /// Who ended it (kind `ended` only), when a delivery said so.
    pub ended_by: Option<Account>,
    /// The delivery that said so; `None`: first seen by reading.
    pub delivery: Option<DeliveryId>,
    /// Its author was an approver of what the change touched when it was first seen; a veto of theirs stands when they leave.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stood: bool,
}

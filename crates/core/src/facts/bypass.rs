//! A bypass that was asked for, what earlier ones still owe, and what a ratification is about (`changes.md` 7).
//!
//! As read now; whether it stands is decided elsewhere.

use serde::{Deserialize, Serialize};

use crate::domain::{Account, CommentId, Environment, Oid, PrNumber, Sequence, Timestamp};

/// Where a bypass was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BypassSource {
    /// In a comment that stands there unedited.
    Comment(CommentId),
    /// By the trailer of the tip of a direct push, which this change holds.
    Push(Oid),
}

/// Somebody asks that a change be merged without its approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BypassAsked {
    /// Where.
    pub source: BypassSource,
    /// Who.
    pub by: Account,
    /// The head it was said of; a push ends it.
    pub head: Oid,
    /// Why, in their words.
    pub reason: String,
    /// When, in GitHub's time.
    pub at: Timestamp,
    /// The change aimed at another base then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
}

/// An earlier bypass that nobody has ratified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    /// The request that was merged by it.
    pub pull: PrNumber,
    /// The decision it was.
    pub decision: Sequence,
    /// The environments it touched.
    pub environments: Vec<Environment>,
    /// Until when it must be ratified.
    pub due: Timestamp,
}

/// The change was merged by a bypass: what is judged is whether those who should have approved it do so now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratifying {
    /// Who bypassed it: none of them fills a seat.
    pub bypassers: Vec<Account>,
    /// The policies that were bypassed.
    pub policies: Vec<String>,
}

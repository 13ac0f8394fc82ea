//! Entries of a decision and of the merge that carried it out.
//!
//! A decision is recorded with everything it was made from, so that anybody can make it again; no value of a secret is among it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::bypass::Bypassing;
use crate::domain::{Delta, Digest, Login, Oid, PrNumber, RefName, Sequence, UserId};
use crate::facts::VoteSource;

/// A decision to merge, written before merging: it is the intent as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionEntry {
    /// Which pull request.
    pub pull: PrNumber,
    /// The commit that may be merged.
    pub head: Oid,
    /// Into which reference.
    pub base: RefName,
    /// Onto which commit.
    pub base_tip: Oid,
    /// Merge base of the two.
    pub merge_base: Oid,
    /// Digest of the whole difference (R5).
    pub delta_digest: Digest,
    /// Digest of the policy text in force on the default branch.
    pub policy_digest: Digest,
    /// Why it may be merged.
    pub verdict: RecordedVerdict,
    /// Whose votes counted.
    pub approved_by: Vec<Approval>,
    /// Governed and control entries that change, old side as last approved. Paths that become governed by this change and stand
    /// there already are listed with nothing as their old side.
    pub delta: Delta,
    /// What it was decided from.
    pub facts: RecordedFacts,
    /// How it is to be merged.
    pub intent: MergeMethod,
    /// Further branches that the policy it brings begins to govern, each with the commit as which it is taken in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adopts: Vec<AdoptedBranch>,
    /// What is bypassed, where the verdict is `bypassed`; else nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bypass: Option<Bypassing>,
}

/// A branch that is taken in with a change of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptedBranch {
    /// Which.
    pub branch: RefName,
    /// As it stood when the change was decided.
    pub commit: Oid,
}

/// A verdict that allows merging; no other is ever recorded as a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedVerdict {
    /// Every matching policy was satisfied.
    Satisfied,
    /// Soft policies were bypassed.
    Bypassed,
}

/// One vote that counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Who.
    pub user: UserId,
    /// Their login then, for people.
    pub login: Login,
    /// By which review or comment.
    pub via: VoteSource,
    /// Given for which commit.
    pub commit: Oid,
}

/// How a change is brought onto its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeMethod {
    /// Our own merge commit, the reference moved by compare-and-swap.
    MoveRef,
    /// Our own merge commit made through the commits API (signed by GitHub), the reference moved by compare-and-swap.
    CommitsApi,
    /// The forge's merge endpoint, head pinned.
    Endpoint,
    /// Somebody else merged it, and the decision allowed exactly that.
    Foreign,
}

/// Facts of a decision as JSON, kept as they were when it was taken; read by whoever runs it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordedFacts(Value);

impl RecordedFacts {
    /// Records facts.
    ///
    /// # Errors
    /// When they do not serialise, or hold a number with a fraction (which has more than one spelling).
    pub fn record(facts: &impl Serialize) -> Result<Self, UnrecordableFacts> {
        let value = serde_json::to_value(facts).map_err(|_| UnrecordableFacts)?;
        if has_fraction(&value) { Err(UnrecordableFacts) } else { Ok(Self(value)) }
    }

    /// The JSON.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}

/// Facts that cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the facts of a decision cannot be recorded as JSON\nhelp: this is a fault of countersign; please report it")]
pub struct UnrecordableFacts;

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// What was decided is what now stands on the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeEntry {
    /// Which pull request.
    pub pull: PrNumber,
    /// The decision carried out.
    pub decision: Sequence,
    /// The new tip of the base.
    pub commit: Oid,
    /// How it got there.
    pub method: MergeMethod,
    /// The approved delta over governed and control entries, as decided: approved state := last approved with this applied,
    /// never "what is there now".
    pub approved: Delta,
}

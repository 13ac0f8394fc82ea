//! The proof that a merge was decided.
//!
//! Only this module's parent mints one, for one head, one base tip and one policy, and its type says on what it rests: on a quorum, or
//! on a bypass. It cannot be stored or sent: a merge is always decided on fresh facts.

use super::bypass::Bypass;
use crate::domain::{Digest, Oid, PrNumber, RefName, RepoId};

/// What exactly may be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowed {
    pub repository: RepoId,
    pub change: PrNumber,
    pub head: Oid,
    pub base: RefName,
    pub base_tip: Oid,
    pub delta: Digest,
    pub policy: Digest,
}

/// Proof that every matching policy is satisfied for exactly this head onto exactly this base tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumMet {
    allowed: Allowed,
}

/// Proof that exactly this head may be merged onto exactly this base tip without its approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BypassGranted {
    allowed: Allowed,
    bypass: Bypass,
}

/// Proof that a merge was decided, and of what kind it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The quorum is met.
    Quorum(QuorumMet),
    /// It is bypassed.
    Bypass(BypassGranted),
}

impl Proof {
    /// Mints the proof of a quorum. Called by `decide` alone.
    pub(super) fn of_quorum(allowed: Allowed) -> Self {
        Self::Quorum(QuorumMet { allowed })
    }

    /// Mints the proof of a bypass. Called by `decide` alone.
    pub(super) fn of_bypass(allowed: Allowed, bypass: Bypass) -> Self {
        Self::Bypass(BypassGranted { allowed, bypass })
    }

    fn allowed(&self) -> &Allowed {
        match self {
            Self::Quorum(proof) => &proof.allowed,
            Self::Bypass(proof) => &proof.allowed,
        }
    }

    /// The bypass it rests on, if it does.
    #[must_use]
    pub fn bypass(&self) -> Option<&Bypass> {
        match self {
            Self::Quorum(_) => None,
            Self::Bypass(proof) => Some(&proof.bypass),
        }
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> RepoId {
        self.allowed().repository
    }

    /// The pull request.
    #[must_use]
    pub fn change(&self) -> PrNumber {
        self.allowed().change
    }

    /// The only commit that may be merged.
    #[must_use]
    pub fn head(&self) -> &Oid {
        &self.allowed().head
    }

    /// The branch it may be merged into.
    #[must_use]
    pub fn base(&self) -> &RefName {
        &self.allowed().base
    }

    /// The only commit of that branch it may be merged onto.
    #[must_use]
    pub fn base_tip(&self) -> &Oid {
        &self.allowed().base_tip
    }

    /// Digest of the delta.
    #[must_use]
    pub fn delta(&self) -> Digest {
        self.allowed().delta
    }

    /// Digest of the policy text that allowed it.
    #[must_use]
    pub fn policy(&self) -> Digest {
        self.allowed().policy
    }
}

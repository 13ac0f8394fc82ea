//! The proof that a merge was decided.
//!
//! Only this module's parent mints it, for one head, one base tip and one policy. It cannot be stored or sent: a merge is
//! always decided on fresh facts.

use crate::domain::{Digest, Oid, PrNumber, RefName, RepoId};

/// Proof that the policy allows merging exactly this head onto exactly this base tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumMet {
    repository: RepoId,
    change: PrNumber,
    head: Oid,
    base: RefName,
    base_tip: Oid,
    delta: Digest,
    policy: Digest,
}

impl QuorumMet {
    /// Mints the proof. Called by `decide` alone.
    pub(super) fn mint(
        (repository, change): (RepoId, PrNumber),
        head: Oid,
        (base, base_tip): (RefName, Oid),
        delta: Digest,
        policy: Digest,
    ) -> Self {
        Self { repository, change, head, base, base_tip, delta, policy }
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> RepoId {
        self.repository
    }

    /// The pull request.
    #[must_use]
    pub fn change(&self) -> PrNumber {
        self.change
    }

    /// The only commit that may be merged.
    #[must_use]
    pub fn head(&self) -> &Oid {
        &self.head
    }

    /// The branch it may be merged into.
    #[must_use]
    pub fn base(&self) -> &RefName {
        &self.base
    }

    /// The only commit of that branch it may be merged onto.
    #[must_use]
    pub fn base_tip(&self) -> &Oid {
        &self.base_tip
    }

    /// Digest of the approved delta.
    #[must_use]
    pub fn delta(&self) -> Digest {
        self.delta
    }

    /// Digest of the policy text that allowed it.
    #[must_use]
    pub fn policy(&self) -> Digest {
        self.policy
    }
}

//! A direct push, judged: is there one, what is restored, what is kept, and what becomes of the branch (`changes.md` 2).
//!
//! Pure: listings, facts and past entries in, a plan out. Whether a merge by somebody else was covered is `decision`'s question.
//! Nothing here counts a vote or moves a branch.

mod course;
mod makers;
mod plan;
mod standing;
#[cfg(test)]
mod tests;

pub use course::{Circumstances, LONGEST_UNSEEN, course};
pub use makers::{Made, Maker, Makers, asks_for_bypass, bypass_reason, makers};
pub use plan::{Plan, plan};
pub use standing::{Standing, standing};

use crate::domain::{RepoId, RepoPath};
use crate::facts::compare::Branches;
use crate::policy::Policy;

/// By what one judges, and about which branch.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The covered policy: never the one that was pushed.
    pub policy: &'a Policy,
    /// The branch, and the default one.
    pub branches: Branches<'a>,
    /// The repository, for digests.
    pub repository: RepoId,
}

/// Whether a path is a workflow file: these are never put back, they block deliveries instead.
fn is_workflow(path: &RepoPath) -> bool {
    path.as_bytes().to_ascii_lowercase().starts_with(b".github/workflows/")
}

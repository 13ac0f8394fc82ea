//! What a change comes to at each commit that was voted on: the ground of `binding: change` (`changes.md` 3).
//!
//! Reads sealed files without any key; digests of tokens leave this module, tokens never do.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Delta, Digest, Oid};
use countersign_core::facts::essence::{Mark, Marks, essence};
use countersign_core::facts::{ChangeFacts, MergeBase, VoteFacts};
use countersign_core::policy::Binding;

use super::book::Place;
use super::documents::must_be_sealed;
use super::ports::RepoError;
use super::{Engine, TurnError};

impl Engine {
    /// The digest of what the change comes to, at the head and at each commit voted on; empty where no environment of the base
    /// binds votes to it.
    pub(super) async fn changes_at(
        &self,
        place: &Place,
        change: &ChangeFacts,
        votes: &[VoteFacts],
    ) -> Result<BTreeMap<Oid, Option<Digest>>, TurnError> {
        let mut here =
            place.policy.environments().iter().filter(|rule| *rule.branch_or(&place.default_branch) == change.base);
        if votes.is_empty() || !here.any(|rule| rule.binding() == Binding::Change) {
            return Ok(BTreeMap::new());
        }
        let commits: BTreeSet<&Oid> =
            votes.iter().filter_map(|vote| vote.commit.as_ref()).chain([&change.head]).collect();
        let mut digests = BTreeMap::new();
        for commit in commits {
            digests.insert(commit.clone(), self.change_digest(place, change, commit).await?);
        }
        Ok(digests)
    }

    async fn change_digest(
        &self,
        place: &Place,
        change: &ChangeFacts,
        commit: &Oid,
    ) -> Result<Option<Digest>, TurnError> {
        let delta = match self.repo.merge_base(&place.repo, &change.base_tip, commit).await {
            Ok(MergeBase::One(origin)) => self.repo.delta(&place.repo, &origin, commit).await?,
            Ok(MergeBase::None | MergeBase::Many) | Err(RepoError::Missing(_)) => return Ok(None),
            Err(fault) => return Err(fault.into()),
        };
        let marks = self.marks(place, change, &delta).await?;
        Ok(essence(place.repo.id, &change.base, &delta, &marks))
    }

    async fn marks(&self, place: &Place, change: &ChangeFacts, delta: &Delta) -> Result<Marks, TurnError> {
        let mut marks = Marks::new();
        for entry in delta.entries() {
            let (Some(_), Some(_)) = (&entry.old, &entry.new) else { continue };
            if !must_be_sealed(place, &change.base, &entry.path) {
                continue;
            }
            let old = self.side(&place.repo, &entry.path, entry.old.as_ref()).await?;
            let new = self.side(&place.repo, &entry.path, entry.new.as_ref()).await?;
            if let (Some(old), Some(new)) = (old.document(), new.document()) {
                let changes = sops_file::diff::tokens(old, new).into_iter();
                let mark = changes.map(|change| Mark { what: change.what, old: change.old, new: change.new });
                marks.insert(entry.path.clone(), mark.collect());
            }
        }
        Ok(marks)
    }
}

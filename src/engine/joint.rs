//! The base moved in a file that a request changes too: both sides are merged key by key and pushed onto the request as a merge of
//! the base (`changes.md` 4).
//!
//! Never seals to anybody but those who can open the last approved state, never writes readable what is sealed on any side, and
//! says nothing about votes. No value and no identity leaves this module.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::decision::{Decision, Reason, Verdict};
use countersign_core::domain::{Delta, DeltaEntry, EntryMode, Environment, RefName, RepoPath};
use countersign_core::facts::ChangeFacts;
use countersign_core::facts::compare::{self, Branches, Entries};
use countersign_core::policy::PathClass;
use sops_file::diff::{self, DataKeyChange};
use sops_file::merge::{Outcome, Scope, merge};
use sops_file::{Identities, KeyPath, OpenOptions, SealedDocument, open};
use tracing::{info, warn};

use super::book::Place;
use super::crash::{Point, here};
use super::gather::Gathered;
use super::ports::{Claim, Made, MergeCommit, RepoError, UpdateCommit};
use super::{Engine, TurnError};

/// Most keys that are named.
const NAMED: usize = 5;

/// Both sides of every file in which the base moved, merged.
pub(super) struct Joint {
    made: BTreeMap<RepoPath, Made>,
}

/// The three versions of a file.
struct Versions {
    origin: SealedDocument,
    head: SealedDocument,
    tip: SealedDocument,
}

impl Engine {
    /// Merges each file in which the base moved; what cannot be merged is said in words that name keys.
    pub(super) async fn joined(
        &self,
        place: &Place,
        change: &ChangeFacts,
        delta: &Delta,
        (moved, base): (&[RepoPath], &Entries),
    ) -> Result<(Option<Joint>, BTreeMap<RepoPath, String>), TurnError> {
        let alone = self.journal.repositories().await?.len() == 1;
        let (mut made, mut apart) = (BTreeMap::new(), BTreeMap::new());
        for path in moved {
            let Some(environment) = sealed_in(place, &change.base, path) else { continue };
            let Some(entry) = delta.entries().iter().find(|entry| entry.path == *path) else { continue };
            let here = DeltaEntry { path: path.clone(), old: entry.new.clone(), new: base.get(path).cloned() };
            let joined = match self.versions(place, entry, &here).await? {
                Ok(versions) => self.join(place, (&environment, alone), &versions),
                Err(why) => Err(why),
            };
            match joined {
                Ok(bytes) => _ = made.insert(path.clone(), Made { mode: EntryMode::File, bytes }),
                Err(why) => _ = apart.insert(path.clone(), why),
            }
        }
        let joint = (made.len() == moved.len()).then_some(Joint { made });
        Ok((joint, apart))
    }

    /// Reads the three versions; `aside` leads from the head to the tip of the base.
    async fn versions(
        &self,
        place: &Place,
        entry: &DeltaEntry,
        aside: &DeltaEntry,
    ) -> Result<Result<Versions, String>, TurnError> {
        let all = [&entry.old, &entry.new, &aside.new];
        if entry.old.is_none() {
            return Ok(Err("it was added on both sides".to_owned()));
        }
        if all.iter().any(|side| side.as_ref().is_none_or(|side| side.mode != EntryMode::File)) {
            return Ok(Err("it is no ordinary file on one side".to_owned()));
        }
        let mut documents = Vec::new();
        for side in all {
            match self.side(&place.repo, &entry.path, side.as_ref()).await?.document() {
                Some(document) => documents.push(document.clone()),
                None => return Ok(Err("it is no sealed document on one side".to_owned())),
            }
        }
        let read = <[SealedDocument; 3]>::try_from(documents).map(|[origin, head, tip]| Versions { origin, head, tip });
        Ok(read.map_err(|_| "it cannot be read".to_owned()))
    }

    fn join(&self, place: &Place, environment: (&Environment, bool), versions: &Versions) -> Result<Vec<u8>, String> {
        let Ok(Some(identity)) = self.identity_for(place, environment, &versions.tip) else {
            return Err(contended(versions));
        };
        let bytes = self.merged(&identity, versions)?;
        let result = SealedDocument::parse(&bytes, versions.tip.format()).map_err(|fault| fault.to_string())?;
        // what `Scope::ValuesOnly` promises, looked at from outside: readers, settings and key of the last approved state
        let differs = diff::keyless(Some(&versions.tip), Some(&result));
        let same_readers = differs.recipients.added.is_empty() && differs.recipients.removed.is_empty();
        if same_readers && differs.settings.is_empty() && differs.data_key == DataKeyChange::Same {
            Ok(bytes)
        } else {
            Err("the merged file would be open to others than the approved one".to_owned())
        }
    }

    fn merged(&self, identity: &Identities, versions: &Versions) -> Result<Vec<u8>, String> {
        let opened =
            |document| open(document, identity, OpenOptions::default()).map_err(|fault| plain(&fault.to_string()));
        let (origin, head, tip) = (opened(&versions.origin)?, opened(&versions.head)?, opened(&versions.tip)?);
        let now =
            jiff::Timestamp::from_second(self.clock.now().seconds()).map_err(|_| "the clock is wrong".to_owned())?;
        match merge(&origin, &head, &tip, Scope::ValuesOnly, now) {
            Ok(Outcome::Merged(bytes)) => Ok(bytes),
            Ok(Outcome::Conflicts(conflicts)) => {
                let named: Vec<String> = conflicts.iter().take(NAMED).map(|found| plain(&found.to_string())).collect();
                Err(named.join("; "))
            }
            Err(fault) => Err(plain(&fault.to_string())),
        }
    }

    /// Pushes the merge onto the request, where nothing but the moved base is in the way. `false`: nothing was pushed.
    pub(super) async fn bring_base_in(
        &self,
        claim: &Claim,
        place: &Place,
        (gathered, decision): (&Gathered, &Decision),
    ) -> Result<bool, TurnError> {
        let facts = &gathered.facts;
        let change = &facts.change;
        let (Some(joint), Some(branch)) = (&gathered.joint, &change.head_ref) else { return Ok(false) };
        let stale_only = decision.verdict == Verdict::StaleBase
            && decision.structure.iter().all(|refusal| refusal.observed || refusal.reason == Reason::StaleBase);
        if !stale_only || change.draft || facts.held.is_some() || place.governs(branch) || self.is_ours(branch) {
            return Ok(false);
        }
        let branches = Branches { base: &change.base, default: &place.default_branch };
        let protected = compare::protected_delta(&place.policy, branches, &facts.history.delta);
        let kept = protected.entries().iter().filter(|entry| !joint.made.contains_key(&entry.path));
        let us = self.ourselves().await?;
        let merge = MergeCommit {
            base_tip: change.base_tip.clone(),
            head: change.head.clone(),
            taken: kept.map(|entry| (entry.path.clone(), entry.new.clone())).collect(),
            identity: (us.login.to_string(), self.email().await?),
            at: self.clock.now(),
            message: message(&change.base, branch, joint),
        };
        let update = UpdateCommit { merge, made: joint.made.clone() };
        let commit = match self.repo.update_commit(&place.repo, &update).await {
            Ok(commit) => commit,
            Err(RepoError::Conflict(paths)) => {
                info!(change = %change.number, files = paths.len(), "other files conflict with the base; nobody but a person can merge them");
                return Ok(false);
            }
            Err(fault) => return Err(fault.into()),
        };
        here(Point::JointReady);
        self.still_ours(claim).await?;
        match self.repo.push(&place.repo, branch, Some(&change.head), &commit).await {
            Ok(()) => {}
            Err(RepoError::Refused { message, .. }) => {
                warn!(change = %change.number, %message, "the base may not be merged into the request");
                return Ok(false);
            }
            Err(fault) => return Err(fault.into()),
        }
        here(Point::JointPushed);
        self.saw_ourselves_push(place, branch, Some(&change.head), &commit).await?;
        info!(change = %change.number, %commit, files = joint.made.len(), "the base was merged into the request key by key");
        Ok(true)
    }
}

/// The environment in which a path must be sealed.
fn sealed_in(place: &Place, base: &RefName, path: &RepoPath) -> Option<Environment> {
    match place.policy.classify(path, base, &place.default_branch) {
        PathClass::Governed { environment, plain: false } => Some(environment),
        PathClass::Governed { plain: true, .. }
        | PathClass::Free
        | PathClass::Control
        | PathClass::Ambiguous { .. } => None,
    }
}

/// Which keys both sides changed, as far as can be told without an identity.
fn contended(versions: &Versions) -> String {
    let changed = |to| -> BTreeSet<KeyPath> {
        let found = diff::keyless(Some(&versions.origin), Some(to)).keys;
        found.into_iter().map(|change| change.key).collect()
    };
    let (here, there) = (changed(&versions.head), changed(&versions.tip));
    let both: Vec<&KeyPath> =
        here.iter().filter(|key| there.iter().any(|other| key.covers(other) || other.covers(key))).collect();
    if !both.is_empty() {
        return format!("both sides changed {}", list(&both));
    }
    let there: Vec<&KeyPath> = there.iter().collect();
    let what = if there.is_empty() { "more than values".to_owned() } else { list(&there) };
    format!("the base changed {what}; the server has no identity to merge both sides with")
}

fn list(keys: &[&KeyPath]) -> String {
    let named: Vec<String> = keys.iter().take(NAMED).map(ToString::to_string).collect();
    let more = keys.len().saturating_sub(NAMED);
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}

/// Without marks that mean something on a page.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

fn message(base: &RefName, branch: &RefName, joint: &Joint) -> String {
    let files: Vec<String> = joint.made.keys().take(20).map(ToString::to_string).collect();
    format!("Merge {} into {}\n\nMerged key by key: {}\n", base.short(), branch.short(), files.join(", "))
}

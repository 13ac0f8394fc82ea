//! Where a sealed value or data key that is new in a file stood before: approved files of now and of the ledger's past
//! (`changes.md` 4).
//!
//! Knows digests of ciphertexts, no value and no token. What was read once is kept in memory and may be forgotten at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_core::domain::{EntryMode, Oid, RefName, RepoPath};
use countersign_core::facts::Origin;
use sops_file::diff::{Ciphertext, ciphertexts};
use tracing::warn;

use super::book::Place;
use super::documents::{LIMIT, Side, read};
use super::ports::RepoError;
use super::{Engine, TurnError, lock};

/// Half a digest tells two ciphertexts apart, and the whole past fits into memory.
type Print = [u8; 16];

/// Every ciphertext of one repository that was ever approved, and where.
#[derive(Clone, Default)]
pub(super) struct Copies {
    known: BTreeSet<(RefName, RepoPath, Oid)>,
    files: Vec<Origin>,
    by_file: BTreeMap<Origin, u32>,
    places: BTreeMap<Print, BTreeSet<u32>>,
}

impl Copies {
    fn add(&mut self, origin: Origin, prints: &[Print]) {
        let files = &mut self.files;
        let number = *self.by_file.entry(origin).or_insert_with_key(|origin| {
            files.push(origin.clone());
            u32::try_from(files.len() - 1).unwrap_or(u32::MAX)
        });
        for print in prints {
            self.places.entry(*print).or_default().insert(number);
        }
    }

    /// The other files that hold one of these.
    fn origins(&self, here: &Origin, fresh: &[Print]) -> BTreeSet<Origin> {
        let numbers: BTreeSet<u32> =
            fresh.iter().filter_map(|print| self.places.get(print)).flatten().copied().collect();
        let files = numbers.iter().filter_map(|number| self.files.get(*number as usize));
        files.filter(|origin| *origin != here).cloned().collect()
    }
}

impl Engine {
    /// The approved files, of now or of earlier, that hold a ciphertext which is new in this one.
    pub(super) async fn copied(
        &self,
        place: &Place,
        (base, path): (&RefName, &RepoPath),
        (old, new): (&Side, &Side),
    ) -> Result<BTreeSet<Origin>, TurnError> {
        let fresh = fresh(old, new);
        if fresh.is_empty() {
            return Ok(BTreeSet::new());
        }
        let here = Origin { branch: base.clone(), path: path.clone() };
        Ok(self.copies(place).await?.origins(&here, &fresh))
    }

    /// Everything that was ever approved; what is new since the last look is read.
    async fn copies(&self, place: &Place) -> Result<Arc<Copies>, TurnError> {
        let known = lock(&self.memory.copies).get(&place.repo.id).cloned().unwrap_or_default();
        let mut missing = Vec::new();
        for (branch, path, entry) in place.state().ever_approved() {
            match entry.mode {
                EntryMode::File | EntryMode::Executable => {}
                EntryMode::Link | EntryMode::Submodule => continue,
            }
            let key = (branch.clone(), path.clone(), entry.oid.clone());
            if !known.known.contains(&key) {
                missing.push(key);
            }
        }
        if missing.is_empty() {
            return Ok(known);
        }
        let mut copies = Arc::unwrap_or_clone(known);
        let mut read_once: BTreeMap<Oid, Vec<Print>> = BTreeMap::new();
        for (branch, path, oid) in missing {
            if !read_once.contains_key(&oid) {
                let prints = self.prints(place, &path, &oid).await?;
                read_once.insert(oid.clone(), prints);
            }
            if let Some(prints) = read_once.get(&oid) {
                copies.add(Origin { branch: branch.clone(), path: path.clone() }, prints);
            }
            copies.known.insert((branch, path, oid));
        }
        let copies = Arc::new(copies);
        lock(&self.memory.copies).insert(place.repo.id, copies.clone());
        Ok(copies)
    }

    async fn prints(&self, place: &Place, path: &RepoPath, oid: &Oid) -> Result<Vec<Print>, TurnError> {
        let bytes = match self.repo.blob(&place.repo, oid, LIMIT).await {
            Ok(bytes) => bytes.unwrap_or_default(),
            // gone from the history: nobody can copy from it any more than we can read it
            Err(RepoError::Missing(_)) => {
                warn!(repository = %place.repo.name, %path, object = %oid.short(), "what was approved once can no longer be read");
                Vec::new()
            }
            Err(fault) => return Err(fault.into()),
        };
        Ok(of(&read(path, &bytes)).into_iter().collect())
    }
}

/// Ciphertexts of the new side that the old one does not hold.
fn fresh(old: &Side, new: &Side) -> Vec<Print> {
    let before = of(old);
    of(new).into_iter().filter(|print| !before.contains(print)).collect()
}

fn of(side: &Side) -> BTreeSet<Print> {
    let half = |whole: Ciphertext| {
        let mut print = Print::default();
        print.copy_from_slice(&whole[..16]);
        print
    };
    side.document().map(|document| ciphertexts(document).into_iter().map(half).collect()).unwrap_or_default()
}

//! What a delivery of values would do to each key, for somebody who only reads: from Git and the ledger, without an identity and
//! without asking the target.
//!
//! Two sealed values count as the same where their text in the file is. The target is taken to hold what was delivered last.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{EntryMode, Environment, Oid, RefName, RepoPath, TreeEntry};
use countersign_core::policy::{Policy, SyncRule, Target};
use countersign_core::sync::{KeySituation, KeyStep, Marks, Ownership, SyncReason, key_steps};
use sops_file::LeafState;

use super::documents::{LIMIT, read};

/// Reads a file, if it is not larger than so many bytes.
pub type ReadBlob<'a, E> = dyn Fn(&Oid, usize) -> Result<Option<Vec<u8>>, E> + 'a;

/// Content of one commit: its entries, and a way to its files.
pub struct Content<'a, E> {
    /// The entries.
    pub entries: &'a BTreeMap<RepoPath, TreeEntry>,
    /// The way to a file.
    pub blob: &'a ReadBlob<'a, E>,
}

/// What a delivery would do, key by key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KeyPlan {
    /// What happens to each.
    pub steps: BTreeMap<String, KeyStep>,
    /// Keys and files because of which nothing is delivered.
    pub refused: Vec<(String, SyncReason)>,
}

/// What it would do at a target that holds values. `last`: what was delivered last, if anything was.
///
/// # Errors
/// When a file cannot be read.
pub fn keys<E>(
    (policy, default_branch): (&Policy, &RefName),
    (environment, rule): (&Environment, &SyncRule),
    approved: &Content<'_, E>,
    last: Option<&Content<'_, E>>,
) -> Result<KeyPlan, E> {
    let place = (policy, default_branch, environment);
    let (wanted, refused) = sealed(place, rule.target(), approved)?;
    let held = last.map(|last| sealed(place, rule.target(), last)).transpose()?.unwrap_or_default().0;
    let ours = Ownership { current: held.clone(), ..Ownership::default() };
    let (prune, adopt) = (rule.prune(), rule.adopt());
    // who holds a key there is not known here
    let theirs = &BTreeSet::new();
    let (held, ours) = (&held, &ours);
    let steps = key_steps(&KeySituation { wanted: &wanted, held, ours, prune, theirs, adopt, reapply: false });
    Ok(KeyPlan { steps, refused })
}

/// The keys a target takes, each with its text in the file.
fn sealed<E>(
    (policy, default_branch, environment): (&Policy, &RefName, &Environment),
    target: &Target,
    content: &Content<'_, E>,
) -> Result<(Marks, Vec<(String, SyncReason)>), E> {
    let (mut found, mut refused) = (Marks::new(), Vec::new());
    for (path, entry) in content.entries.iter().filter(|(path, _)| policy.seals(environment, path, default_branch)) {
        let bytes = match entry.mode {
            EntryMode::File | EntryMode::Executable => (content.blob)(&entry.oid, LIMIT)?,
            EntryMode::Link | EntryMode::Submodule => None,
        };
        let side = bytes.map(|bytes| read(path, &bytes));
        let Some(document) = side.as_ref().and_then(|side| side.document()) else {
            refused.push((path.to_string(), SyncReason::NotOpened));
            continue;
        };
        for leaf in document.leaves() {
            let key = leaf.path.to_string();
            let none = matches!(leaf.state, LeafState::Empty(kind) if kind != "text");
            if none || !target.takes(&key) {
                continue;
            }
            if !target.can_name(&key) {
                refused.push((key.clone(), SyncReason::KeyName));
            }
            if found.insert(key.clone(), leaf.token().to_owned()).is_some() {
                refused.push((key, SyncReason::KeyTwice));
            }
        }
    }
    Ok((found, refused))
}

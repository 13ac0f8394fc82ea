//! Comparisons of trees that become facts: what is governed, what moved, what clashes.
//!
//! Works on listings of entries; reads no object and judges nobody.

use std::collections::BTreeMap;

use crate::domain::{Delta, RefName, RepoPath, TreeEntry};
use crate::policy::{OnBranch, Policy};

/// Entries of a tree.
pub type Entries = BTreeMap<RepoPath, TreeEntry>;

/// Which branch is looked at, and which is the default one.
#[derive(Debug, Clone, Copy)]
pub struct Branches<'a> {
    /// The base.
    pub base: &'a RefName,
    /// The default branch as pinned.
    pub default: &'a RefName,
}

impl Branches<'_> {
    fn of<'p>(&self, policy: &'p Policy) -> OnBranch<'p> {
        policy.on(self.base, self.default)
    }
}

/// Whether a path is governed or control on this branch.
#[must_use]
pub fn is_protected(policy: &Policy, branches: Branches<'_>, path: &RepoPath) -> bool {
    branches.of(policy).protects(path)
}

/// The governed and control entries of a tree: the part that must be approved.
#[must_use]
pub fn protected(policy: &Policy, branches: Branches<'_>, entries: &Entries) -> Entries {
    let here = branches.of(policy);
    let kept = entries.iter().filter(|(path, _)| here.protects(path));
    kept.map(|(path, entry)| (path.clone(), entry.clone())).collect()
}

/// The governed and control part of a delta: what a merge changes in the approved state.
#[must_use]
pub fn protected_delta(policy: &Policy, branches: Branches<'_>, delta: &Delta) -> Delta {
    let here = branches.of(policy);
    Delta::new(delta.entries().iter().filter(|entry| here.protects(&entry.path)).cloned())
}

/// Paths at which two listings differ.
#[must_use]
pub fn differing(one: &Entries, other: &Entries) -> Vec<RepoPath> {
    let mut paths: Vec<RepoPath> =
        one.iter().filter(|(path, entry)| other.get(*path) != Some(entry)).map(|(path, _)| path.clone()).collect();
    paths.extend(other.keys().filter(|path| !one.contains_key(*path)).cloned());
    paths.sort();
    paths
}

/// A listing with a delta applied: entries as given, removals removed.
#[must_use]
pub fn apply(entries: &Entries, delta: &Delta) -> Entries {
    let mut result = entries.clone();
    for change in delta.entries() {
        match &change.new {
            Some(entry) => _ = result.insert(change.path.clone(), entry.clone()),
            None => _ = result.remove(&change.path),
        }
    }
    result
}

/// Protected paths of the delta at which the base tip is no longer what it was at the merge base (R28).
#[must_use]
pub fn moved(policy: &Policy, branches: Branches<'_>, delta: &Delta, base_tip: &Entries) -> Vec<RepoPath> {
    let here = branches.of(policy);
    let changes = delta.entries().iter().filter(|change| here.protects(&change.path));
    changes
        .filter(|change| base_tip.get(&change.path) != change.old.as_ref())
        .map(|change| change.path.clone())
        .collect()
}

/// Protected paths of the delta that are one file with another path of the resulting tree on a folding file system, be it as a
/// file or as a directory (R7).
#[must_use]
pub fn clashes(
    policy: &Policy,
    branches: Branches<'_>,
    delta: &Delta,
    base_tip: &Entries,
) -> Vec<(RepoPath, RepoPath)> {
    let result = apply(base_tip, delta);
    let mut folded: BTreeMap<Vec<u8>, Vec<RepoPath>> = BTreeMap::new();
    for path in result.keys() {
        for prefix in prefixes(path.as_bytes()) {
            let prefix = RepoPath::from_bytes(prefix);
            let spellings = folded.entry(prefix.folded()).or_default();
            if !spellings.contains(&prefix) {
                spellings.push(prefix);
            }
        }
    }
    let mut found = Vec::new();
    let here = branches.of(policy);
    let added = delta.entries().iter().filter(|change| change.new.is_some());
    for change in added.filter(|change| here.protects(&change.path)) {
        for prefix in prefixes(change.path.as_bytes()) {
            let prefix = RepoPath::from_bytes(prefix);
            let others = folded.get(&prefix.folded()).into_iter().flatten().filter(|other| **other != prefix);
            found.extend(others.map(|other| (change.path.clone(), other.clone())));
        }
    }
    found
}

/// A path and the directories above it.
fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.chain(std::iter::once(path.len())).map(|end| &path[..end])
}

/// Whether a merge took, path by path, the side that had changed: nobody decided anything in it (R35).
///
/// The three deltas lead from the merge base of the two parents to each parent and to the merge.
#[must_use]
pub fn is_trivial_merge(first: &Delta, second: &Delta, merged: &Delta) -> bool {
    let mut expected: BTreeMap<&RepoPath, Option<&TreeEntry>> = BTreeMap::new();
    for change in first.entries() {
        expected.insert(&change.path, change.new.as_ref());
    }
    for change in second.entries() {
        match expected.insert(&change.path, change.new.as_ref()) {
            Some(other) if other != change.new.as_ref() => return false,
            Some(_) | None => {}
        }
    }
    let actual: BTreeMap<&RepoPath, Option<&TreeEntry>> =
        merged.entries().iter().map(|change| (&change.path, change.new.as_ref())).collect();
    actual == expected
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{DeltaEntry, EntryMode, Oid};

    fn file(c: char) -> TreeEntry {
        TreeEntry { mode: EntryMode::File, oid: Oid::parse(&c.to_string().repeat(40)).unwrap() }
    }

    fn delta(changes: &[(&str, Option<char>, Option<char>)]) -> Delta {
        Delta::new(changes.iter().map(|(path, old, new)| DeltaEntry {
            path: RepoPath::new(path),
            old: old.map(file),
            new: new.map(file),
        }))
    }

    #[test]
    fn a_merge_that_takes_the_changed_sides_is_trivial_and_any_other_is_not() {
        let first = delta(&[("a", Some('0'), Some('1'))]);
        let second = delta(&[("b", Some('0'), Some('2'))]);
        let both = delta(&[("a", Some('0'), Some('1')), ("b", Some('0'), Some('2'))]);
        let evil = delta(&[("a", Some('0'), Some('1')), ("b", Some('0'), Some('2')), ("c", None, Some('3'))]);
        let conflict = delta(&[("a", Some('0'), Some('4'))]);
        assert!(is_trivial_merge(&first, &second, &both));
        assert!(is_trivial_merge(&first, &first, &first));
        assert!(!is_trivial_merge(&first, &second, &evil));
        assert!(!is_trivial_merge(&first, &second, &first));
        assert!(!is_trivial_merge(&first, &conflict, &conflict));
    }

    const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/]}
policies:
  - {name: all, environments: '*', approvers: {users: [ann]}}
";

    #[test]
    fn what_is_protected_is_told_from_the_rest_on_its_branch_alone() {
        let policy = crate::policy::parse(POLICY).unwrap();
        let (main, other) = (RefName::branch("main").unwrap(), RefName::branch("other").unwrap());
        let branches = Branches { base: &main, default: &main };
        let (secret, free) = (RepoPath::new("secrets/a.yaml"), RepoPath::new("README.md"));
        assert!(is_protected(&policy, branches, &secret) && !is_protected(&policy, branches, &free));
        assert!(!is_protected(&policy, Branches { base: &other, default: &main }, &secret));
        let entries: Entries = [(secret.clone(), file('1')), (free, file('1'))].into();
        assert_eq!(protected(&policy, branches, &entries), [(secret, file('1'))].into());
        let secrets = [("secrets/a.yaml", Some('1'), Some('2'))];
        let both = [secrets[0], ("README.md", Some('1'), Some('2'))];
        assert_eq!(protected_delta(&policy, branches, &delta(&both)), delta(&secrets));
    }

    #[test]
    fn r28_a_protected_path_has_moved_when_the_base_no_longer_holds_what_the_change_began_with() {
        let policy = crate::policy::parse(POLICY).unwrap();
        let main = RefName::branch("main").unwrap();
        let branches = Branches { base: &main, default: &main };
        let change = delta(&[
            ("README.md", Some('0'), Some('1')),
            ("secrets/a.yaml", Some('0'), Some('1')),
            ("secrets/b.yaml", Some('0'), Some('1')),
            ("secrets/c.yaml", None, Some('1')),
        ]);
        let at = |entries: &[(&str, char)]| {
            let tip: Entries = entries.iter().map(|(path, c)| (RepoPath::new(path), file(*c))).collect();
            moved(&policy, branches, &change, &tip).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(at(&[("secrets/a.yaml", '0'), ("secrets/b.yaml", '0')]), [""; 0]);
        assert_eq!(at(&[("secrets/a.yaml", '9'), ("secrets/b.yaml", '0')]), ["secrets/a.yaml"]);
        assert_eq!(at(&[("secrets/a.yaml", '0')]), ["secrets/b.yaml"]);
        assert_eq!(
            at(&[("secrets/a.yaml", '0'), ("secrets/b.yaml", '0'), ("secrets/c.yaml", '1')]),
            ["secrets/c.yaml"]
        );
    }

    #[test]
    fn r7_two_paths_clash_that_are_one_where_case_is_folded_as_files_or_as_directories() {
        let policy = crate::policy::parse(POLICY).unwrap();
        let main = RefName::branch("main").unwrap();
        let tip: Entries =
            ["secrets/a.yaml", "secrets/dir/b.yaml", "README.md"].map(|path| (RepoPath::new(path), file('0'))).into();
        let clash = |path: &str, new: Option<char>| {
            let found = clashes(&policy, Branches { base: &main, default: &main }, &delta(&[(path, None, new)]), &tip);
            found.into_iter().map(|(path, other)| format!("{path} and {other}")).collect::<Vec<_>>()
        };
        assert_eq!(clash("secrets/A.yaml", Some('1')), ["secrets/A.yaml and secrets/a.yaml"]);
        assert_eq!(clash("secrets/DIR/c.yaml", Some('1')), ["secrets/DIR/c.yaml and secrets/dir"]);
        for (path, new) in [
            ("secrets/c.yaml", Some('1')),
            ("secrets/a.yaml", Some('1')),
            ("readme.md", Some('1')),
            ("secrets/A.yaml", None),
        ] {
            assert_eq!(clash(path, new), [""; 0], "{path} {new:?}");
        }
    }

    #[test]
    fn applying_a_delta_adds_replaces_and_removes() {
        let before: Entries = [("a", '0'), ("b", '0')].map(|(path, c)| (RepoPath::new(path), file(c))).into();
        let after =
            apply(&before, &delta(&[("a", Some('0'), Some('1')), ("b", Some('0'), None), ("c", None, Some('2'))]));
        let expected: Entries = [("a", '1'), ("c", '2')].map(|(path, c)| (RepoPath::new(path), file(c))).into();
        assert_eq!(after, expected);
        assert_eq!(differing(&before, &after), ["a", "b", "c"].map(RepoPath::new));
    }
}

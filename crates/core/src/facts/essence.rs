//! What a change comes to, whatever else moved in the same files: the ground of `binding: change` (`changes.md` 3).
//!
//! Of a sealed file: which tokens took the place of which, and everything else that differs but its integrity code and its date. Of
//! any other file: its objects. Holds digests of tokens, never a token or a value; needs no key.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::domain::{Delta, Digest, RefName, RepoId, RepoPath, digest};

/// One thing that differs in a sealed file: what, and digests of what stood there and what stands there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Which YAML document, what sort of thing, and its name: a key path, a recipient, a setting.
    pub what: String,
    /// Digest of the text before; `None`: it was not there.
    pub old: Option<[u8; 32]>,
    /// Digest of the text now; `None`: it is gone.
    pub new: Option<[u8; 32]>,
}

/// The marks of each sealed file of a delta; a path that is missing is compared by its objects.
pub type Marks = BTreeMap<RepoPath, BTreeSet<Mark>>;

/// The digest of what a change comes to. `None` for the change of nothing.
#[must_use]
pub fn essence(repository: RepoId, base: &RefName, delta: &Delta, marks: &Marks) -> Option<Digest> {
    if delta.is_empty() {
        return None;
    }
    let mut text = b"countersign change v1\0".to_vec();
    text.extend(repository.get().to_be_bytes());
    digest::frame(&mut text, base.as_str().as_bytes());
    for entry in delta.entries() {
        digest::frame(&mut text, entry.path.as_bytes());
        let modes = [&entry.old, &entry.new].map(|side| side.as_ref().map_or(0, |side| side.mode.bits()));
        match marks.get(&entry.path) {
            // a file that comes or goes is what it is; only where both sides are sealed can others have written beside
            Some(marks) if entry.old.is_some() && entry.new.is_some() => {
                text.push(1);
                text.extend(modes.iter().flat_map(|bits| bits.to_be_bytes()));
                text.extend((marks.len() as u64).to_be_bytes());
                for mark in marks {
                    digest::frame(&mut text, mark.what.as_bytes());
                    for side in [&mark.old, &mark.new] {
                        digest::frame(&mut text, side.as_ref().map_or(&[][..], |digest| digest.as_slice()));
                    }
                }
            }
            Some(_) | None => {
                text.push(0);
                for side in [&entry.old, &entry.new] {
                    digest::side(&mut text, side.as_ref());
                }
            }
        }
    }
    Some(Digest::of(&Sha256::digest(&text)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{DeltaEntry, EntryMode, Oid, TreeEntry};

    fn file(c: char) -> Option<TreeEntry> {
        Some(TreeEntry { mode: EntryMode::File, oid: Oid::parse(&c.to_string().repeat(40)).unwrap() })
    }

    fn change(old: Option<TreeEntry>, new: Option<TreeEntry>, marks: &[(&str, u8, u8)]) -> Option<Digest> {
        let path = RepoPath::new("secrets/a.yaml");
        let mark = |(what, old, new): &(&str, u8, u8)| Mark {
            what: (*what).to_owned(),
            old: (*old > 0).then_some([*old; 32]),
            new: (*new > 0).then_some([*new; 32]),
        };
        let marks = [(path.clone(), marks.iter().map(mark).collect())].into();
        let main = RefName::branch("main").unwrap();
        essence(RepoId::new(1), &main, &Delta::new([DeltaEntry { path, old, new }]), &marks)
    }

    #[test]
    fn the_same_tokens_in_another_file_around_them_are_the_same_change() {
        let one = change(file('1'), file('2'), &[("0 key a", 1, 2)]);
        assert_eq!(one, change(file('3'), file('4'), &[("0 key a", 1, 2)]));
        let others = [
            change(file('1'), file('2'), &[("0 key a", 1, 3)]),
            change(file('1'), file('2'), &[("0 key a", 3, 2)]),
            change(file('1'), file('2'), &[("0 key a", 0, 2)]),
            change(file('1'), file('2'), &[("0 key b", 1, 2)]),
            change(file('1'), file('2'), &[("0 key a", 1, 2), ("recipient age1x", 0, 2)]),
            change(file('1'), file('2'), &[]),
        ];
        for other in others {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_file_that_comes_or_goes_is_compared_whole() {
        assert_ne!(change(None, file('2'), &[("0 key a", 0, 2)]), change(None, file('3'), &[("0 key a", 0, 2)]));
        assert_eq!(change(None, None, &[]), None);
    }
}

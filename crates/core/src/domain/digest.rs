//! What changed, byte for byte, and its digest.
//!
//! A [`Delta`] is the whole-tree difference between a merge base and a head, with no rename detection (R4); its digest is what a
//! vote is bound to (R5). Blobs are never looked into here.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::ids::{InvalidId, Oid, RefName, RepoId};
use super::path::RepoPath;

/// A SHA-256 value; printed as `sha256:<64 hex digits>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Parses `sha256:<64 hex digits>`.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 32];
        text.strip_prefix("sha256:")
            .filter(|hex| hex.bytes().all(|byte| !byte.is_ascii_uppercase()))
            .and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok())
            .ok_or_else(|| InvalidId::new(text, "a digest as `sha256:<64 hex digits>`"))?;
        Ok(Self(bytes))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Twelve hex digits, for people to read; never for comparison.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// What a tree entry is (Git's file modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryMode {
    /// `100644`, an ordinary file.
    File,
    /// `100755`, a file with the executable bit.
    Executable,
    /// `120000`, a symbolic link.
    Link,
    /// `160000`, a submodule.
    Submodule,
}

impl EntryMode {
    /// Git's number for it.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::File => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Link => 0o120_000,
            Self::Submodule => 0o160_000,
        }
    }

    /// Reads Git's number; a tree (`040000`) or anything unknown is `None`.
    #[must_use]
    pub fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            0o100_644 | 0o100_664 => Some(Self::File),
            0o100_755 => Some(Self::Executable),
            0o120_000 => Some(Self::Link),
            0o160_000 => Some(Self::Submodule),
            _ => None,
        }
    }
}

/// One entry of a tree: what it is and which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TreeEntry {
    /// File, link, submodule.
    pub mode: EntryMode,
    /// The object.
    pub oid: Oid,
}

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeltaEntry {
    /// Where.
    pub path: RepoPath,
    /// What was there at the merge base; `None`: nothing.
    pub old: Option<TreeEntry>,
    /// What is there at the head; `None`: removed.
    pub new: Option<TreeEntry>,
}

/// Everything that differs between two trees, sorted by path bytes, each path once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Delta(Vec<DeltaEntry>);

impl Delta {
    /// Sorts the entries and drops those that changed nothing.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = DeltaEntry>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().filter(|entry| entry.old != entry.new).collect();
        entries.sort();
        entries.dedup_by(|later, earlier| later.path == earlier.path);
        Self(entries)
    }

    /// The entries, in path order.
    #[must_use]
    pub fn entries(&self) -> &[DeltaEntry] {
        &self.0
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `D` of R5: what a vote is bound to. The digest of nothing is refused (`None`), so that an emptied change never equals another.
    #[must_use]
    pub fn digest(&self, repository: RepoId, base: &RefName) -> Option<Digest> {
        if self.is_empty() {
            return None;
        }
        // one buffer, so that the hash is fed in large pieces
        let mut text = Vec::with_capacity(64 + self.0.len() * 200);
        text.extend(b"countersign delta v1\0");
        text.extend(repository.get().to_be_bytes());
        frame(&mut text, base.as_str().as_bytes());
        for entry in &self.0 {
            frame(&mut text, entry.path.as_bytes());
            side(&mut text, entry.old.as_ref());
            side(&mut text, entry.new.as_ref());
        }
        Some(Digest::of(&text))
    }
}

/// A text with its length before it: what follows cannot be taken for a part of it.
pub(crate) fn frame(text: &mut Vec<u8>, bytes: &[u8]) {
    text.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    text.extend_from_slice(bytes);
}

/// One side of a changed path: nothing, or mode and object.
pub(crate) fn side(text: &mut Vec<u8>, entry: Option<&TreeEntry>) {
    match entry {
        None => text.push(0),
        Some(entry) => {
            text.push(1);
            text.extend_from_slice(&entry.mode.bits().to_be_bytes());
            frame(text, entry.oid.as_str().as_bytes());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn entry(path: &str, old: Option<char>, new: Option<char>) -> DeltaEntry {
        let side = |c: Option<char>| {
            c.map(|c| TreeEntry { mode: EntryMode::File, oid: Oid::parse(&c.to_string().repeat(40)).unwrap() })
        };
        DeltaEntry { path: RepoPath::new(path), old: side(old), new: side(new) }
    }

    #[test]
    fn the_digest_depends_on_content_place_and_base_but_not_on_order() {
        let (repo, main, other) = (RepoId::new(1), RefName::branch("main").unwrap(), RefName::branch("other").unwrap());
        let one = Delta::new([entry("a", None, Some('1')), entry("b", Some('2'), None)]);
        let same = Delta::new([entry("b", Some('2'), None), entry("a", None, Some('1'))]);
        assert_eq!(one.digest(repo, &main), same.digest(repo, &main));
        let others = [
            one.digest(repo, &other),
            one.digest(RepoId::new(2), &main),
            Delta::new([entry("a", None, Some('1'))]).digest(repo, &main),
            Delta::new([entry("a", Some('1'), None), entry("b", Some('2'), None)]).digest(repo, &main),
        ];
        for digest in others {
            assert_ne!(digest, one.digest(repo, &main));
        }
    }

    #[test]
    fn nothing_has_no_digest() {
        let main = RefName::branch("main").unwrap();
        assert_eq!(Delta::default().digest(RepoId::new(1), &main), None);
        assert_eq!(Delta::new([entry("a", Some('1'), Some('1'))]).digest(RepoId::new(1), &main), None);
    }

    #[test]
    fn a_mode_is_read_as_it_is_written_and_a_tree_is_none() {
        for mode in [EntryMode::File, EntryMode::Executable, EntryMode::Link, EntryMode::Submodule] {
            assert_eq!(EntryMode::from_bits(mode.bits()), Some(mode));
        }
        assert_eq!((EntryMode::from_bits(0o100_664), EntryMode::from_bits(0o040_000)), (Some(EntryMode::File), None));
    }

    #[test]
    fn printing_and_parsing_are_inverses() {
        let digest = Digest::of(b"x");
        assert_eq!(Digest::parse(&digest.to_string()).unwrap(), digest);
        assert!(Digest::parse(&digest.to_string().to_uppercase()).is_err());
    }
}

//! Documents sealed for one throw-away identity, changed and merged.
//!
//! Never compares anything.

use sops_file::merge::{MergeError, Outcome, Scope, merge};
use sops_file::{Format, Identities, OpenOptions, OpenedDocument, SealOptions, SealedDocument, Timestamp, open, seal};

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) struct Desk {
    pub(crate) me: Identities,
    pub(crate) format: Format,
    pub(crate) base: OpenedDocument,
}

impl Desk {
    pub(crate) fn new(format: Format, plain: &str) -> Self {
        let me = Identities::generate();
        Self::with(format, plain, &SealOptions::to(me.recipients()), me)
    }

    pub(crate) fn with(format: Format, plain: &str, options: &SealOptions, me: Identities) -> Self {
        let sealed = seal(plain.as_bytes(), format, options, at(0)).unwrap();
        let base = open(&SealedDocument::parse(&sealed, format).unwrap(), &me, OpenOptions::default()).unwrap();
        Self { me, format, base }
    }

    pub(crate) fn read(&self, bytes: &[u8]) -> OpenedDocument {
        open(&SealedDocument::parse(bytes, self.format).unwrap(), &self.me, OpenOptions::default()).unwrap()
    }

    /// The base with some changes, as another person stores it.
    pub(crate) fn side(&self, second: i64, change: impl FnOnce(&mut OpenedDocument)) -> OpenedDocument {
        let mut opened = open(self.base.sealed(), &self.me, OpenOptions::default()).unwrap();
        change(&mut opened);
        let bytes = opened.reseal(at(second)).unwrap();
        self.read(&bytes)
    }

    /// The base with its plain text replaced.
    pub(crate) fn edited(&self, second: i64, plain: &str) -> OpenedDocument {
        self.side(second, |opened| opened.replace_with(plain.as_bytes()).unwrap())
    }

    pub(crate) fn merge(&self, ours: &OpenedDocument, theirs: &OpenedDocument) -> Result<Outcome, MergeError> {
        merge(&self.base, ours, theirs, Scope::Everything, at(9))
    }

    /// The merged document, opened; panics on conflicts.
    pub(crate) fn merged(&self, ours: &OpenedDocument, theirs: &OpenedDocument) -> OpenedDocument {
        match self.merge(ours, theirs).unwrap() {
            Outcome::Merged(bytes) => self.read(&bytes),
            Outcome::Conflicts(conflicts) => panic!("{}", shown(&conflicts).join("\n")),
        }
    }

    /// The conflicts as a person reads them.
    pub(crate) fn conflicts(&self, ours: &OpenedDocument, theirs: &OpenedDocument) -> Vec<String> {
        match self.merge(ours, theirs).unwrap() {
            Outcome::Merged(_) => Vec::new(),
            Outcome::Conflicts(conflicts) => shown(&conflicts),
        }
    }
}

fn shown(conflicts: &[sops_file::merge::Conflict]) -> Vec<String> {
    conflicts.iter().map(ToString::to_string).collect()
}

pub(crate) fn plain(opened: &OpenedDocument) -> String {
    String::from_utf8(opened.to_plain().unwrap().to_vec()).unwrap()
}

pub(crate) fn text(opened: &OpenedDocument) -> &str {
    std::str::from_utf8(opened.sealed().as_bytes()).unwrap()
}

//! What is asked of the forge and what people read, from decisions of the small cases of `decision::tests`.

mod answers;
mod asked;
mod written;

use super::*;
use crate::decision::tests::{Case, POLICY, account, oid, sealed};
use crate::decision::{ChangedPath, Decision, FileChange, Scope};
use crate::domain::{Delta, DeltaEntry, EntryMode, RepoPath, TreeEntry};
use crate::facts::{Facts, KeyChange, KeyChangeKind};

/// A change by rita of one file of production and one of staging.
fn both() -> Case {
    two_of(["secrets/production/db.yaml", "secrets/staging/db.yaml"])
}

fn two_of(paths: [&str; 2]) -> Case {
    Case::new().but(|facts| {
        let file = |c| Some(TreeEntry { mode: EntryMode::File, oid: oid(c) });
        let entry = |path: &&str| DeltaEntry { path: RepoPath::new(path), old: file('1'), new: file('2') };
        facts.history.delta = Delta::new(paths.iter().map(entry));
        facts.documents = paths.iter().map(|path| (RepoPath::new(path), sealed())).collect();
    })
}

#[test]
fn reactions_are_githubs_words() {
    assert_eq!(
        [Reaction::Eyes, Reaction::Rocket, Reaction::Confused].map(Reaction::word),
        ["eyes", "rocket", "confused"]
    );
}

#[test]
fn markers_differ_by_what_they_mark() {
    let closing = |pr, at| closing_marker(PrNumber::new(pr), Timestamp::from_seconds(at));
    assert_eq!(reply_marker(CommentId::new(7)), "<!-- countersign:reply 7 -->");
    assert_eq!(closing(3, 0), "<!-- countersign:closed 3 1970-01-01T00:00:00Z -->");
    assert_ne!(closing(3, 0), closing(3, 1));
    assert_ne!(closing(3, 0), closing(4, 0));
    let overdue = |pr, decision| overdue_marker(PrNumber::new(pr), Sequence::new(decision));
    assert_eq!(overdue(3, 8), "<!-- countersign:overdue 3 L-8 -->");
}

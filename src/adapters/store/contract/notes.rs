//! Notes: kept, replaced, listed by kind, and each repository's own.

use countersign_core::domain::{CommentId, RepoId, TargetId};

use super::{REPO, Store, over_every_store};
use crate::engine::ports::NoteKey;

over_every_store!(a_note_is_kept_until_another_takes_its_place, only_notes_of_targets_are_listed);

fn target(name: &str) -> TargetId {
    name.parse().unwrap()
}

async fn a_note_is_kept_until_another_takes_its_place(store: Store) {
    let key = NoteKey::Run(target("production/hook"));
    assert_eq!(store.note(REPO, &key).await.unwrap(), None);
    for text in ["{}", "{\"it's\": \"100 %\"}"] {
        store.keep_note(REPO, &key, text).await.unwrap();
        assert_eq!(store.note(REPO, &key).await.unwrap().as_deref(), Some(text));
    }
    assert_eq!(store.note(RepoId::new(4_711), &key).await.unwrap(), None);
    assert_eq!(store.note(REPO, &NoteKey::Asked(target("production/hook"))).await.unwrap(), None);
}

async fn only_notes_of_targets_are_listed(store: Store) {
    let keys = [
        NoteKey::Asked(target("production/hook")),
        NoteKey::Callback(target("production/hook")),
        NoteKey::Command(CommentId::new(5)),
        NoteKey::Run(target("production/hook")),
        NoteKey::Run(target("staging/hook")),
    ];
    for key in &keys {
        store.keep_note(REPO, key, "1").await.unwrap();
    }
    store.keep_note(RepoId::new(4_711), &keys[3], "2").await.unwrap();
    let mut listed = store.sync_notes(REPO).await.unwrap();
    listed.sort();
    let expected: Vec<_> = [&keys[3], &keys[4], &keys[0]].map(|key| (key.clone(), "1".to_owned())).into();
    assert_eq!(listed, expected);
}

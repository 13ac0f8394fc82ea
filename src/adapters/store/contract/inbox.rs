//! Deliveries, sightings, what we wrote, ledger heads.

use countersign_core::domain::{
    CheckId, CommentId, DeliveryId, Digest, InstallationId, PrNumber, RefName, RepoId, ReviewId, Sequence,
};
use countersign_core::event::command::Spoken;
use countersign_core::facts::VoteKind;
use countersign_core::facts::question::Movement;

use super::{REPO, Store, at, change, delivery, drain, installed, main_branch, mina, oid, over_every_store, push};
use crate::engine::ports::{CommentTold, Presence, Recorded, Sighting};

over_every_store!(
    a_delivery_brings_its_sightings_and_its_work,
    a_delivery_that_comes_twice_changes_nothing_the_second_time,
    deliveries_are_remembered_for_seven_days_and_forgotten_after_eight,
    moves_of_a_reference_are_listed_newest_first,
    a_sighting_told_twice_is_kept_once,
    reviews_are_listed_in_order_of_arrival,
    comments_are_listed_in_order_of_arrival,
    the_last_word_on_an_installation_counts,
    presence_is_what_was_last_remembered,
    the_ledger_head_never_goes_back,
);

fn after(moves: &[Movement]) -> Vec<char> {
    moves.iter().filter_map(|movement| movement.after.as_str().chars().next()).collect()
}

async fn a_delivery_brings_its_sightings_and_its_work(store: Store) {
    let mut first = delivery("d-1", 0);
    first.sightings = vec![push('0', 'a', 0, Some("d-1")), installed(7, "acme/app", Some(70))];
    first.look_at = vec![(change(1), at(10)), (change(2), at(0)), (change(1), at(5))];
    assert_eq!(store.record(&first).await.unwrap(), Recorded::New);
    let moves = store.movements(REPO, &main_branch()).await.unwrap();
    let Sighting::Push { movement, .. } = &first.sightings[0] else { panic!("a push") };
    assert_eq!(&moves, std::slice::from_ref(movement));
    assert_eq!(store.repositories().await.unwrap().len(), 1);
    assert_eq!(drain(&*store, 4).await, [change(2)]);
    assert_eq!(drain(&*store, 5).await, [change(1)]);
}

async fn a_delivery_that_comes_twice_changes_nothing_the_second_time(store: Store) {
    assert_eq!(store.record(&delivery("d-1", 0)).await.unwrap(), Recorded::New);
    let mut again = delivery("d-1", 1);
    again.sightings = vec![push('0', 'a', 0, Some("d-1"))];
    again.look_at = vec![(change(1), at(0))];
    again.unparsable = Some(b"{".to_vec());
    assert_eq!(store.record(&again).await.unwrap(), Recorded::Duplicate);
    assert_eq!(store.movements(REPO, &main_branch()).await.unwrap(), []);
    assert_eq!(store.next_due().await.unwrap(), None);
}

async fn deliveries_are_remembered_for_seven_days_and_forgotten_after_eight(store: Store) {
    const DAY: i64 = 86_400;
    assert_eq!(store.record(&delivery("old", 0)).await.unwrap(), Recorded::New);
    assert_eq!(store.record(&delivery("week", 7 * DAY)).await.unwrap(), Recorded::New);
    assert_eq!(store.record(&delivery("old", 7 * DAY)).await.unwrap(), Recorded::Duplicate);
    assert_eq!(store.record(&delivery("later", 8 * DAY + 1)).await.unwrap(), Recorded::New);
    assert_eq!(store.record(&delivery("old", 8 * DAY + 1)).await.unwrap(), Recorded::New);
    assert_eq!(store.record(&delivery("week", 8 * DAY + 1)).await.unwrap(), Recorded::Duplicate);
}

async fn moves_of_a_reference_are_listed_newest_first(store: Store) {
    for (index, seconds) in [('a', 10), ('b', 30), ('c', 20), ('d', 20)] {
        store.sight(&push('0', index, seconds, None)).await.unwrap();
    }
    let moves = store.movements(REPO, &main_branch()).await.unwrap();
    assert_eq!(after(&moves), ['b', 'd', 'c', 'a']);
    assert_eq!(store.movements(RepoId::new(8), &main_branch()).await.unwrap(), []);
    assert_eq!(store.movements(REPO, &RefName::branch("other").unwrap()).await.unwrap(), []);
}

async fn a_sighting_told_twice_is_kept_once(store: Store) {
    let mut nobody = push('0', 'a', 0, None);
    let Sighting::Push { movement, .. } = &mut nobody else { panic!("a push") };
    movement.actor = None;
    for sighting in
        [&nobody, &push('0', 'a', 0, Some("d-1")), &push('0', 'a', 0, None), &nobody, &push('0', 'a', 0, None)]
    {
        store.sight(sighting).await.unwrap();
    }
    assert_eq!(store.movements(REPO, &main_branch()).await.unwrap().len(), 3);
    for _ in 0..2 {
        store.sight(&review(1, VoteKind::Approve, 0)).await.unwrap();
    }
    assert_eq!(store.reviews(REPO, PrNumber::new(4)).await.unwrap().len(), 1);
}

fn review(id: u64, kind: VoteKind, seconds: i64) -> Sighting {
    let known = kind != VoteKind::Ended;
    Sighting::Review {
        repo: REPO,
        change: PrNumber::new(4),
        review: ReviewId::new(id),
        kind,
        commit: known.then(|| oid('c')),
        base: known.then(main_branch),
        by: known.then(mina),
        at: at(seconds),
        delivery: known.then(|| DeliveryId::parse("d-1").unwrap()),
    }
}

async fn reviews_are_listed_in_order_of_arrival(store: Store) {
    let told = [
        review(2, VoteKind::Approve, 5),
        review(1, VoteKind::Reject, 3),
        review(2, VoteKind::Ended, 9),
        review(3, VoteKind::Unrecognised, 1),
    ];
    for sighting in &told {
        store.sight(sighting).await.unwrap();
    }
    assert_eq!(store.reviews(REPO, PrNumber::new(4)).await.unwrap(), told);
    assert_eq!(store.reviews(REPO, PrNumber::new(5)).await.unwrap(), []);
}

async fn comments_are_listed_in_order_of_arrival(store: Store) {
    let comment = |id: u64, told: CommentTold, seconds: i64| Sighting::Comment {
        repo: REPO,
        change: PrNumber::new(4),
        comment: CommentId::new(id),
        by: (told != CommentTold::Deleted).then(mina),
        told,
        at: at(seconds),
        delivery: Some(DeliveryId::parse("d-1").unwrap()),
    };
    let told = [
        comment(2, CommentTold::Written(Spoken::Approve(oid('c'))), 5),
        comment(1, CommentTold::Written(Spoken::Reject), 3),
        comment(2, CommentTold::Edited, 9),
        comment(1, CommentTold::Deleted, 1),
    ];
    for sighting in told.iter().chain(&told) {
        store.sight(sighting).await.unwrap();
    }
    assert_eq!(store.comments(REPO, PrNumber::new(4)).await.unwrap(), told);
    assert_eq!(store.comments(REPO, PrNumber::new(5)).await.unwrap(), []);
}

async fn the_last_word_on_an_installation_counts(store: Store) {
    for sighting in [
        installed(9, "acme/zoo", Some(70)),
        installed(7, "acme/app", Some(70)),
        installed(7, "acme/renamed", Some(71)),
        installed(8, "acme/gone", Some(70)),
        installed(8, "acme/gone", None),
        installed(6, "acme/never", None),
    ] {
        store.sight(&sighting).await.unwrap();
    }
    let reachable = store.repositories().await.unwrap();
    let read: Vec<_> = reachable.iter().map(|repo| (repo.id, repo.name.to_string(), repo.installation)).collect();
    let expected = [
        (RepoId::new(7), "acme/renamed".to_owned(), InstallationId::new(71)),
        (RepoId::new(9), "acme/zoo".to_owned(), InstallationId::new(70)),
    ];
    assert_eq!(read, expected);
}

async fn presence_is_what_was_last_remembered(store: Store) {
    let number = PrNumber::new(4);
    assert_eq!(store.presence(REPO, number).await.unwrap(), None);
    let mut presence = Presence {
        check: Some((oid('a'), CheckId::new(5), "turn-1".to_owned())),
        comment: Some((CommentId::new(6), Digest::of(b"text"))),
        description: Some(Digest::of(b"body")),
        asked: vec!["omar".to_owned(), "acme/sre".to_owned()],
    };
    store.remember(REPO, number, &presence).await.unwrap();
    assert_eq!(store.presence(REPO, number).await.unwrap().as_ref(), Some(&presence));
    (presence.check, presence.comment, presence.description) = (None, None, None);
    presence.asked.clear();
    store.remember(REPO, number, &presence).await.unwrap();
    assert_eq!(store.presence(REPO, number).await.unwrap(), Some(presence));
    assert_eq!(store.presence(RepoId::new(8), number).await.unwrap(), None);
}

async fn the_ledger_head_never_goes_back(store: Store) {
    assert_eq!(store.ledger_head(REPO).await.unwrap(), None);
    for (sequence, commit, known) in [(5, 'a', (5, 'a')), (4, 'b', (5, 'a')), (5, 'c', (5, 'a')), (6, 'd', (6, 'd'))] {
        store.remember_ledger(REPO, Sequence::new(sequence), &oid(commit)).await.unwrap();
        let head = store.ledger_head(REPO).await.unwrap();
        assert_eq!(head, Some((Sequence::new(known.0), oid(known.1))), "after {sequence} {commit}");
    }
    assert_eq!(store.ledger_head(RepoId::new(8)).await.unwrap(), None);
}

//! The work table, step by step, one owner after another.

use countersign_core::domain::Span;

use super::{LEASE, REPO, Store, at, change, drain, main_branch, must_claim, over_every_store};
use crate::engine::ports::{QueueDepth, Subject};

over_every_store!(
    requests_for_one_subject_coalesce_and_the_earlier_due_time_wins,
    the_longest_due_subject_comes_first_and_none_before_its_time,
    every_kind_of_subject_comes_back_as_it_was,
    a_leased_subject_is_given_to_nobody_else,
    an_expired_lease_is_taken_over_and_its_owner_can_do_nothing_more,
    a_request_during_a_lease_keeps_the_subject_due,
    a_request_during_a_lease_does_not_wait_for_the_old_due_time,
    completing_again_at_a_time_keeps_the_subject_until_then,
    the_earlier_of_again_and_the_request_meanwhile_wins,
    failures_in_a_row_are_counted_until_one_look_succeeds,
    fences_rise_even_when_the_subject_was_gone_between,
    an_ended_claim_cannot_be_ended_or_renewed_again,
    a_renewed_lease_lasts_longer_and_an_expired_one_cannot_be_renewed,
    the_claim_of_another_owner_with_the_same_fence_is_refused,
    the_depth_counts_due_and_leased_and_the_oldest_waiting,
    the_next_due_time_minds_leases,
);

async fn requests_for_one_subject_coalesce_and_the_earlier_due_time_wins(store: Store) {
    for seconds in [20, 10, 30] {
        store.schedule(&change(1), at(seconds)).await.unwrap();
    }
    assert_eq!(store.next_due().await.unwrap(), Some(at(10)));
    assert_eq!(store.claim("a", at(9), LEASE).await.unwrap(), None);
    let claim = must_claim(&*store, "a", 10).await;
    assert_eq!((&claim.subject, claim.asked, claim.attempts), (&change(1), 3, 0));
    assert!(store.complete(&claim, None).await.unwrap());
    assert_eq!(drain(&*store, 1_000).await, []);
}

async fn the_longest_due_subject_comes_first_and_none_before_its_time(store: Store) {
    for (number, seconds) in [(1, 30), (2, 10), (3, 20), (4, 99)] {
        store.schedule(&change(number), at(seconds)).await.unwrap();
    }
    assert_eq!(drain(&*store, 50).await, [change(2), change(3), change(1)]);
    assert_eq!(store.next_due().await.unwrap(), Some(at(99)));
}

async fn every_kind_of_subject_comes_back_as_it_was(store: Store) {
    let subjects = [
        Subject::Branch(REPO, main_branch()),
        change(9),
        Subject::Repository(REPO),
        Subject::Changes(REPO),
        Subject::Installations,
    ];
    for (seconds, subject) in (0..).zip(&subjects) {
        store.schedule(subject, at(seconds)).await.unwrap();
    }
    assert_eq!(drain(&*store, 50).await, subjects);
}

async fn a_leased_subject_is_given_to_nobody_else(store: Store) {
    store.schedule(&change(1), at(0)).await.unwrap();
    must_claim(&*store, "a", 0).await;
    store.schedule(&change(1), at(1)).await.unwrap();
    for owner in ["a", "b"] {
        assert_eq!(store.claim(owner, at(59), LEASE).await.unwrap(), None, "{owner}");
    }
}

async fn an_expired_lease_is_taken_over_and_its_owner_can_do_nothing_more(store: Store) {
    for taker in ["b", "a"] {
        store.schedule(&change(1), at(0)).await.unwrap();
        let stale = must_claim(&*store, "a", 0).await;
        let fresh = must_claim(&*store, taker, 60).await;
        assert_eq!(fresh.subject, stale.subject);
        assert!(fresh.fence > stale.fence);
        assert_eq!(fresh.attempts, 1, "a lease that ran out is a failed look");
        assert!(!store.renew(&stale, at(61), LEASE).await.unwrap(), "{taker}");
        assert!(!store.complete(&stale, None).await.unwrap(), "{taker}");
        assert!(!store.complete(&stale, Some(at(0))).await.unwrap(), "{taker}");
        assert!(!store.fail(&stale, at(0), "late").await.unwrap(), "{taker}");
        assert!(store.renew(&fresh, at(61), LEASE).await.unwrap());
        assert!(store.complete(&fresh, None).await.unwrap());
        assert_eq!(drain(&*store, 1_000).await, []);
    }
}

async fn a_request_during_a_lease_keeps_the_subject_due(store: Store) {
    store.schedule(&change(1), at(0)).await.unwrap();
    let claim = must_claim(&*store, "a", 0).await;
    store.schedule(&change(1), at(2)).await.unwrap();
    assert!(store.complete(&claim, None).await.unwrap());
    let again = must_claim(&*store, "b", 2).await;
    assert_eq!((&again.subject, again.asked), (&change(1), 2));
    assert!(store.complete(&again, None).await.unwrap());
    assert_eq!(drain(&*store, 1_000).await, []);
}

async fn a_request_during_a_lease_does_not_wait_for_the_old_due_time(store: Store) {
    store.schedule(&change(1), at(0)).await.unwrap();
    let claim = must_claim(&*store, "a", 0).await;
    for seconds in [30, 12, 20] {
        store.schedule(&change(1), at(seconds)).await.unwrap();
    }
    assert!(store.complete(&claim, None).await.unwrap());
    assert_eq!(store.next_due().await.unwrap(), Some(at(12)), "not 0: that look has been taken");
}

async fn completing_again_at_a_time_keeps_the_subject_until_then(store: Store) {
    store.schedule(&change(1), at(0)).await.unwrap();
    let claim = must_claim(&*store, "a", 0).await;
    assert!(store.complete(&claim, Some(at(30))).await.unwrap());
    assert_eq!(store.next_due().await.unwrap(), Some(at(30)));
    assert_eq!(store.claim("a", at(29), LEASE).await.unwrap(), None);
    assert_eq!(drain(&*store, 30).await, [change(1)]);
}

async fn the_earlier_of_again_and_the_request_meanwhile_wins(store: Store) {
    for (meanwhile, again, due) in [(10, 20, 10), (20, 10, 10)] {
        store.schedule(&change(1), at(0)).await.unwrap();
        let claim = must_claim(&*store, "a", 0).await;
        store.schedule(&change(1), at(meanwhile)).await.unwrap();
        assert!(store.complete(&claim, Some(at(again))).await.unwrap());
        assert_eq!(store.next_due().await.unwrap(), Some(at(due)));

        let claim = must_claim(&*store, "a", due).await;
        store.schedule(&change(1), at(meanwhile)).await.unwrap();
        assert!(store.fail(&claim, at(again), "why").await.unwrap());
        assert_eq!(store.next_due().await.unwrap(), Some(at(due)));
        assert_eq!(drain(&*store, 1_000).await, [change(1)]);
    }
}

async fn failures_in_a_row_are_counted_until_one_look_succeeds(store: Store) {
    store.schedule(&change(1), at(0)).await.unwrap();
    let reason = "é".repeat(10_000);
    for attempts in 0..3 {
        let claim = must_claim(&*store, "a", 0).await;
        assert_eq!(claim.attempts, attempts);
        assert!(store.fail(&claim, at(0), &reason).await.unwrap());
    }
    let claim = must_claim(&*store, "a", 0).await;
    assert_eq!(claim.attempts, 3);
    assert!(store.complete(&claim, Some(at(0))).await.unwrap());
    assert_eq!(must_claim(&*store, "a", 0).await.attempts, 0);
}

async fn fences_rise_even_when_the_subject_was_gone_between(store: Store) {
    let mut last = 0;
    for _ in 0..3 {
        store.schedule(&change(1), at(0)).await.unwrap();
        let claim = must_claim(&*store, "a", 0).await;
        assert!(claim.fence > last);
        last = claim.fence;
        assert!(store.complete(&claim, None).await.unwrap());
        assert_eq!(store.next_due().await.unwrap(), None);
    }
}

async fn an_ended_claim_cannot_be_ended_or_renewed_again(store: Store) {
    store.schedule(&change(1), at(0)).await.unwrap();
    let claim = must_claim(&*store, "a", 0).await;
    assert!(store.complete(&claim, Some(at(5))).await.unwrap());
    assert!(!store.renew(&claim, at(1), LEASE).await.unwrap());
    assert!(!store.complete(&claim, None).await.unwrap());
    assert!(!store.fail(&claim, at(1), "twice").await.unwrap());
    assert_eq!(drain(&*store, 5).await, [change(1)]);
}

async fn a_renewed_lease_lasts_longer_and_an_expired_one_cannot_be_renewed(store: Store) {
    store.schedule(&change(1), at(0)).await.unwrap();
    let claim = must_claim(&*store, "a", 0).await;
    assert!(store.renew(&claim, at(59), LEASE).await.unwrap());
    assert!(store.renew(&claim, at(60), Span::from_seconds(1)).await.unwrap(), "a renewal never shortens");
    assert_eq!(store.claim("b", at(118), LEASE).await.unwrap(), None);
    assert!(!store.renew(&claim, at(119), LEASE).await.unwrap());
    assert_eq!(must_claim(&*store, "b", 119).await.subject, change(1));
}

async fn the_claim_of_another_owner_with_the_same_fence_is_refused(store: Store) {
    store.schedule(&change(1), at(0)).await.unwrap();
    let mut claim = must_claim(&*store, "a", 0).await;
    claim.owner = "b".to_owned();
    assert!(!store.renew(&claim, at(1), LEASE).await.unwrap());
    assert!(!store.complete(&claim, None).await.unwrap());
    assert!(!store.fail(&claim, at(1), "not mine").await.unwrap());
}

async fn the_depth_counts_due_and_leased_and_the_oldest_waiting(store: Store) {
    assert_eq!(store.depth(at(0)).await.unwrap(), QueueDepth::default());
    for (number, seconds) in [(1, 0), (2, 10), (3, 500)] {
        store.schedule(&change(number), at(seconds)).await.unwrap();
    }
    assert_eq!(store.depth(at(40)).await.unwrap(), QueueDepth { due: 2, oldest_seconds: 40 });
    must_claim(&*store, "a", 40).await;
    assert_eq!(store.depth(at(40)).await.unwrap(), QueueDepth { due: 2, oldest_seconds: 30 });
    assert_eq!(store.depth(at(100)).await.unwrap(), QueueDepth { due: 2, oldest_seconds: 100 }, "its lease ran out");
}

async fn the_next_due_time_minds_leases(store: Store) {
    assert_eq!(store.next_due().await.unwrap(), None);
    store.schedule(&change(1), at(0)).await.unwrap();
    must_claim(&*store, "a", 5).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(65)), "when the lease ends");
    store.schedule(&change(2), at(30)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(30)));
}

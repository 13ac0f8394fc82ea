//! What a delivery is told as, and which failures are one episode.

use super::*;
use crate::domain::{Delta, Evidence, RunState, SyncReceipt, TargetId, TargetKind};
use crate::ledger::{MergeEntry, MergeMethod};

fn target(id: &str) -> TargetId {
    id.parse().unwrap()
}

/// A receipt for `production/hook` unless it says otherwise, of what L-1 merged.
fn receipt(state: RunState) -> SyncReceipt {
    let TargetId { environment, target } = target("production/hook");
    let (kind, generation) = (TargetKind::Webhook, Sequence::new(1));
    let reason = matches!(state, RunState::Failed | RunState::Drifted).then(|| "delivery-failed".to_owned());
    SyncReceipt {
        environment,
        target,
        kind,
        generation,
        commit: oid(0xf00),
        state,
        reason,
        evidence: Evidence::default(),
    }
}

fn elsewhere(state: RunState) -> SyncReceipt {
    SyncReceipt { target: target("production/other").target, ..receipt(state) }
}

/// L-1 merges pull 7, L-2 merges pull 8; receipts from L-3 on.
fn book(receipts: impl IntoIterator<Item = SyncReceipt>) -> Book {
    let merge = |pull: u64| {
        Entry::Merge(MergeEntry {
            pull: PrNumber::new(pull),
            decision: Sequence::new(9),
            commit: oid(0xf00),
            method: MergeMethod::MoveRef,
            approved: Delta::new([]),
        })
    };
    let receipts = receipts.into_iter().map(|receipt| Entry::Sync(Box::new(receipt)));
    Book::of([merge(7), merge(8)].into_iter().chain(receipts))
}

#[test]
fn a_receipt_is_told_by_how_it_ended_with_the_change_whose_content_it_is() {
    for state in RunState::ALL {
        let told = book([receipt(state)]).told(3);
        let key = match state {
            RunState::Converged | RunState::Accepted => Some("sync.converged/L-3"),
            RunState::Failed => Some("sync.failed/production/hook/L-0"),
            RunState::Drifted => Some("drift.found/production/hook/L-0"),
            RunState::Queued | RunState::Triggered | RunState::Blocked | RunState::Superseded => None,
        };
        assert_eq!(told.as_ref().map(|notice| notice.key.as_str()), key, "{state:?}");
        let Some(notice) = told else { continue };
        assert_eq!(notice.environments, [Environment::parse("production").unwrap()]);
        assert_eq!((notice.target, notice.commit), (Some(target("production/hook")), Some(oid(0xf00))));
        assert_eq!((notice.entry, notice.reason), (Some(Sequence::new(3)), receipt(state).reason));
        assert_eq!((notice.change, notice.recovered), (Some(PrNumber::new(7)), false));
        assert_eq!(notice.url, "https://github.com/acme/app/pull/7");
    }
    let of_no_merge = SyncReceipt { generation: Sequence::new(4), ..receipt(RunState::Failed) };
    let notice = book([of_no_merge]).told(3).unwrap();
    assert_eq!((notice.change, notice.url.as_str()), (None, "https://github.com/acme/app"));
}

#[test]
fn all_failures_of_a_target_since_its_last_delivery_are_one_episode() {
    use RunState::{Accepted, Converged, Drifted, Failed};
    let episode = |book: &Book, at: usize| {
        let failed = book.key(at).unwrap();
        let (_, episode) = failed.split_once('/').unwrap();
        let now = Timestamp::from_seconds(5);
        let notice = blocked(Book::history(book), &target("production/hook"), now, ("secret-not-granted", "words"));
        assert_eq!(notice.key, format!("sync.failed/{episode}"), "what blocks is part of it");
        assert_eq!((notice.reason.as_deref(), notice.detail.as_deref()), (Some("secret-not-granted"), Some("words")));
        assert_eq!((notice.target, notice.at), (Some(target("production/hook")), now));
        failed
    };
    for (receipts, key) in [
        (&[receipt(Failed), receipt(Failed)][..], "sync.failed/production/hook/L-0"),
        (&[receipt(Failed), receipt(Drifted)], "drift.found/production/hook/L-0"),
        (&[receipt(Converged), receipt(Failed), receipt(Failed)], "sync.failed/production/hook/L-3"),
        (&[receipt(Accepted), receipt(Converged), receipt(Drifted)], "drift.found/production/hook/L-4"),
        (&[receipt(Converged), elsewhere(Converged), receipt(Failed)], "sync.failed/production/hook/L-3"),
    ] {
        let book = book(receipts.to_vec());
        assert_eq!(episode(&book, receipts.len() + 2), key, "{receipts:?}");
    }
    let delivered_twice = book([receipt(Converged), receipt(Converged), receipt(Failed)]).void(4);
    assert_eq!(episode(&delivered_twice, 5), "sync.failed/production/hook/L-3", "what is void was no delivery");
}

#[test]
fn a_delivery_is_a_recovery_when_the_word_before_about_its_target_was_a_failure() {
    use RunState::{Accepted, Converged, Drifted, Failed};
    for (receipts, recovered) in [
        (&[receipt(Converged)][..], false),
        (&[receipt(Failed), receipt(Converged)], true),
        (&[receipt(Drifted), receipt(Accepted)], true),
        (&[receipt(Converged), receipt(Converged)], false),
        (&[receipt(Failed), receipt(Failed)], false),
        (&[receipt(Failed), receipt(Converged), receipt(Converged)], false),
        (&[receipt(Failed), elsewhere(Converged), receipt(Converged)], true),
        (&[elsewhere(Failed), receipt(Converged)], false),
    ] {
        let book = book(receipts.to_vec());
        assert_eq!(book.told(receipts.len() + 2).unwrap().recovered, recovered, "{receipts:?}");
    }
    let mended = book([receipt(Failed), receipt(Converged), receipt(Converged)]).void(4);
    assert!(mended.told(5).unwrap().recovered, "the delivery between is void");
}

//! Receipts of deliveries: what the ledger takes, and what it then knows.

use super::*;

fn target(name: &str) -> TargetId {
    format!("production/{name}").parse().unwrap()
}

fn receipt(name: &str, generation: Sequence, state: RunState) -> SyncReceipt {
    let TargetId { environment, target } = target(name);
    SyncReceipt {
        environment,
        target,
        kind: TargetKind::Webhook,
        generation,
        commit: oid(0xf00 + generation.get()),
        state,
        reason: None,
        evidence: Evidence::default(),
    }
}

/// Two merges; their places are the generations.
fn book() -> (Book, Sequence, Sequence) {
    let mut book = Book::opened();
    let secret = "secrets/production/a.yaml";
    let one = book.change(1, delta(&[(secret, Some(0x20), Some(0x21))]), &key(1));
    let two = book.change(2, delta(&[(secret, Some(0x21), Some(0x22))]), &key(1));
    (book, one, two)
}

fn write(book: &mut Book, receipt: &SyncReceipt) -> Result<Sequence, AppendError> {
    book.try_write(Entry::Sync(Box::new(receipt.clone())), &key(1))
}

#[test]
fn a_receipt_is_of_something_that_ended_was_approved_before_and_is_not_older_than_what_is_there() {
    use RunState::{Accepted, Blocked, Converged, Drifted, Failed, Queued, Superseded, Triggered};
    let (start, one, two) = book();
    let next = start.state.next_sequence();
    for (generation, state, taken) in [
        (one, Converged, true),
        (two, Accepted, true),
        (one, Failed, true),
        (one, Drifted, true),
        (one, Queued, false),
        (one, Triggered, false),
        (one, Blocked, false),
        (one, Superseded, false),
        (next, Converged, false),
        (next.next(), Converged, false),
    ] {
        let written = write(&mut start.clone(), &receipt("hook", generation, state));
        assert_eq!(written.is_ok(), taken, "{state:?} {}", generation.label());
    }
    for (first, then, taken) in [(one, two, true), (one, one, true), (two, two, true), (two, one, false)] {
        let mut book = start.clone();
        write(&mut book, &receipt("hook", first, Converged)).unwrap();
        let written = write(&mut book, &receipt("hook", then, Converged));
        assert_eq!(written.is_ok(), taken, "{} after {}", then.label(), first.label());
        assert!(write(&mut book, &receipt("other", one, Converged)).is_ok(), "another target");
    }
    // what failed brought nothing, so the one before may follow it
    let mut book = start;
    write(&mut book, &receipt("hook", two, Failed)).unwrap();
    assert!(write(&mut book, &receipt("hook", one, Converged)).is_ok());
}

#[test]
fn what_was_delivered_where_is_known_by_target_and_generation() {
    let (mut book, one, two) = book();
    let failed = receipt("hook", two, RunState::Failed);
    let (done, other) = (receipt("hook", one, RunState::Converged), receipt("other", one, RunState::Accepted));
    for receipt in [&done, &other, &failed] {
        write(&mut book, receipt).unwrap();
    }
    let ledger = book.ledger();
    assert_eq!(ledger.problems(), []);
    let state = ledger.state();
    let latest: Vec<_> = state.syncs().iter().map(|(id, known)| (id.to_string(), &known.receipt)).collect();
    assert_eq!(latest, [("production/hook".to_owned(), &failed), ("production/other".to_owned(), &other)]);
    assert_eq!(state.deliveries(), [(target("hook"), done.clone()), (target("other"), other.clone())].into());
    let of = |generation, name: &str| state.sync_of(generation, &target(name)).map(|known| &known.receipt);
    assert_eq!((of(one, "hook"), of(two, "hook"), of(two, "other")), (Some(&done), Some(&failed), None));
    let before = |generation, name: &str| state.sync_before(generation, &target(name)).map(|known| &known.receipt);
    assert_eq!((before(one, "hook"), before(two, "hook"), before(two, "other")), (None, Some(&done), Some(&other)));
    assert_eq!((before(two.next(), "hook"), before(two, "third")), (Some(&failed), None));
    assert_eq!(state.merge_at(one).map(|merge| merge.pull.get()), Some(1));
    assert!(state.merge_at(two.next()).is_none());
}

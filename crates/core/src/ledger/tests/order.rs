//! Orders to jobs: believed when a server of this ledger signed them, for here and now and what is approved.

use super::*;
use crate::ledger::{JobOrder, ORDER_LASTS, OrderFault, Ordered};

const NOON: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// A ledger with a server's key, an action's, and one that was taken back.
fn book() -> Book {
    let mut book = Book::opened();
    book.write(key_entry(KeyAction::Add, &key(2), KeyClass::Action), &key(1));
    book.write(key_entry(KeyAction::Add, &key(3), KeyClass::Server), &key(1));
    book.write(key_entry(KeyAction::Retire, &key(3), KeyClass::Server), &key(1));
    book
}

fn given(by: &SigningKey) -> String {
    let id = JobId::parse("job_77_12_production_vault_1").unwrap();
    let server = "https://countersign.example".to_owned();
    let ordered = Ordered { id, repository: name(), commit: oid(0xf), decision: Sequence::new(11), server };
    JobOrder::give(ordered, NOON, by)
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOON.seconds() + seconds)
}

#[test]
fn an_order_reads_as_it_was_given_and_a_workflow_can_read_it_too() {
    let text = given(&key(1));
    let order = JobOrder::read(&text, &book().state).unwrap();
    assert_eq!(
        (order.repository_id, order.generation, order.target.as_str()),
        (REPOSITORY, Sequence::new(12), "vault")
    );
    assert_eq!((order.decision.as_str(), order.commit.clone()), ("L-11", oid(0xf)));
    assert_eq!(order.expires, order.issued.plus(ORDER_LASTS));
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&read["environment"], &read["type"]), (&"production".into(), &"sync.ordered".into()));
    assert!(text.len() < 1_024, "{}", text.len());
}

#[test]
fn nothing_but_the_text_a_server_of_this_ledger_signed_is_an_order() {
    let (book, text) = (book(), given(&key(1)));
    let read = |text: &str| JobOrder::read(text, &book.state).unwrap_err();
    for (what, signer) in [("an action's", 2), ("one that was taken back", 3), ("one nobody named", 4)] {
        assert_eq!(read(&given(&key(signer))), OrderFault::Signature, "{what}");
    }
    let moved =
        [("\"generation\":12", "\"generation\":13"), ("production", "staging"), ("\"version\":1", "\"version\":2")];
    for (from, to) in moved {
        assert_eq!(read(&text.replacen(from, to, 1)), OrderFault::Shape, "{to}: it says one thing twice");
    }
    let resigned = [("\"L-11\"", "\"L-10\""), ("countersign.example", "evil.example"), ("acme/app", "acme/web")];
    for (from, to) in resigned {
        assert_eq!(read(&text.replacen(from, to, 1)), OrderFault::Signature, "{to}");
    }
    let everywhere = text.replace("production", "staging");
    assert_eq!(read(&everywhere), OrderFault::Signature, "the same everywhere");
    let spaced = text.replacen(",\"id\"", ", \"id\"", 1);
    let more = text.replacen("{\"version\"", "{\"more\":1,\"version\"", 1);
    let twice = text.replacen("{\"version\":1", "{\"version\":1,\"version\":1", 1);
    for wrong in ["", "{}", "null", &spaced, &more, &twice, &format!("{text}\n"), &" ".repeat(9_000)] {
        assert_eq!(read(wrong), OrderFault::Shape, "{wrong}");
    }
}

#[test]
fn an_order_is_for_one_repository_one_quarter_of_an_hour_and_what_is_approved() {
    let order = JobOrder::read(&given(&key(1)), &book().state).unwrap();
    let begun = |repository, at| order.may_begin((repository, &name()), at).map_err(|fault| fault.code());
    for seconds in [-60, 0, 899] {
        assert_eq!(begun(REPOSITORY, later(seconds)), Ok(()), "{seconds}");
    }
    for seconds in [-61, 900, 90_000] {
        assert_eq!(begun(REPOSITORY, later(seconds)), Err("order-expired"), "{seconds}");
    }
    assert_eq!(begun(RepoId::new(78), NOON), Err("order-elsewhere"));
    assert_eq!(order.is_newest(Sequence::new(12)), Ok(()));
    for other in [11, 13] {
        let fault = order.is_newest(Sequence::new(other)).unwrap_err();
        assert_eq!((fault.code(), fault.help().is_empty()), ("order-superseded", false));
        assert_eq!(fault.to_string(), format!("the order is for L-12, and L-{other} is what is approved now"));
    }
}

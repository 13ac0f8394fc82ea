//! The outbox: a notice once, letters in order, marks that say how sending stands.

use countersign_core::domain::{Digest, Occasion, RepoId, RepoName};
use countersign_core::notify::{Destination, Letter, Notice};

use super::{REPO, Store, at, drain, over_every_store};
use crate::engine::ports::{LetterFigures, Mark, Subject};

over_every_store!(
    a_notice_is_told_once_and_asks_for_its_destinations,
    letters_to_one_destination_wait_for_each_other,
    what_was_given_up_is_listed_and_counted,
    the_first_letter_of_a_thread_is_the_first_that_was_sent,
    old_letters_are_thrown_away_and_their_notices_are_not_told_again,
);

fn letter(about: &str, address: &str, thread: &str) -> Letter {
    let repository = RepoName::parse("acme/app").unwrap();
    let notice = Notice::new(Occasion::ChangeOpened, about, at(0), (&repository, "https://github.com/acme/app"));
    let destination = Destination::Mail { address: address.to_owned() };
    let id = Digest::of(format!("{about} {address}").as_bytes());
    Letter { id, thread: thread.to_owned(), destination, notice, sure: false }
}

fn to(address: &str) -> Digest {
    Destination::Mail { address: address.to_owned() }.digest()
}

async fn a_notice_is_told_once_and_asks_for_its_destinations(store: Store) {
    let letters = [letter("1", "ann@example.com", "t"), letter("1", "bob@example.com", "t")];
    assert!(!store.is_told(REPO, "change.opened/1").await.unwrap());
    assert!(store.tell(REPO, "change.opened/1", &letters, at(0)).await.unwrap());
    assert!(store.is_told(REPO, "change.opened/1").await.unwrap());
    let again = [letter("1", "cy@example.com", "t")];
    assert!(!store.another().await.tell(REPO, "change.opened/1", &again, at(5)).await.unwrap(), "once");
    assert!(store.next_letter(REPO, to("cy@example.com")).await.unwrap().is_none());
    assert!(store.tell(RepoId::new(4_711), "change.opened/1", &[], at(0)).await.unwrap(), "another repository");
    let mut due = drain(&*store, 1).await;
    due.sort();
    let mut expected = ["ann@example.com", "bob@example.com"].map(|one| Subject::Letters(REPO, to(one)));
    expected.sort();
    assert_eq!(due, expected);
}

async fn letters_to_one_destination_wait_for_each_other(store: Store) {
    for (number, thread) in [("1", "a"), ("2", "b"), ("3", "a")] {
        let letters = [letter(number, "ann@example.com", thread)];
        store.tell(REPO, number, &letters, at(0)).await.unwrap();
    }
    let next = async || store.next_letter(REPO, to("ann@example.com")).await.unwrap();
    let first = next().await.unwrap();
    assert_eq!((first.begun, first.attempts, first.due), (false, 0, at(0)));
    assert_eq!(first.letter, letter("1", "ann@example.com", "a"));
    let mark = async |mark: Mark| store.mark_letter(REPO, first.letter.id, &mark).await.unwrap();
    mark(Mark::Begun).await;
    let begun = next().await.unwrap();
    assert_eq!((begun.letter.id, begun.begun, begun.attempts), (first.letter.id, true, 1), "others wait");
    mark(Mark::Later { due: at(30), reason: "busy".to_owned() }).await;
    let later = next().await.unwrap();
    assert_eq!((later.letter.id, later.begun, later.attempts, later.due), (first.letter.id, false, 1, at(30)));
    mark(Mark::Begun).await;
    assert_eq!(next().await.unwrap().attempts, 2);
    mark(Mark::Sent).await;
    assert_eq!(next().await.unwrap().letter, letter("2", "ann@example.com", "b"));
    assert!(store.next_letter(RepoId::new(4_711), to("ann@example.com")).await.unwrap().is_none());
}

async fn what_was_given_up_is_listed_and_counted(store: Store) {
    for number in ["1", "2", "3"] {
        let letters = [letter(number, "ann@example.com", "t"), letter(number, "bob@example.com", "t")];
        store.tell(REPO, number, &letters, at(0)).await.unwrap();
    }
    for (number, seconds) in [("1", 5), ("2", 9)] {
        let id = letter(number, "ann@example.com", "t").id;
        let reason = format!("refused {number} {}", "x".repeat(2_000));
        store.mark_letter(REPO, id, &Mark::GivenUp { at: at(seconds), reason }).await.unwrap();
    }
    store.mark_letter(REPO, letter("3", "ann@example.com", "t").id, &Mark::Sent).await.unwrap();
    assert_eq!(store.letters().await.unwrap(), LetterFigures { waiting: 3, given_up: 2 });
    let listed = store.given_up(10).await.unwrap();
    let times: Vec<_> = listed.iter().map(|one| (one.repo, one.at, one.letter.notice.key.clone())).collect();
    assert_eq!(times, [(REPO, at(9), "change.opened/2".to_owned()), (REPO, at(5), "change.opened/1".to_owned())]);
    assert!(listed[0].reason.starts_with("refused 2"));
    assert_eq!(store.given_up(1).await.unwrap().len(), 1);
}

async fn the_first_letter_of_a_thread_is_the_first_that_was_sent(store: Store) {
    for number in ["1", "2", "3"] {
        store.tell(REPO, number, &[letter(number, "ann@example.com", "t")], at(0)).await.unwrap();
    }
    let first = async |thread: &str| store.first_sent(REPO, to("ann@example.com"), thread).await.unwrap();
    assert_eq!(first("t").await, None);
    let id = |number: &str| letter(number, "ann@example.com", "t").id;
    store.mark_letter(REPO, id("1"), &Mark::GivenUp { at: at(1), reason: "no".to_owned() }).await.unwrap();
    store.mark_letter(REPO, id("3"), &Mark::Sent).await.unwrap();
    assert_eq!(first("t").await, Some(id("3")));
    store.mark_letter(REPO, id("2"), &Mark::Sent).await.unwrap();
    assert_eq!((first("t").await, first("other").await), (Some(id("2")), None));
}

async fn old_letters_are_thrown_away_and_their_notices_are_not_told_again(store: Store) {
    for (number, seconds) in [("sent", 0), ("given-up", 0), ("waiting", 0), ("begun", 0), ("young", 10)] {
        store.tell(REPO, number, &[letter(number, "ann@example.com", "t")], at(seconds)).await.unwrap();
    }
    let mark = async |number: &str, mark: Mark| {
        store.mark_letter(REPO, letter(number, "ann@example.com", "t").id, &mark).await.unwrap();
    };
    mark("sent", Mark::Sent).await;
    mark("young", Mark::Sent).await;
    mark("begun", Mark::Begun).await;
    mark("given-up", Mark::GivenUp { at: at(5), reason: "refused".to_owned() }).await;
    assert_eq!(store.forget_letters(at(0)).await.unwrap(), 0, "not before then");
    assert_eq!(store.forget_letters(at(10)).await.unwrap(), 2);
    assert_eq!(store.letters().await.unwrap(), LetterFigures { waiting: 2, given_up: 0 });
    let first = store.first_sent(REPO, to("ann@example.com"), "t").await.unwrap();
    assert_eq!(first, Some(letter("young", "ann@example.com", "t").id));
    for number in ["sent", "given-up"] {
        assert!(store.is_told(REPO, number).await.unwrap());
        let again = [letter(number, "ann@example.com", "t")];
        assert!(!store.tell(REPO, number, &again, at(20)).await.unwrap(), "{number}");
    }
    assert_eq!(store.forget_letters(at(1_000)).await.unwrap(), 1, "what waits is kept however old it is");
    assert_eq!(store.letters().await.unwrap().waiting, 2);
}

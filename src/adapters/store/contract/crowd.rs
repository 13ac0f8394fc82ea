//! Many owners at once, each with an opening of its own where the store is a file.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::{LEASE, Store, at, change, delivery, over_every_store};
use crate::engine::ports::{Journal, Recorded, Subject};

over_every_store!(
    a_subject_is_never_in_two_hands_at_once,
    nothing_asked_for_during_a_look_is_forgotten,
    of_many_simultaneous_copies_of_a_delivery_one_is_new,
);

const OWNERS: usize = 8;
const SUBJECTS: u64 = 60;

/// What is in whose hands, and how often each subject was looked at.
#[derive(Default)]
struct Hands {
    held: BTreeSet<Subject>,
    fences: BTreeSet<u64>,
    looks: usize,
}

async fn work_until_idle(journal: Arc<dyn Journal>, owner: String, hands: Arc<Mutex<Hands>>) {
    while let Some(claim) = journal.claim(&owner, at(0), LEASE).await.unwrap() {
        {
            let mut hands = hands.lock().unwrap();
            assert!(hands.held.insert(claim.subject.clone()), "{:?} is in two hands", claim.subject);
            assert!(hands.fences.insert(claim.fence), "fence {} twice", claim.fence);
            hands.looks += 1;
        }
        tokio::task::yield_now().await;
        assert!(journal.renew(&claim, at(1), LEASE).await.unwrap());
        hands.lock().unwrap().held.remove(&claim.subject);
        let again = (claim.asked == 1 && claim.fence % 3 == 0).then(|| at(0));
        assert!(journal.complete(&claim, again).await.unwrap());
    }
}

async fn a_subject_is_never_in_two_hands_at_once(store: Store) {
    for number in 0..SUBJECTS {
        store.schedule(&change(number), at(0)).await.unwrap();
    }
    let hands = Arc::new(Mutex::new(Hands::default()));
    let mut owners = Vec::new();
    for owner in 0..OWNERS {
        let journal = store.another().await;
        owners.push(tokio::spawn(work_until_idle(journal, format!("owner-{owner}"), hands.clone())));
    }
    for owner in owners {
        owner.await.unwrap();
    }
    assert!(hands.lock().unwrap().looks >= usize::try_from(SUBJECTS).unwrap());
    assert_eq!(store.next_due().await.unwrap(), None);
}

async fn nothing_asked_for_during_a_look_is_forgotten(store: Store) {
    const FACTS: u64 = 120;
    let fact = Arc::new(Mutex::new(0));
    let (asker, askers_fact) = (store.another().await, fact.clone());
    let asking = tokio::spawn(async move {
        for value in 1..=FACTS {
            *askers_fact.lock().unwrap() = value;
            asker.schedule(&change(1), at(0)).await.unwrap();
        }
    });
    let mut seen = 0;
    let idle = async |store: &Store| store.claim("looker", at(0), LEASE).await.unwrap();
    loop {
        let asked_all = asking.is_finished();
        match idle(&store).await {
            Some(claim) => {
                seen = *fact.lock().unwrap();
                tokio::task::yield_now().await;
                assert!(store.complete(&claim, None).await.unwrap());
            }
            None if asked_all => break,
            None => tokio::task::yield_now().await,
        }
    }
    asking.await.unwrap();
    assert_eq!(seen, FACTS, "the last look began after the last request");
}

async fn of_many_simultaneous_copies_of_a_delivery_one_is_new(store: Store) {
    let mut copies = Vec::new();
    for _ in 0..OWNERS {
        let journal = store.another().await;
        copies.push(tokio::spawn(async move {
            let mut copy = delivery("d-1", 0);
            copy.look_at = vec![(change(1), at(0))];
            journal.record(&copy).await.unwrap()
        }));
    }
    let mut new = 0;
    for copy in copies {
        new += usize::from(copy.await.unwrap() == Recorded::New);
    }
    assert_eq!(new, 1);
    assert_eq!(store.claim("a", at(0), LEASE).await.unwrap().map(|claim| claim.asked), Some(1));
}

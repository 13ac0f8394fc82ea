//! What no history of deliveries, crashes and other people's writes may come to.

use proptest::prelude::*;

use super::*;

fn marks(list: &[(&str, &str)]) -> Marks {
    list.iter().map(|(key, mark)| ((*key).to_owned(), (*mark).to_owned())).collect()
}

#[test]
fn each_key_is_judged_by_what_is_wanted_held_and_ours() {
    let ours = Ownership { current: marks(&[("a", "1"), ("b", "1"), ("c", "1")]), ..Ownership::default() };
    let held = marks(&[("a", "1"), ("b", "9"), ("c", "1"), ("d", "7"), ("e", "5")]);
    let wanted = marks(&[("a", "1"), ("b", "2"), ("d", "7"), ("f", "1")]);
    let steps = |(adopt, reapply), prune, theirs: &[&str]| {
        let theirs = theirs.iter().map(|key| (*key).to_owned()).collect();
        let situation =
            KeySituation { wanted: &wanted, held: &held, ours: &ours, prune, theirs: &theirs, adopt, reapply };
        let found = key_steps(&situation);
        found.into_iter().map(|(key, step)| format!("{key} {step:?}")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(steps((false, false), Prune::Never, &[]), "a Keep, b Change, c Leave, d Foreign, f Add");
    assert_eq!(steps((true, false), Prune::Owned, &[]), "a Keep, b Change, c Remove, d Keep, f Add");
    let taken = ["a", "b", "d"];
    assert_eq!(steps((false, false), Prune::Never, &taken), "a Keep, b Foreign, c Leave, d Foreign, f Add");
    assert_eq!(steps((false, true), Prune::Never, &taken), "a Keep, b Change, c Leave, d Foreign, f Add");
    assert_eq!(steps((true, false), Prune::Never, &taken), "a Keep, b Change, c Leave, d Keep, f Add");
}

#[test]
fn a_claim_makes_only_ours_what_came_out_as_it_was_to_be() {
    let (wanted, held) = (marks(&[("a", "1"), ("b", "1"), ("d", "1")]), marks(&[("d", "1")]));
    let ours = Ownership::default();
    let situation = KeySituation {
        wanted: &wanted,
        held: &held,
        ours: &ours,
        prune: Prune::Never,
        theirs: &BTreeSet::new(),
        adopt: true,
        reapply: false,
    };
    let ours = ours.claim(&wanted, &key_steps(&situation), &held);
    assert!(ours.holds("a", "1") && !ours.holds("b", "2") && !ours.holds("c", "1") && !ours.holds("d", "1"));
}

/// Something that happens around a target.
#[derive(Debug, Clone)]
enum Event {
    /// Other content is approved: these keys, each with a value.
    Approve(BTreeMap<u8, u8>),
    /// Somebody else writes a key, or deletes it.
    Other(u8, Option<u8>),
    /// A delivery, which dies after so many of its steps; 9: it does not.
    Deliver { dies: u8, prune: bool, adopt: bool, reapply: bool },
    /// Our memory is lost.
    Forget,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => proptest::collection::btree_map(0..6_u8, 0..4_u8, 0..5).prop_map(Event::Approve),
        3 => (0..6_u8, proptest::option::of(0..4_u8)).prop_map(|(key, value)| Event::Other(key, value)),
        6 => (prop_oneof![Just(0), Just(1), Just(2), Just(9)], any::<bool>(), proptest::bool::weighted(0.1), any::<bool>())
            .prop_map(|(dies, prune, adopt, reapply)| Event::Deliver { dies, prune, adopt, reapply }),
        1 => Just(Event::Forget),
    ]
}

/// A target, our memory of it, and what is known from outside: which keys we ever wrote or were told to take over.
#[derive(Default)]
struct Play {
    wanted: Marks,
    held: Marks,
    ours: Ownership,
    touched: BTreeSet<String>,
    /// Whether the target keeps account of who holds a key, and those that somebody else holds.
    keeps_account: bool,
    theirs: BTreeSet<String>,
}

impl Play {
    fn situation(&self, prune: Prune, adopt: bool, reapply: bool) -> KeySituation<'_> {
        let Self { wanted, held, ours, theirs, .. } = self;
        KeySituation { wanted, held, ours, prune, theirs, adopt, reapply }
    }

    fn deliver(&mut self, dies: u8, prune: bool, adopt: bool, reapply: bool) -> Result<(), TestCaseError> {
        let prune = if prune { Prune::Owned } else { Prune::Never };
        let before = self.held.clone();
        let steps = key_steps(&self.situation(prune, adopt, reapply));
        if !foreign(&steps).is_empty() {
            prop_assert!(foreign(&steps).iter().all(|key| self.held.contains_key(*key)));
            return Ok(());
        }
        if dies == 0 {
            return Ok(());
        }
        self.ours = self.ours.claim(&self.wanted, &steps, &self.held);
        if dies == 1 {
            return Ok(());
        }
        for (key, step) in &steps {
            match step {
                KeyStep::Add | KeyStep::Change => {
                    self.held.insert(key.clone(), self.wanted[key].clone());
                    let known = before.contains_key(key) && !self.touched.contains(key);
                    prop_assert!(adopt || !known, "{key} is somebody else's");
                    prop_assert!(adopt || reapply || !self.theirs.contains(key), "{key} was taken over");
                    self.touched.insert(key.clone());
                    self.theirs.remove(key);
                }
                KeyStep::Remove => {
                    prop_assert!(prune == Prune::Owned && self.touched.contains(key), "{key} is somebody else's");
                    // such a target gives up our hold, and keeps what somebody else holds too
                    if !self.theirs.contains(key) {
                        self.held.remove(key);
                    }
                }
                KeyStep::Keep => prop_assert!(adopt || self.touched.contains(key), "{key} is somebody else's"),
                KeyStep::Leave | KeyStep::Foreign => {}
            }
        }
        for (key, value) in &before {
            let kept = self.held.get(key) == Some(value);
            prop_assert!(kept || steps.contains_key(key), "{key} was not spoken of");
            prop_assert!(prune == Prune::Owned || self.held.contains_key(key), "{key} is gone");
        }
        prop_assert!(self.wanted.iter().all(|(key, mark)| self.held.get(key) == Some(mark)));
        if dies == 2 {
            return Ok(());
        }
        if adopt {
            self.touched.extend(self.wanted.keys().cloned());
        }
        self.ours = self.ours.settled(&self.wanted, &steps, &before);
        prop_assert!(self.ours.strayed(&self.held).is_empty());
        // and once more: nothing is left to do
        let again = key_steps(&self.situation(prune, false, reapply));
        prop_assert!(!writes(&again) && foreign(&again).is_empty(), "{again:?}");
        Ok(())
    }

    fn happens(&mut self, event: Event) -> Result<(), TestCaseError> {
        let name = |key: u8| format!("key{key}");
        match event {
            Event::Approve(keys) => {
                self.wanted = keys.into_iter().map(|(key, value)| (name(key), value.to_string())).collect();
            }
            Event::Other(key, Some(value)) => {
                let (key, value) = (name(key), value.to_string());
                // whoever writes exactly the secret we were about to write is taken for us
                if self.ours.claimed.get(&key) == Some(&value) {
                    self.touched.insert(key.clone());
                } else if self.keeps_account {
                    self.theirs.insert(key.clone());
                }
                self.held.insert(key, value);
            }
            Event::Other(key, None) => {
                self.held.remove(&name(key));
                self.theirs.remove(&name(key));
            }
            Event::Deliver { dies, prune, adopt, reapply } => self.deliver(dies, prune, adopt, reapply)?,
            Event::Forget => self.ours = Ownership::default(),
        }
        Ok(())
    }
}

/// A target whose values cannot be read back: of each key it says when it was written.
#[derive(Default)]
struct Blind {
    wanted: Marks,
    held: BTreeMap<String, (String, u32)>,
    ours: Ownership,
    clock: u32,
    touched: BTreeSet<String>,
}

impl Blind {
    fn seen(&self, ours: &Ownership) -> Marks {
        self.held.iter().map(|(key, (_, at))| (key.clone(), ours.unread(key, &at.to_string()))).collect()
    }

    fn write(&mut self, key: &str, value: &str) {
        self.clock += 1;
        self.held.insert(key.to_owned(), (value.to_owned(), self.clock));
    }

    fn steps(&self, prune: bool, adopt: bool) -> (Ownership, BTreeMap<String, KeyStep>) {
        let ours = self.ours.resumed(&self.held.keys().cloned().collect());
        let prune = if prune { Prune::Owned } else { Prune::Never };
        let seen = self.seen(&ours);
        let steps = key_steps(&KeySituation {
            wanted: &self.wanted,
            held: &seen,
            ours: &ours,
            prune,
            theirs: &BTreeSet::new(),
            adopt,
            reapply: false,
        });
        (ours, steps)
    }

    /// Dies after so many writes; 9: it does not.
    fn deliver(&mut self, dies: u8, prune: bool, adopt: bool) -> Result<(), TestCaseError> {
        let (ours, steps) = self.steps(prune, adopt);
        if !foreign(&steps).is_empty() {
            return Ok(());
        }
        let before = self.seen(&ours);
        self.ours = ours.claim(&self.wanted, &steps, &before);
        for (at, (key, step)) in steps.iter().enumerate() {
            if at >= usize::from(dies) && dies < 9 {
                return Ok(());
            }
            match step {
                KeyStep::Add | KeyStep::Change => {
                    let known = self.held.contains_key(key) && !self.touched.contains(key);
                    prop_assert!(adopt || !known, "{key} is somebody else's");
                    let value = self.wanted[key].clone();
                    self.write(key, &value);
                    self.touched.insert(key.clone());
                }
                KeyStep::Remove => {
                    prop_assert!(prune && self.touched.contains(key), "{key} is somebody else's");
                    self.held.remove(key);
                }
                KeyStep::Keep => prop_assert!(self.touched.contains(key), "{key} is somebody else's"),
                KeyStep::Leave | KeyStep::Foreign => {}
            }
        }
        let has = |(key, mark): (&String, &String)| self.held.get(key).is_some_and(|(value, _)| value == mark);
        prop_assert!(self.wanted.iter().all(has), "what is approved is there: {:?}", self.held);
        self.ours = self.ours.settled(&self.wanted, &steps, &before);
        self.ours.written = self.held.iter().map(|(key, (_, at))| (key.clone(), at.to_string())).collect();
        prop_assert!(self.ours.strayed(&self.seen(&self.ours)).is_empty());
        prop_assert!(!writes(&self.steps(prune, false).1), "nothing is written twice");
        Ok(())
    }

    fn happens(&mut self, event: Event) -> Result<(), TestCaseError> {
        let name = |key: u8| format!("key{key}");
        match event {
            Event::Approve(keys) => {
                self.wanted = keys.into_iter().map(|(key, value)| (name(key), value.to_string())).collect();
            }
            Event::Other(key, Some(value)) => {
                // whoever writes a key while a delivery of unknown end was to write it is taken for us
                if self.ours.claimed.contains_key(&name(key)) {
                    self.touched.insert(name(key));
                }
                self.write(&name(key), &value.to_string());
            }
            Event::Other(key, None) => drop(self.held.remove(&name(key))),
            Event::Deliver { dies, prune, adopt, reapply: _ } => {
                // a key that an adoption of unknown end was to take over was given to us
                if adopt {
                    let (_, steps) = self.steps(prune, adopt);
                    let taken = steps.into_iter().filter(|(_, step)| *step == KeyStep::Change);
                    self.touched.extend(taken.map(|(key, _)| key));
                }
                self.deliver(dies, prune, adopt)?;
            }
            Event::Forget => self.ours = Ownership::default(),
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_touches_a_key_of_somebody_else(events in proptest::collection::vec(event(), 1..40)) {
        let mut play = Play::default();
        for event in events {
            play.happens(event)?;
        }
    }

    #[test]
    fn no_history_takes_a_key_back_that_the_target_says_is_anothers(
        events in proptest::collection::vec(event(), 1..40),
    ) {
        let mut play = Play { keeps_account: true, ..Play::default() };
        for event in events {
            play.happens(event)?;
        }
    }

    #[test]
    fn alone_with_a_target_no_crash_makes_our_keys_foreign(events in proptest::collection::vec(event(), 1..40)) {
        let mut play = Play::default();
        for event in events {
            match event {
                Event::Other(..) | Event::Forget => {}
                Event::Approve(_) | Event::Deliver { .. } => play.happens(event)?,
            }
            let steps = key_steps(&play.situation(Prune::Never, false, false));
            prop_assert!(foreign(&steps).is_empty(), "{steps:?}");
        }
    }

    #[test]
    fn no_history_touches_a_key_of_somebody_else_where_nothing_can_be_read(
        events in proptest::collection::vec(event(), 1..40),
    ) {
        let mut play = Blind::default();
        for event in events {
            play.happens(event)?;
        }
    }

    #[test]
    fn alone_with_such_a_target_no_crash_makes_our_keys_foreign(events in proptest::collection::vec(event(), 1..40)) {
        let mut play = Blind::default();
        for event in events {
            match event {
                Event::Other(..) | Event::Forget => {}
                Event::Approve(_) | Event::Deliver { .. } => play.happens(event)?,
            }
            let (_, steps) = play.steps(false, false);
            prop_assert!(foreign(&steps).is_empty(), "{steps:?}");
        }
    }
}

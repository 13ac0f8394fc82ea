//! Random histories: worlds that begin with a push and then live.
//!
//! Knows nothing of verdicts. A faithful history loses, delays and hides nothing.

use countersign_core::policy::Policy;

use super::chance::Chance;
use super::oracle::is_approver;
use super::rules::some_rules;
use super::world::{CONTENTS, Commit, Dismissal, Move, NAMES, Person, RITA, ROBOT, Review, Told, Waiver, Word, World};

/// A world that lives.
pub(crate) struct History {
    pub(crate) world: World,
    pub(crate) policy: Policy,
    faithful: bool,
    /// Per commit: the commits of the request when it was the head.
    lines: Vec<Vec<usize>>,
    clock: i64,
}

impl History {
    pub(crate) fn begin(chance: &mut Chance, faithful: bool) -> Self {
        let (rules, policy) = some_rules(chance);
        let world = World {
            now: 1_000,
            rules,
            base: 0,
            open: true,
            draft: chance.once_in(10),
            requester: match chance.below(12) {
                0 => None,
                1 => Some(ROBOT),
                2 => Some(chance.below(ROBOT)),
                _ => Some(RITA),
            },
            commits: Vec::new(),
            range: Vec::new(),
            moves: Vec::new(),
            reviews: Vec::new(),
            waivers: Vec::new(),
            team: (0..ROBOT).filter(|_| chance.once_in(2)).collect(),
            team_readable: true,
            writers: (0..ROBOT).filter(|_| !chance.once_in(6)).collect(),
            unsure: Default::default(),
            taken: false,
            base_moved: false,
            base_uncovered: false,
        };
        let mut history = Self { world, policy, faithful, lines: Vec::new(), clock: 1_000 };
        let content = chance.of(&[0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7]);
        history.push(chance, (content, 0, 0), Vec::new());
        history.look();
        history
    }

    /// One thing happens.
    pub(crate) fn step(&mut self, chance: &mut Chance) {
        // sometimes two things happen in one second, and sometimes nothing for long
        self.clock += if chance.once_in(12) { 50 } else { i64::from(!chance.once_in(5)) };
        self.world.now = self.clock;
        match chance.below(100) {
            0..10 => self.push_again(chance),
            10..46 => self.review(chance),
            46..57 => self.comment(chance),
            57..60 => self.waive(chance),
            60..68 => self.dismiss(chance),
            68..72 => self.reattach(chance),
            72..76 => self.world.base = chance.below(2),
            76..79 => self.world.draft = chance.once_in(3),
            79..81 => self.world.open = !chance.once_in(3),
            81..86 => toggle(&mut self.world.team, chance.below(ROBOT)),
            86..89 => toggle(&mut self.world.writers, chance.below(ROBOT)),
            89 => toggle(&mut self.world.unsure, chance.below(ROBOT)),
            90 => self.world.team_readable = !chance.once_in(3),
            91 => self.world.taken = chance.once_in(2),
            92..95 => (self.world.rules, self.policy) = some_rules(chance),
            95 => self.world.base_moved = chance.once_in(2),
            96 => self.world.base_uncovered = chance.once_in(3),
            97 => self.lose(chance),
            _ => self.deliver(chance),
        }
        if self.faithful || chance.once_in(2) {
            self.look();
        }
    }

    /// A turn looks at the request: what it sees for the first time is written down.
    fn look(&mut self) {
        let approvers: Vec<bool> = (0..NAMES.len()).map(|person| is_approver(&self.world, person)).collect();
        for review in
            self.world.reviews.iter_mut().filter(|review| review.looked.is_none() && review.dismissed.is_none())
        {
            review.looked = Some(self.world.base);
            review.stood = review.by.is_some_and(|person| approvers[person]);
        }
    }

    fn told(&self, chance: &mut Chance) -> Told {
        match chance.below(8) {
            _ if self.faithful => Told::Yes,
            0 => Told::Lost,
            1 | 2 => Told::OnTheWay,
            _ => Told::Yes,
        }
    }

    fn push(&mut self, chance: &mut Chance, (content, version, beside): (usize, usize, usize), mut line: Vec<usize>) {
        let number = self.world.commits.len();
        let robot = self.world.requester == Some(ROBOT) && !chance.once_in(4);
        let by = match chance.below(4) {
            _ if robot => ROBOT,
            0 => chance.below(NAMES.len()),
            _ => RITA,
        };
        let author = match chance.below(10) {
            0 => None,
            1 => Some(chance.below(NAMES.len())),
            _ => Some(by),
        };
        let co_author = chance.once_in(10).then(|| chance.below(ROBOT));
        self.world.commits.push(Commit { content, version, beside, author, co_author, readable: true });
        line.push(number);
        self.lines.push(line.clone());
        self.arrive(chance, line, by);
    }

    fn arrive(&mut self, chance: &mut Chance, line: Vec<usize>, by: Person) {
        self.world.range = line;
        let told = self.told(chance);
        self.world.moves.push(Move { to: self.world.head(), by, at: self.clock, told });
    }

    /// A commit more, a commit in place of all others, a rebase of equal content, or back to where the branch was.
    fn push_again(&mut self, chance: &mut Chance) {
        let head = &self.world.commits[self.world.head()];
        let (content, version, beside) = (head.content, head.version, head.beside);
        match chance.below(6) {
            0 => self.push(chance, (content, version + 1, beside), self.world.range.clone()),
            1 => {
                let other = chance.below(CONTENTS.len());
                self.push(chance, (other, version, beside), self.world.range.clone());
            }
            2 => self.push(chance, (content, version, beside), Vec::new()),
            3 => self.push(chance, (content, version + 1, beside), Vec::new()),
            4 => self.push(chance, (content, version, beside + 1), Vec::new()),
            _ => {
                let line = self.lines[chance.below(self.lines.len())].clone();
                let by = if chance.once_in(2) { RITA } else { chance.below(NAMES.len()) };
                // a push that moves nothing is none
                if line.last() != Some(&self.world.head()) {
                    self.arrive(chance, line, by);
                }
            }
        }
    }

    fn review(&mut self, chance: &mut Chance) {
        let by = if chance.once_in(8) { chance.below(NAMES.len()) } else { chance.of(&[0, 0, 1, 1, 2, 3, 5]) };
        let word = match chance.below(60) {
            0..46 => Word::Approve,
            46..53 => Word::Reject,
            53..59 => Word::Comment,
            _ => Word::Strange,
        };
        // mostly of what stands there, sometimes of what stood there when the page was opened
        let commit = if chance.once_in(8) { chance.below(self.world.commits.len()) } else { self.world.head() };
        let told = self.told(chance);
        self.world.reviews.push(Review {
            by: Some(by),
            word,
            at: self.clock,
            commit,
            shown: commit,
            base: self.world.base,
            looked: None,
            told,
            dismissed: None,
            comment: false,
            stood: false,
        });
    }

    /// A vote by comment: a review in another coat, that names its commit itself.
    fn comment(&mut self, chance: &mut Chance) {
        self.review(chance);
        if let Some(review) = self.world.reviews.last_mut() {
            review.comment = true;
            review.word = chance.of(&[Word::Approve, Word::Approve, Word::Approve, Word::Reject, Word::Withdraw]);
        }
    }

    fn waive(&mut self, chance: &mut Chance) {
        let vetoes = self.world.reviews.iter().filter(|review| review.word == Word::Reject);
        let of = vetoes.filter_map(|review| review.by).next_back().unwrap_or(0);
        let by = if chance.once_in(2) { 5 } else { chance.below(ROBOT) };
        self.world.waivers.push(Waiver { by, of, at: self.clock });
    }

    fn some_review(&mut self, chance: &mut Chance) -> Option<&mut Review> {
        let count = self.world.reviews.len();
        (count > 0).then(|| &mut self.world.reviews[chance.below(count)])
    }

    fn dismiss(&mut self, chance: &mut Chance) {
        let (by, own) = (chance.below(NAMES.len()), chance.once_in(2));
        let told = self.told(chance);
        if let Some(review) = self.some_review(chance).filter(|review| review.dismissed.is_none()) {
            let by = review.by.filter(|_| review.comment && own).unwrap_or(by);
            review.dismissed = Some(Dismissal { by, told });
        }
    }

    /// GitHub shows a review at another commit than it was given for.
    fn reattach(&mut self, chance: &mut Chance) {
        let head = self.world.head();
        if let Some(review) = self.some_review(chance).filter(|review| !review.comment) {
            review.shown = head;
        }
    }

    /// An account or a commit goes.
    fn lose(&mut self, chance: &mut Chance) {
        if chance.once_in(2) {
            if let Some(review) = self.some_review(chance) {
                review.by = None;
            }
        } else {
            let (head, at) = (self.world.head(), chance.below(self.world.commits.len()));
            self.world.commits[at].readable = at == head;
        }
    }

    /// What was on its way arrives.
    fn deliver(&mut self, chance: &mut Chance) {
        let mut arrive = |told: &mut Told| {
            if *told == Told::OnTheWay && chance.once_in(2) {
                *told = Told::Yes;
            }
        };
        for made in &mut self.world.moves {
            arrive(&mut made.told);
        }
        for review in &mut self.world.reviews {
            arrive(&mut review.told);
            if let Some(dismissal) = &mut review.dismissed {
                arrive(&mut dismissal.told);
            }
        }
    }
}

fn toggle(people: &mut std::collections::BTreeSet<Person>, person: Person) {
    if !people.remove(&person) {
        people.insert(person);
    }
}

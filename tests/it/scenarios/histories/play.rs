//! One history: a request in a repository of its own, and the same in the oracle's world.
//!
//! What the server was or was not told is known here exactly, but for two things: whether it asked who made a push that was lost,
//! and whether it still took somebody for an approver who had just ceased to be one when it saw their veto. There both are
//! allowed.

use std::collections::BTreeSet;

use countersign_core::policy;
use github_sim::{DeliveryFault, Membership, Push, Repo, Role, Sim, Team, User, Verdict};

use super::chance::Chance;
use super::oracle::{Outcome, is_approver, judge};
use super::role;
use super::rules::some_rules;
use super::world::{
    CONTENTS, Commit, Dismissal, Move, NAMES, Person, RITA, ROBOT, Review, Rule, Rules, Told, Word, World, text,
};
use crate::harness::{Secrets, World as Stage};

const BRANCH: &str = "rita/db";
const PULL: u64 = 1;

/// Everything a change can touch.
const PATHS: [&str; 5] =
    ["secrets/production/a.yaml", "secrets/production/b.yaml", "secrets/staging/c.yaml", "README.md", ".sops.yaml"];

pub(super) struct Play {
    seed: u64,
    chance: Chance,
    repo: Repo,
    team: Team,
    keeper: User,
    people: Vec<User>,
    world: World,
    /// Per commit: its id, and the commits of the request when it was the head.
    ids: Vec<String>,
    lines: Vec<Vec<usize>>,
    /// GitHub's ids of the reviews.
    reviews: Vec<u64>,
    /// How the world stood since the request was last seen not to be merged.
    states: Vec<World>,
    /// Everybody who was an approver at some time.
    approvers: BTreeSet<Person>,
    merged: bool,
    log: Vec<String>,
}

/// A file of the base, or as a version of a change has it.
fn file(path: &str, version: usize) -> String {
    match path {
        "README.md" => format!("# {version}\n"),
        ".sops.yaml" => {
            format!("creation_rules:\n  - path_regex: ^nothing/\n    age: {}\n# {version}\n", Secrets::recipient())
        }
        secret => Secrets::sealed(secret, u32::try_from(version + 1).expect("few versions")),
    }
}

/// Rules of which all can be played: no ages, no robot; mostly such that a few people can satisfy them.
fn rules(chance: &mut Chance) -> Rules {
    let any = chance.once_in(4);
    loop {
        let (mut rules, _) = some_rules(chance);
        let few = |rule: &Rule| rule.groups.iter().map(|group| group.required).sum::<usize>() <= 2;
        if !any && !rules.rules.iter().all(few) {
            continue;
        }
        (rules.lifetime, rules.machine) = ([None; 2], false);
        if policy::parse(&text(&rules)).is_ok() {
            return rules;
        }
    }
}

impl Play {
    pub(super) fn begin(stage: &Stage, seed: u64, (keeper, people): (&User, &[User])) -> Self {
        let mut chance = Chance::new(seed ^ 0x5e_7e_12);
        let name = format!("o{seed}");
        let org = stage.sim.org(&name);
        let repo = stage.sim.repo(&format!("{name}/app"), "main").expect("a repository");
        let rules = rules(&mut chance);
        let mut writers: BTreeSet<Person> = (0..ROBOT).filter(|_| !chance.once_in(6)).collect();
        writers.insert(RITA);
        let members: BTreeSet<Person> = (0..ROBOT).filter(|_| chance.once_in(2)).collect();
        let team = org.team("security");
        org.member(keeper, true);
        repo.role(keeper, Some(Role::Admin));
        for (person, user) in people.iter().enumerate() {
            org.member(user, false);
            repo.role(user, role(writers.contains(&person)));
            if members.contains(&person) {
                team.member(user, Membership::Active);
            }
        }
        let policy = text(&rules).replace("acme/", &format!("{name}/"));
        let first = Push::to("main").file(".countersign/policy.yaml", policy);
        let first = PATHS.iter().fold(first, |push, path| push.file(path, file(path, 0)));
        repo.push(keeper, first).expect("pushed");
        stage.app.install(&org, &[&repo]);
        let world = World {
            now: 0,
            rules,
            base: 0,
            open: true,
            draft: false,
            requester: None,
            commits: Vec::new(),
            range: Vec::new(),
            moves: Vec::new(),
            reviews: Vec::new(),
            waivers: Vec::new(),
            team: members,
            team_readable: true,
            writers,
            unsure: BTreeSet::new(),
            taken: false,
            base_moved: false,
            base_uncovered: false,
        };
        let (keeper, people) = (keeper.clone(), people.to_vec());
        Self {
            seed,
            chance,
            repo,
            team,
            keeper,
            people,
            world,
            ids: Vec::new(),
            lines: Vec::new(),
            reviews: Vec::new(),
            states: Vec::new(),
            approvers: BTreeSet::new(),
            merged: false,
            log: Vec::new(),
        }
    }

    pub(super) fn is_adopted(&self) -> bool {
        self.repo.tip("countersign/ledger").is_some()
    }

    pub(super) fn is_open(&self) -> bool {
        self.repo.pull_json(PULL).is_object()
    }

    /// The first push: whoever makes it asks for the change.
    pub(super) fn open(&mut self) {
        let content = self.chance.of(&[0, 0, 0, 1, 2, 2, 3, 5, 7]);
        let by = self.writer();
        self.world.requester = Some(by);
        self.commit(content, 0, None, (by, Told::Yes));
        self.states = vec![self.world.clone()];
    }

    /// The server has looked at everything it was told of.
    pub(super) fn looked_at(&mut self) {
        self.see_merge();
        let approvers: Vec<Person> = (0..ROBOT).filter(|person| is_approver(&self.world, *person)).collect();
        let unseen = self.world.reviews.iter_mut().filter(|review| review.looked.is_none());
        for review in unseen {
            review.looked = Some(0);
            // one that ended before it was looked at is told by the timeline, and nothing of its author's standing
            review.stood = review.dismissed.is_none() && review.by.is_some_and(|by| approvers.contains(&by));
        }
        self.approvers.extend(approvers);
        if !self.merged {
            self.states = vec![self.world.clone()];
        }
    }

    /// One thing happens.
    pub(super) fn step(&mut self, sim: &Sim, at: i64) {
        self.see_merge();
        if self.merged {
            return;
        }
        self.world.now = at;
        match self.chance.below(100) {
            _ if !self.world.open => self.set_open(true),
            0..14 => self.push_again(sim),
            14..70 => self.review(sim),
            70..78 => self.dismiss(),
            78..82 => self.set_draft(),
            82..85 => self.set_open(false),
            85..93 => self.turn_member(),
            _ => self.turn_writer(),
        }
        self.approvers.extend((0..ROBOT).filter(|person| is_approver(&self.world, *person)));
        self.states.push(self.world.clone());
    }

    /// The request stands there to be looked at.
    pub(super) fn last_step(&mut self) {
        self.see_merge();
        if !self.merged && !self.world.open {
            self.set_open(true);
        }
        self.states.push(self.world.clone());
    }

    /// How it ended; both must have come to the same.
    pub(super) fn ends(&mut self) -> Outcome {
        self.see_merge();
        if self.merged {
            return Outcome::Allowed;
        }
        let expected: Vec<Outcome> = self.readings(&self.world).iter().map(judge).collect();
        let pull = self.repo.pull_json(PULL);
        let head = pull["head"]["sha"].as_str().expect("a head").to_owned();
        let check = self.repo.checks(&head).into_iter().find(|check| check["name"] == "countersign");
        let conclusion = check.as_ref().and_then(|check| check["conclusion"].as_str()).unwrap_or("none").to_owned();
        let found = match conclusion.as_str() {
            "success" => Outcome::NothingProtected,
            "action_required" => Outcome::Pending,
            "failure" => Outcome::Refused,
            _ => Outcome::InDoubt,
        };
        assert!(expected.contains(&found), "{conclusion}, the oracle says {expected:?}: {}", self.story());
        found
    }

    fn story(&self) -> String {
        let comments: Vec<_> = self.repo.comments(PULL).into_iter().map(|(_, body)| body).collect();
        format!(
            "COUNTERSIGN_TEST_SERVER_SEED={}\n{}\n{}\n{:#?}\n{}",
            self.seed,
            text(&self.world.rules),
            self.log.join("\n"),
            self.world,
            comments.join("\n---\n")
        )
    }

    /// Whether it was merged; then some reading of the world since it was last seen open allows it.
    fn see_merge(&mut self) {
        if self.merged || self.repo.pull_json(PULL)["merged"] != true {
            return;
        }
        self.merged = true;
        let judged: Vec<Outcome> =
            self.states.iter().flat_map(|state| self.readings(state)).map(|world| judge(&world)).collect();
        assert!(judged.contains(&Outcome::Allowed), "merged, the oracle says {judged:?}: {}", self.story());
    }

    /// The world as the server may see it.
    fn readings(&self, world: &World) -> Vec<World> {
        // of whom said nothing that stands nobody asks what they may do: they may be thought able to approve
        let mut unasked = world.clone();
        let speaks = |review: &Review| {
            review.word == Word::Reject || (review.word == Word::Approve && review.dismissed.is_none())
        };
        let silent = |person: &Person| !world.reviews.iter().any(|review| review.by == Some(*person) && speaks(review));
        unasked.writers.extend((0..ROBOT).filter(silent));
        let mut readings = vec![world.clone(), unasked];
        if world.moves.iter().any(|made| made.told == Told::Lost) {
            let mut asked = readings.clone();
            asked.iter_mut().flat_map(|world| &mut world.moves).for_each(|made| made.told = Told::Yes);
            readings.extend(asked);
        }
        let once =
            |review: &Review| review.word == Word::Reject && review.by.is_some_and(|by| self.approvers.contains(&by));
        if world.reviews.iter().any(|review| once(review) && !review.stood) {
            let mut stood = readings.clone();
            for world in &mut stood {
                for review in world.reviews.iter_mut().filter(|review| once(review)) {
                    review.stood = true;
                }
            }
            readings.extend(stood);
        }
        readings
    }

    fn note(&mut self, what: String) {
        self.log.push(format!("{}: {what}", self.world.now));
    }

    fn writer(&mut self) -> Person {
        let writers: Vec<Person> = self.world.writers.iter().copied().collect();
        let rita = writers.contains(&RITA) && !self.chance.once_in(3);
        if rita { RITA } else { writers[self.chance.below(writers.len())] }
    }

    /// A commit of a content on top of the branch (`line`: its commits), or in place of everything.
    fn commit(&mut self, content: usize, version: usize, line: Option<Vec<usize>>, (by, told): (Person, Told)) {
        let number = self.world.commits.len();
        let author = match self.chance.below(10) {
            0 => None,
            1 => Some(self.chance.below(ROBOT)),
            _ => Some(by),
        };
        let co_author = self.chance.once_in(10).then(|| self.chance.below(ROBOT));
        let trailer =
            co_author.map(|person| format!("\n\nCo-authored-by: {} <{}>", NAMES[person], self.people[person].email));
        let mut push = Push::to(BRANCH).message(&format!("Change {number}{}", trailer.unwrap_or_default()));
        match author {
            Some(person) => push = push.author(NAMES[person], &self.people[person].email),
            None => push = push.author("Nobody", "nobody@nowhere.example"),
        }
        if line.is_none() {
            push = push.from("main").force();
        }
        for path in PATHS {
            let changed = CONTENTS[content].contains(&path);
            push = push.file(path, file(path, if changed { version + 1 } else { 0 }));
        }
        let id =
            self.repo.push(&self.people[by], push).unwrap_or_else(|refusal| panic!("{refusal:?}: {}", self.story()));
        self.note(format!(
            "{} pushes {number} ({id}, {content}/{version}, on {line:?}, by {author:?} and {co_author:?}) {told:?}",
            NAMES[by]
        ));
        self.ids.push(id);
        self.world.commits.push(Commit { content, version, beside: 0, author, co_author, readable: true });
        let mut range = line.unwrap_or_default();
        range.push(number);
        self.lines.push(range.clone());
        self.arrive(range, by, told);
    }

    fn arrive(&mut self, range: Vec<usize>, by: Person, told: Told) {
        self.world.range = range;
        let (to, at) = (self.world.head(), self.world.now);
        self.world.moves.push(Move { to, by, at, told });
    }

    fn lost(&mut self, sim: &Sim, event: &str, once_in: usize) -> Told {
        if !self.chance.once_in(once_in) {
            return Told::Yes;
        }
        sim.delivery_fault(DeliveryFault::drop(event));
        Told::Lost
    }

    fn push_again(&mut self, sim: &Sim) {
        let (by, kind) = (self.writer(), self.chance.below(5));
        let back = self.chance.below(self.lines.len());
        if kind == 4 && back == self.world.head() {
            return; // no push at all
        }
        let told = self.lost(sim, "push", 5);
        let head = &self.world.commits[self.world.head()];
        let (content, version, line) = (head.content, head.version, self.world.range.clone());
        match kind {
            0 => self.commit(content, version + 1, Some(line), (by, told)),
            1 => {
                let other = self.chance.below(CONTENTS.len());
                self.commit(other, version, Some(line), (by, told));
            }
            2 => self.commit(content, version, None, (by, told)),
            3 => self.commit(content, version + 1, None, (by, told)),
            _ => {
                self.note(format!("{} moves the branch to {back} {told:?}", NAMES[by]));
                self.repo.move_branch(&self.people[by], BRANCH, &self.ids[back]).expect("moved");
                self.arrive(self.lines[back].clone(), by, told);
            }
        }
    }

    fn review(&mut self, sim: &Sim) {
        let by = if self.chance.once_in(8) { self.chance.below(ROBOT) } else { self.chance.of(&[0, 0, 1, 1, 2, 3, 5]) };
        let (word, verdict) = match self.chance.below(60) {
            0..46 => (Word::Approve, Verdict::Approve),
            46..53 => (Word::Reject, Verdict::RequestChanges),
            _ => (Word::Comment, Verdict::Comment),
        };
        let range = &self.world.range;
        let commit = if self.chance.once_in(8) { range[self.chance.below(range.len())] } else { self.world.head() };
        let told = self.lost(sim, "pull_request_review", 6);
        self.note(format!("{} says {word:?} of {commit} {told:?}", NAMES[by]));
        let id = self.repo.review(&self.people[by], PULL, verdict, Some(&self.ids[commit])).expect("reviewed");
        self.reviews.push(id);
        let (at, base) = (self.world.now, self.world.base);
        self.world.reviews.push(Review {
            by: Some(by),
            word,
            at,
            commit,
            shown: commit,
            base,
            looked: None,
            told,
            dismissed: None,
            comment: false,
            stood: false,
        });
    }

    fn dismiss(&mut self) {
        let by = self.writer();
        let open = |review: &Review| review.dismissed.is_none() && review.word != Word::Comment;
        let those: Vec<usize> = (0..self.world.reviews.len()).filter(|at| open(&self.world.reviews[*at])).collect();
        if those.is_empty() {
            return;
        }
        let at = those[self.chance.below(those.len())];
        self.note(format!("{} dismisses the review {at}", NAMES[by]));
        self.repo.dismiss(&self.people[by], PULL, self.reviews[at]).expect("dismissed");
        // the timeline tells who, also where no delivery does
        self.world.reviews[at].dismissed = Some(Dismissal { by, told: Told::Yes });
        self.world.reviews[at].looked.get_or_insert(0);
    }

    fn set_draft(&mut self) {
        self.world.draft = !self.world.draft;
        self.note(format!("draft: {}", self.world.draft));
        self.repo.set_draft(&self.keeper, PULL, self.world.draft).expect("set");
    }

    fn set_open(&mut self, open: bool) {
        self.world.open = open;
        self.note(format!("open: {open}"));
        self.repo.set_open(&self.keeper, PULL, open).expect("set");
    }

    fn turn_member(&mut self) {
        let person = self.chance.below(ROBOT);
        self.note(format!("{} is in the team: {}", NAMES[person], !self.world.team.contains(&person)));
        if self.world.team.remove(&person) {
            self.team.remove(&self.people[person]);
        } else {
            self.world.team.insert(person);
            self.team.member(&self.people[person], Membership::Active);
        }
    }

    fn turn_writer(&mut self) {
        let person = self.chance.below(ROBOT);
        let writes = !self.world.writers.contains(&person) || person == RITA;
        self.note(format!("{} writes: {writes}", NAMES[person]));
        if writes {
            _ = self.world.writers.insert(person)
        } else {
            _ = self.world.writers.remove(&person)
        }
        self.repo.role(&self.people[person], role(writes));
    }
}

//! Judges a world slowly and plainly, from the documents alone: `changes.md` 2, 3, 5 and 11, the rules of `policy.md`, and R1–R60
//! as far as those adopt them. Rule numbers stand where they are applied.
//!
//! Shares nothing with the engine, and is never made to agree with it.

use std::collections::BTreeSet;

use super::world::{
    Answer, Binding, Group, Move, Person, ROBOT, Review, Told, Word, World, at, covers, environment, human, named,
    writes,
};

/// The state of the check (`changes.md` 5): the worst counts, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    NothingProtected,
    Allowed,
    Pending,
    InDoubt,
    Refused,
}

/// What votes hold for, for how many seconds, and whether comments approve.
type Bound = (Binding, Option<i64>, bool);

/// The last word of a person about the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Approves,
    Rejects,
}

pub(crate) fn judge(world: &World) -> Outcome {
    let paths = world.paths();
    let control = paths.contains(&".sops.yaml");
    let enforced = |name: &str| !world.rules.observed[at(name)]; // policy.md, `mode`
    let touched: Vec<&str> = paths.iter().filter(|path| environment(path).is_some_and(enforced)).copied().collect();
    if !control && touched.is_empty() {
        return Outcome::NothingProtected; // R9
    }
    let mut worst = Outcome::Allowed;
    let mut at_least = |outcome: Outcome| worst = worst.max(outcome);
    let orphan = |path: &&str| !world.rules.rules.iter().any(|rule| covers(rule, path));
    let split = control && !touched.is_empty(); // policy.md
    // no-policy-for-path; R28; changes.md 6.0
    if split || touched.iter().any(orphan) || world.base_moved || world.base_uncovered {
        at_least(Outcome::Refused);
    }
    if world.reviews.iter().any(|review| review.word == Word::Strange && review.dismissed.is_none()) {
        at_least(Outcome::InDoubt); // R11
    }
    for rule in world.rules.rules.iter().filter(|rule| touched.iter().any(|path| covers(rule, path))) {
        let at = at(rule.environment);
        let lifetime = world.rules.lifetime[at].map(|minutes| minutes * 60);
        let bound = (world.rules.binding[at], lifetime, world.rules.comments[at]);
        at_least(quorum(world, &rule.groups, rule.self_approval, bound));
    }
    if control {
        let comments = world.rules.comments.iter().all(|count| *count);
        at_least(quorum(world, &[admins(world)], false, (Binding::Delta, None, comments)));
    }
    if !world.open || world.draft {
        at_least(Outcome::Pending); // R59
    }
    worst
}

/// policy.md: at least the strictest hard policy; without `admins` the union of all approvers with the highest count.
fn admins(world: &World) -> Group {
    let rules = &world.rules.rules;
    let strictest = rules.iter().map(|rule| rule.groups.iter().map(|group| group.required).sum()).max().unwrap_or(1);
    match &world.rules.admins {
        Some(admins) => Group { required: admins.required.max(strictest), ..admins.clone() },
        None => {
            let groups = || rules.iter().flat_map(|rule| &rule.groups);
            let users: BTreeSet<Person> = groups().flat_map(|group| group.users.iter().copied()).collect();
            Group { users: users.into_iter().collect(), team: groups().any(|group| group.team), required: strictest }
        }
    }
}

/// One policy: all its groups, by distinct people (R43).
fn quorum(world: &World, groups: &[Group], self_approval: bool, bound: Bound) -> Outcome {
    let extra = usize::from(extra_seat(world));
    let seats: Vec<usize> =
        groups.iter().enumerate().flat_map(|(at, group)| vec![at; group.required + extra]).collect();
    // R36 as decided: lifted only where the policy itself asks for more than one
    let lifted = self_approval && groups.iter().map(|group| group.required).sum::<usize>() > 1;
    let (mut sure, mut perhaps, mut reach) = (Vec::new(), Vec::new(), Vec::new());
    let mut veto = Answer::No;
    for group in groups {
        let (mut yes, mut maybe, mut could) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for person in 0..ROBOT {
            match said(world, person, bound) {
                Said::Approves => match may_approve(world, group, person, lifted) {
                    Answer::Yes => _ = (yes.insert(human(world, person)), maybe.insert(human(world, person))),
                    Answer::Unread => _ = maybe.insert(human(world, person)),
                    Answer::No => {}
                },
                Said::Rejects => match (veto, has_say(world, group, (person, bound.2))) {
                    (_, Answer::Yes) => veto = Answer::Yes,
                    (Answer::No, Answer::Unread) => veto = Answer::Unread,
                    (_, _) => {}
                },
                Said::Nothing => {}
            }
            if may_approve(world, group, person, lifted) != Answer::No {
                could.insert(human(world, person));
            }
        }
        sure.push(yes);
        perhaps.push(maybe);
        reach.push(could);
    }
    if veto == Answer::Yes {
        Outcome::Refused // changes.md 5: a rejection by an eligible person blocks
    } else if veto == Answer::Unread {
        Outcome::InDoubt
    } else if machine_alone(world) || seated(&seats, &sure, &mut BTreeSet::new()) {
        Outcome::Allowed
    } else if seated(&seats, &perhaps, &mut BTreeSet::new()) {
        Outcome::InDoubt // R47
    } else if !world.team_readable && groups.iter().any(|group| group.team)
        || seated(&seats, &reach, &mut BTreeSet::new())
    {
        Outcome::Pending
    } else {
        Outcome::Refused // policy.md: `unreachable`
    }
}

/// policy.md, `machines`: requester, every pusher we know and every commit are the robot; only values of production changed.
fn machine_alone(world: &World) -> bool {
    let its = |person: Option<Person>| person == Some(ROBOT);
    world.rules.machine
        && its(world.requester)
        && world.paths().iter().all(|path| environment(path) == Some("production"))
        && world.range.iter().all(|number| {
            let commit = &world.commits[*number];
            let told = world.moves.iter().filter(|made| made.to == *number && made.told == Told::Yes);
            let made_by_it = its(commit.author) && its(commit.co_author.or(Some(ROBOT)));
            made_by_it && !unexplained(world, *number) && told.map(|made| Some(made.by)).all(its)
        })
}

/// Whether every seat gets a person of its own: all ways are tried.
fn seated(seats: &[usize], people: &[BTreeSet<Person>], taken: &mut BTreeSet<Person>) -> bool {
    let Some((group, rest)) = seats.split_first() else { return true };
    people[*group].iter().any(|person| {
        if !taken.insert(*person) {
            return false;
        }
        let fits = seated(rest, people, taken);
        taken.remove(person);
        fits
    })
}

/// policy.md and decision 0009: a requester that is a bot or unknown, a commit of no account, a head whose mover is unknown: one seat.
fn extra_seat(world: &World) -> bool {
    let nobodys = |commit: &usize| unexplained(world, *commit) || world.commits[*commit].author.is_none();
    world.requester.is_none_or(|requester| requester == ROBOT) || world.range.iter().any(nobodys)
}

/// Whether the branch is known to have stood at a commit (it does, or a move we were told of began there), and nothing says who
/// brought it there (R32, decision 0009).
fn unexplained(world: &World, commit: usize) -> bool {
    let told = |made: &Move| made.told == Told::Yes && world.range.contains(&made.to);
    let began = world.moves.windows(2).any(|pair| pair[0].to == commit && told(&pair[1]));
    (began || commit == world.head()) && !world.moves.iter().any(|made| made.to == commit && told(made))
}

/// R31–R33: who asked, who pushed, who wrote.
fn made_it(world: &World, person: Person, lifted: bool) -> bool {
    let is = |other: Person| human(world, other) == human(world, person);
    if world.requester.is_some_and(is) {
        return !lifted;
    }
    let pushed =
        |commit: &usize| world.moves.iter().any(|made| made.to == *commit && made.told == Told::Yes && is(made.by));
    let wrote = |commit: &usize| {
        let commit = &world.commits[*commit];
        commit.author.is_some_and(is) || commit.co_author.is_some_and(is)
    };
    world.range.iter().any(|commit| pushed(commit) || wrote(commit))
}

fn may_approve(world: &World, group: &Group, person: Person, lifted: bool) -> Answer {
    if made_it(world, person, lifted) {
        return Answer::No;
    }
    match (named(world, group, person), writes(world, person)) {
        (Answer::No, _) | (_, Answer::No) => Answer::No,
        (Answer::Yes, Answer::Yes) => Answer::Yes,
        (_, _) => Answer::Unread,
    }
}

/// Whether a rejection counts: excluded people may still reject (interfaces.md), and a veto outlives the membership of the one
/// who gave it (R24, scenario 22).
fn has_say(world: &World, group: &Group, (person, comments): (Person, bool)) -> Answer {
    let stood = |review: &&Review| review.by == Some(person) && review.word == Word::Reject && review.stood;
    if last(world, person, comments).filter(stood).is_some() {
        return Answer::Yes;
    }
    match (named(world, group, person), writes(world, person)) {
        (_, Answer::No) => Answer::No,
        (named, _) => named,
    }
}

/// Whether somebody is an approver of what the change touches at all.
pub(crate) fn is_approver(world: &World, person: Person) -> bool {
    let paths = world.paths();
    let rules = world.rules.rules.iter().filter(|rule| paths.iter().any(|path| covers(rule, path)));
    let control = paths.contains(&".sops.yaml").then(|| admins(world));
    let mut groups = rules.flat_map(|rule| rule.groups.clone()).chain(control);
    groups.any(|group| named(world, &group, person) == Answer::Yes && writes(world, person) == Answer::Yes)
}

/// R20: the last by GitHub's time; of equal times the more restrictive. A dismissal ends the vote of its own review (R19), where
/// that vote stands in time: it neither revives an older vote nor takes a later one. A comment that was changed before it was heard
/// says nothing (R14); a withdrawal that was taken away still ends an approval, not a veto (R18).
fn last(world: &World, person: Person, comments: bool) -> Option<&Review> {
    let strict = |review: &Review| match (review.word, ended(world, review)) {
        (Word::Reject, false) => 2,
        (Word::Approve, false) => 0,
        (_, _) => 1,
    };
    let own =
        world.reviews.iter().filter(|review| review.by.is_some_and(|by| human(world, by) == human(world, person)));
    let speaks = |review: &&Review| match (review.word, review.comment) {
        (Word::Comment | Word::Strange, _) => false,
        (Word::Approve, true) if !comments => false,
        (_, comment) => !comment || review.is_heard() || review.dismissed.is_none(),
    };
    let mut voting: Vec<&Review> = own.filter(speaks).collect();
    voting.sort_by_key(|review| (review.at, strict(review), review.comment));
    let last = voting.into_iter().fold(None, |last: Option<&Review>, next| {
        let vetoed = last.is_some_and(|last| last.word == Word::Reject && !ended(world, last));
        if vetoed && next.word == Word::Withdraw && next.dismissed.is_some() { last } else { Some(next) }
    });
    // a human who speaks with two accounts spoke last with one of them, and that one is asked about
    last.filter(|review| review.by == Some(person))
}

fn said(world: &World, person: Person, bound: Bound) -> Said {
    match last(world, person, bound.2).filter(|review| !ended(world, review)) {
        Some(review) if review.word == Word::Reject => Said::Rejects, // R24: whatever the commit
        Some(review) if review.word == Word::Approve && holds(world, review, bound) => Said::Approves,
        Some(_) | None => Said::Nothing,
    }
}

/// R19: an approval ends with its dismissal; a veto only when its author or an `admins` approver without part in the change did
/// it, as far as we were told. What was dismissed before anybody told us or we looked is not known to be a veto.
fn ended(world: &World, review: &Review) -> bool {
    let admin =
        |by: Person| by != ROBOT && named(world, &admins(world), by) == Answer::Yes && !made_it(world, by, false);
    // changes.md 5: `/countersign waive`, after the rejection
    let waived = world.waivers.iter().any(|waiver| {
        let writes = writes(world, waiver.by) == Answer::Yes;
        Some(waiver.of) == review.by && waiver.at > review.at && writes && admin(waiver.by)
    });
    if review.word == Word::Reject && waived {
        return true;
    }
    let Some(dismissal) = &review.dismissed else { return false };
    if review.word != Word::Reject || !review.is_heard() {
        return true;
    }
    let by = dismissal.by;
    if review.comment {
        return dismissal.told == Told::Yes && review.by == Some(by); // R18: by its author alone
    }
    let own = review.by.is_some_and(|author| human(world, author) == human(world, by));
    dismissal.told == Told::Yes && (own || admin(by))
}

/// `changes.md` 3, R12, R13, R22, R27.
fn holds(world: &World, review: &Review, (binding, lifetime, _): Bound) -> bool {
    if lifetime.is_some_and(|seconds| world.now - review.at > seconds) {
        return false; // R30
    }
    let told = review.told == Told::Yes;
    // decision 0011: a comment is of the base of its time, and names the whole commit whenever it was first seen
    let first_base = if told || review.comment { Some(review.base) } else { review.looked };
    if first_base.is_some_and(|base| base != world.base) || review.shown != review.commit && told {
        return false;
    }
    let (commit, head) = (review.shown, world.head());
    let since = world.moves.iter().filter(|made| made.to == head && made.told == Told::Yes).map(|made| made.at).max();
    let after = review.comment || since.is_some_and(|since| review.at >= since);
    if !told && (commit != head || !after) {
        return false;
    }
    let (then, now) = (&world.commits[commit], &world.commits[head]);
    let same = then.readable && (then.content, then.version) == (now.content, now.version);
    same && (binding == Binding::Change || then.beside == now.beside) && (binding != Binding::Commit || commit == head)
}

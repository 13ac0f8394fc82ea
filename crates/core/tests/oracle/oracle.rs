//! Judges a world slowly and plainly, from the documents alone: `changes.md` 2, 3, 5 and 11, the rules of `policy.md`, and R1–R60
//! as far as those adopt them. Rule numbers stand where they are applied.
//!
//! Shares nothing with the engine, and is never made to agree with it: whoever finds them apart reads the document.

use std::collections::BTreeSet;

use super::world::{Group, Person, RENAMED, ROBOT, Review, Rule, Told, Word, World};

/// The state of the check (`changes.md` 5): the worst counts, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    NothingProtected,
    Allowed,
    Pending,
    InDoubt,
    Refused,
}

/// What cannot be read is not no (R41).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Unread,
}

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
    let touched: BTreeSet<&str> = paths.iter().filter_map(|path| environment(path)).collect();
    if !control && touched.is_empty() {
        return Outcome::NothingProtected; // R9
    }
    let mut worst = Outcome::Allowed;
    let mut at_least = |outcome: Outcome| worst = worst.max(outcome);
    if control && !touched.is_empty() {
        at_least(Outcome::Refused); // policy.md: "split this"
    }
    let orphan = |path: &&str| environment(path).is_some() && !world.rules.rules.iter().any(|rule| covers(rule, path));
    if paths.iter().any(orphan) {
        at_least(Outcome::Refused); // no-policy-for-path
    }
    if world.base_moved || world.base_uncovered {
        at_least(Outcome::Refused); // R28, changes.md 6.0
    }
    if world.reviews.iter().any(|review| review.word == Word::Strange && review.dismissed.is_none()) {
        at_least(Outcome::InDoubt); // R11
    }
    for rule in world.rules.rules.iter().filter(|rule| paths.iter().any(|path| covers(rule, path))) {
        let commit = world.rules.commit_binding[usize::from(rule.environment == "staging")];
        at_least(quorum(world, &rule.groups, rule.self_approval, commit));
    }
    if control {
        at_least(quorum(world, &[admins(world)], false, false));
    }
    if !world.open || world.draft {
        at_least(Outcome::Pending); // R59
    }
    worst
}

fn environment(path: &str) -> Option<&'static str> {
    ["production", "staging"].into_iter().find(|name| path.starts_with(&format!("secrets/{name}/")))
}

fn covers(rule: &Rule, path: &str) -> bool {
    environment(path) == Some(rule.environment) && rule.path.is_none_or(|own| own == path)
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
fn quorum(world: &World, groups: &[Group], self_approval: bool, commit_binding: bool) -> Outcome {
    let extra = usize::from(extra_seat(world));
    let seats: Vec<usize> =
        groups.iter().enumerate().flat_map(|(at, group)| vec![at; group.required + extra]).collect();
    // R36 as decided: lifted only where the policy itself asks for more than one
    let lifted = self_approval && groups.iter().map(|group| group.required).sum::<usize>() > 1;
    let mut sure = Vec::new();
    let mut perhaps = Vec::new();
    let mut reach = Vec::new();
    let mut veto = Answer::No;
    for group in groups {
        let (mut yes, mut maybe, mut could) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for person in 0..ROBOT {
            match said(world, person, commit_binding) {
                Said::Approves => match may_approve(world, group, person, lifted) {
                    Answer::Yes => _ = (yes.insert(person), maybe.insert(person)),
                    Answer::Unread => _ = maybe.insert(person),
                    Answer::No => {}
                },
                Said::Rejects => match (veto, has_say(world, group, person)) {
                    (_, Answer::Yes) => veto = Answer::Yes,
                    (Answer::No, Answer::Unread) => veto = Answer::Unread,
                    (_, _) => {}
                },
                Said::Nothing => {}
            }
            if may_approve(world, group, person, lifted) != Answer::No {
                could.insert(person);
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
    } else if seated(&seats, &sure, &mut BTreeSet::new()) {
        Outcome::Allowed
    } else if seated(&seats, &perhaps, &mut BTreeSet::new()) {
        Outcome::InDoubt // R47
    } else if unread_roster(world, groups) || seated(&seats, &reach, &mut BTreeSet::new()) {
        Outcome::Pending
    } else {
        Outcome::Refused // policy.md: `unreachable`
    }
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

fn unread_roster(world: &World, groups: &[Group]) -> bool {
    !world.team_readable && groups.iter().any(|group| group.team)
}

/// policy.md and decision 0009: a requester that is a bot or unknown, a commit of no account, a head whose mover is unknown: one seat.
fn extra_seat(world: &World) -> bool {
    world.requester.is_none_or(|requester| requester == ROBOT)
        || world.range.iter().any(|commit| world.commits[*commit].author.is_none())
        || world.range.iter().any(|commit| {
            let mut moves = world.moves.iter().filter(|made| made.to == *commit).peekable();
            moves.peek().is_some() && moves.all(|made| made.told != Told::Yes)
        })
}

/// R31–R33: who asked, who pushed, who wrote.
fn made_it(world: &World, person: Person, lifted: bool) -> bool {
    if world.requester == Some(person) {
        return !lifted;
    }
    let pushed = |commit: &usize| {
        world.moves.iter().any(|made| made.to == *commit && made.told == Told::Yes && made.by == person)
    };
    let wrote = |commit: &usize| {
        let commit = &world.commits[*commit];
        commit.author == Some(person) || commit.co_author == Some(person)
    };
    world.range.iter().any(|commit| pushed(commit) || wrote(commit))
}

/// Whether the group names the person, by id as resolved once and as an active member now (R38–R41, `identity-changed`).
fn named(world: &World, group: &Group, person: Person) -> Answer {
    if group.users.contains(&person) && !(person == RENAMED && world.taken) {
        return Answer::Yes;
    }
    match (group.team, world.team_readable) {
        (false, _) => Answer::No,
        (true, false) => Answer::Unread,
        (true, true) if world.team.contains(&person) => Answer::Yes,
        (true, true) => Answer::No,
    }
}

fn writes(world: &World, person: Person) -> Answer {
    match (world.unsure.contains(&person), world.writers.contains(&person)) {
        (true, _) => Answer::Unread,
        (false, true) => Answer::Yes,
        (false, false) => Answer::No,
    }
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
fn has_say(world: &World, group: &Group, person: Person) -> Answer {
    let stood = |review: &&Review| review.by == Some(person) && review.word == Word::Reject && review.stood;
    if last(world, person).filter(stood).is_some() {
        return Answer::Yes;
    }
    match (named(world, group, person), writes(world, person)) {
        (Answer::No, _) | (_, Answer::No) => Answer::No,
        (Answer::Unread, _) => Answer::Unread,
        (Answer::Yes, _) => Answer::Yes,
    }
}

/// Whether somebody is an approver of what the change touches at all.
pub(crate) fn is_approver(world: &World, person: Person) -> bool {
    let paths = world.paths();
    let rules = world.rules.rules.iter().filter(|rule| paths.iter().any(|path| covers(rule, path)));
    let groups = rules.flat_map(|rule| rule.groups.clone());
    let control = paths.contains(&".sops.yaml").then(|| admins(world));
    groups
        .chain(control)
        .any(|group| named(world, &group, person) == Answer::Yes && writes(world, person) == Answer::Yes)
}

/// R20: the last by GitHub's time; of equal times the more restrictive. A dismissal ends the vote of its own review (R19), where
/// that vote stands in time: it neither revives an older vote nor takes a later one.
fn last(world: &World, person: Person) -> Option<&Review> {
    let strict = |review: &Review| match (review.word, ended(world, review)) {
        (Word::Reject, false) => 2,
        (_, true) => 1,
        (_, false) => 0,
    };
    let own = world.reviews.iter().filter(|review| review.by == Some(person));
    let voting = own.filter(|review| matches!(review.word, Word::Approve | Word::Reject));
    voting.max_by_key(|review| (review.at, strict(review)))
}

fn said(world: &World, person: Person, commit_binding: bool) -> Said {
    match last(world, person) {
        None => Said::Nothing,
        Some(review) if ended(world, review) => Said::Nothing,
        Some(review) => match review.word {
            Word::Reject => Said::Rejects, // R24: whatever the commit
            Word::Approve if holds(world, review, commit_binding) => Said::Approves,
            Word::Approve | Word::Comment | Word::Strange => Said::Nothing,
        },
    }
}

/// R19: an approval ends with its dismissal; a veto only when its author or an `admins` approver without part in the change did
/// it, as far as we were told. What was dismissed before anybody told us or we looked is not known to be a veto.
fn ended(world: &World, review: &Review) -> bool {
    let Some(dismissal) = &review.dismissed else { return false };
    if review.word != Word::Reject || (review.told != Told::Yes && review.looked.is_none()) {
        return true;
    }
    let by = dismissal.by;
    let may = by != ROBOT && named(world, &admins(world), by) == Answer::Yes && !made_it(world, by, false);
    dismissal.told == Told::Yes && (review.by == Some(by) || may)
}

/// `changes.md` 3, R12, R13, R22, R27.
fn holds(world: &World, review: &Review, commit_binding: bool) -> bool {
    let told = review.told == Told::Yes;
    let first_base = if told { Some(review.base) } else { review.looked };
    if first_base.is_some_and(|base| base != world.base) || review.shown != review.commit && told {
        return false;
    }
    let (commit, head) = (review.shown, world.head());
    let since = world.moves.iter().filter(|made| made.to == head && made.told == Told::Yes).map(|made| made.at).max();
    if !told && (commit != head || since.is_none_or(|since| review.at < since)) {
        return false;
    }
    let same = {
        let (then, now) = (&world.commits[commit], &world.commits[head]);
        then.readable && (then.content, then.version) == (now.content, now.version)
    };
    same && (!commit_binding || commit == head)
}

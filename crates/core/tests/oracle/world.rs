//! A small world in which changes are pushed, reviewed and judged: what happened, and how much of it was told to us.
//!
//! Knows nothing of the engine's types; `shown.rs` translates it, `oracle.rs` judges it.

use std::collections::BTreeSet;

/// Somebody, by number.
pub(crate) type Person = usize;

/// Their logins. The last one is a robot.
pub(crate) const NAMES: [&str; 8] = ["ann", "bob", "cy", "dee", "rita", "zoe", "eve", "rotator"];
/// A robot's account.
pub(crate) const ROBOT: Person = 7;
/// Who asks for the change in most histories.
pub(crate) const RITA: Person = 4;
/// A person whose login may come to belong to somebody else.
pub(crate) const RENAMED: Person = 1;

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Approve,
    Reject,
    Comment,
    /// A state nobody knew when this was written.
    Strange,
    /// `/countersign unapprove`.
    Withdraw,
}

/// A review, or a vote by comment, as submitted and as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    /// `None`: the account is gone.
    pub(crate) by: Option<Person>,
    pub(crate) word: Word,
    pub(crate) at: i64,
    /// For which commit it was submitted, and which one the API shows now.
    pub(crate) commit: usize,
    pub(crate) shown: usize,
    /// Where the request aimed when it was submitted.
    pub(crate) base: usize,
    /// Where it aimed when we first looked, if we looked while the review stood there.
    pub(crate) looked: Option<usize>,
    /// Whether its delivery has arrived, is on its way, or is lost.
    pub(crate) told: Told,
    /// Of a comment: edited, hidden or deleted.
    pub(crate) dismissed: Option<Dismissal>,
    /// By comment.
    pub(crate) comment: bool,
    /// Whether its author was an approver when we first looked.
    pub(crate) stood: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Yes,
    OnTheWay,
    Lost,
}

/// The end of a review.
#[derive(Debug, Clone)]
pub(crate) struct Dismissal {
    pub(crate) by: Person,
    pub(crate) told: Told,
}

impl Review {
    /// Whether we know what it said while it stood there as it was written.
    pub(crate) fn is_heard(&self) -> bool {
        self.told == Told::Yes || self.looked.is_some()
    }
}

/// `/countersign waive @user`.
#[derive(Debug, Clone)]
pub(crate) struct Waiver {
    pub(crate) by: Person,
    pub(crate) of: Person,
    pub(crate) at: i64,
}

/// A commit of the head branch.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// What it makes of the base: see [`CONTENTS`].
    pub(crate) content: usize,
    /// Changed values at the same paths.
    pub(crate) version: usize,
    /// What others changed in the same files, beside it: on a base that moved on.
    pub(crate) beside: usize,
    /// `None`: an address of no account.
    pub(crate) author: Option<Person>,
    pub(crate) co_author: Option<Person>,
    /// Whether it can still be read.
    pub(crate) readable: bool,
}

/// A move of the head branch.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) to: usize,
    pub(crate) by: Person,
    pub(crate) at: i64,
    pub(crate) told: Told,
}

/// What a change can touch: the paths of `secrets/` it changes.
pub(crate) const CONTENTS: [&[&str]; 8] = [
    &["secrets/production/a.yaml"],
    &["secrets/production/b.yaml"],
    &["secrets/production/a.yaml", "secrets/production/b.yaml"],
    &["secrets/staging/c.yaml"],
    &["README.md"],
    &[".sops.yaml"],
    &[".sops.yaml", "secrets/production/a.yaml"],
    &["secrets/production/a.yaml", "secrets/staging/c.yaml", "README.md"],
];

/// People of whom a number must approve.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) users: Vec<Person>,
    pub(crate) team: bool,
    pub(crate) required: usize,
}

/// One policy.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) environment: &'static str,
    /// `None`: the whole environment.
    pub(crate) path: Option<&'static str>,
    pub(crate) groups: Vec<Group>,
    pub(crate) self_approval: bool,
}

/// What a vote holds for, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    Commit,
    Delta,
    Change,
}

/// A policy file.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) rules: Vec<Rule>,
    /// `None`: left out.
    pub(crate) admins: Option<Group>,
    /// What votes hold for, per environment: production, staging.
    pub(crate) binding: [Binding; 2],
    /// Whether the rules of an environment are only observed.
    pub(crate) observed: [bool; 2],
    /// Whether comments approve, per environment.
    pub(crate) comments: [bool; 2],
    /// How long approvals hold, in minutes, per environment.
    pub(crate) lifetime: [Option<i64>; 2],
    /// Two accounts that are one person.
    pub(crate) same: Option<(Person, Person)>,
    /// Whether the robot may change values of production alone.
    pub(crate) machine: bool,
}

/// Everything.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) rules: Rules,
    /// 0: main, governed; 1: another governed branch.
    pub(crate) base: usize,
    pub(crate) open: bool,
    pub(crate) draft: bool,
    pub(crate) requester: Option<Person>,
    pub(crate) commits: Vec<Commit>,
    /// Commits of the request, the head last.
    pub(crate) range: Vec<usize>,
    pub(crate) moves: Vec<Move>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) waivers: Vec<Waiver>,
    pub(crate) team: BTreeSet<Person>,
    pub(crate) team_readable: bool,
    /// Who may write; and of whom it cannot be told.
    pub(crate) writers: BTreeSet<Person>,
    pub(crate) unsure: BTreeSet<Person>,
    /// Whether the login of [`RENAMED`] belongs to somebody else now.
    pub(crate) taken: bool,
    /// The base changed a protected file of the change.
    pub(crate) base_moved: bool,
    /// The base holds protected content nobody approved.
    pub(crate) base_uncovered: bool,
}

impl World {
    pub(crate) fn head(&self) -> usize {
        *self.range.last().expect("a request has a head")
    }

    pub(crate) fn paths(&self) -> &'static [&'static str] {
        CONTENTS[self.commits[self.head()].content]
    }
}

/// The policy file as YAML.
pub(crate) fn text(rules: &Rules) -> String {
    let mut text = String::from("version: 1\nenvironments:\n");
    for (at, name) in ["production", "staging"].into_iter().enumerate() {
        let binding = format!("{:?}", rules.binding[at]).to_lowercase();
        let mode = if rules.observed[at] { ", mode: observe" } else { "" };
        let lifetime = rules.lifetime[at].map(|minutes| format!(", approval_ttl: {minutes}m")).unwrap_or_default();
        let binding = format!("{binding}{lifetime}{mode}, comment_votes: {}", rules.comments[at]);
        text += &format!("  {name}: {{paths: [secrets/{name}/], binding: {binding}}}\n");
        // the second branch is governed by environments of the same shape
        text += &format!("  {name}-next: {{paths: [secrets/{name}/], binding: {binding}, branch: next}}\n");
    }
    text += "policies:\n";
    for (at, rule) in rules.rules.iter().enumerate() {
        let environments = format!("[{0}, {0}-next]", rule.environment);
        text += &format!("  - name: p{at}\n    environments: {environments}\n");
        if let Some(path) = rule.path {
            text += &format!("    secret_paths: [{path}]\n");
        }
        text += &format!("    self_approval: {}\n    groups:\n", rule.self_approval);
        for (at, group) in rule.groups.iter().enumerate() {
            text += &format!("      - {{name: g{at}, {}}}\n", people(group));
        }
    }
    if let Some((one, other)) = rules.same {
        text += &format!("people:\n  {}: {{same_person: {}}}\n", NAMES[one], NAMES[other]);
    }
    if rules.machine {
        let robot = ROBOT + 1;
        text += &format!(
            "machines:\n  - {{id: {robot}, login: {}, environments: [production, production-next], keys: [db_*]}}\n",
            NAMES[ROBOT]
        );
    }
    if let Some(admins) = &rules.admins {
        text += &format!("admins: {{{}}}\n", people(admins));
    }
    text
}

fn people(group: &Group) -> String {
    let users: Vec<_> = group.users.iter().map(|person| NAMES[*person]).collect();
    let users = if users.is_empty() { String::new() } else { format!("users: [{}]", users.join(", ")) };
    let team = if group.team { "teams: [acme/security]" } else { "" };
    let comma = if users.is_empty() || team.is_empty() { "" } else { ", " };
    format!("approvers: {{{users}{comma}{team}}}, required_approvals: {}", group.required)
}

/// The environment a path lies in.
pub(crate) fn environment(path: &str) -> Option<&'static str> {
    ["production", "staging"].into_iter().find(|name| path.starts_with(&format!("secrets/{name}/")))
}

/// Which of the two environments, by number.
pub(crate) fn at(environment: &str) -> usize {
    usize::from(environment == "staging")
}

/// Whether a policy applies to a path.
pub(crate) fn covers(rule: &Rule, path: &str) -> bool {
    environment(path) == Some(rule.environment) && rule.path.is_none_or(|own| own == path)
}

/// R21, `same_person`: the account that stands for a human.
pub(crate) fn human(world: &World, person: Person) -> Person {
    match world.rules.same {
        Some((one, other)) if person == other => one,
        Some(_) | None => person,
    }
}

/// What cannot be read is not no (R41).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    Unread,
}

/// Whether the group names the person, by id as resolved once and as an active member now (R38–R41, `identity-changed`).
pub(crate) fn named(world: &World, group: &Group, person: Person) -> Answer {
    if group.users.contains(&person) && !(person == RENAMED && world.taken) {
        return Answer::Yes;
    }
    match (group.team, world.team_readable, world.team.contains(&person)) {
        (false, _, _) | (true, true, false) => Answer::No,
        (true, false, _) => Answer::Unread,
        (true, true, true) => Answer::Yes,
    }
}

/// Whether somebody may write now.
pub(crate) fn writes(world: &World, person: Person) -> Answer {
    match (world.unsure.contains(&person), world.writers.contains(&person)) {
        (true, _) => Answer::Unread,
        (false, true) => Answer::Yes,
        (false, false) => Answer::No,
    }
}

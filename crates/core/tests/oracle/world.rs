//! A small world in which changes are pushed, reviewed and judged: what happened, and how much of it was told to us.
//!
//! Knows nothing of the engine's types; `shown.rs` translates it, `oracle.rs` judges it.

use std::collections::BTreeSet;

/// Somebody, by number.
pub type Person = usize;

/// Their logins. The last one is a robot.
pub const NAMES: [&str; 8] = ["ann", "bob", "cy", "dee", "rita", "zoe", "eve", "rotator"];
/// A robot's account.
pub const ROBOT: Person = 7;
/// Who asks for the change in most histories.
pub const RITA: Person = 4;
/// A person whose login may come to belong to somebody else.
pub const RENAMED: Person = 1;

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Approve,
    Reject,
    Comment,
    /// A state nobody knew when this was written.
    Strange,
}

/// A review, as submitted and as it stands.
#[derive(Debug, Clone)]
pub struct Review {
    /// `None`: the account is gone.
    pub by: Option<Person>,
    pub word: Word,
    pub at: i64,
    /// For which commit it was submitted, and which one the API shows now.
    pub commit: usize,
    pub shown: usize,
    /// Where the request aimed when it was submitted.
    pub base: usize,
    /// Where it aimed when we first looked, if we looked while the review stood there.
    pub looked: Option<usize>,
    /// Whether its delivery has arrived, is on its way, or is lost.
    pub told: Told,
    pub dismissed: Option<Dismissal>,
    /// Whether its author was an approver when we first looked.
    pub stood: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Yes,
    OnTheWay,
    Lost,
}

/// The end of a review.
#[derive(Debug, Clone)]
pub struct Dismissal {
    pub by: Person,
    pub told: Told,
}

/// A commit of the head branch.
#[derive(Debug, Clone)]
pub struct Commit {
    /// What it makes of the base: see [`CONTENTS`].
    pub content: usize,
    /// Changed bytes at the same paths.
    pub version: usize,
    /// `None`: an address of no account.
    pub author: Option<Person>,
    pub co_author: Option<Person>,
    /// Whether it can still be read.
    pub readable: bool,
}

/// A move of the head branch.
#[derive(Debug, Clone)]
pub struct Move {
    pub to: usize,
    pub by: Person,
    pub at: i64,
    pub told: Told,
}

/// What a change can touch: the paths of `secrets/` it changes.
pub const CONTENTS: [&[&str]; 8] = [
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
pub struct Group {
    pub users: Vec<Person>,
    pub team: bool,
    pub required: usize,
}

/// One policy.
#[derive(Debug, Clone)]
pub struct Rule {
    pub environment: &'static str,
    /// `None`: the whole environment.
    pub path: Option<&'static str>,
    pub groups: Vec<Group>,
    pub self_approval: bool,
}

/// A policy file.
#[derive(Debug, Clone)]
pub struct Rules {
    pub rules: Vec<Rule>,
    /// `None`: left out.
    pub admins: Option<Group>,
    /// Whether votes hold for the commit, per environment: production, staging.
    pub commit_binding: [bool; 2],
}

/// Everything.
#[derive(Debug, Clone)]
pub struct World {
    pub now: i64,
    pub rules: Rules,
    /// 0: main, governed; 1: another governed branch.
    pub base: usize,
    pub open: bool,
    pub draft: bool,
    pub requester: Option<Person>,
    pub commits: Vec<Commit>,
    /// Commits of the request, the head last.
    pub range: Vec<usize>,
    pub moves: Vec<Move>,
    pub reviews: Vec<Review>,
    pub team: BTreeSet<Person>,
    pub team_readable: bool,
    /// Who may write; and of whom it cannot be told.
    pub writers: BTreeSet<Person>,
    pub unsure: BTreeSet<Person>,
    /// Whether the login of [`RENAMED`] belongs to somebody else now.
    pub taken: bool,
    /// The base changed a protected file of the change.
    pub base_moved: bool,
    /// The base holds protected content nobody approved.
    pub base_uncovered: bool,
}

impl World {
    pub fn head(&self) -> usize {
        *self.range.last().expect("a request has a head")
    }

    pub fn paths(&self) -> &'static [&'static str] {
        CONTENTS[self.commits[self.head()].content]
    }
}

/// The policy file as YAML.
pub fn text(rules: &Rules) -> String {
    let mut text = String::from("version: 1\nenvironments:\n");
    for (at, name) in ["production", "staging"].into_iter().enumerate() {
        let binding = if rules.commit_binding[at] { "commit" } else { "delta" };
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

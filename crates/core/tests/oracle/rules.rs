//! Random policies that the policy reader accepts.

use countersign_core::policy::{self, Policy};

use super::chance::Chance;
use super::world::{Binding, Group, Person, ROBOT, Rule, Rules, text};

/// Rules that the policy reader accepts.
pub(crate) fn some_rules(chance: &mut Chance) -> (Rules, Policy) {
    loop {
        let rules = Rules {
            rules: (0..1 + chance.below(3)).map(|_| some_rule(chance)).collect(),
            admins: (!chance.once_in(4)).then(|| some_group(chance)),
            binding: [0, 1].map(|_| chance.of(&[Binding::Commit, Binding::Delta, Binding::Change])),
            observed: [chance.once_in(8), chance.once_in(4)],
            lifetime: [chance.once_in(4).then_some(1), chance.once_in(4).then_some(1)],
            comments: [!chance.once_in(4), !chance.once_in(4)],
            same: chance.once_in(4).then(|| chance.of(&[(0, 1), (2, 3), (3, 4), (6, 0)])),
            machine: chance.once_in(3),
        };
        if let Ok(policy) = policy::parse(&text(&rules)) {
            return (rules, policy);
        }
    }
}

fn some_rule(chance: &mut Chance) -> Rule {
    let environment = if chance.once_in(4) { "staging" } else { "production" };
    let path = (environment == "production" && chance.once_in(3)).then_some("secrets/production/a.yaml");
    let groups = (0..1 + chance.below(5) / 3).map(|_| some_group(chance)).collect();
    Rule { environment, path, groups, self_approval: chance.once_in(4) }
}

fn some_group(chance: &mut Chance) -> Group {
    let team = chance.once_in(2);
    let mut users: Vec<Person> = (0..ROBOT).filter(|_| chance.once_in(2)).collect();
    if users.is_empty() && !team {
        users = vec![0, 1];
    }
    Group { users, team, required: chance.of(&[1, 1, 1, 2, 2, 3]) }
}

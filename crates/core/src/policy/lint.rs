//! What is allowed, but hardly meant.
//!
//! Findings here depend on the text alone, or on names of files; who is in a team, or who has left, is found when a change is
//! judged.

use crate::domain::RepoPath;

use super::diagnostic::{Code, Diagnostic, Place, Severity};
use super::glob::Globs;
use super::machines::Machine;
use super::model::{EnvironmentRule, Policy, PolicyRule};
use super::strength::implies;

/// Looks at a policy for what its authors should know. Warnings and notes only, in the order of the file.
#[must_use]
pub fn lint(policy: &Policy) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for environment in &policy.environments {
        found.extend(coverage(policy, environment));
        found.extend(all_plain(environment));
    }
    for rule in &policy.policies {
        found.extend(self_approval(rule));
        found.extend(own_bypass(rule));
        found.extend(nobody_to_spare(rule));
        found.extend(outside(policy, rule));
        found.extend(adds_nothing(policy, rule));
    }
    found.extend(policy.machines.iter().filter_map(broad));
    found.extend(admins(policy));
    found.sort_by_key(|finding| (finding.place, finding.code));
    found
}

fn warning(code: Code, message: String) -> Diagnostic {
    Diagnostic::new(Severity::Warning, code, message)
}

fn note(code: Code, message: String) -> Diagnostic {
    Diagnostic::new(Severity::Note, code, message)
}

/// An environment without a policy, or only with policies for parts of it.
fn coverage(policy: &Policy, environment: &EnvironmentRule) -> Option<Diagnostic> {
    let name = &environment.name;
    let rules: Vec<_> = policy.policies.iter().filter(|rule| rule.environments.holds(name)).collect();
    if rules.is_empty() {
        let message = format!("no policy applies to environment `{name}`: its files can never be changed");
        return Some(warning(Code::NoPolicy, message).at(environment.place).help("add a policy for it"));
    }
    let covered = environment.paths.iter().all(|path| {
        rules
            .iter()
            .any(|rule| rule.secret_paths.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob.includes(path))))
    });
    (!covered).then(|| {
        let message = format!(
            "every policy of environment `{name}` names `secret_paths`: a path in none of them can never be changed"
        );
        note(Code::PartlyCovered, message)
            .at(environment.place)
            .help("add a policy without `secret_paths`, or see that together they cover everything")
    })
}

fn all_plain(environment: &EnvironmentRule) -> Option<Diagnostic> {
    let everything = environment.paths.iter().any(|path| environment.plain.iter().any(|plain| plain.includes(path)));
    everything.then(|| {
        let message =
            format!("`plain` covers whole paths of environment `{}`: nothing there need be sealed", environment.name);
        warning(Code::PlainEverything, message)
            .at(environment.place)
            .help("name only files that hold no secrets, as `**/README.md`")
    })
}

fn self_approval(rule: &PolicyRule) -> Option<Diagnostic> {
    (rule.self_approval && rule.required() == 1).then(|| {
        note(Code::SelfApprovalAlone, format!("`self_approval` has no effect in policy `{}`", rule.name))
            .at(rule.place)
            .note("where one approval suffices, it is never the requester's own")
            .help("leave it out, or ask for two approvals")
    })
}

/// One person could write a change and bring it in alone.
fn own_bypass(rule: &PolicyRule) -> Option<Diagnostic> {
    let bypass = rule.bypass().filter(|bypass| bypass.own_change() && !bypass.second_person())?;
    let within = bypass.ratify_within();
    let message = format!("whoever may bypass policy `{}` can bring in a change of their own alone", rule.name);
    Some(
        warning(Code::OwnBypass, message)
            .at(rule.place)
            .note(format!("it is seen by others only when it is ratified, within {within}"))
            .help("leave `own_change` out, or add `second_person: true`"),
    )
}

/// Users alone, and exactly as many as needed: none of them can be replaced when the change is theirs.
fn nobody_to_spare(rule: &PolicyRule) -> Option<Diagnostic> {
    if rule.self_approval() {
        return None;
    }
    let group = rule
        .groups
        .iter()
        .find(|group| group.approvers.teams.is_empty() && group.approvers.users.len() == usize::from(group.required))?;
    let names: Vec<String> = group.approvers.users.iter().map(|login| format!("`{login}`")).collect();
    let message =
        format!("policy `{}` has nobody to spare: a change by {} can never be approved", rule.name, names.join(" or "));
    Some(warning(Code::NoSpare, message).at(rule.place).help("list one more person, or a team"))
}

fn outside(policy: &Policy, rule: &PolicyRule) -> Option<Diagnostic> {
    let paths = rule.secret_paths.as_ref()?;
    let environments: Vec<_> =
        policy.environments.iter().filter(|environment| rule.environments.holds(&environment.name)).collect();
    let stray = paths.iter().find(|path| {
        environments.iter().all(|environment| environment.paths.iter().all(|own| own.is_apart_from(path)))
    })?;
    let message = format!("`{}` lies outside the environments of policy `{}`", stray.as_str(), rule.name);
    Some(warning(Code::OutsideEnvironment, message).at(rule.place).help("patterns start at the root of the repository"))
}

/// A policy that is satisfied whenever another one is, wherever it applies.
fn adds_nothing(policy: &Policy, rule: &PolicyRule) -> Option<Diagnostic> {
    let own = policy.policies.iter().position(|one| one.name == rule.name)?;
    let applies = policy.environments.iter().filter(|environment| rule.environments.holds(&environment.name));
    let environments: Vec<_> = applies.collect();
    let stands_for = |(at, other): &(usize, &PolicyRule)| {
        environments.iter().all(|environment| {
            other.environments.holds(&environment.name) && implies(other, rule, environment)
        })
            // of two that say the same, the later one adds nothing
            && (*at < own || environments.iter().any(|environment| !implies(rule, other, environment)))
    };
    let (_, other) = policy.policies.iter().enumerate().find(stands_for)?;
    let message = format!("policy `{}` never asks for more than policy `{}` does", rule.name, other.name);
    Some(note(Code::AddsNothing, message).at(rule.place).help("leave one of the two out, or ask other people in it"))
}

fn broad(machine: &Machine) -> Option<Diagnostic> {
    machine.may_change("any").then(|| {
        let message = format!("bot `{}` may change every key at the top of its environments", machine.login());
        warning(Code::BroadMachine, message).help("name the keys it rotates, as `keys: [\"TLS_*\"]`")
    })
}

/// Looks for patterns that match none of these files: those of a working tree, say. Notes only: rules are written and approved
/// before the first file they protect.
#[must_use]
pub fn lint_files(policy: &Policy, files: &[RepoPath]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut look = |globs: &Globs, place: Option<Place>, whose: &str| {
        for glob in globs.iter().filter(|glob| !files.iter().any(|file| glob.concerns(file))) {
            let message = format!("`{}` of {whose} matches no file here", glob.as_str());
            let finding = note(Code::MatchesNothing, message)
                .help("correct the pattern, or leave it if the files are still to come");
            found.push(match place {
                Some(place) => finding.at(place),
                None => finding,
            });
        }
    };
    for environment in &policy.environments {
        look(&environment.paths, Some(environment.place), &format!("environment `{}`", environment.name));
    }
    for rule in &policy.policies {
        if let Some(paths) = &rule.secret_paths {
            look(paths, Some(rule.place), &format!("policy `{}`", rule.name));
        }
    }
    look(&policy.control, None, "`control`");
    found.sort_by_key(|finding| (finding.place, finding.code));
    found
}

fn admins(policy: &Policy) -> Option<Diagnostic> {
    let rule = &policy.admins;
    let (count, plural) = (rule.effective_required, if rule.effective_required == 1 { "" } else { "s" });
    if rule.derived {
        let message = format!(
            "without `admins`, a control change needs {count} approval{plural} of any approvers of the policies"
        );
        return Some(note(Code::AdminsEffective, message).help("add `admins` to say who decides about this file"));
    }
    (rule.effective_required > rule.group.required).then(|| {
        let message = format!("a control change needs {count} approvals of `admins`, not {}", rule.group.required);
        let finding = note(Code::AdminsEffective, message)
            .note("control paths are never easier to change than the strictest hard policy")
            .help(format!("write `required_approvals: {count}`"));
        match policy.admins_place {
            Some(place) => finding.at(place),
            None => finding,
        }
    })
}

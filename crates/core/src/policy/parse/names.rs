//! Names as they may be written: policies, accounts, teams, branches.
//!
//! Says what is wrong with a name and how it should look; never whether anybody bears it.

use std::collections::BTreeSet;

use crate::domain::{Login, RefName, TeamSlug};
use crate::policy::diagnostic::{Code, Diagnostic, Place, shown};
use crate::policy::model::Approvers;
use crate::policy::raw::RawApprovers;
use crate::policy::read::{Faults, Field, List, Located};

use super::{MAX_APPROVERS, capped};

/// A name of a policy or group.
pub(super) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Reads the name of a policy or group; the text as written when it is none, so that others can refer to it.
pub(super) fn name(field: &Field<String>, faults: &mut Faults) -> Option<Located<String>> {
    let name = field.given()?;
    if !is_name(&name.value) {
        faults.push(malformed_name(&name.value, name.place));
    }
    Some(name.clone())
}

pub(super) fn malformed_name(text: &str, place: Place) -> Diagnostic {
    Diagnostic::error(Code::Malformed, format!("`{}` is not a name", shown(text)))
        .at(place)
        .help("use `a-z`, `0-9` and `-`, at most 64 characters")
}

/// Reads a branch.
pub(super) fn branch(field: &Field<String>, faults: &mut Faults) -> Option<RefName> {
    let branch = field.given()?;
    let fault = |message: String| Diagnostic::error(Code::Malformed, message).at(branch.place);
    if let Some(short) = branch.value.strip_prefix("refs/heads/") {
        faults
            .push(fault("a branch is written without `refs/heads/`".into()).help(format!("write `{}`", shown(short))));
        return None;
    }
    if branch.value == "countersign" || branch.value.starts_with("countersign/") {
        faults.push(
            fault(format!("`{}` is one of countersign's own branches", shown(&branch.value)))
                .help("govern the branch that people merge into"),
        );
        return None;
    }
    match RefName::branch(&branch.value) {
        Ok(name) => Some(name),
        Err(_) => {
            faults.push(
                fault(format!("`{}` is not a branch name", shown(&branch.value)))
                    .help("write the branch as Git does, for instance `main`; patterns are not read here"),
            );
            None
        }
    }
}

/// Reads an account that a person acts with.
pub(super) fn login(text: &Located<String>, faults: &mut Faults) -> Option<Login> {
    let fault = |code, message: String| Diagnostic::error(code, message).at(text.place);
    match Login::parse(&text.value) {
        Ok(login) if login.as_str().ends_with("[bot]") => {
            faults.push(
                fault(Code::BotApprover, format!("`{login}` is a bot, and bots are never approvers"))
                    .help("name a person or a team"),
            );
            None
        }
        Ok(login) => Some(login),
        Err(_) => {
            let help = match text.value.strip_prefix('@') {
                Some(rest) => format!("leave the `@` out: `{}`", shown(rest)),
                None if text.value.contains('/') => "teams stand under `teams`".to_owned(),
                None if text.value.contains('@') => "write the GitHub login, not a mail address".to_owned(),
                None => "write the login as GitHub shows it".to_owned(),
            };
            faults.push(fault(Code::Malformed, format!("`{}` is not a GitHub login", shown(&text.value))).help(help));
            None
        }
    }
}

fn team(text: &Located<String>, faults: &mut Faults) -> Option<TeamSlug> {
    let fault = Diagnostic::error(Code::Malformed, format!("`{}` is not a team", shown(&text.value))).at(text.place);
    let bare = text.value.strip_prefix('@').unwrap_or(&text.value);
    match TeamSlug::parse(bare) {
        Ok(team) if bare.len() < text.value.len() => {
            faults.push(fault.help(format!("leave the `@` out: `{team}`")));
            None
        }
        Ok(team) if team.slug().bytes().any(|byte| byte.is_ascii_uppercase()) => {
            let help = format!("the slug of a team is lower-case: `{}/{}`", team.org(), team.slug().to_lowercase());
            faults.push(fault.help(help));
            None
        }
        Ok(team) => Some(team),
        Err(_) => {
            faults.push(fault.help("write `org/team-slug`, as in the address of the team's page"));
            None
        }
    }
}

/// Reads accounts and teams; at least one of them, each once.
pub(super) fn approvers(field: &Field<RawApprovers>, faults: &mut Faults) -> Approvers {
    let (Some(raw), Some(key)) = (field.given(), field.key()) else { return Approvers::default() };
    people((&raw.value.users, &raw.value.teams), (key, "nobody may approve"), faults)
}

/// Reads a list of accounts and one of teams that stand at a key.
pub(super) fn people(
    (users, teams): (&Field<List<String>>, &Field<List<String>>),
    (key, nobody): (Place, &str),
    faults: &mut Faults,
) -> Approvers {
    let before = faults.count();
    let lists = [users, teams];
    let total: usize = lists.iter().filter_map(|list| list.given()).map(|list| list.value.items.len()).sum();
    capped(total, MAX_APPROVERS, "approvers", key, faults);
    let users = each(users, faults, login, |login| login.as_str().to_ascii_lowercase());
    let teams = each(teams, faults, team, |team| team.to_string().to_ascii_lowercase());
    let unread = lists.iter().any(|list| matches!(list, Field::Faulty));
    let broken = lists.iter().filter_map(|list| list.given()).any(|list| list.value.broken);
    if total == 0 && !unread && faults.count() == before && !broken {
        faults.push(
            Diagnostic::error(Code::Empty, nobody)
                .at(key)
                .help("list `users`, `teams`, or both: an empty list approves nothing"),
        );
    }
    Approvers { users, teams }
}

fn each<T>(
    field: &Field<List<String>>,
    faults: &mut Faults,
    read: fn(&Located<String>, &mut Faults) -> Option<T>,
    identity: fn(&T) -> String,
) -> Vec<T> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for item in field.given().map(|list| list.value.items.as_slice()).unwrap_or_default().iter().take(MAX_APPROVERS) {
        let Some(one) = read(item, faults) else { continue };
        if seen.insert(identity(&one)) {
            found.push(one);
        } else {
            faults.push(
                Diagnostic::error(Code::Repeated, format!("`{}` is listed twice", shown(&item.value)))
                    .at(item.place)
                    .help("one person has one approval: leave the second out"),
            );
        }
    }
    found
}

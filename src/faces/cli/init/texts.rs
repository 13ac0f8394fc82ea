//! The files of the repository, as they are written.
//!
//! A policy is read back before anything is written: what is refused then is refused whole.

use std::collections::BTreeSet;
use std::fmt::Display;

use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy;

use super::answers::{Answers, Deciders, People};
use super::found::Found;
use super::keys::Keys;
use crate::faces::cli::args::Gate;
use crate::faces::exit::{Exit, Report};

/// The workflows that people may copy are those that are written; a test looks at their keys and events.
const GATE: &str = include_str!("../../../../docs/examples/gate.yml");
const REVIEW: &str = include_str!("../../../../docs/examples/review.yml");
/// The action in them.
const EXAMPLE: &str = "acme/countersign@0000000000000000000000000000000000000000 # v0.1.0";
/// What whoever can edit it could use the key with.
const WORKFLOWS: &str = ".github/workflows/";

/// Every file with its text, in the order in which they are told.
pub(super) fn all(answers: &Answers, found: &Found, keys: &Keys) -> Result<Vec<(String, String)>, Report> {
    let mut files = Vec::new();
    let policy = answers.deciders.as_ref().map(|deciders| policy_text(answers, deciders));
    if let Some(text) = &policy {
        policy::parse(text).map_err(|findings| {
            let fault = findings.first();
            let what = fault.map(|finding| finding.message.clone()).unwrap_or_default();
            let help = fault.and_then(|finding| finding.help.clone());
            Report::new(Exit::USAGE, format!("these answers make no policy: {what}"))
                .help(help.unwrap_or_else(|| "change them; nothing was written".to_owned()))
        })?;
    }
    files.push((POLICY_PATH.to_owned(), policy.unwrap_or_default()));
    let schema = serde_json::to_string_pretty(&policy::json_schema())
        .map_err(|error| Report::failed("the schema cannot be written", &error))?;
    files.push((".countersign/policy.schema.json".to_owned(), schema + "\n"));
    files.push((".sops.yaml".to_owned(), rules(answers, found, keys)));
    if answers.gate == Gate::Action {
        for (name, text) in [("countersign.yml", GATE), ("countersign-review.yml", REVIEW)] {
            let branches = format!("branches: [{}]", quoted(&found.branch));
            let text = text.replace(EXAMPLE, &answers.action).replace("branches: [main]", &branches);
            files.push((format!("{WORKFLOWS}{name}"), text));
        }
    }
    Ok(files)
}

fn policy_text(answers: &Answers, deciders: &Deciders) -> String {
    let mut text = String::from(
        "# yaml-language-server: $schema=policy.schema.json\n\
         # Who may change which secrets. `countersign check` looks for faults in it; what governs is its last approved state.\n\
         version: 1\n\nenvironments:\n",
    );
    for (name, paths) in &answers.environments {
        text += &format!("  {}:\n    paths: [{}]\n", quoted(name), list(paths));
    }
    text += "\npolicies:\n";
    for (name, _) in &answers.environments {
        let name = quoted(name);
        text += &format!("  - name: {name}\n    environments: [{name}]\n");
        text += &people(&deciders.approvers, "    ");
        text += &format!("    required_approvals: {}\n", deciders.required);
    }
    text += "\n# Who decides about this file, .sops.yaml and the other control paths.\nadmins:\n";
    text += &people(&deciders.admins, "  ");
    text += &format!("  required_approvals: {}\n", deciders.required);
    if answers.gate == Gate::Action {
        text += "\n# Whoever could change these alone could use the key of the ledger.\n";
        text += &format!("control: [\"{WORKFLOWS}\"]\n");
    }
    text
}

fn people(people: &People, indent: &str) -> String {
    let mut text = format!("{indent}approvers:\n");
    if !people.users.is_empty() {
        text += &format!("{indent}  users: [{}]\n", list(&people.users));
    }
    if !people.teams.is_empty() {
        text += &format!("{indent}  teams: [{}]\n", list(&people.teams));
    }
    text
}

fn list(items: &[impl Display]) -> String {
    items.iter().map(|item| quoted(&item.to_string())).collect::<Vec<_>>().join(", ")
}

/// A text as YAML takes it for one: bare where nothing else could be meant.
fn quoted(text: &str) -> String {
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.'));
    let is_word = letters && text.starts_with(|c: char| c.is_ascii_alphabetic()) && !text.ends_with('/');
    let means_something = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if is_word && !means_something { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Creation rules: for you, for who is named, and for who reads what is sealed there already.
fn rules(answers: &Answers, found: &Found, keys: &Keys) -> String {
    let mut text = String::from(
        "# For whom new documents are sealed, by sops and by countersign; the first rule that fits counts.\ncreation_rules:\n",
    );
    for (_, paths) in &answers.environments {
        for path in paths {
            let there = found.sealed.iter().filter(|(name, _)| name.starts_with(literal(path)));
            let known: BTreeSet<String> = there.flat_map(|(_, readers)| readers.iter().cloned()).collect();
            let own = keys.recipient().filter(|_| !keys.is_among(&known.iter().cloned().collect::<Vec<_>>()));
            let mut readers: Vec<String> = own.map(str::to_owned).into_iter().collect();
            for reader in known.into_iter().chain(keys.others.iter().cloned()) {
                readers.extend((!readers.contains(&reader)).then_some(reader));
            }
            let regex = serde_json::Value::from(expression(path));
            text += &format!("  - path_regex: {regex}\n    age: {}\n", readers.join(","));
        }
    }
    text
}

/// What of a pattern is no pattern yet.
fn literal(path: &str) -> &str {
    path.split(['*', '?', '[']).next().unwrap_or_default()
}

/// A pattern of the policy as the regular expression of a creation rule.
fn expression(path: &str) -> String {
    let mut text = String::from("^");
    let mut rest = path;
    while let Some(first) = rest.chars().next() {
        let (taken, means) = if rest.starts_with("**/") {
            (3, "(.*/)?".to_owned())
        } else if rest.starts_with("**") {
            (2, ".*".to_owned())
        } else {
            match first {
                '*' => (1, "[^/]*".to_owned()),
                '?' => (1, "[^/]".to_owned()),
                '.' | '+' | '(' | ')' | '|' | '^' | '$' | '{' | '}' | '\\' => (1, format!("\\{first}")),
                other => (other.len_utf8(), other.to_string()),
            }
        };
        text += &means;
        rest = &rest[taken..];
    }
    if !path.ends_with('/') && !path.ends_with('*') {
        text.push('$');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fits_what_its_environment_holds() {
        for (path, regex) in [
            ("secrets/production/", "^secrets/production/"),
            ("config/live.yaml", "^config/live\\.yaml$"),
            ("apps/*/secrets.yaml", "^apps/[^/]*/secrets\\.yaml$"),
            ("apps/**/live.yaml", "^apps/(.*/)?live\\.yaml$"),
            ("secrets/**", "^secrets/.*"),
        ] {
            assert_eq!(expression(path), regex, "{path}");
        }
    }

    #[test]
    fn the_examples_name_the_action_that_is_replaced() {
        assert!(GATE.contains(EXAMPLE) && REVIEW.contains(EXAMPLE) && GATE.contains("branches: [main]"));
    }

    #[test]
    fn words_that_mean_something_else_are_quoted() {
        for (text, shown) in
            [("alice", "alice"), ("acme/security", "acme/security"), ("no", "\"no\""), ("007", "\"007\"")]
        {
            assert_eq!(quoted(text), shown);
        }
    }
}

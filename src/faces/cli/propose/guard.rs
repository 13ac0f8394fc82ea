//! What the policies say of a change: which files they protect, and what is wrong with one before anybody sees it.
//!
//! Both the policy here and that of the base are asked; the stricter answer holds.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{RefName, RepoPath};
use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy::{self, PathClass, Policy, Severity};

use super::changed::{Change, Changes};
use crate::engine::lint::Linter;
use crate::faces::cli::{check, output};
use crate::faces::exit::{Exit, Report};

/// What a path is to the policies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// It says who decides.
    Control,
    /// It is decided about.
    Secret,
    /// Nobody's business.
    Free,
}

pub(super) struct Guard {
    policies: Vec<Policy>,
    branch: RefName,
    rules: BTreeMap<String, Vec<u8>>,
}

impl Guard {
    pub(super) fn of(changes: &Changes, base: &str) -> Result<Self, Report> {
        let branch = RefName::branch(base).map_err(Report::usage)?;
        let mut policies = Vec::new();
        if let Some(bytes) = changes.here(POLICY_PATH) {
            policies.push(check::usable(&String::from_utf8_lossy(&bytes), &format!("`{POLICY_PATH}`"))?);
        }
        // a broken policy of the base is what a change may mend
        let there = changes.there(POLICY_PATH).and_then(|bytes| policy::parse(&String::from_utf8_lossy(&bytes)).ok());
        policies.extend(there);
        let mut rules = BTreeMap::new();
        for name in rule_files(changes.all()) {
            if let Some(bytes) = changes.here(&name) {
                rules.insert(name, bytes);
            }
        }
        Ok(Self { policies, branch, rules })
    }

    /// Whether there is any policy.
    pub(super) fn is_managed(&self) -> bool {
        !self.policies.is_empty()
    }

    pub(super) fn class(&self, path: &RepoPath) -> Class {
        let classes: Vec<PathClass> = self.classes(path).collect();
        if classes.iter().any(|class| matches!(class, PathClass::Control)) {
            return Class::Control;
        }
        let is_free = classes.iter().all(|class| matches!(class, PathClass::Free));
        if is_free { Class::Free } else { Class::Secret }
    }

    fn classes<'a>(&'a self, path: &'a RepoPath) -> impl Iterator<Item = PathClass> + 'a {
        self.policies.iter().map(|policy| policy.classify(path, &self.branch, &self.branch))
    }

    /// The environments of these files.
    pub(super) fn environments(&self, changes: &[Change]) -> Vec<String> {
        let classes = changes.iter().flat_map(|change| self.classes(&change.path).collect::<Vec<_>>());
        let names = classes.filter_map(|class| match class {
            PathClass::Governed { environment, .. } => Some(environment.to_string()),
            PathClass::Ambiguous { .. } | PathClass::Control | PathClass::Free => None,
        });
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Refuses what must not leave this machine.
    pub(super) fn look(&self, change: &Change) -> Result<(), Report> {
        let (Some(bytes), Some(name)) = (&change.bytes, change.path.as_str()) else { return Ok(()) };
        for policy in &self.policies {
            for finding in Linter::new(policy, self.branch.clone(), &self.rules).file(name, bytes) {
                let help = finding.help.clone().unwrap_or_else(|| "`countersign check` says more".to_owned());
                if finding.severity == Severity::Error {
                    let what = format!("`{name}` is not proposed: {}", finding.message);
                    return Err(Report::new(Exit::FINDINGS, what).help(format!("{help}; nothing was pushed")));
                }
                output::warn(format!("`{name}`: {}", finding.message), help);
            }
        }
        Ok(())
    }
}

/// Every place at which creation rules for these files may stand.
fn rule_files(changes: &[Change]) -> BTreeSet<String> {
    let names = changes.iter().filter_map(|change| change.path.as_str());
    let folders = names.flat_map(|name| {
        let ends = name.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| at + 1);
        std::iter::once(0).chain(ends).map(|end| name[..end].to_owned()).collect::<Vec<_>>()
    });
    folders.map(|folder| format!("{folder}.sops.yaml")).collect()
}

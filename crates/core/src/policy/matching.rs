//! Which rule a path falls under.
//!
//! Every question is answered in favour of protection: a path that only differs in letter case or normalisation from a governed
//! one is governed. Modes and content of files are not looked at.

use std::sync::LazyLock;

use crate::domain::{Environment, RefName, RepoPath};

use super::glob::{Glob, Globs, Subject};
use super::model::{EnvironmentRule, Policy, PolicyRule};

/// The built-in control paths, at any depth.
pub const CONTROL_PATHS: &[&str] =
    &[".countersign/**", "**/.sops.yaml", "**/.sops.yml", "**/.gitattributes", ".gitmodules"];

static BUILT_IN: LazyLock<Globs> =
    LazyLock::new(|| Globs::new(CONTROL_PATHS.iter().filter_map(|text| Glob::parse(text).ok()).collect()));

/// What a path is, on one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathClass {
    /// Nothing of ours.
    Free,
    /// Part of the rules themselves: `admins` decide.
    Control,
    /// Protected by one environment.
    Governed {
        /// Which.
        environment: Environment,
        /// Whether it needs no sealing.
        plain: bool,
    },
    /// Protected by several environments of one branch: refused.
    Ambiguous {
        /// Which, in the order of the file.
        environments: Vec<Environment>,
    },
}

impl Policy {
    /// Whether changes of this branch are looked at: an environment names it, or it is the default branch.
    #[must_use]
    pub fn governs(&self, base: &RefName, default_branch: &RefName) -> bool {
        base == default_branch || self.environments.iter().any(|rule| rule.branch_or(default_branch) == base)
    }

    /// What the path is on that branch. Control wins over governed.
    #[must_use]
    pub fn classify(&self, path: &RepoPath, base: &RefName, default_branch: &RefName) -> PathClass {
        if !self.governs(base, default_branch) {
            return PathClass::Free;
        }
        let subject = Subject::new(path);
        if BUILT_IN.concerns_subject(&subject) || self.control.concerns_subject(&subject) {
            return PathClass::Control;
        }
        let on_branch = |rule: &&EnvironmentRule| rule.branch_or(default_branch) == base;
        let matching: Vec<_> =
            self.environments.iter().filter(on_branch).filter(|rule| rule.paths.concerns_subject(&subject)).collect();
        match matching.as_slice() {
            [] => PathClass::Free,
            [rule] => PathClass::Governed {
                environment: rule.name.clone(),
                plain: rule.paths.covers_subject(&subject) && rule.plain.covers_subject(&subject),
            },
            several => PathClass::Ambiguous { environments: several.iter().map(|rule| rule.name.clone()).collect() },
        }
    }

    /// Every policy that applies to a path of an environment; all of them must be satisfied. Empty: `no-policy-for-path`.
    #[must_use]
    pub fn policies_for(&self, environment: &Environment, path: &RepoPath) -> Vec<&PolicyRule> {
        let subject = Subject::new(path);
        let applies = |rule: &&PolicyRule| {
            rule.environments.holds(environment)
                && rule.secret_paths.as_ref().is_none_or(|globs| globs.concerns_subject(&subject))
        };
        self.policies.iter().filter(applies).collect()
    }
}

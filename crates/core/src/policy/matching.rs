//! Which rule a path falls under.
//!
//! Every question is answered in favour of protection: a path that only differs in letter case or normalisation from a governed
//! one is governed. Modes and content of files are not looked at.

use std::sync::LazyLock;

use crate::domain::{Environment, RefName, RepoPath};

use super::glob::{Glob, Globs, Subject};
use super::index::GlobIndex;
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

/// What a path is on one branch, with every rule that speaks of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Located<'p> {
    /// Nothing of ours.
    Free,
    /// Part of the rules themselves: `admins` decide.
    Control,
    /// Protected by one environment.
    Governed {
        /// Which.
        environment: &'p EnvironmentRule,
        /// Whether it needs no sealing.
        plain: bool,
        /// Every policy that applies, as positions in [`Policy::policies`]. Empty: `no-policy-for-path`.
        policies: Vec<usize>,
    },
    /// Protected by several environments of one branch: refused.
    Ambiguous(Vec<&'p EnvironmentRule>),
}

/// The patterns of a policy, ready to be asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Index {
    control: GlobIndex,
    environments: GlobIndex,
    policies: GlobIndex,
    /// Policies for whole environments.
    whole: Vec<usize>,
}

impl Index {
    pub(super) fn new(control: &Globs, environments: &[EnvironmentRule], policies: &[PolicyRule]) -> Self {
        let narrow = policies.iter().enumerate().filter_map(|(at, rule)| Some((at, rule.secret_paths.as_ref()?)));
        Self {
            control: GlobIndex::new([(0, &*BUILT_IN), (0, control)]),
            environments: GlobIndex::new(environments.iter().enumerate().map(|(at, rule)| (at, &rule.paths))),
            policies: GlobIndex::new(narrow),
            whole: (0..policies.len()).filter(|at| policies[*at].secret_paths.is_none()).collect(),
        }
    }
}

/// A policy as it speaks about one branch: ask many paths of it.
#[derive(Debug)]
pub struct OnBranch<'p> {
    policy: &'p Policy,
    governed: bool,
    /// Per environment, whether it is of this branch.
    here: Vec<bool>,
}

impl<'p> OnBranch<'p> {
    /// What the path is, and which rules speak of it. Control wins over governed.
    #[must_use]
    pub fn locate(&self, path: &RepoPath) -> Located<'p> {
        let subject = Subject::new(path);
        match self.located(&subject) {
            Located::Governed { environment, plain, policies: _ } => {
                Located::Governed { environment, plain, policies: self.policy.applying(&environment.name, &subject) }
            }
            other @ (Located::Free | Located::Control | Located::Ambiguous(_)) => other,
        }
    }

    /// What the path is. Control wins over governed.
    #[must_use]
    pub fn classify(&self, path: &RepoPath) -> PathClass {
        match self.located(&Subject::new(path)) {
            Located::Free => PathClass::Free,
            Located::Control => PathClass::Control,
            Located::Governed { environment, plain, policies: _ } => {
                PathClass::Governed { environment: environment.name.clone(), plain }
            }
            Located::Ambiguous(rules) => {
                PathClass::Ambiguous { environments: rules.iter().map(|rule| rule.name.clone()).collect() }
            }
        }
    }

    /// Whether the path is governed or control.
    #[must_use]
    pub fn protects(&self, path: &RepoPath) -> bool {
        self.located(&Subject::new(path)) != Located::Free
    }

    /// Without the policies.
    fn located(&self, subject: &Subject<'_>) -> Located<'p> {
        if !self.governed {
            return Located::Free;
        }
        let index = &self.policy.index;
        if !index.control.owners(subject).is_empty() {
            return Located::Control;
        }
        let owners = index.environments.owners(subject).into_iter().filter(|at| self.here[*at]);
        let matching: Vec<&'p EnvironmentRule> = owners.map(|at| &self.policy.environments[at]).collect();
        match matching.as_slice() {
            [] => Located::Free,
            [rule] => {
                let plain = rule.plain.covers_subject(subject) && rule.paths.covers_subject(subject);
                Located::Governed { environment: rule, plain, policies: Vec::new() }
            }
            _ => Located::Ambiguous(matching),
        }
    }
}

impl Policy {
    /// Whether changes of this branch are looked at: an environment names it, or it is the default branch.
    #[must_use]
    pub fn governs(&self, base: &RefName, default_branch: &RefName) -> bool {
        base == default_branch || self.environments.iter().any(|rule| rule.branch_or(default_branch) == base)
    }

    /// The policy as it speaks about one branch.
    #[must_use]
    pub fn on(&self, base: &RefName, default_branch: &RefName) -> OnBranch<'_> {
        OnBranch {
            policy: self,
            governed: self.governs(base, default_branch),
            here: self.environments.iter().map(|rule| rule.branch_or(default_branch) == base).collect(),
        }
    }

    /// What the path is on that branch. Control wins over governed.
    #[must_use]
    pub fn classify(&self, path: &RepoPath, base: &RefName, default_branch: &RefName) -> PathClass {
        self.on(base, default_branch).classify(path)
    }

    /// Every policy that applies to a path of an environment; all of them must be satisfied. Empty: `no-policy-for-path`.
    #[must_use]
    pub fn policies_for(&self, environment: &Environment, path: &RepoPath) -> Vec<&PolicyRule> {
        self.applying(environment, &Subject::new(path)).into_iter().map(|at| &self.policies[at]).collect()
    }

    fn applying(&self, environment: &Environment, subject: &Subject<'_>) -> Vec<usize> {
        let mut found = self.index.policies.owners(subject);
        if !self.index.whole.is_empty() {
            found.extend(&self.index.whole);
            found.sort_unstable();
        }
        found.retain(|at| self.policies[*at].environments.holds(environment));
        found
    }
}

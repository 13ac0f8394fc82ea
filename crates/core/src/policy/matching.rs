//! Which rule a path falls under.
//!
//! Every question is answered in favour of protection: a path that only differs in letter case or normalisation from a governed
//! one is governed. Modes and content of files are not looked at.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::domain::{Environment, RefName, RepoPath};

use super::glob::{Glob, Globs, Subject};
use super::index::GlobIndex;
use super::model::{EnvironmentRule, Mode, Policy, PolicyRule};

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
    /// Policies for a whole environment.
    whole: BTreeMap<Environment, Vec<usize>>,
}

impl Index {
    pub(super) fn new(control: &Globs, environments: &[EnvironmentRule], policies: &[PolicyRule]) -> Self {
        let whole = |name: &Environment| {
            let applies = |at: &usize| policies[*at].secret_paths.is_none() && policies[*at].environments.holds(name);
            (0..policies.len()).filter(applies).collect::<Vec<_>>()
        };
        let narrow = policies.iter().enumerate().filter_map(|(at, rule)| Some((at, rule.secret_paths.as_ref()?)));
        Self {
            control: GlobIndex::new([(0, &*BUILT_IN), (0, control)]),
            environments: GlobIndex::new(environments.iter().enumerate().map(|(at, rule)| (at, &rule.paths))),
            policies: GlobIndex::new(narrow),
            whole: environments.iter().map(|rule| (rule.name.clone(), whole(&rule.name))).collect(),
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
                let policies = self.policy.applying(environment, &subject);
                Located::Governed { environment, plain, policies }
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

    /// Whether the path is governed or control, under rules that are enforced: what is only observed is nobody's to hold or put
    /// back.
    #[must_use]
    pub fn protects(&self, path: &RepoPath) -> bool {
        match self.located(&Subject::new(path)) {
            Located::Free => false,
            Located::Control => true,
            Located::Governed { environment, .. } => environment.mode == Mode::Enforce,
            Located::Ambiguous(environments) => environments.iter().any(|rule| rule.mode == Mode::Enforce),
        }
    }

    /// Without the policies.
    fn located(&self, subject: &Subject<'_>) -> Located<'p> {
        if !self.governed {
            return Located::Free;
        }
        let index = &self.policy.index;
        if index.control.any(subject) {
            return Located::Control;
        }
        let (first, mut more) = index.environments.owners_among(subject, |at| self.here[at]);
        let Some(first) = first else { return Located::Free };
        if !more.is_empty() {
            more.push(first);
            more.sort_unstable();
            return Located::Ambiguous(more.iter().map(|at| &self.policy.environments[*at]).collect());
        }
        let rule = &self.policy.environments[first];
        let plain = rule.plain.covers_subject(subject) && rule.paths.covers_subject(subject);
        Located::Governed { environment: rule, plain, policies: Vec::new() }
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

    /// Whether the path is one of the documents of this environment: governed by it on its own branch, and to be sealed.
    #[must_use]
    pub fn seals(&self, environment: &Environment, path: &RepoPath, default_branch: &RefName) -> bool {
        self.environment(environment).is_some_and(|rule| {
            let class = self.classify(path, rule.branch_or(default_branch), default_branch);
            class == PathClass::Governed { environment: environment.clone(), plain: false }
        })
    }

    /// Every policy that applies to a path of an environment; all of them must be satisfied. Empty: `no-policy-for-path`.
    #[must_use]
    pub fn policies_for(&self, environment: &Environment, path: &RepoPath) -> Vec<&PolicyRule> {
        let Some(environment) = self.environment(environment) else { return Vec::new() };
        self.applying(environment, &Subject::new(path)).into_iter().map(|at| &self.policies[at]).collect()
    }

    fn applying(&self, environment: &EnvironmentRule, subject: &Subject<'_>) -> Vec<usize> {
        let whole = self.index.whole.get(&environment.name).map(Vec::as_slice).unwrap_or_default();
        let mut found = self.index.policies.owners(subject);
        found.retain(|at| self.policies[*at].environments.holds(&environment.name));
        if !whole.is_empty() {
            found.extend(whole);
            found.sort_unstable();
        }
        found
    }
}

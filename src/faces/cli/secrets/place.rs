//! The working tree through its policy: which documents belong to an environment.
//!
//! Only names are looked at. The policy read here is the one of the working tree: it finds files, it decides nothing.

use std::path::{Path, PathBuf};

use countersign_core::domain::{Environment, RefName, RepoPath};
use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy::Policy;

use crate::faces::cli::check;
use crate::faces::exit::{Exit, Report};

/// Directories that hold no documents of ours.
pub(super) const SKIPPED: [&str; 3] = [".git", "node_modules", ".countersign"];
/// Most files looked at.
const MOST_FILES: usize = 200_000;

/// A working tree with a policy.
pub(super) struct Place {
    root: PathBuf,
    policy: Policy,
}

impl Place {
    /// The working tree this process was started in.
    pub(super) fn here() -> Result<Self, Report> {
        let file = check::find(Path::new(".")).ok_or_else(|| {
            Report::new(Exit::NO_CONFIG, format!("there is no `{POLICY_PATH}` here or above, so `-e` names nothing"))
                .help("name the document by its path")
        })?;
        Self::with(file)
    }

    /// A folder with a policy.
    pub(super) fn below(root: &Path) -> Result<Self, Report> {
        Self::with(root.join(POLICY_PATH))
    }

    fn with(file: PathBuf) -> Result<Self, Report> {
        let root = file.ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Report::failed(format!("`{}` cannot be read", file.display()), &error))?;
        let policy = check::usable_file(&text, &file)?;
        Ok(Self { root, policy })
    }

    /// Every document of an environment that is to be sealed, in path order.
    pub(super) fn documents(&self, environment: &str) -> Result<Vec<PathBuf>, Report> {
        let environment = self.environment(environment)?;
        let mut found = Vec::new();
        let mut left = MOST_FILES;
        self.walk(Path::new(""), &environment, &mut found, &mut left);
        found.sort();
        if found.is_empty() {
            return Err(Report::new(Exit::NO_FILE, format!("environment `{environment}` has no document yet"))
                .help("write a plain one below its paths and seal it with `countersign encrypt -i FILE`"));
        }
        Ok(found.into_iter().map(|path| self.near(&path)).collect())
    }

    /// The one document of an environment, or the one whose path ends like `path` (its extension may be left out).
    pub(super) fn document(&self, environment: &str, path: Option<&str>) -> Result<PathBuf, Report> {
        let documents = self.documents(environment)?;
        let name = |path: &PathBuf| format!("`{}`", self.below_root(path).unwrap_or(path).display());
        let list = |paths: &[PathBuf]| paths.iter().map(name).collect::<Vec<_>>().join(", ");
        let Some(wanted) = path else {
            return match documents.as_slice() {
                [one] => Ok(one.clone()),
                several => Err(Report::usage(format!("environment `{environment}` has {} documents", several.len()))
                    .help(format!("pick one with `-p`: {}", list(several)))),
            };
        };
        let exact: Vec<_> = documents.iter().filter(|document| ends_like(document, wanted)).cloned().collect();
        match exact.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(Report::new(Exit::NO_FILE, format!("environment `{environment}` has no document `{wanted}`"))
                .help(format!("it has {}", list(&documents)))),
            several => Err(Report::usage(format!("`{wanted}` names {} documents of `{environment}`", several.len()))
                .help(format!("write more of the path: {}", list(several)))),
        }
    }

    /// Whether a path is to be sealed and belongs to the environment.
    pub(super) fn is_of(&self, path: &RepoPath, environment: &str) -> bool {
        let rule = self.policy.environments().iter().find(|rule| rule.name().as_str() == environment);
        rule.zip(path.as_str()).is_some_and(|(rule, path)| self.holds(Path::new(path), rule.name()))
    }

    /// The path as the repository has it, of a document that was found.
    pub(super) fn below_root<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        path.strip_prefix(&self.root).ok()
    }

    fn environment(&self, name: &str) -> Result<Environment, Report> {
        let known = self.policy.environments().iter().map(|rule| rule.name());
        match known.clone().find(|environment| environment.as_str() == name) {
            Some(environment) => Ok(environment.clone()),
            None => {
                let names: Vec<_> = known.map(|environment| format!("`{environment}`")).collect();
                Err(Report::usage(format!("the policy has no environment `{name}`"))
                    .help(format!("its environments are {}", names.join(", "))))
            }
        }
    }

    fn walk(&self, below: &Path, environment: &Environment, found: &mut Vec<PathBuf>, left: &mut usize) {
        let Ok(entries) = std::fs::read_dir(self.root.join(below)) else { return };
        for entry in entries.flatten() {
            let (name, Ok(kind)) = (entry.file_name(), entry.file_type()) else { continue };
            let path = below.join(&name);
            if *left == 0 {
                return;
            }
            *left -= 1;
            if kind.is_dir() {
                if !SKIPPED.iter().any(|skipped| name == *skipped) {
                    self.walk(&path, environment, found, left);
                }
            } else if kind.is_file() && self.holds(&path, environment) {
                found.push(path);
            }
        }
    }

    /// Whether the path is to be sealed and belongs to the environment, whichever branch that governs.
    fn holds(&self, path: &Path, environment: &Environment) -> bool {
        let Ok(default) = RefName::branch("main") else { return false };
        let Some(path) = path.to_str().map(|text| RepoPath::new(&text.replace('\\', "/"))) else { return false };
        self.policy.seals(environment, &path, &default)
    }

    /// The path as a person in this directory would write it.
    fn near(&self, path: &Path) -> PathBuf {
        PathBuf::from(check::shown(&self.root.join(path)))
    }
}

fn ends_like(document: &Path, wanted: &str) -> bool {
    let wanted = Path::new(wanted.trim_start_matches("./"));
    document.ends_with(wanted) || document.with_extension("").ends_with(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_named_by_the_end_of_its_path() {
        let document = Path::new("secrets/production/payments.yaml");
        for (wanted, fits) in [
            ("payments", true),
            ("payments.yaml", true),
            ("production/payments", true),
            ("./secrets/production/payments.yaml", true),
            ("pay", false),
            ("production", false),
            ("x/payments", false),
        ] {
            assert_eq!(ends_like(document, wanted), fits, "{wanted}");
        }
    }
}

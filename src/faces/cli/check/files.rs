//! The files of a repository that git knows or would add, read one by one. Ignored files are nobody's business.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_core::domain::{RefName, RepoPath};
use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy::Policy;
use sops_file::SealedDocument;

use super::finding::Finding;
use crate::engine::lint::{Integrity, Linter, is_workflow};
use crate::faces::cli::secrets::Identity;
use crate::faces::exit::Report;
use crate::faces::wire;

/// Largest file looked into.
pub(super) const LIMIT: u64 = 4 << 20;

/// A work tree whose policy file is looked at.
pub(super) struct Files {
    root: PathBuf,
    paths: Vec<String>,
}

impl Files {
    /// The work tree that a policy file governs; none for a text that lies in no clone, or is not its policy file.
    pub(super) fn beside(policy: &Path) -> Option<Self> {
        let policy = policy.canonicalize().ok()?;
        let repo = wire::local_repo(policy.parent()?).ok()?;
        let root = repo.work_tree()?.canonicalize().ok()?;
        if policy != root.join(POLICY_PATH) {
            return None;
        }
        let listed = Command::new("git")
            .arg("-C")
            .arg(&root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .ok()?;
        if !listed.status.success() {
            return None;
        }
        let names = listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        // a path that is no text cannot be opened by name here; the server judges it
        let mut paths: Vec<String> = names.filter_map(|name| String::from_utf8(name.to_vec()).ok()).collect();
        paths.sort();
        paths.dedup();
        Some(Self { root, paths })
    }

    /// The name of the policy file, from the root.
    pub(super) fn policy_name() -> String {
        POLICY_PATH.to_owned()
    }

    /// All paths, for patterns that match nothing.
    pub(super) fn paths(&self) -> Vec<RepoPath> {
        self.paths.iter().map(|path| RepoPath::new(path)).collect()
    }

    /// The root of the work tree.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What is wrong in them, and what came of the integrity codes.
    pub(super) fn lint(&self, policy: &Policy) -> Result<(Vec<Finding>, Integrity), Report> {
        let default = RefName::branch("main").map_err(Report::usage)?;
        let is_rules = |path: &&String| *path == ".sops.yaml" || path.ends_with("/.sops.yaml");
        let mut rules = BTreeMap::new();
        for path in self.paths.iter().filter(is_rules) {
            if let Some(bytes) = self.read(path)? {
                rules.insert(path.clone(), bytes);
            }
        }
        let identity = Identity::gather();
        let open = |document: &SealedDocument| identity.open_unasked(document);
        let linter = Linter::new(policy, default, &rules).opening(&open);
        let mut found = Vec::new();
        for path in &self.paths {
            let Ok(kind) = self.root.join(path).symlink_metadata() else { continue };
            let (findings, source) = if kind.is_file() {
                let Some(bytes) = self.read(path)? else { continue };
                let source =
                    if is_workflow(path) { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() };
                (linter.file(path, &bytes), source)
            } else {
                (linter.link(path).into_iter().collect(), String::new())
            };
            found.extend(findings.into_iter().map(|diagnostic| Finding {
                file: path.clone(),
                diagnostic,
                commit: None,
                source: source.clone(),
            }));
        }
        Ok((found, linter.integrity()))
    }

    /// The bytes of a file; none when it is gone, or too large to be a document of ours.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Report> {
        let failed = |error: std::io::Error| Report::failed(format!("`{path}` cannot be read"), &error);
        let file = match std::fs::File::open(self.root.join(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
        Ok((bytes.len() as u64 <= LIMIT).then_some(bytes))
    }
}

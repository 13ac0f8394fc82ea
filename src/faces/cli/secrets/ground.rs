//! Where documents are changed: in the working tree, or beside it, in a copy of what stands on a branch of the remote.
//!
//! What is proposed starts from the branch as it is now, so nobody's later change is taken back by accident. The copy holds sealed
//! documents and goes when the verb ends.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use countersign_core::domain::{EntryMode, Environment, Oid, RefName, RepoPath};
use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy::{self, PathClass, Policy};
use sops_file::MAX_BYTES;
use tempfile::TempDir;

use super::document::Document;
use super::place::Place;
use crate::faces::cli::ledger::reading::unreadable;
use crate::faces::cli::proposal::{Desk, Files, ProposalArgs, has_remote};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire::LocalRepo;

/// Documents that may be changed.
pub(super) struct Ground {
    pub(super) place: Place,
    copy: Option<TempDir>,
}

/// A branch to propose to, and the policy that says what is there.
pub(super) struct Far {
    pub(super) desk: Desk,
    text: Vec<u8>,
    policy: Policy,
    default: RefName,
}

impl Far {
    /// Where the change is proposed; `None`: it is made in the working tree, as the user asked or because there is no remote.
    pub(super) fn find(
        repo: &LocalRepo,
        (local, args): (bool, &ProposalArgs),
        config: Option<&PathBuf>,
        environment: &str,
    ) -> Result<Option<Self>, Report> {
        if local || !has_remote(args)? {
            return Ok(None);
        }
        let mut desk = Desk::open(args, config)?;
        let default = RefName::branch(&desk.base).map_err(Report::usage)?;
        let entries = repo.entries(&desk.tip).map_err(unreadable)?;
        let missing = || {
            Report::new(Exit::NO_CONFIG, format!("there is no `{POLICY_PATH}` on branch `{}`", desk.base))
                .help("name the branch that has one with `--base`")
        };
        let entry = entries.get(&RepoPath::new(POLICY_PATH)).ok_or_else(missing)?;
        let text = repo.blob(&entry.oid, MAX_BYTES).map_err(unreadable)?.ok_or_else(missing)?;
        let policy = std::str::from_utf8(&text).ok().and_then(|text| policy::parse(text).ok()).ok_or_else(|| {
            Report::new(Exit::FINDINGS, format!("`{POLICY_PATH}` on branch `{}` cannot be used", desk.base))
                .help("`countersign check` shows every fault of it")
        })?;
        if args.base.is_none() {
            let branch = Self::branch(&policy, environment, &default);
            desk.go_to(branch.short())?;
        }
        Ok(Some(Self { desk, text, policy, default }))
    }

    fn branch(policy: &Policy, environment: &str, default: &RefName) -> RefName {
        let rule = policy.environments().iter().find(|rule| rule.name().as_str() == environment);
        rule.map_or(default, |rule| rule.branch_or(default)).clone()
    }

    /// A copy of the documents of an environment, as they are on its branch.
    pub(super) fn ground(&self, repo: &LocalRepo, environment: &str) -> Result<Ground, Report> {
        let branch = Self::branch(&self.policy, environment, &self.default);
        let tip =
            if branch.short() == self.desk.base { self.desk.tip.clone() } else { self.desk.tip_of(branch.short())? };
        let folder = tempfile::tempdir().map_err(|error| Report::failed("no temporary folder can be made", &error))?;
        let root = folder.path().canonicalize().map_err(|error| Report::failed("a folder cannot be read", &error))?;
        write(&root.join(POLICY_PATH), &self.text)?;
        self.fill(repo, &root, &tip, environment, &branch)?;
        Ok(Ground { place: Place::below(&root)?, copy: Some(folder) })
    }

    fn fill(
        &self,
        repo: &LocalRepo,
        root: &Path,
        tip: &Oid,
        environment: &str,
        branch: &RefName,
    ) -> Result<(), Report> {
        for (path, entry) in repo.entries(tip).map_err(unreadable)? {
            let is_file = matches!(entry.mode, EntryMode::File | EntryMode::Executable);
            let name = path.as_str().filter(|name| is_file && is_plain(Path::new(name)));
            let Some(name) = name.filter(|_| self.governs(environment, &path, branch)) else { continue };
            let bytes = repo.blob(&entry.oid, MAX_BYTES).map_err(unreadable)?;
            let bytes = bytes.ok_or_else(|| {
                Report::new(Exit::of_sops(2), format!("`{name}` is too large")).help("split the document")
            })?;
            write(&root.join(name), &bytes)?;
        }
        Ok(())
    }

    fn governs(&self, environment: &str, path: &RepoPath, branch: &RefName) -> bool {
        match self.policy.classify(path, branch, &self.default) {
            PathClass::Governed { environment: governing, plain: false } => named(&governing, environment),
            PathClass::Governed { plain: true, .. }
            | PathClass::Ambiguous { .. }
            | PathClass::Control
            | PathClass::Free => false,
        }
    }
}

fn named(environment: &Environment, name: &str) -> bool {
    environment.as_str() == name
}

/// Whether every part of a path is an ordinary name: a tree somebody else wrote leads nowhere else.
fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Report> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, bytes));
    made.map_err(|error| Report::failed("a copy of a document cannot be written", &error))
}

impl Ground {
    /// The working tree.
    pub(super) fn here() -> Result<Self, Report> {
        Ok(Self { place: Place::here()?, copy: None })
    }

    /// Reads a document of it, under the name people know it by.
    pub(super) fn read(&self, path: &Path) -> Result<Document, Report> {
        let document = Document::read(path, None)?;
        Ok(match self.in_copy(path) {
            Some(name) => Document { name: name.to_owned(), ..document },
            None => document,
        })
    }

    /// Path in the repository of a document of it.
    pub(super) fn path(&self, repo: &LocalRepo, path: &Path) -> Result<RepoPath, Report> {
        if let Some(name) = self.in_copy(path) {
            return Ok(RepoPath::new(name));
        }
        let outside = || {
            Report::usage(format!("`{}` is outside the repository", path.display())).help("run this inside the clone")
        };
        let root: PathBuf = repo.work_tree().and_then(|root| root.canonicalize().ok()).ok_or_else(outside)?;
        let whole = path.canonicalize().map_err(|_| outside())?;
        let below = whole.strip_prefix(&root).map_err(|_| outside())?;
        Ok(RepoPath::new(&below.to_string_lossy().replace('\\', "/")))
    }

    /// What the files hold now, to be proposed.
    pub(super) fn files(&self, paths: &[PathBuf]) -> Result<Files, Report> {
        let mut files = BTreeMap::new();
        for path in paths {
            let Some(name) = self.in_copy(path) else { continue };
            let bytes = fs::read(path).map_err(|error| Report::failed(format!("`{name}` cannot be read"), &error))?;
            files.insert(RepoPath::new(name), Some(bytes));
        }
        Ok(files)
    }

    fn in_copy<'a>(&self, path: &'a Path) -> Option<&'a str> {
        self.copy.as_ref()?;
        self.place.below_root(path)?.to_str()
    }
}

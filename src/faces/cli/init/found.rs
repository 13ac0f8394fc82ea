//! What is there already: the repository, its policy, its documents and their readers.
//!
//! GitHub is asked where there is a token, and not missed where there is none. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use countersign_core::domain::{Environment, RefName, RepoName, RepoPath};
use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy::Policy;

use super::{check, git};
use crate::faces::cli::ledger::fetch::origin_address;
use crate::faces::cli::secrets::founding;
use crate::faces::cli::{adopt, proposal};
use crate::faces::exit::Report;

/// Largest file looked into.
const LARGEST: u64 = 4 << 20;

pub(super) struct Found {
    /// The work tree.
    pub(super) root: PathBuf,
    /// The repository that origin names.
    pub(super) name: Option<RepoName>,
    /// The default branch.
    pub(super) branch: String,
    /// The policy that is there.
    pub(super) policy: Option<Policy>,
    /// Files that git knows or would add.
    pub(super) files: Vec<String>,
    /// Sealed documents among them, and who reads them by age.
    pub(super) sealed: BTreeMap<String, BTreeSet<String>>,
    /// Whose token is here.
    pub(super) login: Option<String>,
}

impl Found {
    /// Looks around from this folder.
    pub(super) fn look() -> Result<Self, Report> {
        let top = PathBuf::from(git(Path::new("."), &["rev-parse", "--show-toplevel"])?);
        let root = top.canonicalize().map_err(|error| Report::failed("the work tree cannot be read", &error))?;
        let name = origin_address().and_then(|address| adopt::of_address(&address));
        let met = name.as_ref().and_then(|_| proposal::acquaintance());
        let known = |arguments: &[&str]| git(&root, arguments).ok().filter(|text| !text.is_empty());
        let remote = || {
            let head = known(&["symbolic-ref", "--short", "refs/remotes/origin/HEAD"])?;
            Some(head.trim_start_matches("origin/").to_owned())
        };
        let here = || known(&["symbolic-ref", "--short", "HEAD"]);
        let (asked, login) = met.map_or((None, None), |met| (Some(met.default_branch), met.login));
        let branch = asked.or_else(remote).or_else(here).unwrap_or_else(|| "main".to_owned());
        let listed = git(&root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
        let files: Vec<String> = listed.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let sealed = files.iter().filter_map(|name| Some((name.clone(), readers(&root, name)?))).collect();
        let policy = existing(&root)?;
        Ok(Self { root, name, branch, policy, files, sealed, login })
    }

    /// Where one is, in a line.
    pub(super) fn sentence(&self) -> String {
        let name = self.name.as_ref().map_or_else(|| "a repository without origin".to_owned(), ToString::to_string);
        let who = self.login.as_ref().map(|login| format!(" · you are {login}")).unwrap_or_default();
        crate::faces::exit::printable(&format!("{name} · default branch {}{who}", self.branch))
    }

    /// Files that a policy wants sealed in an environment.
    pub(super) fn governed<'a>(&'a self, policy: &'a Policy, name: &str) -> impl Iterator<Item = &'a String> {
        let place = Environment::parse(name).ok().zip(RefName::branch(&self.branch).ok());
        let seals = move |file: &&String| {
            place.as_ref().is_some_and(|(name, default)| policy.seals(name, &RepoPath::new(file), default))
        };
        self.files.iter().filter(seals)
    }
}

fn existing(root: &Path) -> Result<Option<Policy>, Report> {
    let file = root.join(POLICY_PATH);
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(None) };
    let policy = check::usable_file(&text, &file);
    policy.map(Some).map_err(|report| report.help("`countersign check` shows every fault of it; nothing was written"))
}

/// Who reads a document, if it is a sealed one.
fn readers(root: &Path, name: &str) -> Option<BTreeSet<String>> {
    let path = root.join(name);
    let metadata = path.symlink_metadata().ok()?;
    let small = metadata.is_file() && metadata.len() <= LARGEST;
    small.then(|| std::fs::read(&path).ok()).flatten().and_then(|bytes| founding::readers(name, &bytes))
}

//! `check --history`: every version of a protected file that ever stood in the history, each once.
//!
//! Git walks, in its own processes; one version is held at a time, and of those that were looked at only their ids.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use countersign_core::domain::{RefName, RepoPath};
use countersign_core::policy::Policy;
use sops_file::Format;

use super::files::LIMIT;
use super::finding::Finding;
use crate::engine::lint::{in_the_clear, must_be_sealed};
use crate::faces::cli::output;
use crate::faces::exit::{Exit, Report};

/// What was looked at.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) findings: Vec<Finding>,
    /// Commits.
    pub(super) commits: u64,
    /// Versions of protected files, each once.
    pub(super) versions: usize,
    /// Versions that are larger than any document.
    pub(super) too_large: usize,
    /// The clone does not hold the whole history.
    pub(super) shallow: bool,
}

/// Looks at everything that can be reached from a revision or range; from every reference if none is named.
pub(super) fn look(root: &Path, policy: &Policy, revision: Option<&str>) -> Result<Looked, Report> {
    let default = RefName::branch("main").map_err(Report::usage)?;
    let commits = count(root, revision)?;
    let mut looked = Looked { commits, shallow: is_shallow(root), ..Looked::default() };
    let bar = output::bar(commits, "commits ");
    let mut walk = Walk::begin(root, revision)?;
    let mut objects = Objects::begin(root)?;
    let mut seen = HashSet::new();
    let mut commit = String::new();
    while let Some(step) = walk.next()? {
        let Change { id, path } = match step {
            Step::Commit(id) => {
                bar.inc(1);
                commit = id;
                continue;
            }
            Step::Change(change) => change,
        };
        let name = RepoPath::from_bytes(path.as_slice());
        if !must_be_sealed(policy, &default, &name) {
            continue;
        }
        let text = String::from_utf8_lossy(&path).into_owned();
        if !seen.insert((id.clone(), Format::of_path(&text))) {
            continue;
        }
        looked.versions += 1;
        let Some(bytes) = objects.read(&id)? else {
            looked.too_large += 1;
            continue;
        };
        if let Some(diagnostic) = in_the_clear(&text, &bytes, commit.get(..12).unwrap_or(&commit)) {
            looked.findings.push(Finding {
                file: text,
                diagnostic,
                commit: Some(commit.clone()),
                source: String::new(),
            });
        }
    }
    bar.finish_and_clear();
    walk.end()?;
    Ok(looked)
}

fn git(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(arguments);
    command
}

/// What is walked: a revision as typed is never taken for a flag.
fn reached(revision: Option<&str>) -> Vec<&str> {
    match revision {
        Some(revision) => vec!["--end-of-options", revision, "--"],
        None => vec!["--all", "--"],
    }
}

fn count(root: &Path, revision: Option<&str>) -> Result<u64, Report> {
    let output = git(root, &["rev-list", "--count"]).args(reached(revision)).output().map_err(not_started)?;
    if !output.status.success() {
        let what = revision.map_or_else(
            || "the history cannot be read".to_owned(),
            |revision| format!("there is no revision `{revision}`"),
        );
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Report::usage(what)
            .cause(said)
            .help("name a branch, a tag, a commit, or a range such as `v1.2..main`"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_default())
}

fn is_shallow(root: &Path) -> bool {
    let said = git(root, &["rev-parse", "--is-shallow-repository"]).output();
    said.is_ok_and(|output| output.stdout.starts_with(b"true"))
}

fn not_started(error: std::io::Error) -> Report {
    Report::failed("git cannot be started", &error)
}

fn broken(error: &std::io::Error) -> Report {
    Report::failed("the history cannot be read to its end", error).help("`git fsck` says what is damaged")
}

/// The commits, oldest first, and what each one brought: of a merge, what neither side had.
struct Walk {
    list: Child,
    diff: Child,
    said: BufReader<ChildStdout>,
}

enum Step {
    Commit(String),
    Change(Change),
}

struct Change {
    id: String,
    path: Vec<u8>,
}

impl Walk {
    fn begin(root: &Path, revision: Option<&str>) -> Result<Self, Report> {
        let mut list = git(root, &["rev-list", "--reverse"])
            .args(reached(revision))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(not_started)?;
        let listed = list.stdout.take().ok_or_else(no_pipe)?;
        let flags = ["diff-tree", "--stdin", "-r", "-c", "--root", "--no-renames", "--raw", "-z", "--no-abbrev"];
        let mut diff = git(root, &flags)
            .stdin(listed)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(not_started)?;
        let said = BufReader::new(diff.stdout.take().ok_or_else(no_pipe)?);
        Ok(Self { list, diff, said })
    }

    fn word(&mut self) -> Result<Option<Vec<u8>>, Report> {
        let mut word = Vec::new();
        self.said.read_until(0, &mut word).map_err(|error| broken(&error))?;
        Ok((word.pop().is_some()).then_some(word))
    }

    /// The next commit, or the next file of this one; links, submodules and what is taken away are passed over.
    fn next(&mut self) -> Result<Option<Step>, Report> {
        loop {
            let Some(word) = self.word()? else { return Ok(None) };
            let text = String::from_utf8_lossy(&word).into_owned();
            if !text.starts_with(':') {
                return Ok(Some(Step::Commit(text)));
            }
            // `::mode mode mode id id id status`: a colon, a mode and an id for each parent, then the outcome's
            let parents = text.bytes().take_while(|byte| *byte == b':').count();
            let path = self.word()?.ok_or_else(|| broken(&std::io::ErrorKind::UnexpectedEof.into()))?;
            let fields: Vec<&str> = text[parents..].split(' ').collect();
            let (mode, id) = (fields.get(parents).copied(), fields.get(2 * parents + 1).copied());
            let Some((mode, id)) = mode.zip(id) else {
                return Err(broken(&std::io::ErrorKind::InvalidData.into()));
            };
            if mode.starts_with("100") {
                return Ok(Some(Step::Change(Change { id: id.to_owned(), path })));
            }
        }
    }

    /// A walk that broke off did not see everything.
    fn end(mut self) -> Result<(), Report> {
        let whole = |child: &mut Child| child.wait().is_ok_and(|status| status.success());
        if whole(&mut self.list) && whole(&mut self.diff) {
            return Ok(());
        }
        Err(Report::new(Exit::FAILED, "git did not walk the history to its end")
            .help("`git fsck` says what is damaged"))
    }
}

fn no_pipe() -> Report {
    Report::new(Exit::FAILED, "git cannot be listened to")
}

/// Versions of files, one at a time.
struct Objects {
    child: Child,
    ask: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Objects {
    fn begin(root: &Path) -> Result<Self, Report> {
        let mut child = git(root, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(not_started)?;
        let ask = child.stdin.take().ok_or_else(no_pipe)?;
        let said = BufReader::new(child.stdout.take().ok_or_else(no_pipe)?);
        Ok(Self { child, ask, said })
    }

    /// The bytes; none where they are too many for a document.
    fn read(&mut self, id: &str) -> Result<Option<Vec<u8>>, Report> {
        let exchange = |objects: &mut Self| {
            writeln!(objects.ask, "{id}")?;
            objects.ask.flush()?;
            let mut head = String::new();
            objects.said.read_line(&mut head)?;
            let size: u64 = head
                .trim()
                .rsplit(' ')
                .next()
                .and_then(|size| size.parse().ok())
                .ok_or(std::io::Error::new(std::io::ErrorKind::NotFound, format!("object {id} is not there")))?;
            let mut rest = objects.said.by_ref().take(size + 1);
            if size > LIMIT {
                std::io::copy(&mut rest, &mut std::io::sink())?;
                return Ok(None);
            }
            let mut bytes = Vec::new();
            rest.read_to_end(&mut bytes)?;
            bytes.pop();
            Ok(Some(bytes))
        };
        exchange(self).map_err(|error| broken(&error))
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

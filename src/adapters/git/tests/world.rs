//! A server with one repository, a person's clone of it, and the adapter under test.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::domain::{Account, InstallationId, Oid, RefName, RepoId, RepoName, Timestamp};
use countersign_core::effect::{Effect, Receipt};
use countersign_core::facts::{Answer, Question};
use countersign_core::guard::AppFacts;
use tempfile::TempDir;

use super::super::{GitConfig, GitRepos};
use super::server::{Server, TOKEN};
use crate::engine::ports::{
    FailedDelivery, Fill, Forge, ForgeError, ForgeErrorKind, Freshness, GitCredentials, Held, OutboundError,
    OutboundKind, RepoRef, Tag, Vessel,
};

/// Runs git apart from the machine's settings; its output without the last newline.
pub(super) fn git(at: &Path, arguments: &[&str]) -> String {
    let output = command(at, arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

pub(super) fn command(at: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(arguments)
        .current_dir(at)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ann")
        .env("GIT_AUTHOR_EMAIL", "Ann@Example.com")
        .env("GIT_COMMITTER_NAME", "Carl")
        .env("GIT_COMMITTER_EMAIL", "carl@example.com")
        .stdin(Stdio::null());
    command
}

pub(super) fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

pub(super) fn branch(name: &str) -> RefName {
    RefName::branch(name).unwrap()
}

/// A directory with a repository in it that a person works in.
pub(super) struct Work {
    pub(super) at: PathBuf,
}

impl Work {
    pub(super) fn new(at: PathBuf) -> Self {
        std::fs::create_dir_all(&at).unwrap();
        git(&at, &["init", "-q", "-b", "main"]);
        Self { at }
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        git(&self.at, arguments)
    }

    pub(super) fn head(&self) -> Oid {
        oid(&self.git(&["rev-parse", "HEAD"]))
    }

    /// Writes files and commits everything.
    pub(super) fn commit(&self, files: &[(&str, &str)]) -> Oid {
        for (path, content) in files {
            let path = self.at.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "a change"]);
        self.head()
    }

    /// Many commits on top of main, quickly; the work tree stays behind.
    pub(super) fn history(&self, commits: usize) {
        let mut stream = String::new();
        for n in 0..commits {
            let from = if n == 0 { "from refs/heads/main^0\n" } else { "" };
            stream += "commit refs/heads/main\nauthor Ann <Ann@Example.com> 1700000000 +0000\n";
            stream += "committer Carl <carl@example.com> 1700000000 +0000\ndata 9\na change\n\n";
            stream += &format!("{from}M 100644 inline n\ndata 4\n{n:04}\n");
        }
        let mut import = command(&self.at, &["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
        import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
        assert!(import.wait().unwrap().success());
    }

    /// A commit by `git merge`, which must succeed.
    pub(super) fn merge(&self, other: &str) -> Oid {
        self.git(&["merge", "-q", "--no-ff", "-m", "a merge", other]);
        self.head()
    }
}

pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) server: Server,
    pub(super) work: Work,
    pub(super) repos: GitRepos,
    pub(super) repo: RepoRef,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(TOKEN, |_| ()).await
    }

    pub(super) async fn with(token: &'static str, change: impl FnOnce(&mut GitConfig)) -> Self {
        let dir = TempDir::new().unwrap();
        let bare = dir.path().join("srv/acme/app.git");
        std::fs::create_dir_all(&bare).unwrap();
        git(&bare, &["init", "-q", "--bare", "-b", "main"]);
        git(&bare, &["config", "http.receivepack", "true"]);
        let server = Server::start(&dir.path().join("srv")).await;
        let work = Work::new(dir.path().join("work"));
        work.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
        let mut config = GitConfig::new(dir.path().join("data"), &server.url).unwrap();
        config.read_timeout = Duration::from_secs(10);
        change(&mut config);
        let repos = GitRepos::new(config, Arc::new(Credentials(token.to_owned()))).unwrap();
        let repo = RepoRef {
            id: RepoId::new(7),
            name: RepoName::parse("acme/app").unwrap(),
            installation: InstallationId::new(1),
        };
        Self { dir, server, work, repos, repo }
    }

    /// The adapter with other settings.
    pub(super) fn elsewhere(&self, config: GitConfig) -> GitRepos {
        GitRepos::new(config, Arc::new(Credentials(TOKEN.to_owned()))).unwrap()
    }

    pub(super) fn bare(&self) -> PathBuf {
        self.dir.path().join("srv/acme/app.git")
    }

    pub(super) fn clone(&self) -> PathBuf {
        self.dir.path().join("data/repos/7.git")
    }

    /// Pushes from the person's clone, around the server under test.
    pub(super) fn push(&self, refspec: &str) {
        self.work.git(&["push", "-q", "--force", "origin", refspec]);
    }

    /// What the remote has at a reference.
    pub(super) fn there(&self, reference: &RefName) -> Option<Oid> {
        let output = command(&self.bare(), &["rev-parse", "-q", "--verify", reference.as_str()]).output().unwrap();
        Oid::parse(String::from_utf8(output.stdout).unwrap().trim()).ok()
    }

    pub(super) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + seconds)
    }
}

/// A forge that only hands out a token.
pub(super) struct Credentials(pub(super) String);

fn not_asked<T>() -> Result<T, ForgeError> {
    Err(ForgeError { kind: ForgeErrorKind::Garbled, operation: "test", message: "only credentials here".to_owned() })
}

#[async_trait]
impl Forge for Credentials {
    async fn answer(&self, _: &RepoRef, _: &Question, _: Freshness) -> Result<Answer, ForgeError> {
        not_asked()
    }

    async fn apply(&self, _: &RepoRef, _: &Effect) -> Result<Receipt, ForgeError> {
        not_asked()
    }

    fn vessel(&self, _: &RepoRef, _: &str) -> Box<dyn Vessel + '_> {
        Box::new(Nothing)
    }

    async fn ourselves(&self) -> Result<Account, ForgeError> {
        not_asked()
    }

    async fn repositories(&self) -> Result<Vec<RepoRef>, ForgeError> {
        not_asked()
    }

    async fn failed_deliveries(&self, _: Timestamp) -> Result<Vec<FailedDelivery>, ForgeError> {
        not_asked()
    }

    async fn redeliver(&self, _: &FailedDelivery) -> Result<(), ForgeError> {
        not_asked()
    }

    async fn app(&self, _: InstallationId) -> Result<AppFacts, ForgeError> {
        not_asked()
    }

    fn app_id(&self) -> u64 {
        0
    }

    async fn git_credentials(&self, _: &RepoRef) -> Result<GitCredentials, ForgeError> {
        Ok(GitCredentials { user: "x-access-token".to_owned(), secret: self.0.clone().into() })
    }
}

/// A place that nobody asks for here.
struct Nothing;

fn no_place<T>() -> Result<T, OutboundError> {
    let what = "only credentials here".to_owned();
    Err(OutboundError { kind: OutboundKind::Permanent, what, help: String::new() })
}

#[async_trait]
impl Vessel for Nothing {
    async fn read(&self) -> Result<Held, OutboundError> {
        no_place()
    }

    async fn write(&self, _: &Held, _: &Fill<'_>) -> Result<(), OutboundError> {
        no_place()
    }

    async fn note(&self, _: &Tag) -> Result<(), OutboundError> {
        no_place()
    }
}

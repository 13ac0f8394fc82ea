//! A work tree of a person: for what needs a real `git`.

use std::path::Path;
use std::process::Command;

use github_sim::User;
use tempfile::TempDir;

use super::World;

/// A clone with somebody's name and token.
pub(crate) struct Tree {
    dir: TempDir,
    who: User,
}

impl Tree {
    /// Clones the repository of a world.
    pub(crate) fn clone(world: &World, who: &User) -> Self {
        let tree = Self { dir: TempDir::new().expect("a folder"), who: who.clone() };
        tree.git(&["clone", "--quiet", &world.repo.clone_url(who), "."]);
        tree
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs git; its output, or the test fails.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let run = Command::new("git")
            .args(args)
            .current_dir(self.dir.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", &self.who.login)
            .env("GIT_AUTHOR_EMAIL", &self.who.email)
            .env("GIT_COMMITTER_NAME", &self.who.login)
            .env("GIT_COMMITTER_EMAIL", &self.who.email)
            .output()
            .expect("git runs");
        assert!(run.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8_lossy(&run.stdout).into_owned()
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above).expect("a folder");
        }
        std::fs::write(path, text).expect("written");
    }

    /// Commits everything and pushes it to a branch.
    #[track_caller]
    pub(crate) fn push(&self, branch: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "Change"]);
        self.git(&["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
    }
}

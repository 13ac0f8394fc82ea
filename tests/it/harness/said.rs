//! The program in the hands of a person: in a clone, with a token, and what it said.

use std::process::{Command, Output};

use serde_json::Value;

use super::{Secrets, Tree, World};

/// What the program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn ends(self, code: i32, with: &str) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        assert!(self.err.contains(with) || self.out.contains(with), "no `{with}` in\n{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|fault| panic!("{fault}: {}{}", self.out, self.err))
    }
}

/// The program in a clone, as its owner with a token.
pub(crate) fn by_hand(world: &World, tree: &Tree, token: Option<&str>, arguments: &[&str]) -> Said {
    command_by_hand(world, tree, token, arguments).output().expect("it runs").into()
}

/// The same, to be started.
pub(crate) fn command_by_hand(world: &World, tree: &Tree, token: Option<&str>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args(arguments)
        .current_dir(tree.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", world.path("nobody"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "rita")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), world.rita.email.clone())))
        .env("COUNTERSIGN_GITHUB_API_URL", world.sim.url())
        .env("COUNTERSIGN_GITHUB_URL", world.sim.url())
        .env("SOPS_AGE_KEY", Secrets::identity());
    if let Some(token) = token {
        command.env("GH_TOKEN", token);
    }
    command
}

//! Identities of environments, read from the files that the configuration names, at each use.
//!
//! Never falls back to another environment's, never keeps what it read, and repeats no piece of a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_core::domain::{Environment, RepoName};
use sops_file::Identities;
use zeroize::Zeroizing;

use crate::engine::ports::{Keyring, NoIdentity};

/// Largest file of an identity, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Files by repository and environment.
pub struct KeyringTable(Arc<BTreeMap<(RepoName, Environment), PathBuf>>);

impl KeyringTable {
    /// Takes the files as they are named.
    #[must_use]
    pub fn new(files: Arc<BTreeMap<(RepoName, Environment), PathBuf>>) -> Self {
        Self(files)
    }
}

impl Keyring for KeyringTable {
    fn identity(&self, repo: &RepoName, environment: &Environment) -> Result<Option<Identities>, NoIdentity> {
        // GitHub compares names of repositories without regard to case
        let same = |name: &RepoName| {
            name.owner().eq_ignore_ascii_case(repo.owner()) && name.name().eq_ignore_ascii_case(repo.name())
        };
        let Some(path) = self.0.iter().find(|((name, of), _)| of == environment && same(name)).map(|(_, path)| path)
        else {
            return Ok(None);
        };
        let read =
            read(path).map_err(|why| NoIdentity { repo: repo.clone(), environment: environment.clone(), why })?;
        Ok(Some(read))
    }
}

fn read(path: &Path) -> Result<Identities, String> {
    let unreadable = |error: io::Error| format!("its file cannot be read ({})", error.kind());
    let mut text = Zeroizing::new(String::with_capacity(4096));
    File::open(path).map_err(unreadable)?.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err("its file is larger than 64 KiB".to_owned());
    }
    let identities = Identities::parse(&text).map_err(|_| "its file holds something else".to_owned())?;
    if identities.is_empty() { Err("its file holds none".to_owned()) } else { Ok(identities) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_environment_has_its_own_identity_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("age.txt");
        let name =
            |repo: &str, environment: &str| (RepoName::parse(repo).unwrap(), Environment::parse(environment).unwrap());
        let table = KeyringTable::new(Arc::new(BTreeMap::from([(name("acme/app", "production"), path.clone())])));
        let ask = |repo: &str, environment: &str| {
            let (repo, environment) = name(repo, environment);
            table.identity(&repo, &environment).map(|found| found.map(|it| it.recipients().count()))
        };
        let told = ask("acme/app", "production").err().unwrap().to_string();
        assert!(told.starts_with("the identity of `production` in acme/app cannot be used: its file cannot be read"));
        std::fs::write(&path, "canary\n").unwrap();
        assert!(!ask("acme/app", "production").err().unwrap().to_string().contains("canary"));
        std::fs::write(&path, "# nothing\n").unwrap();
        assert!(ask("acme/app", "production").is_err());
        std::fs::write(&path, Identities::generate().expose().as_bytes()).unwrap();
        assert_eq!(ask("Acme/App", "production"), Ok(Some(1)));
        for (repo, environment) in [("acme/app", "staging"), ("acme/web", "production")] {
            assert_eq!(ask(repo, environment), Ok(None), "{repo} {environment}");
        }
    }
}

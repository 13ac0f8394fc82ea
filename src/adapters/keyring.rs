//! Identities of environments, read from the files that the configuration names, at each use; for a single repository else from
//! what the variables of sops name.
//!
//! Never falls back to another environment's file, never keeps what it read, and repeats no piece of a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_core::domain::{Environment, RepoName};
use secrecy::{ExposeSecret as _, SecretString};
use sops_file::Identities;
use zeroize::Zeroizing;

use crate::engine::ports::{Keyring, NoIdentity};

/// Largest file of an identity, in bytes.
const LARGEST: u64 = 64 * 1024;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What serves whichever repository is the only one; all of it is added up, as sops does.
#[derive(Default)]
pub struct Shared {
    /// Identities themselves.
    pub key: Option<SecretString>,
    /// A file of identities.
    pub file: Option<PathBuf>,
    /// A command that prints identities, with the recipient in `SOPS_AGE_RECIPIENT`.
    pub command: Option<String>,
}

/// Files by repository and environment, and what serves a single repository.
pub struct KeyringTable {
    files: Arc<BTreeMap<(RepoName, Environment), PathBuf>>,
    shared: Shared,
}

impl KeyringTable {
    /// Takes the files as they are named.
    #[must_use]
    pub fn new(files: Arc<BTreeMap<(RepoName, Environment), PathBuf>>, shared: Shared) -> Self {
        Self { files, shared }
    }
}

impl Keyring for KeyringTable {
    fn identity(
        &self,
        repo: &RepoName,
        environment: &Environment,
        alone: Option<&[String]>,
    ) -> Result<Option<Identities>, NoIdentity> {
        // GitHub compares names of repositories without regard to case
        let same = |name: &RepoName| {
            name.owner().eq_ignore_ascii_case(repo.owner()) && name.name().eq_ignore_ascii_case(repo.name())
        };
        let Some(path) =
            self.files.iter().find(|((name, of), _)| of == environment && same(name)).map(|(_, path)| path)
        else {
            let Some(recipients) = alone else { return Ok(None) };
            return self.shared.identities(recipients).map_err(|why| NoIdentity {
                repo: repo.clone(),
                environment: environment.clone(),
                why,
            });
        };
        let read =
            read(path).map_err(|why| NoIdentity { repo: repo.clone(), environment: environment.clone(), why })?;
        Ok(Some(read))
    }
}

impl Shared {
    fn identities(&self, recipients: &[String]) -> Result<Option<Identities>, String> {
        let mut all = Identities::none();
        if let Some(text) = &self.key {
            all.extend(parse(text.expose_secret()).map_err(|why| format!("SOPS_AGE_KEY {why}"))?);
        }
        if let Some(path) = &self.file {
            all.extend(read(path).map_err(|why| format!("SOPS_AGE_KEY_FILE: {why}"))?);
        }
        if let Some(command) = &self.command {
            let mut said = Err("SOPS_AGE_KEY_CMD: nobody reads the document by age".to_owned());
            for recipient in recipients {
                match printed(command, recipient) {
                    Ok(identities) => {
                        all.extend(identities);
                        said = Ok(());
                    }
                    Err(why) if said.is_err() => said = Err(format!("the command of SOPS_AGE_KEY_CMD {why}")),
                    Err(_) => {}
                }
            }
            // who has another identity is not stopped by a command that fails
            if all.is_empty() {
                said?;
            }
        }
        Ok((!all.is_empty()).then_some(all))
    }
}

/// What the command prints for a recipient: split into words, run without a shell, and not waited for longer than a turn can bear.
fn printed(command: &str, recipient: &str) -> Result<Identities, String> {
    let words = shlex::split(command).unwrap_or_default();
    let (program, arguments) = words.split_first().ok_or("cannot be split into words")?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("SOPS_AGE_RECIPIENT", recipient)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot be run ({})", error.kind()))?;
    // an identity fits into a pipe, so nothing need be read before the end
    let until = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
            Ok(None) | Err(_) => {
                let _ = child.kill().and_then(|()| child.wait());
                return Err("did not end".to_owned());
            }
        }
    };
    if !status.success() {
        return Err(format!("failed ({status})"));
    }
    let mut text = Zeroizing::new(String::with_capacity(4096));
    let out = child.stdout.take().ok_or("prints nothing")?;
    out.take(LARGEST).read_to_string(&mut text).map_err(|_| "prints no text")?;
    parse(&text)
}

fn parse(text: &str) -> Result<Identities, String> {
    let identities = Identities::parse(text).map_err(|_| "holds something else".to_owned())?;
    if identities.is_empty() { Err("holds none".to_owned()) } else { Ok(identities) }
}

fn read(path: &Path) -> Result<Identities, String> {
    let unreadable = |error: io::Error| format!("its file cannot be read ({})", error.kind());
    let mut text = Zeroizing::new(String::with_capacity(4096));
    File::open(path).map_err(unreadable)?.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err("its file is larger than 64 KiB".to_owned());
    }
    parse(&text).map_err(|why| format!("its file {why}"))
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
        let table = KeyringTable::new(
            Arc::new(BTreeMap::from([(name("acme/app", "production"), path.clone())])),
            Shared::default(),
        );
        let ask = |repo: &str, environment: &str| {
            let (repo, environment) = name(repo, environment);
            table.identity(&repo, &environment, None).map(|found| found.map(|it| it.recipients().count()))
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

    #[test]
    fn variables_of_sops_serve_the_only_repository_behind_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let (named, other) = (Identities::generate(), Identities::generate());
        let own = |identities: &Identities| identities.recipients().next().unwrap().to_owned();
        let write = |name: &str, text: &str| {
            std::fs::write(dir.path().join(name), text).unwrap();
            dir.path().join(name)
        };
        let (file, shared) = (write("named", &named.expose()), write("other", &other.expose()));
        let production = (RepoName::parse("acme/app").unwrap(), Environment::parse("production").unwrap());
        let staging = Environment::parse("staging").unwrap();
        let given = |key: Option<&str>, path: Option<PathBuf>, command: Option<String>| {
            let shared = Shared { key: key.map(|text| text.to_owned().into()), file: path, command };
            KeyringTable::new(Arc::new(BTreeMap::from([(production.clone(), file.clone())])), shared)
        };
        let readers = [own(&other), own(&named)];
        let found = |table: &KeyringTable, environment: &Environment, alone: bool| {
            let found = table.identity(&production.0, environment, alone.then_some(readers.as_slice())).unwrap();
            found.map(|found| found.recipients().map(str::to_owned).collect::<Vec<_>>())
        };
        let tables = [
            given(Some(&other.expose()), None, None),
            given(None, Some(shared.clone()), None),
            given(None, None, Some(format!("cat '{}'", shared.display()))),
        ];
        for (number, table) in tables.iter().enumerate() {
            assert_eq!(found(table, &production.1, true), Some(vec![own(&named)]), "the file comes first: {number}");
            let many = found(table, &staging, true).unwrap();
            assert!(many.iter().all(|name| *name == own(&other)) && !many.is_empty(), "{number}: {many:?}");
            assert_eq!(found(table, &staging, false), None, "one of several repositories: {number}");
        }
        assert_eq!(found(&given(None, None, None), &staging, true), None);
        let script =
            write("ask.sh", &format!("test \"$SOPS_AGE_RECIPIENT\" = {} && cat '{}'\n", own(&other), shared.display()));
        let asking = given(None, None, Some(format!("sh '{}'", script.display())));
        assert_eq!(found(&asking, &staging, true), Some(vec![own(&other)]), "asked for each reader");
        for table in [
            given(Some("canary"), None, None),
            given(None, Some(write("bad", "canary\n")), None),
            given(None, Some(dir.path().join("gone")), None),
            given(None, None, Some("echo canary".to_owned())),
            given(None, None, Some("false".to_owned())),
            given(None, None, Some("'".to_owned())),
            given(None, None, Some("/nowhere/canary-free".to_owned())),
        ] {
            let told = table.identity(&production.0, &staging, Some(&readers)).err().unwrap().to_string();
            assert!(told.contains("SOPS_AGE_KEY") && !told.contains("canary"), "{told}");
        }
    }
}

//! Secrets the configuration file grants to repositories, read from their files at each use.
//!
//! Never falls back: what is not written there is not granted, and no repository sees another's.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use countersign_core::domain::{Alias, RepoName};
use secrecy::{ExposeSecret as _, SecretString};

use crate::engine::ports::{Grant, Granted, Grants, HostPattern, NotGranted, Place, WhyNot};

/// Largest file of a secret, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Grants by repository and alias.
pub struct GrantTable(Arc<BTreeMap<(RepoName, Alias), Grant>>);

impl GrantTable {
    /// Takes the grants as they are written.
    #[must_use]
    pub fn new(grants: Arc<BTreeMap<(RepoName, Alias), Grant>>) -> Self {
        Self(grants)
    }

    /// The grant of an alias; GitHub compares names of repositories without regard to case.
    fn find(&self, repo: &RepoName, alias: &Alias) -> Option<&Grant> {
        let same = |name: &RepoName| {
            name.owner().eq_ignore_ascii_case(repo.owner()) && name.name().eq_ignore_ascii_case(repo.name())
        };
        self.0.iter().find(|((name, of), _)| of == alias && same(name)).map(|(_, grant)| grant)
    }
}

impl Grants for GrantTable {
    fn secret(&self, repo: &RepoName, alias: &Alias) -> Result<Granted, NotGranted> {
        let not = |why| NotGranted { repo: repo.clone(), alias: alias.clone(), why };
        let grant = self.find(repo, alias).ok_or_else(|| not(WhyNot::Unnamed))?;
        let value = match &grant.place {
            Place::File(path) => read(path).map_err(not)?,
            Place::Variable { value, .. } | Place::Here(value) => value.clone(),
        };
        Ok(Granted::new(value, grant.hosts.clone(), grant.allow_private))
    }
}

/// The content of a file, without the line end editors put there.
fn read(path: &Path) -> Result<SecretString, WhyNot> {
    let unreadable = |error: io::Error| WhyNot::Unreadable(error.kind().to_string());
    let mut text = String::new();
    File::open(path).map_err(unreadable)?.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    let long = text.len() as u64 > LARGEST;
    let value: SecretString = text.into();
    let kept = value.expose_secret().trim();
    if long {
        Err(WhyNot::Unfit("larger than 64 KiB"))
    } else if kept.is_empty() {
        Err(WhyNot::Unfit("empty"))
    } else {
        Ok(kept.into())
    }
}

/// Reads a variable of the step that a job runs in.
pub type StepSecrets = Box<dyn Fn(&str) -> Option<SecretString> + Send + Sync>;

/// A job's grants: what stands in the environment of its step: the secret under its alias, and under `<ALIAS>_HOSTS` where it may go.
///
/// Whoever writes the step decides which secrets it has, and that step is on the default branch. `<ALIAS>_PRIVATE: "true"` allows
/// addresses inside a private network, and plain http with them.
pub struct StepGrants(StepSecrets);

impl StepGrants {
    /// Takes the way to the step's variables.
    #[must_use]
    pub fn new(step: StepSecrets) -> Self {
        Self(step)
    }
}

impl Grants for StepGrants {
    fn secret(&self, repo: &RepoName, alias: &Alias) -> Result<Granted, NotGranted> {
        let not = |why| NotGranted { repo: repo.clone(), alias: alias.clone(), why };
        // what the runner and we ourselves go by is no secret of a target
        let ours = ["GITHUB_", "ACTIONS_", "RUNNER_", "ACTION_", "COUNTERSIGN_", "SOPS_"];
        if ours.iter().any(|prefix| alias.as_str().starts_with(prefix)) {
            return Err(not(WhyNot::NotInStep));
        }
        let value = (self.0)(alias.as_str()).ok_or_else(|| not(WhyNot::NotInStep))?;
        let private = (self.0)(&format!("{alias}_PRIVATE")).is_some_and(|text| text.expose_secret() == "true");
        let hosts = (self.0)(&format!("{alias}_HOSTS")).ok_or_else(|| not(WhyNot::NoHosts))?;
        let hosts = hosts.expose_secret().split_whitespace().map(HostPattern::parse).collect::<Result<Vec<_>, _>>();
        Ok(Granted::new(value, hosts.map_err(|_| not(WhyNot::NoHosts))?, private))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn names(repo: &str, alias: &str) -> (RepoName, Alias) {
        (RepoName::parse(repo).unwrap(), Alias::parse(alias).unwrap())
    }

    fn at(place: Place) -> Grant {
        Grant { place, hosts: Vec::new(), allow_private: true }
    }

    fn value(table: &GrantTable, repo: &str, alias: &str) -> Result<String, WhyNot> {
        let (repo, alias) = names(repo, alias);
        table.secret(&repo, &alias).map(|granted| granted.value().expose_secret().to_owned()).map_err(|fault| fault.why)
    }

    #[test]
    fn a_repository_has_what_it_was_granted_and_nothing_of_others() {
        let table = GrantTable::new(Arc::new(BTreeMap::from([
            (names("acme/app", "HOOK_URL"), at(Place::Here("one".into()))),
            (names("acme/web", "OTHER"), at(Place::Here("two".into()))),
        ])));
        assert_eq!(value(&table, "acme/app", "HOOK_URL").unwrap(), "one");
        assert_eq!(value(&table, "Acme/App", "HOOK_URL").unwrap(), "one", "GitHub compares names so");
        for (repo, alias) in [("acme/app", "OTHER"), ("acme/web", "HOOK_URL"), ("acme/new", "HOOK_URL")] {
            assert_eq!(value(&table, repo, alias), Err(WhyNot::Unnamed), "{repo} {alias}");
        }
        let (repo, alias) = names("acme/app", "OTHER");
        let told = table.secret(&repo, &alias).err().unwrap().to_string();
        assert_eq!(
            told,
            "`OTHER` is not granted to acme/app: the settings of this server do not name it\nhelp: the operator adds to the \
             configuration file: [repositories.\"acme/app\".secrets] OTHER = {file = \"…\", hosts = [\"…\"]}"
        );
    }

    #[test]
    fn a_step_grants_what_stands_beside_its_hosts_and_nothing_of_ours() {
        let step: StepSecrets = Box::new(|name| {
            let text = match name {
                "VAULT_TOKEN" | "BARE" | "SOPS_AGE_KEY" | "GITHUB_TOKEN" | "WRONG" => "secret",
                "VAULT_TOKEN_HOSTS" => "vault.example.com 10.0.0.7",
                "SOPS_AGE_KEY_HOSTS" | "GITHUB_TOKEN_HOSTS" => "evil.example",
                "VAULT_TOKEN_PRIVATE" => "true",
                "WRONG_HOSTS" => "https://vault.example.com/",
                _ => return None,
            };
            Some(text.into())
        });
        let step = StepGrants::new(step);
        let asked = |alias: &str| {
            let (repo, alias) = names("acme/app", alias);
            step.secret(&repo, &alias).map_err(|fault| fault.why)
        };
        let token = asked("VAULT_TOKEN").unwrap();
        assert_eq!((token.value().expose_secret(), token.hosts().len(), token.allows_private()), ("secret", 2, true));
        for (alias, why) in [
            ("MISSING", WhyNot::NotInStep),
            ("SOPS_AGE_KEY", WhyNot::NotInStep),
            ("GITHUB_TOKEN", WhyNot::NotInStep),
            ("BARE", WhyNot::NoHosts),
            ("WRONG", WhyNot::NoHosts),
        ] {
            assert_eq!(asked(alias).err(), Some(why), "{alias}");
        }
        let (repo, alias) = names("acme/app", "BARE");
        let told = step.secret(&repo, &alias).err().unwrap().to_string();
        assert!(told.ends_with("help: give the step of the action `env: {BARE_HOSTS: vault.example.com}`"), "{told}");
        let (repo, alias) = names("acme/app", "MISSING");
        let told = step.secret(&repo, &alias).err().unwrap().to_string();
        assert!(told.ends_with("help: give the step of the action `env: {MISSING: ${{ secrets.MISSING }}}`"), "{told}");
    }

    #[test]
    fn a_file_is_read_at_each_use() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hook");
        let table =
            GrantTable::new(Arc::new(BTreeMap::from([(names("acme/app", "HOOK"), at(Place::File(path.clone())))])));
        let now = || value(&table, "acme/app", "HOOK");
        assert_eq!(now(), Err(WhyNot::Unreadable("entity not found".to_owned())));
        for text in ["old\n", "new\r\n"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(now().unwrap(), text.trim());
        }
        std::fs::write(&path, "canary".repeat(12_000)).unwrap();
        assert_eq!(now(), Err(WhyNot::Unfit("larger than 64 KiB")));
        std::fs::write(&path, " \n").unwrap();
        assert_eq!(now(), Err(WhyNot::Unfit("empty")));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(now(), Err(WhyNot::Unreadable("invalid data".to_owned())));
    }
}

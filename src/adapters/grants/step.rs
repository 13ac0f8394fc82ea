//! What the step of a job grants: what stands in its environment, and nothing else.

use countersign_core::domain::{Alias, Environment, RepoName};
use secrecy::{ExposeSecret as _, SecretString};

use super::cluster::StepCluster;
use crate::engine::ports::{Cluster, Granted, Grants, HostPattern, NoCluster, NotGranted, WhyNot};

/// Reads a variable of the step that a job runs in.
pub type StepSecrets = Box<dyn Fn(&str) -> Option<SecretString> + Send + Sync>;

/// A job's grants: a secret under its alias, under `<ALIAS>_HOSTS` where it may go; and one cluster.
///
/// Whoever writes the step decides which secrets it has, and that step is on the default branch. `<ALIAS>_PRIVATE: "true"` allows
/// addresses inside a private network, and plain http with them.
pub struct StepGrants {
    secrets: StepSecrets,
    cluster: StepCluster,
}

impl StepGrants {
    /// Takes the way to the step's variables, and its cluster.
    #[must_use]
    pub fn new(secrets: StepSecrets, cluster: StepCluster) -> Self {
        Self { secrets, cluster }
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
        let value = (self.secrets)(alias.as_str()).ok_or_else(|| not(WhyNot::NotInStep))?;
        let private = (self.secrets)(&format!("{alias}_PRIVATE")).is_some_and(|text| text.expose_secret() == "true");
        let hosts = (self.secrets)(&format!("{alias}_HOSTS")).ok_or_else(|| not(WhyNot::NoHosts))?;
        let hosts = hosts.expose_secret().split_whitespace().map(HostPattern::parse).collect::<Result<Vec<_>, _>>();
        Ok(Granted::new(value, hosts.map_err(|_| not(WhyNot::NoHosts))?, private))
    }

    /// Which environment the step is for is said by the job: it lives in the GitHub environment of that name.
    fn cluster(&self, repo: &RepoName, environment: &Environment, namespace: &str) -> Result<Cluster, NoCluster> {
        let not = |why| NoCluster { repo: repo.clone(), environment: environment.clone(), why };
        self.cluster.granted(namespace).map_err(not)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn names(alias: &str) -> (RepoName, Alias) {
        (RepoName::parse("acme/app").unwrap(), Alias::parse(alias).unwrap())
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
        let step = StepGrants::new(step, StepCluster::read(&|_| None));
        let asked = |alias: &str| {
            let (repo, alias) = names(alias);
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
        let (repo, alias) = names("BARE");
        let told = step.secret(&repo, &alias).err().unwrap().to_string();
        assert!(told.ends_with("help: give the step of the action `env: {BARE_HOSTS: vault.example.com}`"), "{told}");
        let (repo, alias) = names("MISSING");
        let told = step.secret(&repo, &alias).err().unwrap().to_string();
        assert!(told.ends_with("help: give the step of the action `env: {MISSING: ${{ secrets.MISSING }}}`"), "{told}");
    }
}

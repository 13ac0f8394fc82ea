//! Secrets and clusters the configuration file grants to repositories, read from their files at each use; what the step of a job
//! grants is in `step`.
//!
//! Never falls back: what is not written there is not granted, and no repository sees another's.

mod cluster;
mod step;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use countersign_core::domain::{Alias, Environment, RepoName};
use secrecy::{ExposeSecret as _, SecretString};

use crate::engine::ports::{
    Cluster, ClusterGrant, Grant, Granted, Grants, NoCluster, NotGranted, Place, WhyNoCluster, WhyNot,
};

pub use self::cluster::StepCluster;
pub use self::step::{StepGrants, StepSecrets};

/// Largest file of a secret, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Grants by repository and alias, clusters by repository and environment.
pub struct GrantTable {
    secrets: Arc<BTreeMap<(RepoName, Alias), Grant>>,
    clusters: Arc<BTreeMap<(RepoName, Environment), ClusterGrant>>,
}

impl GrantTable {
    /// Takes the grants as they are written.
    #[must_use]
    pub fn new(
        secrets: Arc<BTreeMap<(RepoName, Alias), Grant>>,
        clusters: Arc<BTreeMap<(RepoName, Environment), ClusterGrant>>,
    ) -> Self {
        Self { secrets, clusters }
    }
}

/// What was granted to a repository under a name; GitHub compares names of repositories without regard to case.
fn find<'a, N: Eq, T>(table: &'a BTreeMap<(RepoName, N), T>, repo: &RepoName, of: &N) -> Option<&'a T> {
    let same = |name: &RepoName| {
        name.owner().eq_ignore_ascii_case(repo.owner()) && name.name().eq_ignore_ascii_case(repo.name())
    };
    table.iter().find(|((name, named), _)| named == of && same(name)).map(|(_, grant)| grant)
}

impl Grants for GrantTable {
    fn secret(&self, repo: &RepoName, alias: &Alias) -> Result<Granted, NotGranted> {
        let not = |why| NotGranted { repo: repo.clone(), alias: alias.clone(), why };
        let grant = find(&self.secrets, repo, alias).ok_or_else(|| not(WhyNot::Unnamed))?;
        let value = match &grant.place {
            Place::File(path) => read(path).map_err(not)?,
            Place::Variable { value, .. } | Place::Here(value) => value.clone(),
        };
        Ok(Granted::new(value, grant.hosts.clone(), grant.allow_private))
    }

    fn cluster(&self, repo: &RepoName, environment: &Environment, namespace: &str) -> Result<Cluster, NoCluster> {
        let not = |why| NoCluster { repo: repo.clone(), environment: environment.clone(), why };
        let grant = find(&self.clusters, repo, environment).ok_or_else(|| not(WhyNoCluster::Unnamed))?;
        if !grant.namespaces.iter().any(|granted| granted == namespace) {
            return Err(not(WhyNoCluster::Namespace(namespace.to_owned())));
        }
        let file = |field, path: &Path| read(path).map_err(|why| not(WhyNoCluster::File(field, spoken(&why))));
        let token = file("token_file", &grant.token)?;
        let authority = grant.authority.as_deref().map(|path| file("ca_file", path)).transpose()?;
        Ok(Cluster {
            server: grant.server.clone(),
            authority: authority.map(|text| text.expose_secret().as_bytes().to_vec()),
            token: Granted::new(token, vec![grant.host.clone()], grant.allow_private),
        })
    }
}

/// What is wrong with a file, after its name.
fn spoken(why: &WhyNot) -> String {
    match why {
        WhyNot::Unreadable(kind) => format!("cannot be read ({kind})"),
        WhyNot::Unfit(how) => format!("is {how}"),
        WhyNot::Unnamed | WhyNot::NotInStep | WhyNot::NoHosts => "is not named".to_owned(),
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use countersign_core::policy::ServiceAddress;
    use countersign_core::sync::Trouble;

    use super::*;
    use crate::engine::ports::HostPattern;

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
        let table = GrantTable::new(
            Arc::new(BTreeMap::from([
                (names("acme/app", "HOOK_URL"), at(Place::Here("one".into()))),
                (names("acme/web", "OTHER"), at(Place::Here("two".into()))),
            ])),
            Arc::default(),
        );
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
    fn a_file_is_read_at_each_use() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hook");
        let table = GrantTable::new(
            Arc::new(BTreeMap::from([(names("acme/app", "HOOK"), at(Place::File(path.clone())))])),
            Arc::default(),
        );
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

    #[test]
    fn a_cluster_serves_its_environment_and_the_namespaces_it_names() {
        let dir = tempfile::tempdir().unwrap();
        let (token, authority) = (dir.path().join("token"), dir.path().join("ca.crt"));
        let grant = ClusterGrant {
            server: ServiceAddress::parse("https://10.0.0.1:6443").unwrap(),
            host: HostPattern::parse("10.0.0.1").unwrap(),
            authority: Some(authority.clone()),
            token: token.clone(),
            namespaces: vec!["payments".to_owned()],
            allow_private: true,
        };
        let name = |text: &str| Environment::parse(text).unwrap();
        let key = (RepoName::parse("acme/app").unwrap(), name("production"));
        let table = GrantTable::new(Arc::default(), Arc::new(BTreeMap::from([(key, grant)])));
        let ask = |repo: &str, environment: &str, namespace: &str| {
            let found = table.cluster(&RepoName::parse(repo).unwrap(), &name(environment), namespace);
            found.map_err(Trouble::from)
        };
        let file = |field: &str| {
            format!(
                "the `{field}` of the cluster granted to `production` of acme/app cannot be read (entity not found)"
            )
        };
        let refused = |repo: &str, environment: &str, namespace: &str| {
            ask(repo, environment, namespace).err().map(|trouble| trouble.words)
        };
        assert_eq!(refused("acme/app", "production", "payments"), Some(file("token_file")));
        std::fs::write(&token, "first\n").unwrap();
        assert_eq!(refused("acme/app", "production", "payments"), Some(file("ca_file")));
        std::fs::write(&authority, "-----BEGIN CERTIFICATE-----\n").unwrap();
        for text in ["first", "second"] {
            std::fs::write(&token, text).unwrap();
            let cluster = ask("Acme/App", "production", "payments").ok().unwrap();
            assert_eq!(cluster.token.value().expose_secret(), text, "tokens are replaced");
        }
        for (repo, environment) in [("acme/app", "staging"), ("acme/web", "production")] {
            let words = format!("no cluster is granted to `{environment}` of {repo}");
            assert_eq!(refused(repo, environment, "payments"), Some(words));
        }
        let trouble = ask("acme/app", "production", "kube-system").err().unwrap();
        assert_eq!(trouble.code, "cluster-not-granted");
        assert!(trouble.help.contains("environments.production.kubernetes]"), "{}", trouble.help);
    }
}

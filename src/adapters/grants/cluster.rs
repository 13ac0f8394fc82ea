//! The cluster that the step of a job grants, by the variables `COUNTERSIGN_KUBERNETES_…`.
//!
//! They are read once, before anything is said, so that the token that is sent is the one that was masked. A variable that cannot be
//! used grants nothing, whatever the others say; what it holds is never repeated.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::{read, spoken};
use crate::engine::ports::{Cluster, Granted, Unusable, WhyNoCluster, api_server, is_namespace};

const SERVER: &str = "COUNTERSIGN_KUBERNETES_SERVER";
const TOKEN: [&str; 2] = ["COUNTERSIGN_KUBERNETES_TOKEN", "COUNTERSIGN_KUBERNETES_TOKEN_FILE"];
const AUTHORITY: [&str; 2] = ["COUNTERSIGN_KUBERNETES_CA", "COUNTERSIGN_KUBERNETES_CA_FILE"];
const NAMESPACES: &str = "COUNTERSIGN_KUBERNETES_NAMESPACES";
const PRIVATE: &str = "COUNTERSIGN_KUBERNETES_PRIVATE";

/// What every certificate in PEM begins with.
const PEM: &str = "-----BEGIN CERTIFICATE-----";

/// The cluster of a step. No `Debug`: it holds a token.
#[derive(Clone)]
pub struct StepCluster {
    server: Option<String>,
    token: Text,
    authority: Text,
    namespaces: Option<String>,
    private: Option<String>,
}

/// A text that stands in a variable, or in the file that another one names.
#[derive(Clone)]
struct Text {
    /// Everything that was read, usable or not.
    read: Vec<SecretString>,
    /// Why it cannot be used.
    fault: Option<WhyNoCluster>,
}

impl Text {
    fn of(variable: &dyn Fn(&str) -> Option<String>, [plain, file]: [&'static str; 2]) -> Self {
        let here = variable(plain).map(|text| SecretString::from(text.trim()));
        let path = variable(file);
        let there = path.as_deref().map(|path| read(Path::new(path.trim())));
        let fault = match (&here, &there) {
            (Some(_), Some(_)) => {
                Some(wrong(file, "stands beside the one without `_FILE`".to_owned(), "give the step one of the two"))
            }
            (None, Some(Err(why))) => {
                let help = "write the path of a file that an earlier step of the job has written";
                Some(wrong(file, format!("names a file that {}", spoken(why)), help))
            }
            (_, None) | (None, Some(Ok(_))) => None,
        };
        Self { read: here.into_iter().chain(there.and_then(Result::ok)).collect(), fault }
    }

    /// The text, if there is one and it can be used.
    fn one(&self) -> Result<Option<&str>, WhyNoCluster> {
        match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.read.first().map(|text| text.expose_secret())),
        }
    }
}

fn wrong(name: &'static str, why: String, help: &'static str) -> WhyNoCluster {
    WhyNoCluster::Variable(Box::new(Unusable { name, why, help }))
}

impl StepCluster {
    /// Every variable that is read.
    pub const VARIABLES: [&str; 7] = [SERVER, TOKEN[0], TOKEN[1], AUTHORITY[0], AUTHORITY[1], NAMESPACES, PRIVATE];

    /// Reads the variables of a step, and the files they name. An empty variable is none.
    #[must_use]
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        Self {
            server: set(SERVER),
            token: Text::of(&set, TOKEN),
            authority: Text::of(&set, AUTHORITY),
            namespaces: set(NAMESPACES),
            private: set(PRIVATE),
        }
    }

    /// What must not be seen: every token that was read, whether or not it can be used.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.token.read.iter()
    }

    /// The cluster, for one of its namespaces.
    pub(super) fn granted(&self, namespace: &str) -> Result<Cluster, WhyNoCluster> {
        let server = self.server.as_deref().ok_or(WhyNoCluster::NotInStep(SERVER))?;
        let private = self.allows_private()?;
        let (server, host) = api_server(server.trim(), private).ok_or_else(|| {
            let help = "write the address of the API server, such as `https://cluster.example.com:6443` (plain http only with \
                        `COUNTERSIGN_KUBERNETES_PRIVATE: \"true\"`)";
            wrong(SERVER, "is no address of an API server".to_owned(), help)
        })?;
        self.names(namespace)?;
        let token = self.token.one()?.ok_or(WhyNoCluster::NotInStep(TOKEN[0]))?;
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let help = "write the token alone: one line, without spaces in it";
            return Err(wrong(TOKEN[0], "holds no token".to_owned(), help));
        }
        let authority = self.authority.one()?;
        if authority.is_some_and(|text| !text.contains(PEM)) {
            let help = "write the certificate in PEM; `certificate-authority-data` of a kubeconfig is that in base64";
            return Err(wrong(AUTHORITY[0], "holds no certificate".to_owned(), help));
        }
        Ok(Cluster {
            server,
            authority: authority.map(|text| text.as_bytes().to_vec()),
            token: Granted::new(token.into(), vec![host], private),
        })
    }

    fn allows_private(&self) -> Result<bool, WhyNoCluster> {
        match self.private.as_deref().map(str::trim) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => {
                Err(wrong(PRIVATE, "is neither `true` nor `false`".to_owned(), "write `\"true\"`, or leave it out"))
            }
        }
    }

    fn names(&self, namespace: &str) -> Result<(), WhyNoCluster> {
        let named = self.namespaces.as_deref().ok_or(WhyNoCluster::NotInStep(NAMESPACES))?;
        if !named.split_whitespace().all(is_namespace) {
            let help =
                "name each namespace that may be written to, with white space between them; there are no patterns";
            return Err(wrong(NAMESPACES, "is no list of namespaces".to_owned(), help));
        }
        let is_named = named.split_whitespace().any(|one| one == namespace);
        if is_named { Ok(()) } else { Err(WhyNoCluster::NotNamedInStep(NAMESPACES, namespace.to_owned())) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use countersign_core::domain::{Environment, RepoName};
    use countersign_core::sync::Trouble;

    use super::*;
    use crate::engine::ports::NoCluster;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\ncanary-certificate\n-----END CERTIFICATE-----\n";
    const WHOLE: [(&str, &str); 4] = [
        (SERVER, "https://cluster.example.com:6443"),
        (TOKEN[0], "canary-token"),
        (AUTHORITY[0], CERTIFICATE),
        (NAMESPACES, "payments\n  web-2"),
    ];

    fn find<'a>(list: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
        list.iter().find(|(known, _)| *known == name).map(|found| found.1)
    }

    /// A step with all of it, and these in place of what they name.
    fn step(changed: &[(&str, &str)]) -> StepCluster {
        StepCluster::read(&|name| find(changed, name).or_else(|| find(&WHOLE, name)).map(str::to_owned))
    }

    fn trouble(why: WhyNoCluster) -> Trouble {
        let (repo, environment) = (RepoName::parse("acme/app").unwrap(), Environment::parse("production").unwrap());
        NoCluster { repo, environment, why }.into()
    }

    #[test]
    fn a_step_grants_the_cluster_and_the_namespaces_it_names() {
        for namespace in ["payments", "web-2"] {
            let cluster = step(&[]).granted(namespace).ok().unwrap();
            assert_eq!(cluster.server.as_str(), "https://cluster.example.com:6443");
            assert_eq!(cluster.authority.as_deref(), Some(CERTIFICATE.trim().as_bytes()));
            assert_eq!(
                (cluster.token.value().expose_secret(), cluster.token.allows_private()),
                ("canary-token", false)
            );
            assert_eq!(
                cluster.token.hosts().iter().map(ToString::to_string).collect::<Vec<_>>(),
                ["cluster.example.com"]
            );
        }
        let inside = step(&[(SERVER, "http://[::1]:1/k"), (PRIVATE, "true"), (AUTHORITY[0], " ")]).granted("payments");
        let inside = inside.ok().unwrap();
        assert_eq!((inside.authority, inside.token.allows_private()), (None, true));
    }

    #[test]
    fn a_token_and_an_authority_may_be_in_files() {
        let dir = tempfile::tempdir().unwrap();
        let (token, authority) = (dir.path().join("token"), dir.path().join("ca.crt"));
        let paths = [token.display().to_string(), authority.display().to_string()];
        let of_files = || step(&[(TOKEN[0], ""), (TOKEN[1], &paths[0]), (AUTHORITY[0], ""), (AUTHORITY[1], &paths[1])]);
        let told = |step: StepCluster| trouble(step.granted("payments").err().unwrap()).words;
        let absent =
            "`COUNTERSIGN_KUBERNETES_TOKEN_FILE` of the step names a file that cannot be read (entity not found)";
        assert!(told(of_files()).ends_with(absent), "{}", told(of_files()));
        std::fs::write(&token, "from-a-file\n").unwrap();
        let absent = "`COUNTERSIGN_KUBERNETES_CA_FILE` of the step names a file that cannot be read (entity not found)";
        assert!(told(of_files()).ends_with(absent), "{}", told(of_files()));
        std::fs::write(&authority, CERTIFICATE).unwrap();
        let step = of_files();
        // read once: what comes later is another step's
        std::fs::write(&token, "later").unwrap();
        let cluster = step.granted("payments").ok().unwrap();
        assert_eq!(cluster.token.value().expose_secret(), "from-a-file");
        assert_eq!(step.secrets().map(|text| text.expose_secret()).collect::<Vec<_>>(), ["from-a-file"]);
        std::fs::write(&token, "x".repeat(70_000)).unwrap();
        assert!(told(of_files()).ends_with("names a file that is larger than 64 KiB"), "{}", told(of_files()));
    }

    #[test]
    fn what_cannot_be_used_grants_nothing_and_is_never_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "canary-in-a-file").unwrap();
        let file = file.display().to_string();
        let base64 = "Y2FuYXJ5LWNlcnRpZmljYXRl";
        for (changed, told, help) in [
            (
                (SERVER, ""),
                "the step does not hold `COUNTERSIGN_KUBERNETES_SERVER`",
                "COUNTERSIGN_KUBERNETES_SERVER: …",
            ),
            ((SERVER, "canary.example.com"), "is no address of an API server", "https://"),
            ((SERVER, "https://canary:x@cluster.example.com"), "is no address of an API server", "https://"),
            ((SERVER, "https://cluster.example.com?canary"), "is no address of an API server", "https://"),
            ((SERVER, "http://canary.example.com"), "is no address of an API server", "COUNTERSIGN_KUBERNETES_PRIVATE"),
            (
                (TOKEN[0], " \n"),
                "the step does not hold `COUNTERSIGN_KUBERNETES_TOKEN`",
                "COUNTERSIGN_KUBERNETES_TOKEN: …",
            ),
            ((TOKEN[0], "canary\ntoken"), "`COUNTERSIGN_KUBERNETES_TOKEN` of the step holds no token", "one line"),
            ((TOKEN[0], "Bearer canary"), "`COUNTERSIGN_KUBERNETES_TOKEN` of the step holds no token", "alone"),
            (
                (TOKEN[1], file.as_str()),
                "`COUNTERSIGN_KUBERNETES_TOKEN_FILE` of the step stands beside",
                "one of the two",
            ),
            ((AUTHORITY[0], base64), "`COUNTERSIGN_KUBERNETES_CA` of the step holds no certificate", "base64"),
            (
                (AUTHORITY[1], file.as_str()),
                "`COUNTERSIGN_KUBERNETES_CA_FILE` of the step stands beside",
                "one of the two",
            ),
            ((NAMESPACES, ""), "the step does not hold `COUNTERSIGN_KUBERNETES_NAMESPACES`", "_NAMESPACES: …"),
            ((NAMESPACES, "payments *"), "is no list of namespaces", "no patterns"),
            ((NAMESPACES, "payments,Canary"), "is no list of namespaces", "white space"),
            (
                (NAMESPACES, "pay"),
                "the namespace `payments` is not granted to `production` of acme/app",
                "add `payments` to",
            ),
            ((PRIVATE, "canary"), "is neither `true` nor `false`", "`\"true\"`"),
        ] {
            let step = step(&[changed]);
            let trouble = trouble(step.granted("payments").err().unwrap());
            assert_eq!(trouble.code, "cluster-not-granted", "{changed:?}");
            assert!(trouble.words.contains(told), "{changed:?}: {}", trouble.words);
            assert!(trouble.help.contains(help), "{changed:?}: {}", trouble.help);
            assert!(!format!("{}{}", trouble.words, trouble.help).contains("canary"), "{changed:?}");
            // masked all the same
            let masked: Vec<&str> = step.secrets().map(|text| text.expose_secret()).collect();
            assert_eq!(masked.is_empty(), changed == (TOKEN[0], " \n"), "{changed:?}: {masked:?}");
            assert_eq!(masked.contains(&"canary-in-a-file"), changed.0 == TOKEN[1], "{changed:?}: {masked:?}");
        }
    }
}

//! What the configuration file grants to repositories: `[repositories."acme/app".secrets] HOOK_URL = {file = "…", hosts = ["…"]}`.
//!
//! Nothing is granted that is not written there. Files are named here and read at each use; no fault repeats a value.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Alias, RepoName};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use toml::{Table, Value};

use super::table::cut;
use super::{ClusterMap, ConfigFile, Fault, Faults, IdentityMap, identities};
use crate::engine::ports::{Grant, HostPattern, Place};

/// Grants by repository and alias.
pub type GrantMap = BTreeMap<(RepoName, Alias), Grant>;

/// Names inside one grant.
const FIELDS: [&str; 5] = ["file", "env", "value", "hosts", "allow_private"];

/// What a grant looks like, for help.
const SHAPE: &str = "write it as {file = \"…\", hosts = [\"…\"]}; `env` or `value` may stand instead of `file`";

/// One grant as `countersign config` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantRow {
    /// Its place in the file.
    pub name: String,
    /// The mask.
    pub value: &'static str,
    /// Where the secret is, and which file says so.
    pub origin: String,
    /// Hosts it may be used with.
    pub hosts: Vec<String>,
    /// Whether addresses inside a private network are fine.
    pub allow_private: bool,
}

/// Reads `repositories`, noting everything that is wrong.
pub(super) fn read(
    value: &Value,
    file: &ConfigFile,
    variables: &BTreeMap<String, String>,
    faults: &mut Faults,
) -> (GrantMap, IdentityMap, ClusterMap) {
    let reader = Reader { file, variables };
    let (mut grants, mut identities, mut clusters) = (GrantMap::new(), IdentityMap::new(), ClusterMap::new());
    let Some(repositories) = faults.note(reader.table("repositories", value, SHAPE)) else {
        return (grants, identities, clusters);
    };
    let mut seen = BTreeSet::new();
    for (name, value) in repositories {
        let path = format!("repositories.\"{}\"", cut(name));
        let Ok(repo) = RepoName::parse(name) else {
            let help = "write it as `[repositories.\"OWNER/NAME\".secrets]`, in quotes";
            faults.push(reader.fault(&path, "names no repository", help));
            continue;
        };
        if !seen.insert(name.to_ascii_lowercase()) {
            faults.push(reader.fault(&path, "is there in another spelling", "keep one of them"));
        }
        let Some(parts) = faults.note(reader.table(&path, value, SHAPE)) else { continue };
        for (part, value) in parts {
            let path = format!("{path}.{}", cut(part));
            match part.as_str() {
                "secrets" => reader.secrets(&repo, &path, value, &mut grants, faults),
                "environments" => {
                    identities::read(&reader, &repo, (&path, value), (&mut identities, &mut clusters), faults);
                }
                _ => faults.push(reader.fault(
                    &path,
                    "has an unknown name",
                    "what a repository is granted is `secrets`, what the server may open stands below `environments`",
                )),
            }
        }
    }
    (grants, identities, clusters)
}

/// Names of variables that grants take their secret from, of a file that may still be wrong.
pub(super) fn variables(file: &ConfigFile) -> BTreeSet<String> {
    let Ok(table) = file.text.expose_secret().parse::<Table>() else { return BTreeSet::new() };
    let repositories = table.get("repositories").and_then(Value::as_table).into_iter().flatten();
    let secrets = repositories.filter_map(|(_, parts)| parts.get("secrets")?.as_table()).flatten();
    secrets.filter_map(|(_, grant)| Some(grant.get("env")?.as_str()?.to_owned())).collect()
}

pub(super) struct Reader<'a> {
    file: &'a ConfigFile,
    variables: &'a BTreeMap<String, String>,
}

impl Reader<'_> {
    pub(super) fn fault(&self, path: &str, what: &str, help: impl Into<String>) -> Fault {
        Fault::new(format!("`{path}` in `{}` {what}", self.file.path.display()), help)
    }

    pub(super) fn table<'v>(&self, path: &str, value: &'v Value, help: &str) -> Result<&'v Table, Fault> {
        value.as_table().ok_or_else(|| self.fault(path, "is not a table", help))
    }

    fn secrets(&self, repo: &RepoName, path: &str, value: &Value, grants: &mut GrantMap, faults: &mut Faults) {
        let Some(secrets) = faults.note(self.table(path, value, SHAPE)) else { return };
        for (name, value) in secrets {
            let path = format!("{path}.{}", cut(name));
            let Ok(alias) = Alias::parse(name) else {
                let help = "write the alias as the policy does: `A-Z` first, then `A-Z`, `0-9` and `_`";
                faults.push(self.fault(&path, "is no alias", help));
                continue;
            };
            if let Some(grant) = self.grant(&path, value, faults) {
                grants.insert((repo.clone(), alias), grant);
            }
        }
    }

    fn grant(&self, path: &str, value: &Value, faults: &mut Faults) -> Option<Grant> {
        let table = faults.note(self.table(path, value, SHAPE))?;
        for name in table.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            let what = format!("has an unknown name `{}`", cut(name));
            faults.push(self.fault(path, &what, format!("the names are `{}`", FIELDS.join("`, `"))));
        }
        let place = faults.note(self.place(path, table));
        let hosts = self.hosts(path, table, faults);
        let allow_private = faults.note(match table.get("allow_private") {
            None => Ok(false),
            Some(Value::Boolean(allowed)) => Ok(*allowed),
            Some(_) => {
                Err(self.fault(&format!("{path}.allow_private"), "is not true or false", "write `true` or `false`"))
            }
        });
        Some(Grant { place: place?, hosts: hosts?, allow_private: allow_private? })
    }

    fn place(&self, path: &str, table: &Table) -> Result<Place, Fault> {
        let text = |name: &str| match table.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.as_str())),
            Some(Value::String(_)) => {
                Err(self.fault(&format!("{path}.{name}"), "is empty", "fill it in, or remove the grant"))
            }
            Some(_) => Err(self.fault(&format!("{path}.{name}"), "is not a text", "put it in quotes")),
        };
        match (text("file")?, text("env")?, text("value")?) {
            (Some(file), None, None) => Ok(Place::File(file.into())),
            (None, Some(name), None) => {
                let set = self.variables.get(name).filter(|value| !value.trim().is_empty());
                let value = set.ok_or_else(|| {
                    let what = format!("names the variable `{}`, which is not set", cut(name));
                    self.fault(path, &what, "set it, or name a file with `file`")
                })?;
                Ok(Place::Variable { name: name.to_owned(), value: value.trim().into() })
            }
            (None, None, Some(value)) => Ok(Place::Here(value.trim().into())),
            (None, None, None) => Err(self.fault(path, "says nowhere what the secret is", SHAPE)),
            (_, _, _) => Err(self.fault(path, "has more than one of `file`, `env` and `value`", "keep one of them")),
        }
    }

    fn hosts(&self, path: &str, table: &Table, faults: &mut Faults) -> Option<Vec<HostPattern>> {
        let path = format!("{path}.hosts");
        let help = "write hosts without scheme, port and path: hosts = [\"hooks.example.com\", \"*.example.org\"]";
        let Some(value) = table.get("hosts") else { return Some(Vec::new()) };
        let Some(list) = value.as_array() else {
            faults.push(self.fault(&path, "is not a list of texts", help));
            return None;
        };
        let read = |value: &Value| match value.as_str() {
            Some(text) => HostPattern::parse(text)
                .map_err(|wrong| self.fault(&path, &format!("has an entry that is wrong: {wrong}"), help)),
            None => Err(self.fault(&path, "is not a list of texts", help)),
        };
        // every wrong host is told, not only the first
        let hosts: Vec<_> = list.iter().map(|value| faults.note(read(value))).collect();
        hosts.into_iter().collect()
    }
}

/// What `countersign config` prints of the grants.
pub(super) fn rows(grants: &GrantMap, file: Option<&ConfigFile>) -> Vec<GrantRow> {
    let named = file.map_or_else(String::new, |file| format!("file {}", file.path.display()));
    let row = |((repo, alias), grant): (&(RepoName, Alias), &Grant)| GrantRow {
        name: format!("repositories.\"{repo}\".secrets.{alias}"),
        value: super::MASK,
        origin: match &grant.place {
            Place::File(path) => format!("file {}, by {named}", path.display()),
            Place::Variable { name, .. } => format!("environment {name}, by {named}"),
            Place::Here(_) => named.clone(),
        },
        hosts: grant.hosts.iter().map(ToString::to_string).collect(),
        allow_private: grant.allow_private,
    };
    grants.iter().map(row).collect()
}

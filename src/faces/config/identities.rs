//! What the configuration file gives the server for an environment: `[repositories."acme/app".environments.production]
//! age_identity_file = "…"`, and a cluster below `kubernetes`.
//!
//! Files are named here and read at each use; none is shared by two environments.

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_core::domain::{Environment, RepoName};
use serde::Serialize;
use toml::Value;

use super::grants::Reader;
use super::table::cut;
use super::{ClusterMap, ConfigFile, Faults, clusters};

/// Files of identities by repository and environment.
pub type IdentityMap = BTreeMap<(RepoName, Environment), PathBuf>;

/// The name of an identity inside an environment.
const FIELD: &str = "age_identity_file";

/// The name of a cluster there.
const CLUSTER: &str = "kubernetes";

/// What it looks like, for help.
const SHAPE: &str = "write it as `age_identity_file = \"…\"`";

/// One identity as `countersign config` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdentityRow {
    /// Its place in the file.
    pub name: String,
    /// The mask.
    pub value: &'static str,
    /// Where the identity is, and which file says so.
    pub origin: String,
}

/// Reads the environments of one repository, noting everything that is wrong.
pub(super) fn read(
    reader: &Reader<'_>,
    repo: &RepoName,
    (path, value): (&str, &Value),
    (identities, clusters): (&mut IdentityMap, &mut ClusterMap),
    faults: &mut Faults,
) {
    let Some(environments) = faults.note(reader.table(path, value, SHAPE)) else { return };
    for (name, value) in environments {
        let path = format!("{path}.{}", cut(name));
        let Ok(environment) = Environment::parse(name) else {
            faults.push(reader.fault(&path, "names no environment", "write it as the policy does: `a-z`, `0-9`, `-`"));
            continue;
        };
        let Some(table) = faults.note(reader.table(&path, value, SHAPE)) else { continue };
        for name in table.keys().filter(|name| *name != FIELD && *name != CLUSTER) {
            faults.push(reader.fault(&path, &format!("has an unknown name `{}`", cut(name)), SHAPE));
        }
        if let Some(value) = table.get(CLUSTER)
            && let Some(cluster) = clusters::read(reader, (&format!("{path}.{CLUSTER}"), value), faults)
        {
            clusters.insert((repo.clone(), environment.clone()), cluster);
        }
        let file = match table.get(FIELD) {
            None if table.contains_key(CLUSTER) => continue,
            Some(Value::String(text)) if !text.trim().is_empty() => PathBuf::from(text),
            Some(_) | None => {
                faults.push(reader.fault(&path, "names no file of an identity", SHAPE));
                continue;
            }
        };
        // a reader of one environment must not become one of another by a line in a file
        if let Some(((other, of), _)) = identities.iter().find(|(_, known)| **known == file) {
            let what = format!("names the file of `{of}` in {other}");
            faults.push(reader.fault(&path, &what, "give each environment an identity of its own"));
        }
        identities.insert((repo.clone(), environment), file);
    }
}

/// What `countersign config` prints of them.
pub(super) fn rows(identities: &IdentityMap, file: Option<&ConfigFile>) -> Vec<IdentityRow> {
    let named = file.map_or_else(String::new, |file| format!("file {}", file.path.display()));
    let row = |((repo, environment), path): (&(RepoName, Environment), &PathBuf)| IdentityRow {
        name: format!("repositories.\"{repo}\".environments.{environment}.{FIELD}"),
        value: super::MASK,
        origin: format!("file {}, by {named}", path.display()),
    };
    identities.iter().map(row).collect()
}

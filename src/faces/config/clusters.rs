//! Which clusters the configuration file grants: `[repositories."acme/app".environments.production.kubernetes] server = "https://…"`.
//!
//! Files are named here and read at each use; a namespace that is not named is not granted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_core::domain::{Environment, RepoName};
use countersign_core::policy::ServiceAddress;
use serde::Serialize;
use toml::{Table, Value};

use super::grants::Reader;
use super::table::cut;
use super::{ConfigFile, Fault, Faults};
use crate::engine::ports::{ClusterGrant, HostPattern, api_server, is_namespace};

/// Clusters by repository and environment.
pub type ClusterMap = BTreeMap<(RepoName, Environment), ClusterGrant>;

/// Names inside one cluster.
const FIELDS: [&str; 5] = ["server", "ca_file", "token_file", "namespaces", "allow_private"];

/// What it looks like, for help.
const SHAPE: &str = "write `server = \"https://…\"`, `ca_file = \"…\"`, `token_file = \"…\"`, `namespaces = [\"…\"]`";

/// One cluster as `countersign config` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterRow {
    /// Its place in the file.
    pub name: String,
    /// Address of its API server.
    pub server: String,
    /// Where its token is, and which file says so.
    pub origin: String,
    /// Namespaces that may be written to.
    pub namespaces: Vec<String>,
    /// Whether an address inside a private network is fine.
    pub allow_private: bool,
}

/// Reads one cluster, noting everything that is wrong.
pub(super) fn read(reader: &Reader<'_>, (path, value): (&str, &Value), faults: &mut Faults) -> Option<ClusterGrant> {
    let table = faults.note(reader.table(path, value, SHAPE))?;
    for name in table.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        let what = format!("has an unknown name `{}`", cut(name));
        faults.push(reader.fault(path, &what, format!("the names are `{}`", FIELDS.join("`, `"))));
    }
    let allow_private = faults.note(match table.get("allow_private") {
        None => Ok(false),
        Some(Value::Boolean(allowed)) => Ok(*allowed),
        Some(_) => {
            Err(reader.fault(&format!("{path}.allow_private"), "is not true or false", "write `true` or `false`"))
        }
    });
    let server = faults.note(server(reader, path, table, allow_private == Some(true)));
    let token = faults.note(file(reader, path, table, "token_file"));
    let authority = faults.note(match table.get("ca_file") {
        None => Ok(None),
        Some(_) => file(reader, path, table, "ca_file").map(Some),
    });
    let namespaces = faults.note(namespaces(reader, path, table));
    let (server, host) = server?;
    Some(ClusterGrant {
        server,
        host,
        authority: authority?,
        token: token?,
        namespaces: namespaces?,
        allow_private: allow_private?,
    })
}

/// The address, and its host. The text is not repeated: somebody may have written a password into it.
fn server(
    reader: &Reader<'_>,
    path: &str,
    table: &Table,
    allow_private: bool,
) -> Result<(ServiceAddress, HostPattern), Fault> {
    let path = format!("{path}.server");
    let help = "write the address of the API server, such as `https://10.0.0.1:6443` (plain http only with `allow_private = true`)";
    let fault = || reader.fault(&path, "is no address of an API server", help);
    let text = table.get("server").and_then(Value::as_str).ok_or_else(fault)?;
    api_server(text, allow_private).ok_or_else(fault)
}

fn file(reader: &Reader<'_>, path: &str, table: &Table, name: &str) -> Result<PathBuf, Fault> {
    match table.get(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(PathBuf::from(text)),
        Some(_) | None => Err(reader.fault(path, &format!("names no `{name}`"), SHAPE)),
    }
}

fn namespaces(reader: &Reader<'_>, path: &str, table: &Table) -> Result<Vec<String>, Fault> {
    let list = table.get("namespaces").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let one = |value: &Value| value.as_str().filter(|text| is_namespace(text)).map(str::to_owned);
    let named: Option<Vec<String>> = list.iter().map(one).collect();
    named.filter(|named| !named.is_empty()).ok_or_else(|| {
        let help = "name each namespace that may be written to: namespaces = [\"payments\"]";
        reader.fault(&format!("{path}.namespaces"), "is not a list of namespaces", help)
    })
}

/// What `countersign config` prints of them.
pub(super) fn rows(clusters: &ClusterMap, file: Option<&ConfigFile>) -> Vec<ClusterRow> {
    let named = file.map_or_else(String::new, |file| format!("file {}", file.path.display()));
    let row = |((repo, environment), grant): (&(RepoName, Environment), &ClusterGrant)| ClusterRow {
        name: format!("repositories.\"{repo}\".environments.{environment}.kubernetes"),
        server: grant.server.as_str().to_owned(),
        origin: format!("file {}, by {named}", grant.token.display()),
        namespaces: grant.namespaces.clone(),
        allow_private: grant.allow_private,
    };
    clusters.iter().map(row).collect()
}

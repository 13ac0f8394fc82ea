//! Precedence: for each setting the one value that holds, and where it came from.
//!
//! Values are texts here; what they mean is for [`super::serve`]. An empty value is no value.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::key::{Shown, nearest, variable};
use super::table::{self, Entries};
use super::{
    ClusterMap, ClusterRow, Fault, Faults, GrantMap, GrantRow, IdentityMap, IdentityRow, Key, MASK, PREFIX,
    SopsVariables, Sources, clusters, grants, identities,
};

/// Switch of tests: where the process is to die (`engine::crash`).
const CRASH_AT: &str = "COUNTERSIGN_CRASH_AT";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    Flag(Key),
    /// An environment variable of ours.
    Variable(String),
    /// A variable of the Actions runner.
    Runner(&'static str),
    /// The configuration file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(key) => write!(f, "flag --{}", key.name().replace('_', "-")),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Runner(name) => write!(f, "runner {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

struct Value {
    text: SecretString,
    origin: Origin,
}

/// All settings with their values; what nobody set and has no default is absent.
pub struct Settings {
    values: BTreeMap<Key, Value>,
    grants: Arc<GrantMap>,
    grant_rows: Vec<GrantRow>,
    identities: Arc<IdentityMap>,
    identity_rows: Vec<IdentityRow>,
    clusters: Arc<ClusterMap>,
    cluster_rows: Vec<ClusterRow>,
    sops: SopsVariables,
    warnings: Vec<Fault>,
    crash_at: Option<String>,
}

/// One line of `countersign config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Name in the file.
    pub name: &'static str,
    /// Environment variable.
    pub variable: String,
    /// The value as it may be shown; absent when unset.
    pub value: Option<String>,
    /// Where it came from; absent when unset.
    pub origin: Option<String>,
    /// What the setting means.
    pub meaning: &'static str,
}

/// Reads the file a secret is in.
type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

impl Settings {
    /// Settles every setting. `read` reads the files that `<NAME>_FILE` names.
    ///
    /// # Errors
    /// All unknown names, doubled values and unreadable files at once.
    pub fn resolve(sources: &Sources, read: ReadFile<'_>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let file = sources.file.as_ref();
        let entries = file.map(|file| table::entries(file, &sources.variables, &mut faults)).unwrap_or_default();
        let mut values = BTreeMap::new();
        for key in Key::ALL {
            if let Some(Some(value)) = faults.note(settle(*key, sources, &entries, read)) {
                values.insert(*key, value);
            }
        }
        let warnings = sources.variables.keys().filter_map(|name| misspelt(name)).collect();
        let crash_at = sources.variables.get(CRASH_AT).filter(|text| !text.is_empty()).cloned();
        let grant_rows = grants::rows(&entries.grants, file);
        let sops = SopsVariables::of(sources);
        let mut identity_rows = identities::rows(&entries.identities, file);
        identity_rows.extend(sops.rows());
        let cluster_rows = clusters::rows(&entries.clusters, file);
        let (grants, identities) = (Arc::new(entries.grants), Arc::new(entries.identities));
        faults.or(Self {
            values,
            grants,
            grant_rows,
            identities,
            identity_rows,
            clusters: Arc::new(entries.clusters),
            cluster_rows,
            sops,
            warnings,
            crash_at,
        })
    }

    /// Things that are probably not meant, but forbid nothing.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// The text of a setting that is no secret.
    #[must_use]
    pub fn text(&self, key: Key) -> Option<&str> {
        let value = self.values.get(&key)?;
        (!key.is_secret()).then(|| value.text.expose_secret())
    }

    /// The value of any setting.
    #[must_use]
    pub fn secret(&self, key: Key) -> Option<&SecretString> {
        self.values.get(&key).map(|value| &value.text)
    }

    /// Where a test wants the process to die; no setting, so that no file can hold it.
    #[must_use]
    pub fn crash_at(&self) -> Option<&str> {
        self.crash_at.as_deref()
    }

    /// Where the value of a setting came from.
    #[must_use]
    pub fn origin(&self, key: Key) -> Option<&Origin> {
        self.values.get(&key).map(|value| &value.origin)
    }

    /// What repositories are granted.
    #[must_use]
    pub fn grants(&self) -> &Arc<GrantMap> {
        &self.grants
    }

    /// Identities of environments.
    #[must_use]
    pub fn identities(&self) -> &Arc<IdentityMap> {
        &self.identities
    }

    /// Clusters of environments.
    #[must_use]
    pub fn clusters(&self) -> &Arc<ClusterMap> {
        &self.clusters
    }

    /// What `countersign config` prints of the clusters.
    #[must_use]
    pub fn cluster_rows(&self) -> &[ClusterRow] {
        &self.cluster_rows
    }

    /// What the variables of sops say.
    #[must_use]
    pub fn sops(&self) -> &SopsVariables {
        &self.sops
    }

    /// What `countersign config` prints of the identities.
    #[must_use]
    pub fn identity_rows(&self) -> &[IdentityRow] {
        &self.identity_rows
    }

    /// What `countersign config` prints of the grants, secrets masked.
    #[must_use]
    pub fn grant_rows(&self) -> &[GrantRow] {
        &self.grant_rows
    }

    /// What `countersign config` prints: every setting, secrets masked.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let row = |key: &Key| Row {
            name: key.name(),
            variable: key.variable(),
            value: self.values.get(key).map(|value| shown(key.shown(), value.text.expose_secret())),
            origin: self.values.get(key).map(|value| value.origin.to_string()),
            meaning: key.meaning(),
        };
        Key::ALL.iter().map(row).collect()
    }
}

fn shown(how: Shown, text: &str) -> String {
    match how {
        Shown::Whole => text.to_owned(),
        Shown::Masked => MASK.to_owned(),
        Shown::WithoutPassword if text.starts_with("sqlite:") => text.to_owned(),
        Shown::WithoutPassword => without_password(text, MASK).unwrap_or_else(|| MASK.to_owned()),
    }
}

fn without_password(text: &str, mask: &str) -> Option<String> {
    let mut url = url::Url::parse(text).ok()?;
    if url.password().is_some() {
        url.set_password(Some(mask)).ok()?;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(url.to_string())
}

/// The value that holds for one setting.
fn settle(key: Key, sources: &Sources, entries: &Entries, read: ReadFile<'_>) -> Result<Option<Value>, Fault> {
    let of_flag = sources.flags.get(&key).map(|text| Value { text: text.as_str().into(), origin: Origin::Flag(key) });
    if let Some(value) = of_flag.filter(has_content) {
        return Ok(Some(value));
    }
    if let Some(value) = of_environment(key, sources, read)? {
        return Ok(Some(value));
    }
    if let Some(value) = of_file(key, sources, entries, read)? {
        return Ok(Some(value));
    }
    let default = key.default().map(|text| Value { text: text.into(), origin: Origin::Default });
    Ok(of_runner(key, sources).or(default))
}

fn has_content(value: &Value) -> bool {
    !value.text.expose_secret().trim().is_empty()
}

fn of_environment(key: Key, sources: &Sources, read: ReadFile<'_>) -> Result<Option<Value>, Fault> {
    let (name, file_name) = (key.variable(), format!("{}_FILE", key.variable()));
    let set = |name: &str| sources.variables.get(name).map(String::as_str).filter(|text| !text.trim().is_empty());
    match (set(&name), set(&file_name).filter(|_| key.is_secret())) {
        (Some(_), Some(_)) => Err(both(&name, &file_name, "the environment")),
        (Some(text), None) => Ok(Some(Value { text: text.into(), origin: Origin::Variable(name) })),
        (None, Some(path)) => {
            let text = read_secret(&file_name, path, read)?;
            Ok(Some(Value { text, origin: Origin::Variable(file_name) }))
        }
        (None, None) => Ok(None),
    }
}

fn of_file(key: Key, sources: &Sources, entries: &Entries, read: ReadFile<'_>) -> Result<Option<Value>, Fault> {
    let Some(file) = &sources.file else { return Ok(None) };
    let origin = || Origin::File(file.path.clone());
    let file_name = format!("{}_file", key.name());
    match (entries.values.get(&key), entries.files.get(&key)) {
        (Some(_), Some(_)) => Err(both(key.name(), &file_name, &format!("`{}`", file.path.display()))),
        (Some(text), None) => Ok(Some(Value { text: text.clone(), origin: origin() }).filter(has_content)),
        (None, Some(path)) => Ok(Some(Value { text: read_secret(&file_name, path, read)?, origin: origin() })),
        (None, None) => Ok(None),
    }
}

fn both(name: &str, file_name: &str, place: &str) -> Fault {
    Fault::new(format!("`{name}` and `{file_name}` are both set in {place}"), "keep one of them")
}

/// A secret from its file, without the line end editors put there.
fn read_secret(name: &str, path: &str, read: ReadFile<'_>) -> Result<SecretString, Fault> {
    let text = read(Path::new(path)).map_err(|error| {
        Fault::new(
            format!("`{name}` names `{path}`, which cannot be read: {error}"),
            "name a file this process may read",
        )
    })?;
    if text.trim().is_empty() {
        return Err(Fault::new(format!("`{name}` names `{path}`, which is empty"), "put the secret into it"));
    }
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

/// In Actions the runner knows which GitHub it belongs to.
fn of_runner(key: Key, sources: &Sources) -> Option<Value> {
    let name = match key {
        Key::GithubApiUrl => "GITHUB_API_URL",
        Key::GithubUrl => "GITHUB_SERVER_URL",
        Key::Listen
        | Key::AdminListen
        | Key::AppId
        | Key::PrivateKey
        | Key::WebhookSecret
        | Key::DatabaseUrl
        | Key::DataDir
        | Key::SigningKey
        | Key::Trust
        | Key::LedgerRef
        | Key::Adopt
        | Key::ReconcileInterval
        | Key::Quiet
        | Key::SmtpUrl
        | Key::MailFrom
        | Key::TemplatesDir
        | Key::PublicUrl
        | Key::Log
        | Key::LogFormat => return None,
    };
    let in_actions = sources.variables.get("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    let text = sources.variables.get(name).filter(|_| in_actions)?;
    Some(Value { text: text.as_str().into(), origin: Origin::Runner(name) }).filter(has_content)
}

/// A variable that is nearly one of ours.
fn misspelt(name: &str) -> Option<Fault> {
    if name == CRASH_AT {
        return None;
    }
    let rest = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
    let file = rest.strip_suffix("_file").and_then(Key::named).is_some_and(Key::is_secret);
    if Key::named(&rest).is_some() || file {
        return None;
    }
    let near = variable(&nearest(&rest)?);
    Some(Fault::new(format!("`{name}` is not read by anything"), format!("did you mean `{near}`?")))
}

//! Settings: where they come from, what they mean, and what is wrong with them, all at once and each with the next action.
//!
//! Precedence: flag, environment, file, default (`interfaces.md`); every value remembers its origin. This is the only file that
//! reads them from the environment. Secrets are never printed, and no fault repeats one.

mod by_token;
mod clusters;
mod fault;
mod grants;
mod identities;
mod key;
mod mail;
mod serve;
mod settings;
mod sops;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

pub use by_token::ByToken;
pub use clusters::{ClusterMap, ClusterRow};
pub use fault::{Fault, Faults};
pub use grants::{GrantMap, GrantRow};
pub use identities::{IdentityMap, IdentityRow};
pub use key::{Key, Shown};
pub use serve::{Adopt, BaseUrl, Database, LogFormat, ServeConfig, database};
pub use settings::{Origin, Row, Settings};
pub use sops::SopsVariables;

/// What stands where a secret is.
const MASK: &str = "********";

/// Prefix of every variable of ours.
pub const PREFIX: &str = "COUNTERSIGN_";

/// Variables of an Actions runner that stand in for defaults of ours.
const RUNNER: [&str; 3] = ["GITHUB_ACTIONS", "GITHUB_API_URL", "GITHUB_SERVER_URL"];

/// Everything settings are taken from, read once.
#[derive(Default)]
pub struct Sources {
    /// Values given as flags (`--listen …`).
    pub flags: BTreeMap<Key, String>,
    /// Environment variables: ours, the runner's, sops's, and those the file takes grants from.
    pub variables: BTreeMap<String, String>,
    /// The configuration file.
    pub file: Option<ConfigFile>,
}

/// A configuration file as read; it may hold secrets.
pub struct ConfigFile {
    /// Where it is, for people.
    pub path: PathBuf,
    /// Its text.
    pub text: SecretString,
}

impl Sources {
    /// Reads the environment of this process and the file named by `--config`. No file is looked for elsewhere: a directory
    /// somebody else controls must not be able to point the program at another server.
    ///
    /// # Errors
    /// When the file cannot be read, or a variable of ours is no text.
    pub fn from_process(flags: BTreeMap<Key, String>, config: Option<&Path>) -> Result<Self, Faults> {
        let file = config.map(ConfigFile::read).transpose()?;
        let granted = file.as_ref().map(grants::variables).unwrap_or_default();
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            let known = RUNNER.contains(&name.as_str()) || sops::NAMES.contains(&name.as_str());
            if !name.starts_with(PREFIX) && !known && !granted.contains(&name) {
                continue;
            }
            let value = value.into_string().map_err(|_| {
                Fault::new(format!("`{name}` is not valid UTF-8"), "set it to text, or name a file with `<NAME>_FILE`")
            })?;
            variables.insert(name, value);
        }
        Ok(Self { flags, variables, file })
    }
}

impl ConfigFile {
    fn read(path: &Path) -> Result<Self, Fault> {
        let text = read_text(path).map_err(|error| {
            Fault::new(
                format!("the configuration file `{}` cannot be read: {error}", path.display()),
                "name an existing file with `--config`",
            )
        })?;
        Ok(Self { path: path.to_owned(), text: text.into() })
    }
}

/// Reads a file of a setting.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests;

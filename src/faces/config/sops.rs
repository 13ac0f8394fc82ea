//! The variables of sops that name an identity: for the server they count only while it reaches a single repository
//! (`interfaces.md`), and behind what the configuration file names.

use std::path::PathBuf;

use secrecy::SecretString;

use super::{IdentityRow, MASK, Sources};

/// An identity; a file of some; a command that prints some.
pub(super) const NAMES: [&str; 3] = ["SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD"];

/// What the three say.
#[derive(Clone, Default)]
pub struct SopsVariables {
    /// Identities themselves.
    pub key: Option<SecretString>,
    /// A file of identities.
    pub file: Option<PathBuf>,
    /// A command that prints identities.
    pub command: Option<String>,
}

impl SopsVariables {
    pub(super) fn of(sources: &Sources) -> Self {
        let [key, file, command] =
            NAMES.map(|name| sources.variables.get(name).filter(|text| !text.trim().is_empty()).cloned());
        Self { key: key.map(SecretString::from), file: file.map(PathBuf::from), command }
    }

    /// What `countersign config` prints of them.
    pub(super) fn rows(&self) -> Vec<IdentityRow> {
        let given = [self.key.is_some(), self.file.is_some(), self.command.is_some()];
        let given = NAMES.into_iter().zip(given).filter(|(_, given)| *given);
        given
            .map(|(name, _)| IdentityRow {
                name: name.to_owned(),
                value: MASK,
                origin: "environment, while the App reaches a single repository".to_owned(),
            })
            .collect()
    }
}

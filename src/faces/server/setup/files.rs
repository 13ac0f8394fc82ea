//! Where the settings of a new App go: files that their owner alone reads, made whole or not at all, and never in place of another.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::faces::wire::NewApp;

/// Why nothing can be written.
#[derive(Debug, Error)]
pub enum FilesFault {
    /// A file is there.
    #[error("`{0}` is there already, and nothing is overwritten")]
    Taken(PathBuf),
    /// The folder cannot be written to.
    #[error("no file can be made in `{folder}`: {source}")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The configuration file and what it names.
#[derive(Debug, Clone)]
pub struct Files {
    config: PathBuf,
    private_key: PathBuf,
    webhook_secret: PathBuf,
    signing_key: PathBuf,
}

impl Files {
    /// The files of a set-up whose configuration file will be this one; none of them is there yet, and they can be made.
    ///
    /// # Errors
    /// When one is there, or the folder cannot be written to: found out before GitHub is asked for anything.
    pub fn beside(config: &Path) -> Result<Self, FilesFault> {
        let folder = config.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unwritable = |source| FilesFault::Folder { folder: folder.to_owned(), source };
        let whole = folder.canonicalize().map_err(unwritable)?;
        let name = config.file_name().ok_or_else(|| unwritable(io::Error::other("the path names no file")))?;
        let stem = Path::new(name).file_stem().unwrap_or(name).to_string_lossy().into_owned();
        let named = |rest: &str| whole.join(format!("{stem}.{rest}"));
        let files = Self {
            config: whole.join(name),
            private_key: named("private-key.pem"),
            webhook_secret: named("webhook-secret"),
            signing_key: named("signing-key.pem"),
        };
        // a link that leads nowhere is a file as well
        if let Some(taken) = files.all().into_iter().find(|path| path.symlink_metadata().is_ok()) {
            return Err(FilesFault::Taken(taken.to_owned()));
        }
        NamedTempFile::new_in(&whole).map_err(unwritable)?;
        Ok(files)
    }

    fn all(&self) -> [&Path; 4] {
        [&self.config, &self.private_key, &self.webhook_secret, &self.signing_key]
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Every file that will be written.
    pub(super) fn shown(&self, with_signing_key: bool) -> Vec<String> {
        let all = self.all().into_iter().filter(|path| with_signing_key || *path != self.signing_key);
        all.map(|path| path.display().to_string()).collect()
    }

    /// Writes everything; the configuration file last, so that it never names a file that is not there.
    pub(super) fn write(
        &self,
        app: &NewApp,
        signing: Option<&SecretString>,
        settings: &[(&'static str, String)],
    ) -> io::Result<()> {
        let mut lines =
            format!("# GitHub App `{}`, written by `countersign serve --setup`\napp_id = {}\n", app.slug, app.id);
        let mut line = |name: &str, value: &str| lines += &format!("{name} = {}\n", toml::Value::from(value));
        for (name, value) in settings {
            line(name, value);
        }
        line("private_key_file", &self.private_key.display().to_string());
        line("webhook_secret_file", &self.webhook_secret.display().to_string());
        if let Some(key) = signing {
            line("signing_key_file", &self.signing_key.display().to_string());
            make(&self.signing_key, key.expose_secret())?;
        }
        make(&self.private_key, app.private_key.expose_secret())?;
        make(&self.webhook_secret, app.webhook_secret.expose_secret())?;
        make(&self.config, &lines)?;
        let folder = self.config.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

/// A whole file, for its owner alone; refused when something of this name is there.
fn make(path: &Path, text: &str) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display()));
    // such files are 0600 from the start
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).map_err(named)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(named)?;
    file.persist_noclobber(path).map_err(|fault| named(fault.error))?;
    Ok(())
}

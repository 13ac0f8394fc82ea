//! Age identities, looked for exactly where sops looks (SOPS reference 19): all sources are added up, none hides another, and what
//! is wrong with one matters only when nothing opens the document.
//!
//! The one place of the command line that reads sops's variables. No identity is ever printed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, RwLock};

use sops_file::{
    Identities, KeyError, KeyKind, LockedIdentities, OpenError, OpenOptions, OpenedDocument, SealedDocument,
    UnlockError, open,
};
use zeroize::Zeroizing;

use crate::faces::cli::output;

/// Everything that may open documents here, and what was wrong with where it came from. Workers share one.
pub(in crate::faces::cli) struct Identity {
    known: RwLock<Identities>,
    told: Mutex<Told>,
    /// Variables and the commands in them.
    commands: Vec<(&'static str, String)>,
    /// Files under a passphrase, each with where it came from. Nobody is asked before one of them may be needed.
    locked: Mutex<Vec<(String, LockedIdentities)>>,
}

/// So often a passphrase is asked for.
const TRIES: usize = 3;

/// What came of looking.
#[derive(Default)]
struct Told {
    troubles: Vec<String>,
    /// Recipients that the commands were run for.
    asked: BTreeSet<String>,
}

impl Identity {
    /// Reads the environment and the files it names. Commands are not run until something needs them.
    pub(in crate::faces::cli) fn gather() -> Self {
        let identity = Self {
            known: RwLock::new(Identities::none()),
            told: Mutex::new(Told::default()),
            commands: ["SOPS_AGE_SSH_PRIVATE_KEY_CMD", "SOPS_AGE_KEY_CMD"]
                .into_iter()
                .filter_map(|name| Some((name, variable(name)?)))
                .collect(),
            locked: Mutex::default(),
        };
        if let Some(path) = variable("SOPS_AGE_SSH_PRIVATE_KEY_FILE") {
            let source = format!("SOPS_AGE_SSH_PRIVATE_KEY_FILE (`{path}`)");
            identity.take_file(&source, &PathBuf::from(&path), true);
        }
        for path in user_ssh_files() {
            identity.take_file(&format!("`{}`", path.display()), &path, false);
        }
        if let Some(text) = variable("SOPS_AGE_KEY") {
            identity.take("SOPS_AGE_KEY", Zeroizing::new(text).as_bytes());
        }
        if let Some(path) = variable("SOPS_AGE_KEY_FILE") {
            identity.take_file(&format!("SOPS_AGE_KEY_FILE (`{path}`)"), &PathBuf::from(&path), true);
        }
        if let Some(path) = user_file() {
            identity.take_file(&format!("`{}`", path.display()), &path, false);
        }
        identity
    }

    /// Opens a document. When nothing else does, the commands are run for its recipients, and then somebody is asked for
    /// the passphrases of identity files.
    pub(super) fn open(&self, sealed: &SealedDocument, options: OpenOptions) -> Result<OpenedDocument, OpenError> {
        let mut outcome = self.open_or_run(sealed, options);
        if lacks_identity(&outcome) && self.unlock_once() {
            outcome = self.open_as_known(sealed, options);
        }
        outcome
    }

    /// Opens a document with what is at hand; nobody is asked for a passphrase.
    pub(in crate::faces::cli) fn open_unasked(&self, sealed: &SealedDocument) -> Result<OpenedDocument, OpenError> {
        self.open_or_run(sealed, OpenOptions::default())
    }

    fn open_or_run(&self, sealed: &SealedDocument, options: OpenOptions) -> Result<OpenedDocument, OpenError> {
        let mut outcome = self.open_as_known(sealed, options);
        if !self.commands.is_empty() {
            let age = |recipient: &&sops_file::Recipient| recipient.kind() == KeyKind::Age;
            for recipient in sealed.metadata().recipients().filter(age) {
                if !lacks_identity(&outcome) {
                    break;
                }
                self.ask_once(recipient.name());
                outcome = self.open_as_known(sealed, options);
            }
        }
        outcome
    }

    /// Asks for the passphrases of the identity files that are still locked; others wait for the answer. Whether there may
    /// be more identities than before.
    fn unlock_once(&self) -> bool {
        static ONE_AT_A_TIME: Mutex<bool> = Mutex::new(false);
        let mut was_asked = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let locked = std::mem::take(&mut *self.locked.lock().unwrap_or_else(PoisonError::into_inner));
        *was_asked |= !locked.is_empty();
        locked.iter().for_each(|(source, file)| self.unlock(source, file));
        *was_asked
    }

    fn unlock(&self, source: &str, file: &LockedIdentities) {
        for _ in 0..TRIES {
            let passphrase = match rpassword::prompt_password(format!("passphrase of {source} (not shown): ")) {
                Ok(passphrase) => Zeroizing::new(passphrase),
                Err(error) => {
                    return self.trouble(format!(
                        "{source} is under a passphrase, and nobody can be asked for it here ({error}); without a terminal, give \
                         the identity with SOPS_AGE_KEY_CMD"
                    ));
                }
            };
            match file.unlock(&passphrase) {
                Ok(identities) => return self.learn(source, identities),
                Err(UnlockError::WrongPassphrase) => output::tell("the passphrase is wrong"),
                Err(fault @ (UnlockError::NoPassphrase | UnlockError::TooMuchWork | UnlockError::Damaged)) => {
                    return self.trouble(format!("{source}: {fault}"));
                }
            }
        }
        self.trouble(format!("{source}: {}", UnlockError::WrongPassphrase));
    }

    fn open_as_known(&self, sealed: &SealedDocument, options: OpenOptions) -> Result<OpenedDocument, OpenError> {
        open(sealed, &self.known.read().unwrap_or_else(PoisonError::into_inner), options)
    }

    /// The recipients of the identities that are known without asking anybody.
    pub(super) fn recipients(&self) -> Vec<String> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).recipients().map(str::to_owned).collect()
    }

    /// Whether one of the identities at hand belongs to this recipient.
    pub(super) fn is_own(&self, recipient: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).recipients().any(|own| own == recipient)
    }

    /// What was wrong with the sources, for the report when nothing opens.
    pub(super) fn troubles(&self) -> Vec<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).troubles.clone()
    }

    fn take_file(&self, source: &str, path: &PathBuf, must_exist: bool) {
        match std::fs::read(path).map(Zeroizing::new) {
            Ok(bytes) => self.take(source, &bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {}
            Err(error) => self.trouble(format!("{source} cannot be read: {error}")),
        }
    }

    fn take(&self, source: &str, bytes: &[u8]) {
        if let Some(file) = LockedIdentities::recognize(bytes) {
            self.locked.lock().unwrap_or_else(PoisonError::into_inner).push((source.to_owned(), file));
            return;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return self.trouble(format!("{source} is not text"));
        };
        match Identities::parse(text) {
            Ok(identities) => self.learn(source, identities),
            Err(error) => self.trouble(format!("{source}: line {} is not an age identity", error.line)),
        }
    }

    fn learn(&self, source: &str, identities: Identities) {
        for left in identities.left_out() {
            self.trouble(format!("{source}: {left}"));
        }
        self.known.write().unwrap_or_else(PoisonError::into_inner).extend(identities);
    }

    /// Runs the commands for a recipient unless that was done before; others wait for the answer.
    fn ask_once(&self, recipient: &str) {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = self.told.lock().unwrap_or_else(PoisonError::into_inner).asked.insert(recipient.to_owned());
        if is_new {
            self.commands.iter().for_each(|(variable, command)| self.ask(variable, command, recipient));
        }
    }

    /// Runs the command as sops does: split like a shell would, without a shell, the recipient in its environment.
    fn ask(&self, variable: &str, command: &str, recipient: &str) {
        let source = format!("the command of {variable}");
        let words = shlex::split(command).unwrap_or_default();
        let Some((program, arguments)) = words.split_first() else {
            return self.trouble(format!("{source} cannot be split into words"));
        };
        let output = Command::new(program)
            .args(arguments)
            .env("SOPS_AGE_RECIPIENT", recipient)
            .stdin(Stdio::inherit())
            .stderr(Stdio::inherit())
            .output();
        match output {
            Ok(output) if output.status.success() => {
                self.take(&source, &Zeroizing::new(output.stdout));
            }
            Ok(output) => self.trouble(format!("{source} failed ({})", output.status)),
            Err(error) => self.trouble(format!("{source} cannot be run: {error}")),
        }
    }

    fn trouble(&self, what: String) {
        let troubles = &mut self.told.lock().unwrap_or_else(PoisonError::into_inner).troubles;
        if !troubles.contains(&what) {
            troubles.push(what);
        }
    }
}

/// Whether another identity might open what did not open.
fn lacks_identity(outcome: &Result<OpenedDocument, OpenError>) -> bool {
    matches!(
        outcome,
        Err(OpenError::Key(KeyError::NoIdentity | KeyError::NotARecipient { .. } | KeyError::Threshold { .. }))
    )
}

/// Recipients named by the environment, for sealing.
pub(super) fn recipients_of_environment() -> Option<String> {
    variable("SOPS_AGE_RECIPIENTS")
}

/// The configuration named by the environment.
pub(super) fn config_of_environment() -> Option<PathBuf> {
    variable("SOPS_CONFIG").map(PathBuf::from)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// `sops/age/keys.txt` in the user's configuration directory.
pub(in crate::faces::cli) fn user_file() -> Option<PathBuf> {
    Some(config_directory()?.join("sops").join("age").join("keys.txt"))
}

/// The keys of the user that sops tries, whether or not a document is sealed for them.
fn user_ssh_files() -> Vec<PathBuf> {
    let Some(home) = variable("HOME").map(PathBuf::from) else { return Vec::new() };
    ["id_ed25519", "id_rsa"].into_iter().map(|name| home.join(".ssh").join(name)).collect()
}

/// The user's configuration directory, where sops has it.
pub(in crate::faces::cli) fn config_directory() -> Option<PathBuf> {
    if cfg!(windows) {
        return variable("AppData").map(PathBuf::from);
    }
    let home = || variable("HOME").map(PathBuf::from);
    match variable("XDG_CONFIG_HOME").map(PathBuf::from) {
        Some(directory) => directory.is_absolute().then_some(directory),
        None if cfg!(target_os = "macos") => Some(home()?.join("Library").join("Application Support")),
        None => Some(home()?.join(".config")),
    }
}

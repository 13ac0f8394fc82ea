//! The two private keys: the identity that opens documents, and the key that signs the ledger.
//!
//! Each is made only where there is none, in a file that its owner alone reads, and never inside the repository.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_core::ledger::SigningKey;
use zeroize::Zeroizing;

use super::found::Found;
use super::hook::is_below;
use super::write::Writer;
use super::{State, Step};
use crate::faces::cli::args::InitArgs;
use crate::faces::cli::secrets::founding;
use crate::faces::cli::{keygen, private_file};
use crate::faces::exit::{Exit, Report};

/// A key that is there, or one to be written.
enum Key {
    Kept,
    New(Zeroizing<String>),
}

pub(super) struct Keys {
    /// The identity's file, if one is to be written, and its text.
    identity: Option<(PathBuf, Zeroizing<String>)>,
    recipients: Vec<String>,
    /// Readers beside you.
    pub(super) others: Vec<String>,
    ledger: (PathBuf, Key),
    fingerprint: String,
}

impl Keys {
    /// Looks for both, and makes in memory what is missing.
    pub(super) fn of(args: &InitArgs, found: &Found) -> Result<Self, Report> {
        for recipient in &args.recipients {
            founding::check(recipient)?;
        }
        let (identity, recipients) = identity(args, found)?;
        let (file, fingerprint, key) = ledger(args, found)?;
        Ok(Self { identity, recipients, others: args.recipients.clone(), ledger: (file, key), fingerprint })
    }

    /// Your recipient; none where the identities here do not say.
    pub(super) fn recipient(&self) -> Option<&str> {
        self.recipients.first().map(String::as_str)
    }

    /// Whether one of these readers is you.
    pub(super) fn is_among(&self, readers: &[String]) -> bool {
        self.recipients.iter().any(|own| readers.contains(own))
    }

    /// Where the ledger's key is.
    pub(super) fn ledger_file(&self) -> &Path {
        &self.ledger.0
    }

    /// Its fingerprint.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Writes what is new.
    pub(super) fn write(&self, writer: &mut Writer) -> Result<(), Report> {
        match &self.identity {
            Some((file, text)) => {
                let note =
                    format!("opens what is sealed for {}; keep a copy, and show it to nobody", self.recipients[0]);
                writer.private(file, text, "age identity", note)?;
            }
            None => writer.steps.push(Step { what: "age identity".to_owned(), state: State::Kept, note: None }),
        }
        let (file, key) = &self.ledger;
        match key {
            Key::New(pem) => writer.private(
                file,
                pem,
                "signing key of the ledger",
                "keep a copy; whoever has it can write the ledger".to_owned(),
            ),
            Key::Kept => {
                let what = format!("signing key of the ledger: {}", file.display());
                writer.steps.push(Step { what, state: State::Kept, note: None });
                Ok(())
            }
        }
    }
}

type Identity = (Option<(PathBuf, Zeroizing<String>)>, Vec<String>);

/// The identities sops would use; a new one where there is none.
fn identity(args: &InitArgs, found: &Found) -> Result<Identity, Report> {
    let own = founding::own_recipients();
    if !own.is_empty() {
        return Ok((None, own));
    }
    let file = founding::user_file().ok_or_else(|| {
        Report::usage("there is no place for an age identity: neither HOME nor a configuration directory is known")
            .help("set HOME, or name a file with an identity in SOPS_AGE_KEY_FILE")
    })?;
    if file.exists() {
        if !args.recipients.is_empty() {
            return Ok((None, Vec::new()));
        }
        return Err(Report::new(
            Exit::NO_KEY,
            format!("`{}` is there, and does not say whom to seal for", file.display()),
        )
        .help("name its recipient with `--recipient age1…`; nothing is overwritten"));
    }
    refuse_inside(found, &file, "set SOPS_AGE_KEY_FILE to an identity elsewhere")?;
    let (text, recipient) = founding::new_identity()?;
    Ok((Some((file, text)), vec![recipient]))
}

fn ledger(args: &InitArgs, found: &Found) -> Result<(PathBuf, String, Key), Report> {
    let file = match &args.signing_key {
        Some(file) => std::path::absolute(file).map_err(|error| Report::failed("the path cannot be used", &error))?,
        None => default_place(found).ok_or_else(|| {
            Report::usage("there is no place for the signing key: neither HOME nor a configuration directory is known")
                .help("name one with `--signing-key FILE`")
        })?,
    };
    refuse_inside(found, &file, "name a file elsewhere with `--signing-key FILE`")?;
    match fs::read_to_string(&file).map(Zeroizing::new) {
        Ok(pem) => {
            let key = SigningKey::from_pem(&pem).map_err(|fault| {
                Report::new(Exit::FAILED, format!("`{}` is there and is no signing key: {fault}", file.display()))
                    .help("name another file with `--signing-key FILE`; nothing is overwritten")
            })?;
            Ok((file, key.fingerprint().to_string(), Key::Kept))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let (pem, fingerprint) = keygen::new_key()?;
            Ok((file, fingerprint, Key::New(pem)))
        }
        Err(error) => Err(Report::failed(format!("`{}` cannot be read", file.display()), &error)),
    }
}

/// Below the user's configuration directory, by the name of the repository.
fn default_place(found: &Found) -> Option<PathBuf> {
    let folder = founding::config_directory()?.join("countersign");
    let name = match &found.name {
        Some(name) => name.to_string(),
        None => found.root.file_name()?.to_string_lossy().into_owned(),
    };
    Some(folder.join(format!("{name}.ledger.pem")))
}

/// A private key in a repository is one `git add` away from everybody.
fn refuse_inside(found: &Found, file: &Path, help: &str) -> Result<(), Report> {
    if is_below(file, &found.root) {
        return Err(Report::new(
            Exit::REFUSED,
            format!("`{}` is inside the repository, and a private key never is", file.display()),
        )
        .help(help));
    }
    Ok(())
}

/// Writes a new file that its owner alone reads, and the folders on the way.
pub(super) fn write_private(file: &Path, text: &str) -> Result<(), Report> {
    let failed = |error: std::io::Error| Report::failed(format!("`{}` cannot be written", file.display()), &error);
    if let Some(folder) = file.parent() {
        make_folders(folder).map_err(failed)?;
    }
    private_file::write(file, text.as_bytes()).map_err(failed)
}

fn make_folders(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

//! `keygen`: makes the key that signs the ledger.
//!
//! The private key goes to a new file that only its owner reads, or to standard output; its fingerprint goes to standard error.

use std::io::{self, ErrorKind};
use std::path::Path;

use countersign_core::ledger::SigningKey;
use serde_json::json;
use zeroize::Zeroizing;

use super::args::KeygenArgs;
use super::{Outcome, output, private_file};
use crate::faces::exit::{Exit, Report};

/// Makes a key.
pub(super) fn run(args: &KeygenArgs, json: bool) -> Outcome {
    if json && args.output.is_none() {
        return Err(Report::usage("with `--json` the private key has no place on standard output")
            .help("name a file for it with `-o FILE`"));
    }
    let key = random()?;
    let pem = key.to_pem().map_err(|error| Report::failed("the key cannot be written down", &error))?;
    let fingerprint = key.fingerprint();
    let Some(path) = &args.output else {
        output::raw(pem.expose().as_bytes())?;
        output::tell(format!("fingerprint {fingerprint}"));
        return Ok(Exit::FINE);
    };
    private_file::write(path, pem.expose().as_bytes()).map_err(|error| refused(path, &error))?;
    if json {
        let file = path.display().to_string();
        return output::json(
            &json!({"version": 1, "file": file, "fingerprint": fingerprint, "public_key": key.public()}),
        );
    }
    output::tell(format!("fingerprint {fingerprint}"));
    output::tell(format!(
        "the private key is in {}; give it to the server as COUNTERSIGN_SIGNING_KEY_FILE\n\
         whoever verifies pins it: countersign verify --trust {fingerprint}",
        path.display()
    ));
    Ok(Exit::FINE)
}

fn random() -> Result<SigningKey, Report> {
    let mut randomness = Zeroizing::new([0; 32]);
    getrandom::fill(randomness.as_mut()).map_err(|error| Report::failed("the system gave no random bytes", &error))?;
    Ok(SigningKey::from_randomness(&randomness))
}

/// A new key as PEM, and its fingerprint.
pub(super) fn new_key() -> Result<(Zeroizing<String>, String), Report> {
    let key = random()?;
    let pem = key.to_pem().map_err(|error| Report::failed("the key cannot be written down", &error))?;
    Ok((Zeroizing::new(pem.expose().to_owned()), key.fingerprint().to_string()))
}

fn refused(path: &Path, error: &io::Error) -> Report {
    if error.kind() == ErrorKind::AlreadyExists {
        return Report::new(
            Exit::FAILED,
            format!("`{}` is there already, and a key is never overwritten", path.display()),
        )
        .help("name a new file, or move the old key away; what it signed stays good only while the ledger trusts it");
    }
    Report::failed(format!("`{}` cannot be written", path.display()), error)
        .help("name a file in a directory you may write to")
}

//! `serve`: the server; with `--setup` its App is registered first, from a page.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::args::ServeArgs;
use super::{Outcome, keygen, settings};
use crate::faces::config::{Key, ServeConfig, Settings, Sources, read_text};
use crate::faces::exit::{Exit, Report};
use crate::faces::server::setup::{Files, FilesFault};
use crate::faces::wire;

/// Stands for a key that GitHub has not made yet, while everything else is checked.
const NO_KEY_YET: &str = "-----BEGIN RSA PRIVATE KEY-----";

/// Runs the server until a signal stops it.
pub(super) fn run(args: &ServeArgs) -> Outcome {
    if args.setup {
        return set_up(args.config.as_deref().unwrap_or(Path::new("countersign.toml")));
    }
    let config = ServeConfig::read(&settings::read(args.config.as_deref())?).map_err(Report::from)?;
    settings::runtime()?.block_on(wire::serve(config)).map_err(|error| Report::chain(Exit::FAILED, &error))?;
    Ok(Exit::FINE)
}

/// Registers the App, then runs the server with what was written.
fn set_up(config: &Path) -> Outcome {
    let files = Files::beside(config).map_err(|fault| refused(&fault))?;
    let given = settings::read(None)?;
    let known = [Key::AppId, Key::PrivateKey, Key::WebhookSecret].into_iter().find(|key| given.secret(*key).is_some());
    if let Some(key) = known {
        return Err(Report::usage(format!("`{}` is set: there is an App already", key.variable()))
            .help("start without `--setup`; or unset it to register another App"));
    }
    let signing = match given.secret(Key::SigningKey) {
        Some(_) => None,
        None => {
            let (pem, fingerprint) = keygen::new_key()?;
            Some((SecretString::from(pem.as_str()), fingerprint))
        }
    };
    let beside = [Key::GithubApiUrl, Key::GithubUrl].into_iter().filter(|key| given.text(*key) != key.default());
    let beside = beside.filter_map(|key| Some((key.name(), given.text(key)?.to_owned()))).collect();
    // what does not depend on the App has to be right before GitHub is asked for one
    let mut flags = std::collections::BTreeMap::from([
        (Key::AppId, "1".to_owned()),
        (Key::PrivateKey, NO_KEY_YET.to_owned()),
        (Key::WebhookSecret, "none-yet".to_owned()),
    ]);
    if let Some((pem, _)) = &signing {
        flags.insert(Key::SigningKey, pem.expose_secret().to_owned());
    }
    let sources = Sources::from_process(flags, None).map_err(Report::from)?;
    let before = Settings::resolve(&sources, &read_text).map_err(Report::from)?;
    let before = ServeConfig::read(&before).map_err(Report::from)?;
    let written = files.config().to_owned();
    let failed = |error: wire::ServeError| Report::chain(Exit::FAILED, &error);
    let runtime = settings::runtime()?;
    let Some(listeners) = runtime.block_on(wire::set_up(&before, files, beside, signing)).map_err(failed)? else {
        return Ok(Exit::FINE);
    };
    let config = ServeConfig::read(&settings::read(Some(&written))?).map_err(Report::from)?;
    runtime.block_on(wire::serve_on(config, Some(listeners))).map_err(failed)?;
    Ok(Exit::FINE)
}

fn refused(fault: &FilesFault) -> Report {
    Report::usage(fault.to_string()).help(match fault {
        FilesFault::Taken(_) => {
            "start with the settings that are there, `countersign serve --config FILE`; or name another file with `--config`"
        }
        FilesFault::Folder { .. } => "name a file in a folder of this user with `--config`",
    })
}

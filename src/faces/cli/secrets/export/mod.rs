//! `export`: the values of documents in the form that a shell, a program or a platform reads.
//!
//! Each form quotes so that its reader gets back exactly the value; what it could not hold is refused by its key, before anything
//! is printed.

mod github;
mod kubernetes;
mod properties;
mod shell;
mod tfvars;

use sops_file::{Format, SealError, convert};
use zeroize::Zeroizing;

use super::chosen::{Chosen, Joint};
use super::store;
use crate::faces::cli::args::{ExportArgs, ExportFormat};
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// Prints, or writes to a private file.
pub(in crate::faces::cli) fn run(args: ExportArgs) -> Outcome {
    let chosen = Chosen::of(&args.batch, &args.names)?;
    let bytes = written(chosen, &args)?;
    match &args.output {
        Some(path) => store::write_plain(path, &bytes, None).map(|()| Exit::FINE),
        None => output::raw(&bytes),
    }
}

fn written(chosen: Chosen, args: &ExportArgs) -> Result<Zeroizing<Vec<u8>>, Report> {
    let text = match args.format {
        ExportFormat::Json => return structured(chosen, Format::Json),
        ExportFormat::Yaml => return structured(chosen, Format::Yaml),
        ExportFormat::K8sSecret => {
            return kubernetes::manifest(chosen, args.name.as_deref(), args.namespace.as_deref());
        }
        ExportFormat::Env => shell::assignments(&chosen.into_list(Joint::Underscore)?, "")?,
        ExportFormat::EnvExport => shell::assignments(&chosen.into_list(Joint::Underscore)?, "export ")?,
        ExportFormat::Properties => properties::lines(&chosen.into_list(Joint::Dot)?)?,
        ExportFormat::Tfvars => tfvars::variables(&chosen.into_value())?,
        ExportFormat::GithubEnv => github::lines(&chosen.into_list(Joint::Underscore)?)?,
    };
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

fn structured(chosen: Chosen, format: Format) -> Result<Zeroizing<Vec<u8>>, Report> {
    convert::written(&[chosen.into_value()], format).map_err(|fault| not_written(&fault))
}

fn not_written(fault: &SealError) -> Report {
    Report::new(Exit::of_sops(fault.exit_code()), fault).help(fault.help())
}

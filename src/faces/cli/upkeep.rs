//! `migrate` and `backup`: the database of a server, before an upgrade and while it is in use.

use std::path::Path;

use serde_json::json;

use super::args::{BackupArgs, MigrateArgs};
use super::{Outcome, output, settings};
use crate::faces::config::{self, Database};
use crate::faces::exit::{Exit, Report, printable};
use crate::faces::wire::{self, CopyError, SchemaStep};

/// Where the server keeps its work, by the settings alone that say so.
fn database(file: Option<&Path>) -> Result<Database, Report> {
    config::database(&settings::read(file)?).map_err(|fault| Report::usage(fault.what()).help(fault.help()))
}

/// Brings the schema up to date, or says what would be done.
pub(super) fn migrate(args: &MigrateArgs, json: bool) -> Outcome {
    let database = database(args.config.as_deref())?;
    let runtime = settings::runtime()?;
    let failed = |error: wire::OpenError| Report::chain(Exit::FAILED, &error);
    let steps = runtime.block_on(wire::schema(&database)).map_err(failed)?;
    if !args.dry_run {
        runtime.block_on(wire::migrate(&database)).map_err(failed)?;
    }
    let missing = steps.iter().filter(|step| !step.taken).count();
    if json {
        let one = |step: &SchemaStep| json!({"number": step.number, "about": step.about, "taken": step.taken || !args.dry_run});
        let all: Vec<_> = steps.iter().map(one).collect();
        output::json(&json!({"version": 1, "steps": all, "taken_now": if args.dry_run { 0 } else { missing }}))?;
    } else {
        output::say(&printable(&told(&steps, args.dry_run)))?;
    }
    Ok(if args.dry_run && missing > 0 { Exit::PENDING } else { Exit::FINE })
}

fn told(steps: &[SchemaStep], dry_run: bool) -> String {
    let missing: Vec<_> = steps.iter().filter(|step| !step.taken).collect();
    let newest = steps.last().map_or(0, |step| step.number);
    if missing.is_empty() {
        return format!("the schema is up to date: step {newest}\n");
    }
    let mut text = String::new();
    for step in &missing {
        let word = if dry_run { "would take" } else { "took" };
        text += &format!("{word} step {}: {}\n", step.number, step.about);
    }
    text
}

/// Copies the database.
pub(super) fn backup(args: &BackupArgs, json: bool) -> Outcome {
    let database = database(args.config.as_deref())?;
    if let Database::Postgres(_) = database {
        return Err(refused(&CopyError::NoFile));
    }
    let copied =
        settings::runtime()?.block_on(wire::back_up(&database, &args.file)).map_err(|error| refused(&error))?;
    let file = args.file.display().to_string();
    if json {
        let (bytes, ledgers) = (copied.bytes, copied.ledgers);
        return output::json(&json!({"version": 1, "file": file, "bytes": bytes, "ledgers": ledgers}));
    }
    let ledgers = output::count(usize::try_from(copied.ledgers).unwrap_or(usize::MAX), "ledger head");
    output::tell(format!(
        "{} copied to {file}: {ledgers}",
        output::count(copied.bytes.try_into().unwrap_or(usize::MAX), "byte")
    ));
    Ok(Exit::FINE)
}

fn refused(error: &CopyError) -> Report {
    let exit = match error {
        CopyError::NoFile | CopyError::Exists(_) => Exit::USAGE,
        CopyError::Absent(_) => Exit::NO_FILE,
        CopyError::Open(_) | CopyError::Unwritable(..) | CopyError::Damaged(_) => Exit::FAILED,
    };
    Report::chain(exit, error)
}

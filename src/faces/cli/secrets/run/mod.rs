//! `run`: a command with the values of documents in its environment, or with the plain document behind a pipe.
//!
//! The command is an argument vector; no shell looks at it. On Unix it takes the place of this process, so that signals and its exit
//! code are its own. It never gets what opens documents: sops's variables and ours stay behind.

mod mount;

use std::ffi::{OsStr, OsString};
use std::process::Command;

use sops_file::KeyPath;

use super::chosen::{Chosen, Joint, Variable, refused};
use crate::faces::cli::Outcome;
use crate::faces::cli::args::RunArgs;
use crate::faces::exit::{Exit, Report};

/// The command cannot be executed; as shells say it.
const NOT_EXECUTABLE: i32 = 126;
/// There is no such command.
const NOT_FOUND: i32 = 127;

/// Variables that open documents, whatever else begins with `COUNTERSIGN_`.
const WITHHELD: [&str; 5] = [
    "SOPS_AGE_KEY",
    "SOPS_AGE_KEY_FILE",
    "SOPS_AGE_KEY_CMD",
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
    "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
];

/// Runs the command.
pub(in crate::faces::cli) fn run(args: RunArgs) -> Outcome {
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Report::usage("there is no command").help("name one behind `--`"));
    };
    if let Some(path) = &args.mount {
        return mount::run(&args, path.as_deref());
    }
    let chosen = Chosen::of(&args.batch, &args.names)?;
    let variables = chosen.into_list(Joint::Underscore)?;
    let mut command = Command::new(program);
    command.args(arguments);
    environment(&mut command, args.pristine);
    for variable in &variables {
        if args.preserve_env && std::env::var_os(&variable.name).is_some() {
            continue;
        }
        command.env(name(variable)?, variable.text()?);
    }
    drop(variables);
    execute(command, program)
}

/// What the command inherits: nothing, or what is no key to documents.
fn environment(command: &mut Command, pristine: bool) {
    if pristine {
        command.env_clear();
        return;
    }
    for (name, _) in std::env::vars_os() {
        if is_withheld(&name) {
            command.env_remove(name);
        }
    }
}

fn is_withheld(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| WITHHELD.contains(&name) || name.starts_with("COUNTERSIGN_"))
}

fn name(variable: &Variable) -> Result<&str, Report> {
    let name = variable.name.as_str();
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(refused(&KeyPath::root().key(name).to_string(), "is no name of a variable"));
    }
    Ok(name)
}

#[cfg(unix)]
fn execute(mut command: Command, program: &OsString) -> Outcome {
    use std::os::unix::process::CommandExt as _;
    Err(not_started(program, &command.exec()))
}

#[cfg(not(unix))]
fn execute(mut command: Command, program: &OsString) -> Outcome {
    let status = command.status().map_err(|error| not_started(program, &error))?;
    Ok(status.code().map_or(Exit::FAILED, Exit::of_sops))
}

fn not_started(program: &OsString, error: &std::io::Error) -> Report {
    let found = error.kind() != std::io::ErrorKind::NotFound;
    let (exit, what) = if found { (NOT_EXECUTABLE, "cannot be executed") } else { (NOT_FOUND, "is not there") };
    let report = Report::new(Exit::of_sops(exit), format!("the command `{}` {what}", program.to_string_lossy()));
    if found { report.cause(error) } else { report.help("name a program on the PATH, or its path") }
}

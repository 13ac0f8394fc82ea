//! Arguments of the verbs that hand values to something else.
//!
//! The names of values may be arguments; values are not.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sops_file::Format;

use super::change::Batch;

/// Which values, and what they are called.
#[derive(Args)]
pub(in crate::faces::cli) struct Names {
    /// Only these keys, separated by commas: `DB_URL,db.password`.
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    pub(in crate::faces::cli) only: Vec<String>,
    /// Put this before every name.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(in crate::faces::cli) prefix: String,
    /// Take values below other keys too: `db.password` is called `db_password`.
    #[arg(long)]
    pub(in crate::faces::cli) flatten: bool,
    /// Open documents although their MAC is missing or wrong.
    #[arg(long)]
    pub(in crate::faces::cli) ignore_mac: bool,
}

/// What `export` writes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::faces::cli) enum ExportFormat {
    /// `NAME='value'` lines, as `sh` reads them.
    Env,
    /// `export NAME='value'` lines, as `sh` reads them.
    EnvExport,
    /// A JSON object, with the types and the structure of the document.
    Json,
    /// YAML, with the types and the structure of the document.
    Yaml,
    /// Java properties; keys below others are joined with dots.
    Properties,
    /// Variables of Terraform.
    Tfvars,
    /// A Kubernetes manifest of kind Secret.
    K8sSecret,
    /// Lines for the file that `GITHUB_ENV` names.
    GithubEnv,
}

#[derive(Args)]
pub(in crate::faces::cli) struct ExportArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) batch: Batch,
    /// What to write.
    #[arg(long, short = 'f')]
    pub(in crate::faces::cli) format: ExportFormat,
    #[command(flatten)]
    pub(in crate::faces::cli) names: Names,
    /// Write to this file, readable by you alone, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::faces::cli) output: Option<PathBuf>,
    /// Name of the Kubernetes secret; else that of the document.
    #[arg(long, value_name = "NAME")]
    pub(in crate::faces::cli) name: Option<String>,
    /// Namespace of the Kubernetes secret.
    #[arg(long, value_name = "NAME")]
    pub(in crate::faces::cli) namespace: Option<String>,
}

#[derive(Args)]
#[command(override_usage = "countersign run FILE… -- COMMAND [ARGUMENT]…\n       \
    countersign run -e ENV [-p PATH] -- COMMAND [ARGUMENT]…\n       \
    countersign run --mount[=PATH] FILE -- COMMAND [ARGUMENT]…")]
pub(in crate::faces::cli) struct RunArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) batch: Batch,
    #[command(flatten)]
    pub(in crate::faces::cli) names: Names,
    /// Give the command the values alone: nothing of the environment of this shell.
    #[arg(long)]
    pub(in crate::faces::cli) pristine: bool,
    /// Where a variable is set already, leave it.
    #[arg(long, conflicts_with = "pristine")]
    pub(in crate::faces::cli) preserve_env: bool,
    /// Give the plain document through a named pipe that can be read once, and no variables. Without a path the pipe lies in a
    /// private directory, and `{}` among the arguments stands for it.
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true)]
    pub(in crate::faces::cli) mount: Option<Option<PathBuf>>,
    /// Mount a private file instead of a pipe, for commands that read it more than once. It is removed afterwards.
    #[arg(long, requires = "mount")]
    pub(in crate::faces::cli) no_fifo: bool,
    /// The format behind the pipe; else that of the document.
    #[arg(long, value_name = "FORMAT", requires = "mount")]
    pub(in crate::faces::cli) output_type: Option<Format>,
    /// The command and its arguments.
    #[arg(value_name = "COMMAND", last = true, required = true)]
    pub(in crate::faces::cli) command: Vec<OsString>,
}

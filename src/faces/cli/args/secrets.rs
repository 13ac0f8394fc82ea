//! Arguments of the verbs on one document, and what all verbs on documents share.
//!
//! No `Debug`: an argument may be a secret.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use secrecy::SecretString;
use sops_file::Format;

/// Which document is meant.
#[derive(Args)]
pub(in crate::faces::cli) struct Naming {
    /// Take the document of this environment, as the policy of the working tree says.
    #[arg(short = 'e', long, value_name = "ENV")]
    pub(in crate::faces::cli) environment: Option<String>,
    /// Which document of the environment, when it has several: its path, or the end of it.
    #[arg(short = 'p', long, value_name = "PATH", requires = "environment")]
    pub(in crate::faces::cli) path: Option<String>,
    /// Read it as this format, whatever its name says: yaml, json, dotenv, ini, binary.
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::faces::cli) input_type: Option<Format>,
}

#[derive(Args)]
#[command(override_usage = "countersign get FILE KEY\n       countersign get -e ENV [-p PATH] KEY")]
pub(in crate::faces::cli) struct GetArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) naming: Naming,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(in crate::faces::cli) ignore_mac: bool,
    /// The document and the key: `db.password`, `hosts[0]`, or as sops writes it, `["db"]["password"]`.
    #[arg(value_names = ["FILE", "KEY"], num_args = 1..=2, required = true)]
    pub(in crate::faces::cli) operands: Vec<String>,
}

#[derive(Args)]
#[command(override_usage = "countersign list FILE|DIR…\n       countersign list -e ENV [-p PATH]")]
pub(in crate::faces::cli) struct ListArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) naming: Naming,
    /// Sealed documents, and directories to look for them in.
    #[arg(value_name = "FILE|DIR", required_unless_present = "environment", conflicts_with = "environment")]
    pub(in crate::faces::cli) files: Vec<String>,
}

#[derive(Args)]
#[command(override_usage = "countersign set FILE KEY [-]\n       countersign set -e ENV [-p PATH] KEY [-]")]
pub(in crate::faces::cli) struct SetArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) naming: Naming,
    /// Take the value from standard input (without its last line break), as `-` does.
    #[arg(long, conflicts_with = "file")]
    pub(in crate::faces::cli) stdin: bool,
    /// As sops reads it: JSON from standard input.
    #[arg(long, hide = true, conflicts_with_all = ["file", "stdin"])]
    pub(in crate::faces::cli) value_stdin: bool,
    /// As sops reads it: the value names a file that holds JSON.
    #[arg(long, hide = true, conflicts_with_all = ["file", "stdin", "value_stdin"])]
    pub(in crate::faces::cli) value_file: bool,
    /// Take the value from a file, byte for byte.
    #[arg(long, value_name = "PATH")]
    pub(in crate::faces::cli) file: Option<PathBuf>,
    /// How the value is read: as text, or as JSON for numbers, booleans, lists and maps.
    #[arg(long = "type", value_name = "TYPE", default_value = "text")]
    pub(in crate::faces::cli) kind: ValueKind,
    /// Succeed when the value is there already.
    #[arg(long)]
    pub(in crate::faces::cli) idempotent: bool,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(in crate::faces::cli) ignore_mac: bool,
    /// The document, the key, and `-` for standard input. A value given here ends up in the history of your shell.
    #[arg(value_names = ["FILE", "KEY", "VALUE"], num_args = 1..=3, required = true, value_parser = secret)]
    pub(in crate::faces::cli) operands: Vec<SecretString>,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature is clap's")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}

/// How a value is read.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::faces::cli) enum ValueKind {
    /// As it is.
    Text,
    /// As a JSON value.
    Json,
}

#[derive(Args)]
#[command(override_usage = "countersign unset FILE KEY\n       countersign unset -e ENV [-p PATH] KEY")]
pub(in crate::faces::cli) struct UnsetArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) naming: Naming,
    /// Succeed when there is no such key.
    #[arg(long)]
    pub(in crate::faces::cli) idempotent: bool,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(in crate::faces::cli) ignore_mac: bool,
    /// The document and the key.
    #[arg(value_names = ["FILE", "KEY"], num_args = 1..=2, required = true)]
    pub(in crate::faces::cli) operands: Vec<String>,
}

#[derive(Args)]
#[command(override_usage = "countersign diff OLD NEW                 (files, or REV:path)\n       \
    countersign diff [REV [REV]] -- path…     (HEAD and the working tree unless named)\n       \
    countersign diff -e ENV [-p PATH] [REV [REV]]\n       \
    countersign diff --textconv FILE           (for git)")]
pub(in crate::faces::cli) struct DiffArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) naming: Naming,
    /// Show the values before and after; needs an identity that opens both versions.
    #[arg(long)]
    pub(in crate::faces::cli) reveal: bool,
    /// End with 1 when something differs.
    #[arg(long)]
    pub(in crate::faces::cli) exit_code: bool,
    /// Print one document as lines that git can compare: keys, types and digests of what is sealed, no value.
    #[arg(long, conflicts_with_all = ["reveal", "exit_code", "environment", "paths"])]
    pub(in crate::faces::cli) textconv: bool,
    /// Two files, `REV:path`, or revisions.
    #[arg(value_name = "OLD NEW", num_args = 0..=2)]
    pub(in crate::faces::cli) operands: Vec<String>,
    /// Documents or directories to compare in two revisions.
    #[arg(value_name = "path", last = true)]
    pub(in crate::faces::cli) paths: Vec<String>,
}

#[derive(Args)]
pub(in crate::faces::cli) struct EncryptArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) naming: Naming,
    #[command(flatten)]
    pub(in crate::faces::cli) target: Target,
    #[command(flatten)]
    pub(in crate::faces::cli) sealing: Sealing,
    /// Plain documents; directories are searched for those named .yaml, .yml, .json, .env, .ini. `-` for standard input.
    #[arg(value_name = "FILE|DIR", required_unless_present = "environment", conflicts_with = "environment")]
    pub(in crate::faces::cli) files: Vec<String>,
    /// Find rule and format by this name instead.
    #[arg(long, value_name = "NAME")]
    pub(in crate::faces::cli) filename_override: Option<String>,
}

/// For whom and how a new document is sealed. What is said here comes before what the creation rule says.
#[derive(Args)]
pub(in crate::faces::cli) struct Sealing {
    /// The configuration with the creation rules; else `.sops.yaml` here or above.
    #[arg(long, value_name = "FILE")]
    pub(in crate::faces::cli) config: Option<PathBuf>,
    /// Seal to these age recipients, separated by commas, instead of those of the creation rule.
    #[arg(long, short = 'a', value_name = "RECIPIENTS")]
    pub(in crate::faces::cli) age: Option<String>,
    /// Leave values in the clear whose key, or a key above, ends so.
    #[arg(long, value_name = "SUFFIX")]
    pub(in crate::faces::cli) unencrypted_suffix: Option<String>,
    /// Seal only values whose key, or a key above, ends so.
    #[arg(long, value_name = "SUFFIX")]
    pub(in crate::faces::cli) encrypted_suffix: Option<String>,
    /// Leave values in the clear whose key, or a key above, matches.
    #[arg(long, value_name = "REGEX")]
    pub(in crate::faces::cli) unencrypted_regex: Option<String>,
    /// Seal only values whose key, or a key above, matches.
    #[arg(long, value_name = "REGEX")]
    pub(in crate::faces::cli) encrypted_regex: Option<String>,
    /// Leave values in the clear below a comment that matches.
    #[arg(long, value_name = "REGEX")]
    pub(in crate::faces::cli) unencrypted_comment_regex: Option<String>,
    /// Seal only values below a comment that matches.
    #[arg(long, value_name = "REGEX")]
    pub(in crate::faces::cli) encrypted_comment_regex: Option<String>,
    /// Let the MAC cover sealed values only, so that others may be changed by hand.
    #[arg(long)]
    pub(in crate::faces::cli) mac_only_encrypted: bool,
    /// How many key groups of the creation rule are needed to open it.
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::faces::cli) shamir_secret_sharing_threshold: Option<u32>,
}

#[derive(Args)]
pub(in crate::faces::cli) struct DecryptArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) naming: Naming,
    #[command(flatten)]
    pub(in crate::faces::cli) target: Target,
    /// Print only what stands under this key: `db.password`, or `["db"]["password"]`.
    #[arg(long, value_name = "KEY", conflicts_with = "in_place")]
    pub(in crate::faces::cli) extract: Option<String>,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(in crate::faces::cli) ignore_mac: bool,
    /// Sealed documents, and directories to look for them in; several with `-i` or `-o DIR`. `-` for standard input.
    #[arg(value_name = "FILE|DIR", required_unless_present = "environment", conflicts_with = "environment")]
    pub(in crate::faces::cli) files: Vec<String>,
    /// Find the format by this name instead.
    #[arg(long, value_name = "NAME")]
    pub(in crate::faces::cli) filename_override: Option<String>,
}

#[derive(Args)]
#[command(
    override_usage = "countersign merge BASE OURS THEIRS [-o FILE]\n       countersign merge --driver %O %A %B %P"
)]
pub(in crate::faces::cli) struct MergeArgs {
    /// As git's merge driver: the result takes the place of the second file, the fourth operand is the path it has in the repository.
    #[arg(long, conflicts_with = "output")]
    pub(in crate::faces::cli) driver: bool,
    /// Write the merged document to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::faces::cli) output: Option<PathBuf>,
    /// Read all three as this format, whatever their names say: yaml, json, dotenv, ini, binary.
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::faces::cli) input_type: Option<Format>,
    /// The version both sides began with, and what each made of it.
    #[arg(value_names = ["BASE", "OURS", "THEIRS"], num_args = 3..=4, required = true)]
    pub(in crate::faces::cli) operands: Vec<PathBuf>,
}

/// Where a whole document goes.
#[derive(Args)]
pub(in crate::faces::cli) struct Target {
    /// Write it back to the file it was read from.
    #[arg(short, long)]
    pub(in crate::faces::cli) in_place: bool,
    /// Write it to this file instead of standard output; several documents go below this directory.
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::faces::cli) output: Option<PathBuf>,
    /// The format to write: yaml, json, dotenv, ini, binary; else that of the input.
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::faces::cli) output_type: Option<Format>,
}

//! The arguments, as clap reads them, and the help people see.
//!
//! No `Debug`: an argument may be a secret. Nothing is looked up here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;
use sops_file::Format;

/// Secrets as encrypted files in Git; a protected one is changed only by the people your policy names.
#[derive(Parser)]
#[command(
    name = "countersign",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 fine · 1 failed · 2 usage · \
    12 findings · 14 not verified · 51 MAC wrong · 100 no file · 128 no key · 200 not modified · 203 already sealed"
)]
pub(super) struct Arguments {
    /// Print JSON, errors too.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

impl Arguments {
    /// Whether output and errors are for a machine.
    pub(super) fn wants_json(&self) -> bool {
        let asked = match &self.verb {
            Verb::Check(args) => args.format == Shape::Json,
            Verb::Get(_)
            | Verb::List(_)
            | Verb::Set(_)
            | Verb::Unset(_)
            | Verb::Diff(_)
            | Verb::Encrypt(_)
            | Verb::Decrypt(_)
            | Verb::Schema
            | Verb::Verify(_)
            | Verb::Ledger(_)
            | Verb::Keygen(_)
            | Verb::Adopt(_)
            | Verb::Config(_)
            | Verb::Serve(_)
            | Verb::Demo(_)
            | Verb::Completions { .. } => false,
        };
        self.json || asked
    }
}

/// What can be asked for.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Print one value.
    Get(GetArgs),
    /// Name the keys of a document; needs no identity, shows no value.
    List(ListArgs),
    /// Store one value: asked for without echo, or `-` for standard input.
    Set(SetArgs),
    /// Remove one key.
    Unset(UnsetArgs),
    /// Say key by key what differs between two versions; needs no identity.
    Diff(DiffArgs),
    /// Seal a plain document.
    Encrypt(EncryptArgs),
    /// Print a document in the clear.
    Decrypt(DecryptArgs),
    /// Look for faults in the policy file.
    Check(CheckArgs),
    /// Print the JSON Schema of the policy file.
    Schema,
    /// Prove that what stands at a commit was approved.
    Verify(VerifyArgs),
    /// Read the ledger.
    #[command(subcommand)]
    Ledger(LedgerVerb),
    /// Make a signing key for the ledger.
    Keygen(KeygenArgs),
    /// Take in what stands on the default branch as approved, and begin the ledger; with the settings of the server.
    Adopt(AdoptArgs),
    /// Run the server: take GitHub's deliveries, count approvals, merge what was approved.
    Serve(ConfigArgs),
    /// Print every setting and where its value comes from, secrets masked.
    Config(ConfigArgs),
    /// Play the whole story on this machine: real pushes, reviews, a merge, a proof, and forgeries that are caught.
    Demo(DemoArgs),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// Which document is meant.
#[derive(Args)]
pub(super) struct Naming {
    /// Take the document of this environment, as the policy of the working tree says.
    #[arg(short = 'e', long, value_name = "ENV")]
    pub(super) environment: Option<String>,
    /// Which document of the environment, when it has several: its path, or the end of it.
    #[arg(short = 'p', long, value_name = "PATH", requires = "environment")]
    pub(super) path: Option<String>,
    /// Read it as this format, whatever its name says: yaml, json, dotenv, ini, binary.
    #[arg(long, value_name = "FORMAT")]
    pub(super) input_type: Option<Format>,
}

#[derive(Args)]
#[command(override_usage = "countersign get FILE KEY\n       countersign get -e ENV [-p PATH] KEY")]
pub(super) struct GetArgs {
    #[command(flatten)]
    pub(super) naming: Naming,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(super) ignore_mac: bool,
    /// The document and the key: `db.password`, `hosts[0]`, or as sops writes it, `["db"]["password"]`.
    #[arg(value_names = ["FILE", "KEY"], num_args = 1..=2, required = true)]
    pub(super) operands: Vec<String>,
}

#[derive(Args)]
#[command(override_usage = "countersign list FILE…\n       countersign list -e ENV [-p PATH]")]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) naming: Naming,
    /// The documents.
    #[arg(value_name = "FILE", required_unless_present = "environment", conflicts_with = "environment")]
    pub(super) files: Vec<String>,
}

#[derive(Args)]
#[command(override_usage = "countersign set FILE KEY [-]\n       countersign set -e ENV [-p PATH] KEY [-]")]
pub(super) struct SetArgs {
    #[command(flatten)]
    pub(super) naming: Naming,
    /// Take the value from standard input (without its last line break), as `-` does.
    #[arg(long, conflicts_with = "file")]
    pub(super) stdin: bool,
    /// Take the value from a file, byte for byte.
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,
    /// How the value is read: as text, or as JSON for numbers, booleans, lists and maps.
    #[arg(long = "type", value_name = "TYPE", default_value = "text")]
    pub(super) kind: ValueKind,
    /// Succeed when the value is there already.
    #[arg(long)]
    pub(super) idempotent: bool,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(super) ignore_mac: bool,
    /// The document, the key, and `-` for standard input. A value given here ends up in the history of your shell.
    #[arg(value_names = ["FILE", "KEY", "VALUE"], num_args = 1..=3, required = true, value_parser = secret)]
    pub(super) operands: Vec<SecretString>,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature is clap's")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}

/// How a value is read.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ValueKind {
    /// As it is.
    Text,
    /// As a JSON value.
    Json,
}

#[derive(Args)]
#[command(override_usage = "countersign unset FILE KEY\n       countersign unset -e ENV [-p PATH] KEY")]
pub(super) struct UnsetArgs {
    #[command(flatten)]
    pub(super) naming: Naming,
    /// Succeed when there is no such key.
    #[arg(long)]
    pub(super) idempotent: bool,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(super) ignore_mac: bool,
    /// The document and the key.
    #[arg(value_names = ["FILE", "KEY"], num_args = 1..=2, required = true)]
    pub(super) operands: Vec<String>,
}

#[derive(Args)]
#[command(override_usage = "countersign diff OLD NEW                 (files, or REV:path)\n       \
    countersign diff [REV [REV]] -- path…     (HEAD and the working tree unless named)\n       \
    countersign diff -e ENV [-p PATH] [REV [REV]]")]
pub(super) struct DiffArgs {
    #[command(flatten)]
    pub(super) naming: Naming,
    /// Show the values before and after; needs an identity that opens both versions.
    #[arg(long)]
    pub(super) reveal: bool,
    /// End with 1 when something differs.
    #[arg(long)]
    pub(super) exit_code: bool,
    /// Two files, `REV:path`, or revisions.
    #[arg(value_name = "OLD NEW", num_args = 0..=2)]
    pub(super) operands: Vec<String>,
    /// Documents or directories to compare in two revisions.
    #[arg(value_name = "path", last = true)]
    pub(super) paths: Vec<String>,
}

#[derive(Args)]
pub(super) struct EncryptArgs {
    #[command(flatten)]
    pub(super) naming: Naming,
    #[command(flatten)]
    pub(super) target: Target,
    /// The configuration with the creation rules; else `.sops.yaml` here or above.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Seal to these age recipients, separated by commas, instead of those of the creation rule.
    #[arg(long, short = 'a', value_name = "RECIPIENTS")]
    pub(super) age: Option<String>,
    /// The plain document; `-` for standard input (then also `--filename-override`).
    #[arg(required_unless_present = "environment", conflicts_with = "environment")]
    pub(super) file: Option<String>,
    /// Find rule and format by this name instead.
    #[arg(long, value_name = "NAME")]
    pub(super) filename_override: Option<String>,
}

#[derive(Args)]
pub(super) struct DecryptArgs {
    #[command(flatten)]
    pub(super) naming: Naming,
    #[command(flatten)]
    pub(super) target: Target,
    /// Print only what stands under this key: `db.password`, or `["db"]["password"]`.
    #[arg(long, value_name = "KEY", conflicts_with = "in_place")]
    pub(super) extract: Option<String>,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(super) ignore_mac: bool,
    /// The sealed document; `-` for standard input (then also `--input-type`).
    #[arg(required_unless_present = "environment", conflicts_with = "environment")]
    pub(super) file: Option<String>,
}

/// Where a whole document goes.
#[derive(Args)]
pub(super) struct Target {
    /// Write it back to the file it was read from.
    #[arg(short, long, conflicts_with = "output")]
    pub(super) in_place: bool,
    /// Write it to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// The format to write; for now that of the input.
    #[arg(long, value_name = "FORMAT")]
    pub(super) output_type: Option<Format>,
}

/// How findings are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// For people.
    Text,
    /// For machines.
    Json,
}

#[derive(Args)]
pub(super) struct CheckArgs {
    /// A policy file, `-` for standard input, or a directory in a repository.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub(super) place: PathBuf,
    /// How findings are printed.
    #[arg(long, default_value = "text")]
    pub(super) format: Shape,
}

#[derive(Args)]
pub(super) struct KeygenArgs {
    /// Write the private key to this new file, readable by you alone; else to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct ConfigArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct AdoptArgs {
    /// The commit the default branch is at: the whole id.
    #[arg(value_name = "COMMIT")]
    pub(super) commit: String,
    /// The repository; the one this clone comes from unless named.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repo: Option<String>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Which ledger is read, and whose root key is trusted.
#[derive(Args)]
pub(super) struct LedgerArgs {
    /// Fingerprint of the root key you trust, as `keygen` printed it (also `COUNTERSIGN_TRUST`).
    #[arg(long, value_name = "FINGERPRINT")]
    pub(super) trust: Vec<String>,
    /// Read the ledger as it is here; ask nobody.
    #[arg(long)]
    pub(super) offline: bool,
    /// Reference of the ledger (also `COUNTERSIGN_LEDGER_REF`).
    #[arg(long, value_name = "REF")]
    pub(super) ledger_ref: Option<String>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    pub(super) ledger: LedgerArgs,
    /// Only this environment.
    #[arg(short = 'e', long, value_name = "ENV")]
    pub(super) environment: Option<String>,
    /// The commit.
    #[arg(default_value = "HEAD")]
    pub(super) commit: String,
}

/// What can be asked of the ledger.
#[derive(Subcommand)]
pub(super) enum LedgerVerb {
    /// List the entries, or show one as it was signed.
    Show(LedgerShowArgs),
    /// Print every entry with its signature, one JSON object a line.
    Export(LedgerExportArgs),
}

#[derive(Args)]
pub(super) struct LedgerShowArgs {
    #[command(flatten)]
    pub(super) ledger: LedgerArgs,
    /// One entry: `L-12`.
    pub(super) entry: Option<String>,
}

#[derive(Args)]
pub(super) struct LedgerExportArgs {
    #[command(flatten)]
    pub(super) ledger: LedgerArgs,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct DemoArgs {
    /// Leave it running afterwards and say how to clone, push and review as each person.
    #[arg(long)]
    pub(super) keep_running: bool,
    /// Without colours (`NO_COLOR` does the same).
    #[arg(long)]
    pub(super) no_color: bool,
}

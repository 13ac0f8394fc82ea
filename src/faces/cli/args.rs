//! The arguments, as clap reads them, and the help people see.
//!
//! No `Debug`: an argument may be a secret. Nothing is looked up here.

mod begin;
mod change;
mod output;
mod secrets;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use countersign_core::domain::Span;

pub(super) use self::begin::{Gate, InitArgs, ManArgs};
pub(super) use self::change::{
    Batch, EditArgs, PromoteArgs, ProposeArgs, RecipientsArgs, RollbackArgs, RotateArgs, UpdatekeysArgs,
};
pub(super) use self::output::{ExportArgs, ExportFormat, Names, RunArgs};
pub(super) use self::secrets::{
    DecryptArgs, DiffArgs, EncryptArgs, GetArgs, ListArgs, MergeArgs, Naming, Sealing, SetArgs, Target, UnsetArgs,
    ValueKind,
};

/// Secrets as encrypted files in Git; a protected one is changed only by the people your policy names.
#[derive(Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
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
            | Verb::Edit(_)
            | Verb::Diff(_)
            | Verb::Merge(_)
            | Verb::Promote(_)
            | Verb::Propose(_)
            | Verb::Rollback(_)
            | Verb::Init(_)
            | Verb::Run(_)
            | Verb::Export(_)
            | Verb::Encrypt(_)
            | Verb::Decrypt(_)
            | Verb::Rotate(_)
            | Verb::Updatekeys(_)
            | Verb::Recipients(_)
            | Verb::Schema
            | Verb::Verify(_)
            | Verb::Ledger(_)
            | Verb::Keygen(_)
            | Verb::Adopt(_)
            | Verb::RevokeValue(_)
            | Verb::Sync(_)
            | Verb::Policy(_)
            | Verb::Explain(_)
            | Verb::Status(_)
            | Verb::Doctor(_)
            | Verb::Config(_)
            | Verb::Serve(_)
            | Verb::Migrate(_)
            | Verb::Backup(_)
            | Verb::Action
            | Verb::Demo(_)
            | Verb::Completions { .. }
            | Verb::Man(_) => false,
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
    /// Change a document in your editor; the plain text lives in a private place for as long as that takes.
    Edit(EditArgs),
    /// Say key by key what differs between two versions; needs no identity.
    Diff(DiffArgs),
    /// Merge three versions of a document key by key, as git's merge driver and merge tool or by hand.
    Merge(MergeArgs),
    /// Run a command with the values of documents in its environment, or with one behind a pipe.
    Run(RunArgs),
    /// Print the values of documents for a shell, a program or a platform to read.
    Export(ExportArgs),
    /// Seal plain documents.
    Encrypt(EncryptArgs),
    /// Print a document in the clear, or open many.
    Decrypt(DecryptArgs),
    /// Give documents a new data key, and change who reads them.
    Rotate(RotateArgs),
    /// Make the readers of documents those of the creation rules; shows the difference and asks.
    Updatekeys(UpdatekeysArgs),
    /// Name the readers of documents, add some, remove some.
    Recipients(RecipientsArgs),
    /// Ask for what changed in the working tree: branch, commit, push, pull request; no file or branch of yours is touched.
    Propose(ProposeArgs),
    /// Take values over from one environment to another, sealed anew for the readers there.
    Promote(PromoteArgs),
    /// Bring the values of an environment back to what they were, sealed anew for today's readers.
    Rollback(RollbackArgs),
    /// Begin in a repository: policy, creation rules, workflows and keys; or with `--git` set up git of this clone.
    Init(InitArgs),
    /// Look for faults in the policy file and the repository it governs, or in what is staged.
    Check(CheckArgs),
    /// Print the JSON Schema of the policy file.
    Schema,
    /// Compare two policies, or play the cases beside one.
    #[command(subcommand)]
    Policy(PolicyVerb),
    /// Say how a pull request stands: who counts, who does not and why, what is missing.
    Explain(ExplainArgs),
    /// Say what is open in a repository: requests, who is waited for, targets, debts, the ledger.
    Status(StatusArgs),
    /// Prove that what stands at a commit was approved.
    Verify(VerifyArgs),
    /// Read the ledger.
    #[command(subcommand)]
    Ledger(LedgerVerb),
    /// Make a signing key for the ledger.
    Keygen(KeygenArgs),
    /// Take in what stands on the default branch as approved, and begin the ledger; with the settings of the server.
    Adopt(AdoptArgs),
    /// Write into the ledger that a value must never come back; with the settings of the server.
    RevokeValue(RevokeValueArgs),
    /// Deliver the approved content to its targets by hand, or say with `--plan` what would be delivered.
    Sync(SyncArgs),
    /// Run the server: take GitHub's deliveries, count approvals, merge what was approved.
    Serve(ServeArgs),
    /// Bring the schema of the database up to date ahead of a start, or say with `--dry-run` what would be done.
    Migrate(MigrateArgs),
    /// Copy the database while a server is at work on it.
    Backup(BackupArgs),
    /// Do what the GitHub Action was asked for, inside its job; `action.yml` starts this.
    Action,
    /// Say what is missing: in the App's rights, its webhook, the rules of each repository; and how to mend it.
    Doctor(DoctorArgs),
    /// Print every setting and where its value comes from, secrets masked.
    Config(ConfigArgs),
    /// Play the whole story on this machine: real pushes, reviews, a merge, a proof, and forgeries that are caught.
    Demo(DemoArgs),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual: a page for each command, for `man` to show.
    Man(ManArgs),
}

/// How findings are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// SARIF 2.1.0, for code scanning; findings do not change the exit code.
    Sarif,
    /// Annotations of a workflow run.
    Github,
}

#[derive(Args)]
pub(super) struct CheckArgs {
    /// A policy file, `-` for standard input, or a directory in a repository.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub(super) place: PathBuf,
    /// How findings are printed.
    #[arg(long, default_value = "text")]
    pub(super) format: Shape,
    /// Put right what is certain in the policy file: misspelt names of fields, nothing else.
    #[arg(long, conflicts_with = "staged")]
    pub(super) fix: bool,
    /// Instead, look for plain text in every version of a protected file that can be reached from REV, or from anywhere.
    #[arg(long, value_name = "REV", num_args = 0..=1, conflicts_with_all = ["staged", "fix"])]
    pub(super) history: Option<Option<String>>,
    /// Instead, refuse what is staged, governed and not sealed; the pre-commit hook of `init --git` runs this.
    #[arg(long)]
    pub(super) staged: bool,
}

/// What can be done with policies.
#[derive(Subcommand)]
pub(super) enum PolicyVerb {
    /// Say whether a policy asks for more or less than another, and which past merges it would have stopped.
    Diff(PolicyDiffArgs),
    /// Play the cases in `.countersign/tests/`.
    Test(PolicyTestArgs),
}

#[derive(Args)]
pub(super) struct PolicyDiffArgs {
    /// The policy before: a file, a revision, or `REV:path`.
    pub(super) old: String,
    /// The policy after.
    pub(super) new: String,
    #[command(flatten)]
    pub(super) ledger: LedgerArgs,
}

#[derive(Args)]
pub(super) struct PolicyTestArgs {
    /// A policy file, or a directory in a repository.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub(super) place: PathBuf,
    /// Play these files of cases instead of those beside the policy.
    #[arg(long = "cases", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Name of the default branch.
    #[arg(long, value_name = "BRANCH", default_value = "main")]
    pub(super) default_branch: String,
}

#[derive(Args)]
pub(super) struct ExplainArgs {
    /// The pull request.
    #[arg(long, value_name = "N")]
    pub(super) pr: u64,
    /// The repository; the one this clone comes from unless named.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repo: Option<String>,
    /// Suppose that this person reviewed the head.
    #[arg(long = "as", value_name = "USER")]
    pub(super) user: Option<String>,
    /// What that person says (default: approve).
    #[arg(long = "with-review", value_name = "REVIEW", requires = "user")]
    pub(super) review: Option<Said>,
    /// Read the decision that the ledger recorded; ask nobody how things are now.
    #[arg(long)]
    pub(super) recorded: bool,
    #[command(flatten)]
    pub(super) ledger: LedgerArgs,
}

#[derive(Args)]
pub(super) struct StatusArgs {
    /// The repository; the one this clone comes from unless named.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repo: Option<String>,
    /// Look again and again, until it is interrupted.
    #[arg(short, long)]
    pub(super) watch: bool,
    /// How long to wait between two looks.
    #[arg(long, value_name = "TIME", default_value = "30s", requires = "watch")]
    pub(super) interval: Span,
    /// Fingerprint of the root key you trust, as `keygen` printed it (also `COUNTERSIGN_TRUST`).
    #[arg(long, value_name = "FINGERPRINT")]
    pub(super) trust: Vec<String>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct DoctorArgs {
    /// Only this repository; all that the App reaches unless named.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repo: Option<String>,
    #[command(flatten)]
    pub(super) ledger: LedgerArgs,
}

/// What a review says.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Said {
    /// It approves.
    Approve,
    /// It asks for changes.
    Reject,
}

#[derive(Args)]
pub(super) struct KeygenArgs {
    /// Write the private key to this new file, readable by you alone; else to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct ServeArgs {
    /// The configuration file; with `--setup`, the one that will be written: one here if none is named.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Begin without an App: print a link, good once, to a page that registers one on GitHub; write its settings, then serve with them.
    #[arg(long)]
    pub(super) setup: bool,
}

#[derive(Args)]
pub(super) struct ConfigArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct MigrateArgs {
    /// Only say which steps are missing; exit code 10 when there are any.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct BackupArgs {
    /// The copy: a file that does not exist yet.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct AdoptArgs {
    /// The commit the default branch is at: the whole id.
    #[arg(value_name = "COMMIT")]
    pub(super) commit: String,
    /// For the GitHub Action, without an App: with a token in `GH_TOKEN` or `GITHUB_TOKEN`, and the signing key the workflow will hold.
    #[arg(long)]
    pub(super) for_action: bool,
    /// The repository; the one this clone comes from unless named.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repo: Option<String>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct RevokeValueArgs {
    /// The document, as the repository has it.
    #[arg(value_name = "PATH")]
    pub(super) path: String,
    /// The key; one that holds further keys is revoked with all of them.
    #[arg(value_name = "KEY")]
    pub(super) key: String,
    /// A commit at which the value stood there.
    #[arg(long, value_name = "COMMIT")]
    pub(super) at: String,
    /// The repository; the one this clone comes from unless named.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repo: Option<String>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct SyncArgs {
    /// Only say what would be delivered, from this clone; send nothing. Without it the settings of the server are needed.
    /// Ends with 13 when a target differs from what it was given, with 14 when something is not proven.
    #[arg(long)]
    pub(super) plan: bool,
    /// The repository; the one this clone comes from unless named.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repo: Option<String>,
    /// Only targets of this environment.
    #[arg(short = 'e', long, value_name = "ENV")]
    pub(super) environment: Option<String>,
    /// Only targets of this name.
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,
    #[command(flatten)]
    pub(super) ledger: LedgerArgs,
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

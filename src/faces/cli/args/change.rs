//! Arguments of the verbs that change whole documents, many at once.
//!
//! Values are not among them.

use std::path::PathBuf;

use clap::Args;

use super::secrets::{Naming, Sealing, Target};
use crate::faces::cli::proposal::ProposalArgs;

/// The documents of a verb that takes many.
#[derive(Args)]
pub(in crate::faces::cli) struct Batch {
    #[command(flatten)]
    pub(in crate::faces::cli) naming: Naming,
    /// Sealed documents, and directories to look for them in.
    #[arg(value_name = "FILE|DIR", required_unless_present = "environment", conflicts_with = "environment")]
    pub(in crate::faces::cli) files: Vec<String>,
}

#[derive(Args)]
#[command(override_usage = "countersign edit FILE\n       countersign edit -e ENV [-p PATH]")]
pub(in crate::faces::cli) struct EditArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) naming: Naming,
    #[command(flatten)]
    pub(in crate::faces::cli) sealing: Sealing,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(in crate::faces::cli) ignore_mac: bool,
    /// The document; one that does not exist is made.
    #[arg(required_unless_present = "environment", conflicts_with = "environment")]
    pub(in crate::faces::cli) file: Option<String>,
}

#[derive(Args)]
pub(in crate::faces::cli) struct RotateArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) batch: Batch,
    #[command(flatten)]
    pub(in crate::faces::cli) target: Target,
    /// Add these age recipients, separated by commas.
    #[arg(long, value_name = "RECIPIENTS", value_delimiter = ',')]
    pub(in crate::faces::cli) add_age: Vec<String>,
    /// Take out these age recipients, separated by commas.
    #[arg(long, value_name = "RECIPIENTS", value_delimiter = ',')]
    pub(in crate::faces::cli) rm_age: Vec<String>,
    /// Seal to every recipient that stands in the file, also to those that the creation rule does not name.
    #[arg(long)]
    pub(in crate::faces::cli) keep_recipients: bool,
    /// The configuration with the creation rules; else `.sops.yaml` here or above.
    #[arg(long, value_name = "FILE")]
    pub(in crate::faces::cli) config: Option<PathBuf>,
    /// Open it although its MAC is missing or wrong.
    #[arg(long)]
    pub(in crate::faces::cli) ignore_mac: bool,
    /// Find rule and format by this name instead.
    #[arg(long, value_name = "NAME")]
    pub(in crate::faces::cli) filename_override: Option<String>,
}

#[derive(Args)]
pub(in crate::faces::cli) struct UpdatekeysArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) batch: Batch,
    /// Do not ask.
    #[arg(short, long)]
    pub(in crate::faces::cli) yes: bool,
    /// Take a new data key too wherever a reader is taken out.
    #[arg(long)]
    pub(in crate::faces::cli) rotate: bool,
    /// The configuration with the creation rules; else `.sops.yaml` here or above.
    #[arg(long, value_name = "FILE")]
    pub(in crate::faces::cli) config: Option<PathBuf>,
}

#[derive(Args)]
pub(in crate::faces::cli) struct RecipientsArgs {
    #[command(flatten)]
    pub(in crate::faces::cli) batch: Batch,
    /// Let these age recipients open the documents, separated by commas.
    #[arg(long, value_name = "RECIPIENTS", value_delimiter = ',')]
    pub(in crate::faces::cli) add: Vec<String>,
    /// Take these recipients out, separated by commas. The documents get a new data key.
    #[arg(long, value_name = "RECIPIENTS", value_delimiter = ',')]
    pub(in crate::faces::cli) remove: Vec<String>,
    /// Which key group to add to, counted from 1.
    #[arg(long, value_name = "NUMBER", requires = "add")]
    pub(in crate::faces::cli) group: Option<usize>,
    /// Keep the data key although a reader is taken out: who has it opens later versions too.
    #[arg(long, requires = "remove")]
    pub(in crate::faces::cli) keep_data_key: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub(in crate::faces::cli) yes: bool,
}

#[derive(Args)]
pub(in crate::faces::cli) struct PromoteArgs {
    /// The environment the values come from.
    #[arg(long, value_name = "ENV")]
    pub(in crate::faces::cli) from: String,
    /// The environment they go to.
    #[arg(long, value_name = "ENV")]
    pub(in crate::faces::cli) to: String,
    /// Which document, in both environments, when they have several: its path, or the end of it.
    #[arg(short = 'p', long, value_name = "PATH")]
    pub(in crate::faces::cli) path: Option<String>,
    /// Succeed when the values are there already.
    #[arg(long)]
    pub(in crate::faces::cli) idempotent: bool,
    /// Only change the file in the working tree; without it a pull request is opened.
    #[arg(long, conflicts_with_all = ["branch", "base", "remote"])]
    pub(in crate::faces::cli) local: bool,
    #[command(flatten)]
    pub(in crate::faces::cli) proposal: ProposalArgs,
    #[command(flatten)]
    pub(in crate::faces::cli) ledger: super::LedgerArgs,
    /// The keys; one that holds further keys is taken over with all of them.
    #[arg(value_name = "KEY", required = true)]
    pub(in crate::faces::cli) keys: Vec<String>,
}

#[derive(Args)]
pub(in crate::faces::cli) struct RollbackArgs {
    /// The environment.
    #[arg(short = 'e', long, value_name = "ENV")]
    pub(in crate::faces::cli) environment: String,
    /// Only this document of it: its path, or the end of it.
    #[arg(short = 'p', long, value_name = "PATH")]
    pub(in crate::faces::cli) path: Option<String>,
    /// Where to go back to: a commit, or a ledger entry that merged something (`L-12`).
    #[arg(long, value_name = "COMMIT|L-n")]
    pub(in crate::faces::cli) to: String,
    /// Only change the files in the working tree; without it a pull request is opened.
    #[arg(long, conflicts_with_all = ["branch", "base", "remote"])]
    pub(in crate::faces::cli) local: bool,
    #[command(flatten)]
    pub(in crate::faces::cli) proposal: ProposalArgs,
    #[command(flatten)]
    pub(in crate::faces::cli) ledger: super::LedgerArgs,
}

#[derive(Args)]
pub(in crate::faces::cli) struct ProposeArgs {
    /// Title of the pull request; one that names the files unless given.
    #[arg(short, long, value_name = "TEXT")]
    pub(in crate::faces::cli) title: Option<String>,
    /// What approvers should know; the list of files unless given.
    #[arg(short, long, value_name = "TEXT")]
    pub(in crate::faces::cli) description: Option<String>,
    /// Open it as a draft: nobody is asked to review yet.
    #[arg(long, conflicts_with = "local")]
    pub(in crate::faces::cli) draft: bool,
    /// Only make the branch and its commit in this clone; push nothing, ask nobody.
    #[arg(long)]
    pub(in crate::faces::cli) local: bool,
    #[command(flatten)]
    pub(in crate::faces::cli) proposal: ProposalArgs,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(in crate::faces::cli) config: Option<PathBuf>,
    /// Files and folders; every protected file that changed unless named.
    #[arg(value_name = "FILE|DIR")]
    pub(in crate::faces::cli) paths: Vec<PathBuf>,
}

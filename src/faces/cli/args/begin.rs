//! Arguments of the verbs with which one begins.
//!
//! Each of `init` answers a question; what is not answered is asked on a terminal.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Who counts approvals.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::faces::cli) enum Gate {
    /// Workflows of this repository, with the GitHub Action; they are written too.
    Action,
    /// A server of yours, as a GitHub App.
    Server,
}

#[derive(Args)]
pub(in crate::faces::cli) struct InitArgs {
    /// Set up git of this clone instead: how sealed documents are compared and merged, and a hook that refuses plain text.
    #[arg(long, conflicts_with_all = ["environments", "approvers", "required", "admins", "recipients", "gate", "action", "signing_key", "yes", "dry_run"])]
    pub(in crate::faces::cli) git: bool,
    /// An environment and its files; a directory ends with `/`. Several paths are separated by commas.
    #[arg(long = "environment", value_name = "NAME=PATH")]
    pub(in crate::faces::cli) environments: Vec<String>,
    /// Who approves changes of secrets: logins, or teams as `org/team-slug`.
    #[arg(long = "approver", value_name = "USER|TEAM", value_delimiter = ',')]
    pub(in crate::faces::cli) approvers: Vec<String>,
    /// How many of them each change needs.
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::faces::cli) required: Option<u16>,
    /// Who approves changes of the policy itself; the approvers unless named.
    #[arg(long = "admin", value_name = "USER|TEAM", value_delimiter = ',')]
    pub(in crate::faces::cli) admins: Vec<String>,
    /// Further readers of what is sealed, beside you.
    #[arg(long = "recipient", value_name = "RECIPIENT", value_delimiter = ',')]
    pub(in crate::faces::cli) recipients: Vec<String>,
    /// Who counts the approvals (default: action).
    #[arg(long)]
    pub(in crate::faces::cli) gate: Option<Gate>,
    /// The action in the workflows; pin it to a commit you trust.
    #[arg(long, value_name = "OWNER/NAME@REF")]
    pub(in crate::faces::cli) action: Option<String>,
    /// Where the private key of the ledger is, or is to be; never inside the repository.
    #[arg(long, value_name = "FILE")]
    pub(in crate::faces::cli) signing_key: Option<PathBuf>,
    /// Do not ask; take the default where a flag gives no answer.
    #[arg(short, long)]
    pub(in crate::faces::cli) yes: bool,
    /// Only say what would be written.
    #[arg(long)]
    pub(in crate::faces::cli) dry_run: bool,
}

#[derive(Args)]
pub(in crate::faces::cli) struct ManArgs {
    /// Write a page for every command into this directory; without it the page of `countersign` goes to standard output.
    #[arg(value_name = "DIR")]
    pub(in crate::faces::cli) directory: Option<PathBuf>,
    /// Print all of it as one page of Markdown instead.
    #[arg(long, conflicts_with = "directory")]
    pub(in crate::faces::cli) markdown: bool,
}

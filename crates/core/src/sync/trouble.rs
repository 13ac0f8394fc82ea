//! Why a target does not have what it should have: stable codes, words, the way out.
//!
//! Codes of grants and addresses come from whoever checks those; nothing here repeats an address or what a receiver said.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal, $help:literal;)*) => {
        /// A reason of delivery.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SyncReason {
            $($(#[$doc])* $name,)*
        }

        impl SyncReason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What is wrong.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// The next action.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }
        }
    };
}

reasons! {
    /// The tip differs from what is approved.
    Uncovered = "uncovered", "the tip of the branch is not what was approved",
        "see which paths differ with `countersign verify`; delivery goes on once they are as approved";
    /// The tip is an approved state, but an older one.
    NotCurrent = "not-current", "the tip of the branch is an older approved state, not the present one",
        "bring the branch to what was approved last";
    /// Another environment of the same branch is not covered.
    OtherUncovered = "other-environment-uncovered", "another environment of the same branch is not what was approved",
        "a branch target moves only to commits where everything is approved; see `countersign verify`";
    /// The ledger never vouched for the branch.
    NotAdopted = "branch-not-adopted", "the ledger does not vouch for this branch",
        "an operator runs `countersign adopt`, or an approved change of the policy takes the branch in";
    /// The ledger is not valid, or its decisions do not come out again.
    LedgerInvalid = "ledger-invalid", "the ledger does not prove what was approved",
        "run `countersign verify`: it names the entry";
    /// The environment's branch is gone.
    BranchMissing = "branch-missing", "the branch of the environment does not exist",
        "push the branch, or change `branch` in the policy";
    /// The proof names an older generation than was delivered.
    Older = "older-generation", "something newer was delivered already",
        "nothing old is delivered over something new; merge a change that restores what you want";
    /// The branch target is governed itself, the default branch, or the ledger.
    TargetGoverned = "target-governed", "the branch target is a governed branch, the default branch or the ledger",
        "name a branch that nobody merges into, such as `env/production`";
    /// No rule keeps others from moving the branch target.
    TargetUnprotected = "target-unprotected", "others than the App may move the branch target",
        "add a ruleset for this branch that restricts updates, with the App as the only one who may bypass it";
    /// The branch target was moved by somebody else.
    TargetMoved = "target-moved", "somebody else moved the branch target",
        "find out who could move it; `on_drift: reapply` sets it back by itself";
    /// The branch target cannot be moved by the App.
    TargetRefused = "target-refused", "GitHub does not let the App move the branch target",
        "add the App to those who may bypass the rules of this branch";
    /// The target answered that it does not want it.
    Refused = "delivery-refused", "the target refuses the delivery",
        "mend the target, then write `/countersign sync` on the pull request";
    /// An attempt that may go better later.
    DeliveryFailed = "delivery-failed", "an attempt did not get through", "nothing to do: it is tried again";
    /// No attempt got through.
    AttemptsUsedUp = "attempts-used-up", "no attempt got through",
        "mend the target, then write `/countersign sync` on the pull request";
    /// The workflow is not there.
    WorkflowMissing = "workflow-missing", "there is no such workflow, or it does not take `workflow_dispatch` with these inputs",
        "add `on: workflow_dispatch` with the input `countersign` to the workflow on that branch";
    /// The workflow ended badly.
    WorkflowFailed = "workflow-failed", "the workflow did not succeed",
        "look at its log, then write `/countersign sync` on the pull request";
    /// The target did not say that it arrived.
    DeadlinePassed = "deadline-passed", "the target took it, but did not get there in time",
        "look at the target, then write `/countersign sync` on the pull request";
    /// The receiver called back that it failed.
    ReportedFailure = "target-reported-failure", "the target reports that it failed",
        "look at the target, then write `/countersign sync` on the pull request";
    /// The target has it, and is not well.
    TargetUnwell = "target-unwell", "the target has it, and says that it does not work",
        "look at the target; it is looked at again, for six hours";
    /// The target runs something else.
    TargetDiffers = "target-differs", "the target no longer runs what was approved",
        "find out who changed it; `on_drift: reapply` delivers again by itself";
    /// The target holds keys that we did not write.
    KeysNotOurs = "target-keys-not-ours", "the target holds keys that countersign did not write",
        "take them away there, leave them out with `keys`, or take them over once with `adopt: true`";
    /// An ExternalSecret that reads once and never again.
    NeverReads = "target-never-reads", "the target reads once and never again, whatever it is told",
        "give the ExternalSecret a `refreshInterval` above 0, or `refreshPolicy: OnChange`; it is looked at again";
    /// Somebody wrote at the same time.
    Conflict = "target-conflict", "somebody else wrote to the target at the same time",
        "see who else writes there, then write `/countersign sync` on the pull request";
    /// Whoever delivers is granted no cluster for the environment, or not this part of it.
    ClusterNotGranted = "cluster-not-granted", "whoever delivers is granted no such place in a cluster for the environment",
        "the operator names it: [repositories.\"OWNER/NAME\".environments.NAME.kubernetes] server, ca_file, token_file, namespaces; a job's step does: docs/syncs.md";
    /// The server has no identity for the environment.
    NoIdentity = "target-without-identity", "whoever delivers has no usable age identity of the environment",
        "the operator names one: [repositories.\"OWNER/NAME\".environments.NAME] age_identity_file = \"…\"; a job gets it as `age-key`";
    /// A document cannot be opened.
    NotOpened = "target-not-opened", "a document of the environment cannot be opened",
        "make the server's identity one of its readers, in `.sops.yaml` and with `countersign updatekeys`";
    /// Two documents have a key of one name.
    KeyTwice = "target-key-twice", "two documents of the environment have a key of the same name",
        "give one of them another name: a target holds one value under a name";
    /// A key that can be no name at the target.
    KeyName = "target-key-name", "a key can be no name at the target",
        "leave it out with `keys`, or rename it: docs/syncs.md says which names the target takes";
    /// More than the target holds.
    Room = "target-too-small", "the values are more than the target holds",
        "choose fewer with `keys`, or make them shorter: docs/syncs.md names the limits";
    /// The server does not know where a job finds it.
    NoAddress = "runner-without-address", "there is no address at which a job could report to the server",
        "the operator sets COUNTERSIGN_PUBLIC_URL, or the policy says `run_in: server`; without a server no job is started";
    /// A job ended, and said nothing.
    Silent = "runner-silent", "the job ended without a report",
        "look at its log; it is started again, or with `/countersign sync` on the pull request";
    /// No job began in time.
    NotBegun = "runner-not-begun", "no job began within 15 minutes",
        "see whether a runner is free, and whether the environment waits for somebody; a new job is started";
    /// The target does something else.
    TargetBusy = "target-busy", "the target is busy with another operation", "nothing to do: it is tried again";
    /// A permission of the App is missing.
    NotPermitted = "app-not-permitted", "the GitHub App lacks a permission",
        "give the App the permission that docs/syncs.md names for this target";
    /// A rule on an environment of GitHub that the policy does not know.
    GateUngoverned = "gate-environment-unknown", "no environment of the policy has the name of this one, or delivers to it",
        "give an environment of the policy this name, or take countersign off its deployment protection rules";
    /// A job waits in a repository without policy and ledger.
    GateUnmanaged = "gate-unmanaged", "the repository has no policy and no ledger",
        "begin with `countersign init` and `countersign adopt`, or take countersign off the deployment protection rules";
    /// The run need not run the code of its commit.
    GateEvent = "gate-event", "a run that was started in this way may run code that nobody merged",
        "start it by `push`, `workflow_dispatch`, `repository_dispatch`, `schedule`, `workflow_run`, `release` or `deployment`";
    /// GitHub names two commits.
    GateOtherCommit = "gate-other-commit", "the deployment names another commit than its run",
        "start a new run from the tip of the branch";
    /// The commit is not on the environment's branch.
    GateElsewhere = "gate-commit-elsewhere", "the commit is not on the branch of the environment",
        "run the job from the tip of that branch";
    /// The commit holds something that was never approved.
    GateUncovered = "gate-commit-uncovered", "the commit does not hold what was approved",
        "see which paths differ with `countersign verify`, and run the job from the tip of the branch";
    /// The commit holds an older approved state.
    GateOlder = "gate-commit-older", "the commit holds an older approved state",
        "run the job from the tip of the branch";
}

/// What keeps a target from what it should have, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Stable code.
    pub code: String,
    /// A lower-case sentence of what is wrong.
    pub words: String,
    /// The next action.
    pub help: String,
}

impl Trouble {
    /// A reason, with what makes it particular, if anything does.
    #[must_use]
    pub fn new(reason: SyncReason, detail: &str) -> Self {
        let words = if detail.is_empty() {
            reason.words().to_owned()
        } else {
            format!("{}: {}", reason.words(), detail.chars().take(300).collect::<String>())
        };
        Self { code: reason.code().to_owned(), words, help: reason.help().to_owned() }
    }
}

impl From<SyncReason> for Trouble {
    fn from(reason: SyncReason) -> Self {
        Self::new(reason, "")
    }
}

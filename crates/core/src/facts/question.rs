//! Everything we ever ask a forge, and the shape of its answers.
//!
//! A question is data; asking is an adapter's work. Adding a variant is a decision record.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::rules::BranchRules;
use super::vote::VoteKind;
use crate::domain::{
    Account, CheckId, CommentId, DeliveryId, DeploymentId, Environment, Login, Oid, Permission, PrNumber, RefName,
    RepoId, RepoName, ReviewId, RunId, Sequence, TeamId, TeamSlug, Timestamp,
};

/// One thing we must learn about a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The repository itself: [`RepositoryRead`].
    Repository,
    /// One pull request with its reviews and the people of its commits: [`ChangeRead`].
    Change(PrNumber),
    /// Open pull requests, all bases: list of [`ChangeSummary`].
    OpenChanges,
    /// Pull requests from a branch of this repository to a base, newest first: list of [`ChangeSummary`].
    ChangesOfBranch {
        /// Head branch.
        head: RefName,
        /// Base branch.
        base: RefName,
    },
    /// Pull requests a commit came in with: list of [`ChangeSummary`].
    ChangesOfCommit(Oid),
    /// The account behind a login: optional [`Account`].
    User(Login),
    /// The team behind a slug: optional [`TeamId`].
    Team(TeamSlug),
    /// The present slug of a team of an organisation, however it was called before: optional [`TeamSlug`].
    TeamName {
        /// A slug it had; its organisation is the one that is looked through.
        known: TeamSlug,
        /// The team.
        team: TeamId,
    },
    /// Active members of a team, child teams included: list of [`Account`].
    TeamMembers(TeamSlug),
    /// Whether somebody is an active member of a team (`false` for pending and for nobody).
    Membership {
        /// The team, by its present slug.
        team: TeamSlug,
        /// The person, by the login read together with the id.
        user: Login,
    },
    /// What somebody may do in the repository: [`Permission`], with the id of the account it was answered for.
    Permission(Login),
    /// Our own check on a commit: optional [`CheckRead`].
    OurCheck(Oid),
    /// Who moved a branch, newest first (activity API): list of [`Movement`].
    Movements(RefName),
    /// Our own deployment of a generation to a target: optional [`DeploymentId`].
    OurDeployment {
        /// Its `task`.
        task: String,
        /// Its environment.
        environment: Environment,
        /// The generation in its payload.
        generation: Sequence,
    },
    /// Who may move a branch, by its rulesets: [`BranchGuard`].
    Guard(RefName),
    /// The rules of a branch, whether it is there or not: [`BranchRules`] (decision 0034).
    Rules(RefName),
    /// Runs of a workflow that we started since an instant, newest first: list of [`WorkflowRead`].
    OurWorkflowRuns {
        /// File of the workflow below `.github/workflows/`.
        file: String,
        /// Started then or later.
        since: Timestamp,
    },
    /// One run of a workflow: optional [`WorkflowRead`].
    WorkflowRun(RunId),
    /// The newest status of each context of a commit, all pages: list of [`StatusRead`].
    Statuses(Oid),
    /// A job that deploys to an environment, by its run and its deployment: optional [`JobRead`] (decision 0052).
    Job {
        /// The run.
        run: RunId,
        /// The deployment.
        deployment: DeploymentId,
    },
    /// Jobs that wait for the rules of their environment: list of runs and deployments, as far as GitHub says which belong together.
    WaitingJobs,
    /// One comment, as it stands now: optional [`CommentText`].
    Comment(CommentId),
}

/// What a forge answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Repository`].
    Repository(RepositoryRead),
    /// To [`Question::Change`].
    Change(Box<ChangeRead>),
    /// To [`Question::OpenChanges`], [`Question::ChangesOfBranch`] and [`Question::ChangesOfCommit`].
    Changes(Vec<ChangeSummary>),
    /// To [`Question::User`].
    User(Option<Account>),
    /// To [`Question::Team`].
    Team(Option<TeamId>),
    /// To [`Question::TeamName`].
    TeamName(Option<TeamSlug>),
    /// To [`Question::TeamMembers`].
    Members(Vec<Account>),
    /// To [`Question::Membership`].
    Membership(bool),
    /// To [`Question::Permission`].
    Permission(Permission),
    /// To [`Question::OurCheck`].
    Check(Option<CheckRead>),
    /// To [`Question::Movements`].
    Movements(Vec<Movement>),
    /// To [`Question::OurDeployment`].
    Deployment(Option<DeploymentId>),
    /// To [`Question::Guard`].
    Guard(BranchGuard),
    /// To [`Question::Rules`].
    Rules(BranchRules),
    /// To [`Question::OurWorkflowRuns`].
    Workflows(Vec<WorkflowRead>),
    /// To [`Question::WorkflowRun`].
    Workflow(Option<WorkflowRead>),
    /// To [`Question::Statuses`].
    Statuses(Vec<StatusRead>),
    /// To [`Question::Job`].
    Job(Option<JobRead>),
    /// To [`Question::WaitingJobs`].
    Jobs(Vec<(RunId, DeploymentId)>),
    /// To [`Question::Comment`].
    Comment(Option<CommentText>),
}

/// An answer that belongs to another question: a fault of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the forge answered another question than {expected}")]
pub struct WrongAnswer {
    expected: &'static str,
}

macro_rules! expect_answer {
    ($($(#[$doc:meta])* $function:ident: $variant:ident => $kind:ty;)*) => {
        impl Answer {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// When the answer belongs to another question.
                pub fn $function(self) -> Result<$kind, WrongAnswer> {
                    if let Self::$variant(answer) = self { Ok(answer.into()) } else { Err(WrongAnswer { expected: stringify!($function) }) }
                }
            )*
        }
    };
}

expect_answer! {
    /// Takes the repository.
    repository: Repository => RepositoryRead;
    /// Takes the pull request.
    change: Change => Box<ChangeRead>;
    /// Takes the list of pull requests.
    changes: Changes => Vec<ChangeSummary>;
    /// Takes the account.
    user: User => Option<Account>;
    /// Takes the team.
    team: Team => Option<TeamId>;
    /// Takes the slug of the team.
    team_name: TeamName => Option<TeamSlug>;
    /// Takes the members.
    members: Members => Vec<Account>;
    /// Takes the membership.
    membership: Membership => bool;
    /// Takes the permission.
    permission: Permission => Permission;
    /// Takes the check.
    check: Check => Option<CheckRead>;
    /// Takes the movements.
    movements: Movements => Vec<Movement>;
    /// Takes the deployment.
    deployment: Deployment => Option<DeploymentId>;
    /// Takes the guard.
    guard: Guard => BranchGuard;
    /// Takes the rules.
    rules: Rules => BranchRules;
    /// Takes the list of workflow runs.
    workflows: Workflows => Vec<WorkflowRead>;
    /// Takes the workflow run.
    workflow: Workflow => Option<WorkflowRead>;
    /// Takes the statuses.
    statuses: Statuses => Vec<StatusRead>;
    /// Takes the job.
    job: Job => Option<JobRead>;
    /// Takes the jobs that wait.
    jobs: Jobs => Vec<(RunId, DeploymentId)>;
    /// Takes the comment.
    comment: Comment => Option<CommentText>;
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryRead {
    /// Identity.
    pub id: RepoId,
    /// Present name.
    pub name: RepoName,
    /// Default branch.
    pub default_branch: RefName,
}

/// A pull request, as the forge shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRead {
    /// Number.
    pub number: PrNumber,
    /// Web address.
    pub url: String,
    /// Title.
    pub title: String,
    /// Body; empty when there is none.
    pub body: String,
    /// Neither closed nor merged.
    pub open: bool,
    /// Merged.
    pub merged: bool,
    /// Draft.
    pub draft: bool,
    /// Head branch, when the head is in this repository.
    pub head_ref: Option<RefName>,
    /// Head commit as the pull request says; a hint, the reference is read from Git.
    pub head: Oid,
    /// Base branch.
    pub base: RefName,
    /// Who opened it; `None`: a deleted account.
    pub author: Option<Account>,
    /// What happened to it that votes rest on, oldest first, all pages.
    pub moments: Vec<MomentRead>,
    /// All reviews, oldest first, all pages.
    pub reviews: Vec<ReviewRead>,
    /// All comments that could hold a command, oldest first, all pages.
    pub comments: Vec<CommentText>,
    /// Accounts the commits map to. Not every commit need be listed: what is missing is unattributed.
    pub commits: Vec<CommitPeopleRead>,
    /// Persons asked to review.
    pub requested_users: Vec<Login>,
    /// Teams asked to review.
    pub requested_teams: Vec<TeamSlug>,
    /// Our own sticky comment (by our App, holding the marker), when the read included comments; the oldest one.
    pub our_comment: Option<CommentRead>,
    /// Last change of anything about it.
    pub updated: Option<Timestamp>,
    /// The forge's clock when it answered.
    pub read_at: Option<Timestamp>,
}

/// Something that happened to a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MomentRead {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Moment,
}

/// What can happen to a pull request that votes rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// A review was dismissed (R19).
    Dismissed {
        /// Which.
        review: ReviewId,
        /// What it had said.
        said: Option<VoteKind>,
        /// By whom; `None`: a deleted account.
        by: Option<Account>,
    },
    /// It was aimed at another base (R27).
    Retargeted {
        /// The base before, where the forge says it.
        from: Option<RefName>,
    },
}

/// One review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRead {
    /// Identity.
    pub id: ReviewId,
    /// By whom; `None`: a deleted account.
    pub author: Option<Account>,
    /// What it says; `None` for states that say nothing (commented, pending).
    pub kind: Option<VoteKind>,
    /// Commit it was given for; can be missing after garbage collection.
    pub commit: Option<Oid>,
    /// When it was submitted.
    pub submitted_at: Option<Timestamp>,
    /// Whether the author may push, when the read said so. A hint that saves a call; `Permission` is the source.
    pub may_push: Option<bool>,
}

/// Identities of one commit, mapped to accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPeopleRead {
    /// The commit.
    pub commit: Oid,
    /// Author and co-authors: e-mail as in the commit (lower case) and the account, if any.
    pub authors: Vec<(String, Option<Account>)>,
    /// Committer: e-mail and account, if any.
    pub committer: Option<(String, Option<Account>)>,
}

/// One commit status, as somebody set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRead {
    /// What it is about.
    pub context: String,
    /// What it says.
    pub state: StatusState,
}

/// A job that deploys to an environment of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRead {
    /// The environment, as GitHub calls it.
    pub environment: String,
    /// The commit of its deployment.
    pub commit: Oid,
    /// The commit of its run.
    pub head: Oid,
    /// What started the run.
    pub event: String,
    /// The run still waits for the rules of this environment.
    pub waits: bool,
}

/// What a commit status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusState {
    /// `success`
    Success,
    /// `pending`
    Pending,
    /// `failure` or `error`, or a word of a later GitHub.
    Failure,
}

/// A pull request in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSummary {
    /// Number.
    pub number: PrNumber,
    /// Head branch, when in this repository.
    pub head_ref: Option<RefName>,
    /// Head commit.
    pub head: Oid,
    /// Base branch.
    pub base: RefName,
    /// Neither closed nor merged.
    pub open: bool,
    /// Merged.
    pub merged: bool,
    /// Last change of anything about it, as GitHub prints it; compared for equality only.
    pub updated: String,
}

/// One of our comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentRead {
    /// Identity.
    pub id: CommentId,
    /// Text.
    pub body: String,
}

/// One of our checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRead {
    /// Identity.
    pub id: CheckId,
    /// Our key of what it says.
    pub external_id: String,
}

/// One move of a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// From.
    pub before: Oid,
    /// To.
    pub after: Oid,
    /// By whom.
    pub actor: Option<Account>,
    /// When.
    pub at: Timestamp,
    /// The delivery that told us, if one did.
    pub delivery: Option<DeliveryId>,
}

/// Who may move a branch, as far as the App can see it (`repos/get-branch-rules`, `repos/get-repo-ruleset`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BranchGuard {
    /// A rule that is in force restricts updates of the branch.
    pub restricted: bool,
    /// The App may always bypass every rule that restricts updates; `false`: it could not move the branch.
    pub ours_to_move: bool,
    /// Who else may bypass, where GitHub shows it; nobody is not proof that there is nobody.
    pub others: Vec<String>,
}

/// One run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRead {
    /// Identity.
    pub id: RunId,
    /// How it ended; `None`: it has not.
    pub conclusion: Option<String>,
    /// Web address.
    pub url: String,
}

/// A comment, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentText {
    /// Identity.
    pub id: CommentId,
    /// The pull request it stands under.
    pub change: PrNumber,
    /// Who wrote it; `None`: a deleted account.
    pub author: Option<Account>,
    /// Its text.
    pub body: String,
    /// When it was written.
    pub at: Timestamp,
    /// It was changed after it was written (R14).
    pub edited: bool,
    /// Who changed it last, where the read says so.
    pub editor: Option<Account>,
    /// It is hidden (minimised); `None`: the read does not say.
    pub hidden: Option<bool>,
    /// It was written through an App in the author's name (R14); `None`: the read does not say.
    pub through_an_app: Option<bool>,
}

//! GitHub behind the forge port, over octocrab's raw requests.
//!
//! Reads what the core asks for and carries out what it decided; decides nothing itself. Everything a decision rests on is read
//! into small structs of our own, with every page, and is an error when it is incomplete: a guess is never an answer.

mod address;
mod app;
mod broker;
mod change;
mod change_graphql;
mod change_rest;
mod checks;
mod client;
mod commands;
mod comments;
mod deployments;
mod dispatch;
mod effects;
mod etag;
mod fault;
mod graphql;
mod guards;
mod handed;
mod job_tokens;
mod jobs;
mod jwt;
mod lane;
mod memory;
mod pages;
mod people;
mod pulls;
mod reads;
mod register;
mod rules;
mod secrets;
mod statuses;
mod transport;
mod user;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::domain::{Account, InstallationId, RepoId, RepoName, Timestamp};
use countersign_core::effect::{Effect, Receipt};
use countersign_core::facts::{Answer, Question};
use countersign_core::guard::AppFacts;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use tokio::sync::OnceCell;
use tracing::Instrument as _;

use self::broker::{Purpose, Scope};
use self::client::{Auth, Call, Client, Reply};
use self::fault::Fault;
pub use self::job_tokens::SignedTokens;
use self::memory::Memory;
pub use self::register::{AppRegistry, NewApp};
use self::secrets::EnvironmentSecrets;
use self::transport::Patience;
pub use self::user::{NewPull, UserGitHub, UserPull, UserRepo};
use crate::engine::ports::{Clock, FailedDelivery, Forge, ForgeError, Freshness, GitCredentials, RepoRef, Vessel};

/// How long GraphQL is left alone after it failed for an installation, in seconds.
const GRAPHQL_REST: u64 = 300;

/// Which GitHub, and as whom.
pub struct GitHubConfig {
    /// `https://api.github.com`, `https://HOST/api/v3` of a GitHub Enterprise Server, or `http://127.0.0.1:PORT` of a stand-in.
    pub api_url: String,
    /// As whom.
    pub credentials: Credentials,
}

/// As whom we speak to GitHub.
pub enum Credentials {
    /// An App, which reaches whatever it is installed on.
    App {
        /// Its number.
        id: u64,
        /// Its RSA private key, PEM.
        private_key: SecretString,
    },
    /// Whoever a token speaks for, in one repository: the token of a job in GitHub Actions, or an operator's own.
    Token {
        /// The token.
        secret: SecretString,
        /// The repository.
        name: RepoName,
        /// What stands for its installation: a token says nothing of one.
        installation: InstallationId,
    },
}

/// Why the adapter cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SetupFault {
    /// The API address cannot be used.
    #[error(
        "the GitHub API address `{address}` cannot be used: {why}\nhelp: set COUNTERSIGN_GITHUB_API_URL to https://api.github.com or https://HOST/api/v3"
    )]
    Address {
        /// The address.
        address: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The private key cannot be used.
    #[error(
        "the private key of the GitHub App cannot be used\nhelp: COUNTERSIGN_PRIVATE_KEY holds the RSA key in PEM as downloaded from the App's settings"
    )]
    Key,
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be set up: {0}\nhelp: check the certificates and proxy settings of this machine")]
    Client(String),
}

/// GitHub.
pub struct GitHub {
    client: Client,
    memory: Memory,
    /// Our own account, read once.
    me: OnceCell<Account>,
    /// Until when GraphQL is left alone, per installation.
    graphql_rests: Mutex<HashMap<InstallationId, Timestamp>>,
    /// Names found to have changed: identity → (name as known to the caller, present name).
    renamed: Mutex<HashMap<RepoId, (RepoName, RepoName)>>,
    /// How long a doubtful write is given to become visible before it is looked for.
    settle: Duration,
}

impl GitHub {
    /// Sets the adapter up; asks nothing yet. Must be called inside a tokio runtime (octocrab starts a task).
    ///
    /// # Errors
    /// When the address or the key cannot be used.
    pub fn new(config: &GitHubConfig, clock: Arc<dyn Clock>) -> Result<Self, SetupFault> {
        Self::with_patience(config, clock, Patience::default(), Duration::from_secs(1))
    }

    fn with_patience(
        config: &GitHubConfig,
        clock: Arc<dyn Clock>,
        patience: Patience,
        settle: Duration,
    ) -> Result<Self, SetupFault> {
        Ok(Self {
            client: Client::new(config, patience, clock)?,
            memory: Memory::default(),
            me: OnceCell::new(),
            graphql_rests: Mutex::default(),
            renamed: Mutex::default(),
            settle,
        })
    }

    /// Path of something in a repository, by the name it has now as far as we know.
    fn repo_path(&self, repo: &RepoRef, rest: &str) -> String {
        format!("/repos/{}{rest}", self.present_name(repo))
    }

    fn present_name(&self, repo: &RepoRef) -> RepoName {
        let renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        match renamed.get(&repo.id) {
            Some((known, present)) if *known == repo.name => present.clone(),
            Some(_) | None => repo.name.clone(),
        }
    }

    /// Reads something in a repository. A renamed repository is followed; that it is still the same one is checked.
    async fn read(&self, repo: &RepoRef, operation: &'static str, rest: &str) -> Result<Reply, Fault> {
        let reply = self.client.send(&Call::get(operation, reading(repo), self.repo_path(repo, rest))).await?;
        self.follow_rename(repo, &reply).await?;
        Ok(reply)
    }

    /// Carries out a write.
    async fn write(&self, repo: &RepoRef, call: Call) -> Result<Reply, Fault> {
        let reply = self.client.send(&call).await?;
        self.follow_rename(repo, &reply).await?;
        Ok(reply)
    }

    /// Learns the new name of a repository that answered from another address.
    async fn follow_rename(&self, repo: &RepoRef, reply: &Reply) -> Result<(), Fault> {
        if reply.moved {
            let present = self.repository(repo).await?.name;
            tracing::info!(repository = %repo.id, before = %repo.name, now = %present, "a repository has another name");
            self.remember_name(repo, present);
        }
        Ok(())
    }

    fn remember_name(&self, repo: &RepoRef, present: RepoName) {
        let mut renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        renamed.insert(repo.id, (repo.name.clone(), present));
    }

    async fn ask(&self, repo: &RepoRef, question: &Question) -> Result<Answer, Fault> {
        match question {
            Question::Repository => self.repository(repo).await.map(Answer::Repository),
            Question::Change(number) => self.change(repo, *number).await.map(|read| Answer::Change(Box::new(read))),
            Question::OpenChanges => self.open_changes(repo).await.map(Answer::Changes),
            Question::ChangesOfBranch { head, base } => {
                self.changes_of_branch(repo, head, base, "all").await.map(Answer::Changes)
            }
            Question::ChangesOfCommit(commit) => self.changes_of_commit(repo, commit).await.map(Answer::Changes),
            Question::User(login) => self.user(repo, login).await.map(Answer::User),
            Question::Team(slug) => self.team(repo, slug).await.map(Answer::Team),
            Question::TeamName { known, team } => self.team_name(repo, known, *team).await.map(Answer::TeamName),
            Question::TeamMembers(slug) => self.team_members(repo, slug).await.map(Answer::Members),
            Question::Membership { team, user } => self.membership(repo, team, user).await.map(Answer::Membership),
            Question::Permission(login) => self.permission(repo, login).await.map(Answer::Permission),
            Question::OurCheck(head) => self.our_check(repo, head).await.map(Answer::Check),
            Question::Movements(reference) => self.movements(repo, reference).await.map(Answer::Movements),
            Question::OurDeployment { task, environment, generation } => {
                self.our_deployment(repo, task, environment, *generation).await.map(Answer::Deployment)
            }
            Question::Guard(branch) => self.guard(repo, branch).await.map(Answer::Guard),
            Question::Rules(branch) => self.rules(repo, branch).await.map(Answer::Rules),
            Question::OurWorkflowRuns { file, since } => {
                self.our_workflow_runs(repo, file, *since).await.map(Answer::Workflows)
            }
            Question::WorkflowRun(run) => self.workflow_run(repo, *run).await.map(Answer::Workflow),
            Question::Statuses(commit) => self.statuses(repo, commit).await.map(Answer::Statuses),
            Question::Job { run, deployment } => self.job(repo, *run, *deployment).await.map(Answer::Job),
            Question::WaitingJobs => self.waiting_jobs(repo).await.map(Answer::Jobs),
            Question::Comment(id) => self.comment_text(repo, *id).await.map(Answer::Comment),
        }
    }
}

/// Credentials for questions about a repository.
fn reading(repo: &RepoRef) -> Auth {
    Auth::Scope(scope(repo, Purpose::Read))
}

/// Credentials for effects on a repository.
fn writing(repo: &RepoRef) -> Auth {
    Auth::Scope(scope(repo, Purpose::Write))
}

fn scope(repo: &RepoRef, purpose: Purpose) -> Scope {
    Scope { installation: repo.installation, repository: Some(repo.id), purpose }
}

#[async_trait]
impl Forge for GitHub {
    async fn answer(&self, repo: &RepoRef, question: &Question, freshness: Freshness) -> Result<Answer, ForgeError> {
        let recalled = match freshness {
            Freshness::Display => self.memory.recall(repo, question, self.client.now()),
            Freshness::Now => None,
        };
        if let Some(answer) = recalled {
            return Ok(answer);
        }
        let span = tracing::debug_span!("github.answer", repository = %repo.name);
        let read = self.client.now();
        let answer = self.ask(repo, question).instrument(span).await?;
        self.memory.keep(repo, question, &answer, read);
        Ok(answer)
    }

    async fn apply(&self, repo: &RepoRef, effect: &Effect) -> Result<Receipt, ForgeError> {
        let span = tracing::debug_span!("github.apply", repository = %repo.name);
        Ok(self.perform(repo, effect).instrument(span).await?)
    }

    fn vessel(&self, repo: &RepoRef, environment: &str) -> Box<dyn Vessel + '_> {
        Box::new(EnvironmentSecrets { github: self, repo: repo.clone(), environment: environment.to_owned() })
    }

    async fn ourselves(&self) -> Result<Account, ForgeError> {
        Ok(self.own_account(None).await?)
    }

    async fn repositories(&self) -> Result<Vec<RepoRef>, ForgeError> {
        Ok(self.installed_repositories().await?)
    }

    async fn failed_deliveries(&self, since: Timestamp) -> Result<Vec<FailedDelivery>, ForgeError> {
        Ok(self.deliveries_without_success(since).await?)
    }

    async fn redeliver(&self, delivery: &FailedDelivery) -> Result<(), ForgeError> {
        Ok(self.ask_again(delivery).await?)
    }

    async fn app(&self, installation: InstallationId) -> Result<AppFacts, ForgeError> {
        Ok(self.app_facts(installation).await?)
    }

    fn app_id(&self) -> u64 {
        self.client.app()
    }

    async fn git_credentials(&self, repo: &RepoRef) -> Result<GitCredentials, ForgeError> {
        let token = self.client.token(scope(repo, Purpose::Git)).await?;
        let secret = SecretString::from(token.secret.expose_secret().to_owned());
        Ok(GitCredentials { user: "x-access-token".to_owned(), secret })
    }
}

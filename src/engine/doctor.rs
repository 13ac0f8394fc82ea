//! `doctor`: what keeps countersign from doing its work, or others from being kept out: the App, its webhook, each repository.
//!
//! Asks and tells; writes nothing and changes nothing.

use countersign_core::domain::RepoPath;
use countersign_core::domain::{InstallationId, RepoName, Sequence, Span, TargetId};
use countersign_core::effect::CHECK_NAME;
use countersign_core::facts::Question;
use countersign_core::guard::{AppFinding, Finding, judge_app, remedy};
use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy::{RunsIn, Target};
use countersign_core::sync::Trouble;
use thiserror::Error;

use super::book::{Found, Place, invalid, place};
use super::ports::{ForgeError, Freshness, RepoRef, Sighting};
use super::sync::of_fault;
use super::{Engine, TurnError};

/// How far back failed deliveries are asked for.
const DELIVERIES_REACH: Span = Span::from_seconds(3 * 86_400);

/// Why nothing can be said.
#[derive(Debug, Error)]
pub enum DoctorError {
    /// The App does not reach the repository.
    #[error("the App is not installed on `{0}`\nhelp: install it on the repository, then try again")]
    NotInstalled(RepoName),
    /// The App is installed nowhere.
    #[error("the App is installed on no repository\nhelp: install it on a repository, then try again")]
    NowhereInstalled,
    /// Something could not be read.
    #[error(transparent)]
    Turn(#[from] TurnError),
}

/// What was found.
#[derive(Debug)]
pub struct Checkup {
    /// Number of the App.
    pub app: u64,
    /// Its installations, each with what is wrong there.
    pub installations: Vec<(InstallationId, Vec<AppFinding>)>,
    /// Deliveries of the last three days that never arrived; `None`: GitHub did not say.
    pub lost: Option<usize>,
    /// The repositories.
    pub repositories: Vec<Examined>,
}

/// One repository.
#[derive(Debug)]
pub struct Examined {
    /// Its name.
    pub name: RepoName,
    /// How it stands.
    pub standing: Standing,
    /// What is to be said of its guard, each with the command that mends it, where one does.
    pub guard: Vec<(Finding, String)>,
    /// Targets that hold values, each with what keeps it from getting them, if anything does.
    pub targets: Vec<(TargetId, Option<Trouble>)>,
}

/// How a repository stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It holds no policy: nothing is decided there.
    Unmanaged,
    /// It holds a policy and was never adopted.
    NotAdopted {
        /// The tip of its default branch.
        tip: String,
    },
    /// Its policy or ledger cannot be used.
    Closed {
        /// Stable code.
        code: &'static str,
        /// What is wrong.
        words: String,
        /// The way out.
        help: &'static str,
    },
    /// In order, up to this entry of its ledger.
    Managed(Sequence),
}

impl Engine {
    /// Looks at the App, and at one repository or all of them.
    ///
    /// # Errors
    /// When GitHub cannot be asked, or a repository cannot be read.
    pub async fn checkup(&self, only: Option<&RepoName>) -> Result<Checkup, DoctorError> {
        let repositories = match only {
            Some(name) => vec![self.installed(name).await?.ok_or_else(|| DoctorError::NotInstalled(name.clone()))?],
            None => self.forge.repositories().await.map_err(TurnError::from)?,
        };
        if repositories.is_empty() {
            return Err(DoctorError::NowhereInstalled);
        }
        let mut numbers: Vec<InstallationId> = repositories.iter().map(|repo| repo.installation).collect();
        numbers.sort();
        numbers.dedup();
        let mut installations = Vec::new();
        for number in numbers {
            let facts = self.forge.app(number).await.map_err(TurnError::from)?;
            installations.push((number, judge_app(&facts)));
        }
        let since = self.clock.now().seconds() - DELIVERIES_REACH.seconds().cast_signed();
        let since = countersign_core::domain::Timestamp::from_seconds(since);
        let lost: Result<_, ForgeError> = self.forge.failed_deliveries(since).await;
        let mut examined = Vec::new();
        for repo in &repositories {
            examined.push(self.examine(repo).await?);
        }
        let lost = lost.ok().map(|lost| lost.len());
        Ok(Checkup { app: self.forge.app_id(), installations, lost, repositories: examined })
    }

    async fn examine(&self, repo: &RepoRef) -> Result<Examined, TurnError> {
        let (name, installation) = (repo.name.clone(), Some(repo.installation));
        self.journal.sight(&Sighting::Installed { repo: repo.id, name: name.clone(), installation }).await?;
        let refs = self.repo.fetch(repo, std::slice::from_ref(&self.settings.ledger_ref)).await?;
        let closed = |closed: super::book::Closed| Standing::Closed {
            code: closed.code,
            words: closed.words,
            help: closed.help,
        };
        let standing = match refs.get(&self.settings.ledger_ref) {
            None => self.without_a_ledger(repo, &refs).await?,
            Some(tip) => {
                let book = self.book(repo, tip).await?;
                match invalid(&book.ledger) {
                    Some(why) => closed(why),
                    None => {
                        let state = book.ledger.state().clone();
                        match place(repo, refs, Some(book), state) {
                            Found::Unmanaged => Standing::Unmanaged,
                            Found::Closed(why) => closed(why),
                            Found::Managed(place) => {
                                let places = self.guarded(&place.bases());
                                let found = self.judged(repo, &places).await?;
                                let app = self.forge.app_id();
                                let guard = found.into_iter().map(|finding| {
                                    let command = remedy(&finding.place, &name, CHECK_NAME, app);
                                    (finding, command)
                                });
                                let targets = self.targets_seen(&place).await;
                                return Ok(Examined {
                                    targets,
                                    standing: Standing::Managed(place.sequence()),
                                    guard: guard.collect(),
                                    name,
                                });
                            }
                        }
                    }
                }
            }
        };
        Ok(Examined { name, standing, guard: Vec::new(), targets: Vec::new() })
    }

    /// Each target that holds values or is told by us to read them, looked at as a delivery would, up to where it would write.
    async fn targets_seen(&self, place: &Place) -> Vec<(TargetId, Option<Trouble>)> {
        let mut seen = Vec::new();
        for rule in place.policy.environments() {
            for sync in rule.syncs().iter().filter(|sync| *sync.runs_in() == RunsIn::Server) {
                let target = sync.target();
                let trouble = if let Target::ExternalSecrets { rule: named } = target {
                    self.untold(place, rule.name(), named).await
                } else if target.holds_values() {
                    match self.vessel(place, rule.name(), target) {
                        Err(trouble) => Some(trouble),
                        Ok(vessel) => vessel.read().await.err().map(|fault| of_fault(&fault)),
                    }
                } else {
                    continue;
                };
                let id = TargetId { environment: rule.name().clone(), target: sync.name().clone() };
                seen.push((id, trouble));
            }
        }
        seen
    }

    /// A repository without a ledger: one to be adopted, or none of ours.
    async fn without_a_ledger(
        &self,
        repo: &RepoRef,
        refs: &std::collections::BTreeMap<countersign_core::domain::RefName, countersign_core::domain::Oid>,
    ) -> Result<Standing, TurnError> {
        let read = self.forge.answer(repo, &Question::Repository, Freshness::Now).await?.repository()?;
        let Some(tip) = refs.get(&read.default_branch) else { return Ok(Standing::Unmanaged) };
        let entries = self.repo.entries(repo, tip).await?;
        Ok(if entries.contains_key(&RepoPath::new(POLICY_PATH)) {
            Standing::NotAdopted { tip: tip.to_string() }
        } else {
            Standing::Unmanaged
        })
    }
}

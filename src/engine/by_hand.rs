//! Delivery at an operator's word: the same turns a server takes, asked for now and followed until they end.
//!
//! It decides nothing anew: what may leave is planned as ever. With the server's own store it is one more worker beside it; with an
//! empty one it knows of a target what ledger and GitHub say.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::domain::{RepoId, RepoName, RunState, TargetId, Timestamp};
use countersign_core::sync::{Planned, Run, Step};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::book::{Found, Place};
use super::ports::{Claim, NoteKey, RepoRef, Subject};
use super::run::{Progress, run};
use super::{Engine, TurnError, forecast};

/// Time between two looks at what has become of it.
const PAUSE: Duration = Duration::from_secs(1);

/// Which targets are meant; `None`: all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Name of the environment.
    pub environment: Option<&'a str>,
    /// Name of the target.
    pub target: Option<&'a str>,
}

impl Wanted<'_> {
    /// Whether a target is meant.
    #[must_use]
    pub fn includes(self, id: &TargetId) -> bool {
        self.environment.is_none_or(|name| id.environment.as_str() == name)
            && self.target.is_none_or(|name| id.target.as_str() == name)
    }
}

/// What became of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// What it should do next.
    pub planned: Planned,
    /// Its run, if this store knows one.
    pub run: Option<Run>,
}

/// Why nothing was delivered by hand.
#[derive(Debug, Error)]
pub enum ByHandError {
    /// The App does not reach it.
    #[error("the App is not installed on `{0}`\nhelp: install it on the repository, then try again")]
    NotInstalled(RepoName),
    /// Nothing is managed there.
    #[error("`{0}` has neither policy nor ledger\nhelp: an operator begins with `countersign adopt`")]
    Unmanaged(RepoName),
    /// Nothing can be decided there.
    #[error("{0}\nhelp: {1}")]
    Closed(String, &'static str),
    /// The policy has no such target; with its help.
    #[error("{0}")]
    NoTarget(String),
    /// Something could not be read or written.
    #[error(transparent)]
    Turn(#[from] TurnError),
}

impl Engine {
    /// Has every wanted target delivered what is approved, and waits for the ends, at most for `patience`. `told` hears of each
    /// change. A target that had failed is tried again.
    ///
    /// # Errors
    /// When the repository cannot be reached, or nothing can be decided there.
    pub async fn sync_by_hand(
        self: &Arc<Self>,
        name: &RepoName,
        wanted: Wanted<'_>,
        patience: Duration,
        mut told: impl FnMut(&ByHand),
    ) -> Result<Vec<ByHand>, ByHandError> {
        let repo = self.installed(name).await?.ok_or_else(|| ByHandError::NotInstalled(name.clone()))?;
        let place = self.visit(&repo).await?;
        if let Some(fault) = forecast::missing(&place.policy, wanted.environment, wanted.target) {
            return Err(ByHandError::NoTarget(fault));
        }
        let began = self.clock.now();
        for target in &self.seen(&place, wanted).await? {
            told(target);
            self.ask(repo.id, target).await?;
        }
        // what was asked for changes the plan
        let mut known = self.seen(&place, wanted).await?;
        let (stop, poke) = (CancellationToken::new(), Arc::new(Notify::new()));
        let turns = tokio::spawn(run(self.clone(), 1, poke, Arc::new(Progress::default()), stop.clone()));
        let outcome = tokio::time::timeout(patience, async {
            while !known.iter().all(|target| is_settled(target, &known, began)) {
                tokio::time::sleep(PAUSE).await;
                let place = self.visit(&repo).await?;
                let now = self.seen(&place, wanted).await?;
                for target in now.iter().filter(|target| !known.contains(target)) {
                    told(target);
                }
                known = now;
            }
            Ok::<(), ByHandError>(())
        })
        .await;
        stop.cancel();
        // a turn that has begun is finished
        drop(turns.await);
        match outcome {
            Ok(Err(fault)) => Err(fault),
            // it goes on without us, where there is a server
            Ok(Ok(())) | Err(_) => Ok(known),
        }
    }

    /// The repository as it is, read by nobody in particular: nothing can be written with such a claim.
    pub(super) async fn visit(&self, repo: &RepoRef) -> Result<Place, ByHandError> {
        let subject = Subject::Repository(repo.id);
        let claim = Claim { subject, owner: "by hand".to_owned(), fence: 0, attempts: 0, asked: 0 };
        match self.find(&claim, repo, &[]).await? {
            Found::Managed(place) => Ok(place),
            Found::Unmanaged => Err(ByHandError::Unmanaged(repo.name.clone())),
            Found::Closed(closed) => {
                Err(ByHandError::Closed(format!("{}: {}", closed.code, closed.words), closed.help))
            }
        }
    }

    async fn seen(&self, place: &Place, wanted: Wanted<'_>) -> Result<Vec<ByHand>, TurnError> {
        let noted = self.noted(place).await?;
        let planned = self.plan(place, &noted).await?.into_iter();
        let chosen = planned.filter(|planned| wanted.includes(&planned.id));
        Ok(chosen.map(|planned| ByHand { run: noted.run(&planned.id).cloned(), planned }).collect())
    }

    /// Asks for a look; for another delivery where the last one failed, or was left for later.
    async fn ask(&self, repo: RepoId, target: &ByHand) -> Result<(), TurnError> {
        let id = &target.planned.id;
        let again = match &target.planned.step {
            Step::Dead(_) | Step::Drifted(_) | Step::At(_) => true,
            Step::Rest | Step::Withhold(_) | Step::Wait(_) | Step::Look | Step::Record | Step::Deliver { .. } => false,
        };
        if again {
            let key = NoteKey::Asked(id.clone());
            let before = self.journal.note(repo, &key).await?.and_then(|text| text.parse::<u64>().ok());
            let next = before.unwrap_or(0).saturating_add(1);
            self.journal.keep_note(repo, &key, &next.to_string()).await?;
        }
        Ok(self.journal.schedule(&Subject::Sync(repo, id.clone()), self.clock.now()).await?)
    }
}

/// Whether nothing more is to be expected of a target.
fn is_settled(target: &ByHand, all: &[ByHand], began: Timestamp) -> bool {
    match &target.planned.step {
        Step::Rest | Step::Withhold(_) | Step::Dead(_) | Step::Drifted(_) => true,
        // blocked since we asked: the same again, until somebody acts
        Step::Deliver { .. } => {
            target.run.as_ref().is_some_and(|run| run.state == RunState::Blocked && run.due >= began)
        }
        Step::At(_) | Step::Look | Step::Record => false,
        Step::Wait(first) => {
            let id = TargetId { environment: target.planned.id.environment.clone(), target: first.clone() };
            all.iter().find(|other| other.planned.id == id).is_none_or(|other| is_settled(other, all, began))
        }
    }
}

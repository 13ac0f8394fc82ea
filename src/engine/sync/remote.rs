//! Places that follow Git by themselves, Flux and Argo CD: told once per generation, looked at until they got there, and looked at
//! from time to time after that.

use countersign_core::domain::{Alias, Oid, TargetKind, Timestamp};
use countersign_core::facts::Question;
use countersign_core::policy::{StatusPattern, Target};
use countersign_core::sync::{Approved, Look, Outcome, Run, SyncReason, Trouble, of_application, of_statuses, strayed};
use tracing::info;

use super::Turn;
use super::send::{not_granted, of_outbound};
use crate::engine::book::Place;
use crate::engine::ports::{ForgeErrorKind, Freshness, Granted, Reach, Telling};
use crate::engine::{Engine, TurnError};

/// Whether a target that had what is approved still has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Drift {
    /// It has, as far as it can be told.
    None,
    /// It differs.
    Found(Trouble),
    /// It cannot be asked now.
    Unknown,
}

impl Engine {
    /// How a place is reached; `None` for targets that are no such place.
    fn way_to(&self, place: &Place, target: &Target) -> Result<Option<Reach>, Trouble> {
        let granted = |alias: &Alias| -> Result<Granted, Trouble> {
            self.grants.secret(&place.repo.name, alias).map_err(|fault| not_granted(&fault))
        };
        Ok(match target {
            Target::Flux { url, token, verify: _ } => Some(Reach::Flux { url: granted(url)?, token: granted(token)? }),
            Target::ArgoCd { address, application, token } => Some(Reach::ArgoCd {
                address: address.clone(),
                application: application.clone(),
                token: granted(token)?,
            }),
            Target::Branch { .. }
            | Target::Workflow { .. }
            | Target::Event { .. }
            | Target::Webhook { .. }
            | Target::GithubEnvironment { .. }
            | Target::Vault { .. }
            | Target::Kubernetes { .. }
            | Target::ExternalSecrets { .. } => None,
        })
    }

    /// Tells a place to take over what is approved.
    pub(super) async fn tell_remote(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        approved: &Approved,
        run: &Run,
    ) -> Result<Outcome, TurnError> {
        let target = turn.rule.target();
        let reach = match self.way_to(place, target) {
            Ok(Some(reach)) => reach,
            Ok(None) => return Ok(Outcome::Accepted),
            Err(trouble) => return Ok(Outcome::Blocked(trouble)),
        };
        let telling = Telling {
            commit: run.commit.clone(),
            order: self.order(place, turn, run).json(),
            decision: Self::decision_of(place, run.generation).label(),
        };
        self.still_ours(turn.claim).await?;
        self.still_stands(place, &turn.id.environment, approved).await?;
        let told = self.outbound.remote(reach).tell(&telling).await;
        Ok(match (told, target) {
            (Ok(()), Target::Flux { verify: None, .. }) => Outcome::Accepted,
            (Ok(()), _) => Outcome::Triggered(None),
            (Err(fault), _) => of_outbound(&fault),
        })
    }

    /// Looks whether a place that was told has got there.
    pub(super) async fn look_at_remote(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        run: &Run,
        approved: &Approved,
    ) -> Result<Outcome, TurnError> {
        let mut commits = vec![&run.commit];
        if approved.commit != run.commit {
            commits.push(&approved.commit);
        }
        let look = match turn.rule.target() {
            Target::Flux { verify: Some(pattern), .. } => self.look_at_statuses(place, &commits, pattern).await?,
            target @ (Target::Branch { .. }
            | Target::Workflow { .. }
            | Target::Event { .. }
            | Target::Webhook { .. }
            | Target::Flux { .. }
            | Target::ArgoCd { .. }
            | Target::GithubEnvironment { .. }
            | Target::Vault { .. }
            | Target::Kubernetes { .. }
            | Target::ExternalSecrets { .. }) => match self.way_to(place, target) {
                Err(trouble) => Look::Unwell(trouble),
                Ok(None) => return Ok(Outcome::Accepted),
                Ok(Some(reach)) => match self.outbound.remote(reach).look().await {
                    Ok(None) => return Ok(Outcome::Accepted),
                    Ok(Some(application)) => of_application(&application, &commits),
                    Err(fault) => match of_outbound(&fault) {
                        Outcome::Again(_, trouble) | Outcome::Blocked(trouble) => Look::Unwell(trouble),
                        outcome @ (Outcome::Converged
                        | Outcome::Accepted
                        | Outcome::Triggered(_)
                        | Outcome::NotYet
                        | Outcome::Unwell(_)
                        | Outcome::Refused(_)
                        | Outcome::Drifted(_)) => return Ok(outcome),
                    },
                },
            },
        };
        Ok(match look {
            Look::There => Outcome::Converged,
            Look::NotYet => Outcome::NotYet,
            Look::Unwell(trouble) => Outcome::Unwell(trouble),
            Look::Failed(trouble) => Outcome::Refused(trouble),
        })
    }

    /// What the statuses of these commits say: one that says it is there is enough.
    async fn look_at_statuses(
        &self,
        place: &Place,
        commits: &[&Oid],
        pattern: &StatusPattern,
    ) -> Result<Look, TurnError> {
        let mut seen = Look::NotYet;
        for commit in commits {
            let question = Question::Statuses((*commit).clone());
            let statuses = match self.forge.answer(&place.repo, &question, Freshness::Now).await {
                Ok(answer) => answer.statuses()?,
                Err(fault) if matches!(fault.kind, ForgeErrorKind::Forbidden | ForgeErrorKind::Credentials) => {
                    return Ok(Look::Unwell(Trouble::new(SyncReason::NotPermitted, "statuses: read")));
                }
                Err(fault) => return Err(fault.into()),
            };
            match of_statuses(&statuses, pattern) {
                Look::There => return Ok(Look::There),
                Look::NotYet => {}
                other @ (Look::Unwell(_) | Look::Failed(_)) => seen = other,
            }
        }
        Ok(seen)
    }

    /// How a target that had what is approved differs from it now: as Git shows, or as it says itself.
    pub(super) async fn drift(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        held: &Oid,
        approved: &Approved,
    ) -> Result<Drift, TurnError> {
        match (self.differs(place, &turn.rule, approved), turn.rule.target()) {
            (Some(trouble), _) => Ok(Drift::Found(trouble)),
            (None, Target::ArgoCd { .. }) => self.strayed(turn, place, held, approved).await,
            (None, target) if target.holds_values() => self.values_strayed(turn, place).await,
            (None, _) => Ok(Drift::None),
        }
    }

    /// When a target that only tells when it is asked is asked again.
    pub(super) fn asked_again_at(&self, turn: &Turn<'_>) -> Option<Timestamp> {
        let target = turn.rule.target();
        let asked = target.kind() == TargetKind::ArgoCd || target.holds_values();
        asked.then(|| self.clock.now().plus(self.settings.reconcile))
    }

    async fn strayed(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        held: &Oid,
        approved: &Approved,
    ) -> Result<Drift, TurnError> {
        let Ok(Some(way)) = self.way_to(place, turn.rule.target()) else { return Ok(Drift::Unknown) };
        let application = match self.outbound.remote(way).look().await {
            Ok(Some(application)) => application,
            Ok(None) => return Ok(Drift::None),
            Err(fault) => {
                info!(target = %turn.id, "the target cannot be looked at: {}", fault.what);
                return Ok(Drift::Unknown);
            }
        };
        // it may be at a commit between the two, which changes nothing protected
        let mut commits = vec![held.clone(), approved.commit.clone()];
        for revision in application.revisions.iter().filter_map(|text| Oid::parse(text).ok()) {
            if !commits.contains(&revision) && self.lies_between(place, held, &revision, &approved.commit).await? {
                commits.push(revision);
            }
        }
        let strayed = strayed(&application, &commits.iter().collect::<Vec<_>>());
        Ok(strayed.map_or(Drift::None, Drift::Found))
    }

    async fn lies_between(&self, place: &Place, held: &Oid, commit: &Oid, tip: &Oid) -> Result<bool, TurnError> {
        // a commit of another repository is not here
        if self.repo.commits(&place.repo, tip, commit).await.map_or(true, |found| !found.is_empty()) {
            return Ok(false);
        }
        Ok(self.repo.reaches(&place.repo, commit, held).await?)
    }
}

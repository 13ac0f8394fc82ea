//! What people see of a delivery: the GitHub Deployment, figures, and the lines in the comment of a merged change.
//!
//! Decides nothing. A status is written when the state changed since the last one, and what was written is noted.

use countersign_core::domain::{Delta, DeploymentId, Environment, RefName, RunState, Sequence, TargetId};
use countersign_core::effect::{Effect, Receipt, SyncLine};
use countersign_core::policy::PathClass;
use countersign_core::sync::{DeploymentState, Run, Step, Trouble, describe};
use metrics::{counter, gauge};
use tracing::warn;

use super::Turn;
use crate::engine::book::Place;
use crate::engine::crash::{Point, here};
use crate::engine::ports::ForgeErrorKind;
use crate::engine::{Engine, TurnError};

impl Engine {
    /// The deployment that records a run: made, or found.
    pub(super) async fn record_deployment(
        &self,
        place: &Place,
        id: &TargetId,
        run: &Run,
    ) -> Result<DeploymentId, TurnError> {
        let effect =
            Effect::CreateDeployment { commit: run.commit.clone(), id: id.clone(), generation: run.generation };
        match self.forge.apply(&place.repo, &effect).await? {
            Receipt::Deployment(deployment) => Ok(deployment),
            Receipt::Opened(_)
            | Receipt::Check(_)
            | Receipt::Comment(_)
            | Receipt::Merged(_)
            | Receipt::Started(_)
            | Receipt::Done => Err(TurnError::Ledger("GitHub did not say which deployment it made".to_owned())),
        }
    }

    /// Brings the deployment of a run to its state, and that of the generation before to inactive once this one is there.
    pub(super) async fn show(&self, turn: &Turn<'_>, place: &Place, mut run: Run) -> Result<(), TurnError> {
        if run.shown == Some(run.state) {
            return Ok(());
        }
        let Some(deployment) = run.evidence.deployment else { return Ok(()) };
        self.still_ours(turn.claim).await?;
        let says = (DeploymentState::of(run.state), describe(turn.id, &run));
        self.say_deployment(place, turn.id, (deployment, run.generation), says).await?;
        if run.state.is_delivered()
            && let Some((older, generation)) = Self::deployment_before(place, turn.id, run.generation)
        {
            let words = format!("{} took over", run.generation.label());
            self.say_deployment(place, turn.id, (older, generation), (DeploymentState::Inactive, words)).await?;
        }
        here(Point::SyncShown);
        run.shown = Some(run.state);
        self.keep_run(place, turn.id, &run).await
    }

    async fn say_deployment(
        &self,
        place: &Place,
        id: &TargetId,
        (deployment, generation): (DeploymentId, Sequence),
        (state, description): (DeploymentState, String),
    ) -> Result<(), TurnError> {
        let effect = Effect::SetDeployment {
            deployment,
            environment: id.environment.clone(),
            state,
            description,
            log_url: page_of(place, generation),
        };
        match self.forge.apply(&place.repo, &effect).await {
            Ok(_) => Ok(()),
            // the record is for people: a delivery does not fail because it cannot be shown
            Err(fault)
                if matches!(
                    fault.kind,
                    ForgeErrorKind::Forbidden | ForgeErrorKind::NotFound | ForgeErrorKind::Refused
                ) =>
            {
                warn!(target = %id, %fault, "the status of a deployment cannot be written");
                Ok(())
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// The deployment of the newest generation this target had before.
    fn deployment_before(place: &Place, id: &TargetId, generation: Sequence) -> Option<(DeploymentId, Sequence)> {
        let before = place.state().sync_before(generation, id)?;
        Some((before.receipt.evidence.deployment?, before.receipt.generation))
    }

    /// How the targets stand for what a merge brought: one line per target of the environments it touched.
    pub(in crate::engine) async fn sync_lines(
        &self,
        place: &Place,
        merge: Sequence,
        (base, approved): (&RefName, &Delta),
    ) -> Result<Vec<SyncLine>, TurnError> {
        if place.policy.syncs().next().is_none() {
            return Ok(Vec::new());
        }
        let environments = touched(place, base, approved);
        let noted = self.noted(place).await?;
        let planned = self.plan(place, &noted).await?;
        let mut lines = Vec::new();
        for planned in planned.into_iter().filter(|planned| environments.contains(&planned.id.environment)) {
            let run = noted.runs.get(&planned.id);
            let known = place.state().sync_of(merge, &planned.id);
            let newer =
                run.map(|run| run.generation).max(planned.approved.as_ref().map(|approved| approved.generation));
            let current = run.filter(|run| run.generation == merge);
            let (state, since, trouble) = match (current, known) {
                (Some(run), _) => (run.state, Some(run.since), run.trouble.clone()),
                (None, Some(known)) => (known.receipt.state, None, None),
                (None, None) if newer.is_some_and(|newer| newer > merge) => (RunState::Superseded, None, None),
                (None, None) => (RunState::Queued, None, None),
            };
            let withheld = match planned.step {
                Step::Withhold(trouble) if !state.is_delivered() && state != RunState::Superseded => Some(trouble),
                Step::Withhold(_)
                | Step::Rest
                | Step::Wait(_)
                | Step::At(_)
                | Step::Dead(_)
                | Step::Drifted(_)
                | Step::Look
                | Step::Record
                | Step::Deliver { .. } => None,
            };
            let (state, trouble): (RunState, Option<Trouble>) = match withheld {
                Some(why) => (RunState::Blocked, Some(why)),
                None => (state, trouble),
            };
            lines.push(SyncLine { id: planned.id, state, generation: merge, since, trouble });
        }
        Ok(lines)
    }

    /// Counts how an attempt or a look ended.
    pub(super) fn count(&self, turn: &Turn<'_>, state: RunState) {
        let name = turn.id.to_string();
        counter!("countersign_syncs_total", "target" => name.clone(), "result" => state.word()).increment(1);
        if state.is_delivered() {
            #[expect(clippy::cast_precision_loss, reason = "a gauge of seconds")]
            gauge!("countersign_sync_last_success_timestamp_seconds", "target" => name)
                .set(self.clock.now().seconds() as f64);
        }
    }

    /// Notes whether a target differs from what is approved.
    pub(super) fn gauge_drift(&self, id: &TargetId, drifted: bool) {
        gauge!("countersign_drift", "target" => id.to_string()).set(f64::from(u8::from(drifted)));
    }
}

/// The environments that a merge is a new generation for: those of its paths; all of its branch, if it changes the rules themselves.
fn touched(place: &Place, base: &RefName, approved: &Delta) -> Vec<Environment> {
    let mut names = Vec::new();
    for entry in approved.entries() {
        match place.policy.classify(&entry.path, base, &place.default_branch) {
            PathClass::Free => {}
            PathClass::Governed { environment, plain: _ } => names.push(environment),
            PathClass::Ambiguous { environments } => names.extend(environments),
            PathClass::Control => {
                let rules = place.policy.environments().iter();
                let here = rules.filter(|rule| rule.branch_or(&place.default_branch) == base);
                names.extend(here.map(|rule| rule.name().clone()));
            }
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The page of the pull request that a generation came from.
fn page_of(place: &Place, generation: Sequence) -> Option<String> {
    let merge = place.state().merge_at(generation)?;
    let decision = place.state().decisions().get(&merge.decision)?;
    let url = decision.facts.as_json().get("change")?.get("url")?.as_str()?;
    (url.starts_with("https://") || url.starts_with("http://")).then(|| url.to_owned())
}

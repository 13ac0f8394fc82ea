//! Operators that read values by themselves: each of their objects is told once per generation, then looked at until it has read.
//!
//! The note that says for which generation is written with the telling, in one request: whoever starts again finds it there.

use countersign_core::domain::Environment;
use countersign_core::policy::ExternalSecretsRule;
use countersign_core::sync::{Approved, ExternalSecret, Look, Outcome, Run, Trouble, of_external_secrets, untellable};
use tracing::info;

use super::Turn;
use super::send::{of_fault, of_outbound};
use crate::engine::book::Place;
use crate::engine::ports::{Operator, OperatorReach, OutboundKind, Tag};
use crate::engine::{Engine, TurnError};

impl Engine {
    fn operator(
        &self,
        place: &Place,
        environment: &Environment,
        rule: &ExternalSecretsRule,
    ) -> Result<Box<dyn Operator + '_>, Trouble> {
        let cluster = self.grants.cluster(&place.repo.name, environment, &rule.namespace)?;
        Ok(self.outbound.operator(OperatorReach { cluster, rule: rule.clone() }))
    }

    /// What keeps a target from being told, as far as reading shows.
    pub(in crate::engine) async fn untold(
        &self,
        place: &Place,
        environment: &Environment,
        rule: &ExternalSecretsRule,
    ) -> Option<Trouble> {
        match self.operator(place, environment, rule) {
            Err(trouble) => Some(trouble),
            Ok(operator) => match operator.look().await {
                Err(fault) => Some(of_fault(&fault)),
                Ok(seen) => seen.iter().find_map(ExternalSecret::never_reads),
            },
        }
    }

    /// Tells every object that was not told for this generation.
    pub(super) async fn tell_operator(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        (approved, run): (&Approved, &Run),
        rule: &ExternalSecretsRule,
    ) -> Result<Outcome, TurnError> {
        let operator = match self.operator(place, &turn.id.environment, rule) {
            Ok(operator) => operator,
            Err(trouble) => return Ok(Outcome::Blocked(trouble)),
        };
        let seen = match operator.look().await {
            Ok(seen) => seen,
            Err(fault) => return Ok(of_outbound(&fault)),
        };
        let target = self.target_name(place, turn.id);
        if let Some(outcome) = untellable(&seen, &target, run.generation) {
            return Ok(outcome);
        }
        let decision = Self::decision_of(place, run.generation).label();
        let tag = Tag { target, generation: run.generation, commit: run.commit.clone(), decision, content: None };
        for one in seen.iter().filter(|one| !one.was_told(&tag.target, run.generation)) {
            self.still_ours(turn.claim).await?;
            self.still_stands(place, &turn.id.environment, approved).await?;
            if let Err(fault) = operator.tell(one, &tag).await {
                return Ok(of_outbound(&fault));
            }
            info!(target = %turn.id, name = one.name, "told an operator to read");
        }
        Ok(Outcome::Triggered(None))
    }

    /// Looks whether all that were told have read.
    pub(super) async fn look_at_operator(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        run: &Run,
        rule: &ExternalSecretsRule,
    ) -> Outcome {
        let operator = match self.operator(place, &turn.id.environment, rule) {
            Ok(operator) => operator,
            Err(trouble) => return Outcome::Unwell(trouble),
        };
        match operator.look().await {
            Ok(seen) => match of_external_secrets(&seen, &self.target_name(place, turn.id), run.generation) {
                Look::There => Outcome::Converged,
                Look::NotYet => Outcome::NotYet,
                Look::Unwell(trouble) => Outcome::Unwell(trouble),
                Look::Failed(trouble) => Outcome::Refused(trouble),
            },
            Err(fault) => match fault.kind {
                OutboundKind::Retry { .. } | OutboundKind::Busy | OutboundKind::Blocked(_) => {
                    Outcome::Unwell(of_fault(&fault))
                }
                OutboundKind::Conflict | OutboundKind::Permanent => of_outbound(&fault),
            },
        }
    }
}

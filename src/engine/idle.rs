//! A change request that nobody touches any more is closed, where the policy says so (`expires`).
//!
//! Closes nothing that moved since it was read, and deletes nothing.

use countersign_core::decision::{Decision, Verdict, idle};
use countersign_core::domain::Timestamp;
use countersign_core::effect;
use countersign_core::facts::Question;
use tracing::info;

use super::book::Place;
use super::gather::Gathered;
use super::ports::{Claim, Freshness};
use super::{Engine, TurnError};

impl Engine {
    /// Closes the change request if it is idle; when it will be, by our clock, if it is not.
    pub(super) async fn close_if_idle(
        &self,
        claim: &Claim,
        place: &Place,
        (gathered, decision): (&Gathered, &Decision),
    ) -> Result<Option<Timestamp>, TurnError> {
        let facts = &gathered.facts;
        let Some(idle) = idle(&place.policy, facts, decision) else { return Ok(None) };
        let now = facts.now();
        if now < idle.until {
            return Ok(Some(self.clock.now().plus(idle.until.since(now))));
        }
        if decision.verdict == Verdict::Unknown {
            return Ok(None);
        }
        let number = facts.change.number;
        let again = self.forge.answer(&place.repo, &Question::Change(number), Freshness::Now).await?.change()?;
        if !again.open || again.updated != gathered.read.updated || again.head != gathered.read.head {
            return Ok(Some(self.clock.now()));
        }
        self.still_ours(claim).await?;
        self.tell_of_expiry(place, (gathered, decision)).await;
        self.forge.apply(&place.repo, &effect::closing(number, &idle)).await?;
        info!(change = number.get(), since = %idle.since, "closed an idle change request");
        Ok(None)
    }
}

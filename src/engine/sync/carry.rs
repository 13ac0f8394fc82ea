//! The other side of an order: a job that carries it out.
//!
//! It believes nothing but the ledger: the order must be signed by a server that the ledger names, the ledger must begin with a key
//! that the job was told to trust, and what the order is for must be what is approved now. Then the same is done as a server does.

use countersign_core::domain::{Sequence, TargetId};
use countersign_core::ledger::{JobOrder, OrderFault};
use countersign_core::policy::RunsIn;
use countersign_core::sync::{Approved, JobEnd, JobWord, Outcome, Run, Standing, SyncReason, Trouble};
use thiserror::Error;

use super::Turn;
use super::owned::{AtServer, MarkKey};
use crate::engine::book::{Found, Place};
use crate::engine::ports::{Answered, Claim, Desk, DeskError, RepoRef, Sighting, Subject};
use crate::engine::run::LEASE;
use crate::engine::{Engine, TurnError};

/// How often everything is read anew because something moved meanwhile.
const TRIES: u32 = 5;

/// How an order was carried out.
#[derive(Debug)]
pub struct Carried {
    /// The target.
    pub id: TargetId,
    /// What it was brought to.
    pub generation: Sequence,
    /// How that ended.
    pub end: JobEnd,
}

/// Why an order is not carried out: nothing was opened and nothing written.
#[derive(Debug, Error)]
pub enum CarryError {
    /// The order is none, or not for here and now.
    #[error("{0}\nhelp: {help}", help = .0.help())]
    Order(#[from] OrderFault),
    /// The job does not know which ledger to believe.
    #[error(
        "this job does not know whose ledger to believe\nhelp: give the action `trust`: the fingerprint of the ledger's root key, from a variable that only admins may set"
    )]
    NoTrust,
    /// The policy names no such target, or lets the server deliver to it.
    #[error(
        "the policy has no target `{0}` that a job delivers to\nhelp: nothing to do if the policy was changed just now"
    )]
    Unwanted(TargetId),
    /// Nothing may leave.
    #[error("{0}\nhelp: {1}")]
    Withheld(String, String),
    /// The server does not want it.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// Something could not be read.
    #[error(transparent)]
    Turn(#[from] TurnError),
}

impl CarryError {
    /// The stable code of the output `reason-code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Order(fault) => fault.code(),
            Self::NoTrust => "order-without-trust",
            Self::Unwanted(_) => "order-unwanted",
            Self::Withheld(..) => "order-withheld",
            Self::Desk(_) => "order-refused",
            Self::Turn(_) => "order-unread",
        }
    }
}

impl Engine {
    /// Carries an order out, and tells the server that gave it how that ended.
    ///
    /// # Errors
    /// When it is not begun. What goes wrong later is an end, and was told.
    pub async fn deliver_by_order(&self, repo: &RepoRef, text: &str, desk: &dyn Desk) -> Result<Carried, CarryError> {
        if !self.settings.trust.is_pinned() {
            return Err(CarryError::NoTrust);
        }
        let (name, installation) = (repo.name.clone(), Some(repo.installation));
        let sighting = Sighting::Installed { repo: repo.id, name, installation };
        self.journal.sight(&sighting).await.map_err(TurnError::from)?;
        let mut begun: Option<JobOrder> = None;
        let claim = self.claim_of(repo).await?;
        for _ in 0..TRIES {
            let place = self.place_for_order(&claim, repo).await?;
            let order = JobOrder::read(text, place.state())?;
            if begun.is_none() {
                order.may_begin((repo.id, &repo.name), self.clock.now())?;
            }
            let id = TargetId { environment: order.environment.clone(), target: order.target.clone() };
            let approved = self.approved_for(&place, &order).await;
            let outcome = match (approved, &begun) {
                (Ok(approved), _) => {
                    begun = Some(order.clone());
                    self.attempt_of(&claim, &place, (&order, &id), &approved, desk).await
                }
                (Err(fault), None) => return Err(fault),
                // it was begun, and is over now: the server hears of it
                (Err(fault), Some(_)) => Ok(Outcome::Refused(Trouble::new(SyncReason::Older, &first_line(&fault)))),
            };
            let outcome = match outcome {
                Err(TurnError::KeptMoving(_)) => continue,
                Err(TurnError::Unheard { what, help }) => return Err(DeskError { what, help }.into()),
                Err(fault) => Outcome::Again(None, Trouble::new(SyncReason::DeliveryFailed, &first_line(&fault))),
                Ok(outcome) => outcome,
            };
            return self.told_end(order, id, JobEnd::of(outcome), desk).await;
        }
        let Some(order) = begun else { return Err(TurnError::KeptMoving("the ledger".to_owned()).into()) };
        let id = TargetId { environment: order.environment.clone(), target: order.target.clone() };
        let again = Outcome::Again(None, SyncReason::DeliveryFailed.into());
        self.told_end(order, id, JobEnd::of(again), desk).await
    }

    async fn told_end(
        &self,
        order: JobOrder,
        id: TargetId,
        end: JobEnd,
        desk: &dyn Desk,
    ) -> Result<Carried, CarryError> {
        desk.say(&order.server, &order.id, &end.word(order.generation)).await?;
        Ok(Carried { id, generation: order.generation, end })
    }

    /// A turn of our own: no other worker shares this memory.
    async fn claim_of(&self, repo: &RepoRef) -> Result<Claim, TurnError> {
        let (subject, now) = (Subject::Repository(repo.id), self.clock.now());
        self.journal.schedule(&subject, now).await?;
        self.journal.claim("order", now, LEASE).await?.ok_or(TurnError::TakenOver)
    }

    async fn place_for_order(&self, claim: &Claim, repo: &RepoRef) -> Result<Place, CarryError> {
        match self.find(claim, repo, &[]).await? {
            Found::Managed(place) => Ok(place),
            Found::Unmanaged => Err(TurnError::Ledger("this repository has none".to_owned()).into()),
            Found::Closed(closed) => Err(CarryError::Withheld(closed.words, closed.help.to_owned())),
        }
    }

    /// What the order is for, if that is what is approved now and a job is to deliver it.
    async fn approved_for(&self, place: &Place, order: &JobOrder) -> Result<Approved, CarryError> {
        let id = TargetId { environment: order.environment.clone(), target: order.target.clone() };
        let rule = place.policy.sync(&id);
        if !rule.is_some_and(|rule| matches!(rule.runs_in(), RunsIn::Runner { .. })) {
            return Err(CarryError::Unwanted(id));
        }
        match self.standing(place).await?.remove(&order.environment) {
            Some(Standing::Covered(approved)) => {
                order.is_newest(approved.generation)?;
                Ok(approved)
            }
            Some(Standing::Withheld(trouble)) => Err(CarryError::Withheld(trouble.words, trouble.help)),
            None => Err(CarryError::Unwanted(id)),
        }
    }

    /// One attempt, as a server makes it; which keys are ours is asked of the server.
    async fn attempt_of(
        &self,
        claim: &Claim,
        place: &Place,
        (order, id): (&JobOrder, &TargetId),
        approved: &Approved,
        desk: &dyn Desk,
    ) -> Result<Outcome, TurnError> {
        let Some(rule) = place.policy.sync(id).cloned() else {
            return Err(TurnError::KeptMoving("the policy".to_owned()));
        };
        let unheard = |DeskError { what, help }| TurnError::Unheard { what, help };
        let word = JobWord::Started { generation: order.generation };
        let answered = desk.say(&order.server, &order.id, &word).await.map_err(unheard)?;
        let Answered::Begin { ours, marks } = answered else {
            return Err(TurnError::Unheard {
                what: "the server does not say which keys are ours".to_owned(),
                help: "give server and action the same version".to_owned(),
            });
        };
        let Some(key) = MarkKey::parse(&marks) else { return Err(TurnError::Ledger("no key of marks".to_owned())) };
        let owning = AtServer { desk, server: &order.server, order: &order.id, key, ours };
        let turn = Turn { claim, id, rule };
        let run = Run { commit: order.commit.clone(), ..Run::new(approved, self.clock.now()) };
        self.fill(&turn, place, approved, &run, &owning).await
    }
}

fn first_line(fault: &dyn std::error::Error) -> String {
    fault.to_string().lines().next().unwrap_or_default().to_owned()
}

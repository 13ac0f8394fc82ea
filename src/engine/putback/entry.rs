//! Steps 3 to 5: what becomes of the push is decided, its two commits are built, and the ledger says so before anything is moved.
//!
//! Moves nothing. A push that the ledger knows is not judged again.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Account, Oid, RefName, RepoPath, TreeEntry};
use countersign_core::effect::{kept_message, restored_message};
use countersign_core::facts::compare::Branches;
use countersign_core::facts::{DocumentFacts, Known, Quarantine, Question, trailers};
use countersign_core::ledger::{Entry, PushOutcome, PutBackEntry};
use countersign_core::putback::{
    Circumstances, Ground, Made, Makers, Plan, asks_for_bypass, bypass_reason, course, makers,
};
use metrics::counter;
use tracing::warn;

use super::since::{Pushed, Since};
use crate::engine::book::Place;
use crate::engine::crash::{Point, here};
use crate::engine::ports::{Claim, Composition, Freshness, RepoError};
use crate::engine::{Engine, TurnError};

/// The two commits, and where the second is held.
struct Built {
    restored: Oid,
    kept: Oid,
    held: RefName,
}

impl Engine {
    /// Facts of the sealed files of a push. Which readers they must have, `.sops.yaml` says as approved: never as pushed.
    pub(super) async fn documents_as_approved(
        &self,
        place: &Place,
        branch: &RefName,
        tip: &Oid,
        plan: &Plan,
    ) -> Result<BTreeMap<RepoPath, DocumentFacts>, TurnError> {
        let rules = match self.composed(place, tip, &plan.restore, None, String::new()).await {
            Ok(restored) => restored,
            Err(RepoError::Later(_) | RepoError::Conflict(_)) => return Ok(BTreeMap::new()),
            Err(fault) => return Err(fault.into()),
        };
        self.documents(place, branch, &rules, &plan.pushed).await
    }

    /// What the ledger says of the push; written now, if it says nothing.
    pub(super) async fn put_back_entry(
        &self,
        claim: &Claim,
        place: &mut Place,
        (branch, tip): (&RefName, &Oid),
        (plan, since, pushed): (&Plan, &Since, &Pushed),
    ) -> Result<PutBackEntry, TurnError> {
        if let Some(known) = self.known_entry(place, (branch, tip), plan, pushed).await? {
            return Ok(known);
        }
        let entry = self.new_entry(place, (branch, tip), (plan, since, pushed)).await?;
        here(Point::PutBackJudged);
        self.record_put_back(claim, place, &entry).await?;
        here(Point::PutBackWritten);
        Ok(entry)
    }

    /// Writes what is decided about a push.
    pub(super) async fn record_put_back(
        &self,
        claim: &Claim,
        place: &mut Place,
        entry: &PutBackEntry,
    ) -> Result<(), TurnError> {
        self.record(claim, place, |_| Ok(vec![Entry::PutBack(Box::new(entry.clone()))])).await?;
        let outcome = if entry.quarantine().is_some() { "quarantined" } else { "put_back" };
        counter!("countersign_direct_pushes_total", "outcome" => outcome).increment(1);
        Ok(())
    }

    /// The entry of this very push against these very approvals, unless it was carried out: then it was pushed once more.
    async fn known_entry(
        &self,
        place: &Place,
        (branch, tip): (&RefName, &Oid),
        plan: &Plan,
        pushed: &Pushed,
    ) -> Result<Option<PutBackEntry>, TurnError> {
        let mut newest = place.state().put_backs(branch).rev().map(|(_, entry)| entry);
        let known = newest.find(|entry| entry.pushed == *tip).filter(|entry| Some(entry.delta_digest) == plan.digest);
        let Some(known) = known else { return Ok(None) };
        if known.quarantine().is_some() {
            return Ok(Some(known.clone()));
        }
        let (Some(restored), Some(kept)) = (&known.restored, &known.kept) else { return Ok(None) };
        if pushed.moved_to.contains(restored) {
            return Ok(None);
        }
        // its name was taken by something else meanwhile
        if let Some(there) = known.held.as_ref().and_then(|held| place.refs.get(held)).filter(|there| *there != kept)
            && !self.repo.reaches(&place.repo, there, kept).await.unwrap_or(false)
        {
            return Ok(None);
        }
        // built before a crash; where the clone was lost as well they are built anew
        for commit in [restored, kept] {
            match self.repo.reaches(&place.repo, commit, commit).await {
                Ok(_) => {}
                Err(RepoError::Missing(_)) => return Ok(None),
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(Some(known.clone()))
    }

    async fn new_entry(
        &self,
        place: &Place,
        (branch, tip): (&RefName, &Oid),
        (plan, since, pushed): (&Plan, &Since, &Pushed),
    ) -> Result<PutBackEntry, TurnError> {
        let us = self.ourselves().await?.id;
        let commits = since.commits.iter().map(|commit| Made {
            author_name: &commit.author_name,
            author_email: &commit.author_email,
            committer_email: &commit.committer_email,
            message: &commit.message,
        });
        let made = makers(commits, &pushed.accounts, us);
        let past: Vec<&PutBackEntry> = place.state().put_backs(branch).map(|(_, entry)| entry).collect();
        let above: BTreeSet<&Oid> = since.line.iter().map(|(commit, _)| commit).filter(|oid| *oid != tip).collect();
        let on_top = past.iter().any(|entry| entry.quarantine().is_some() && above.contains(&entry.pushed));
        let branches = Branches { base: branch, default: &place.default_branch };
        let ground = Ground { policy: &place.policy, branches, repository: place.repo.id };
        let now = self.clock.now();
        let around = Circumstances { stood: pushed.stood, past: &past, on_top, now };
        let mut outcome = course(ground, plan, around);
        let built = match self.built(place, (branch, tip), (plan, outcome), &made).await {
            Ok(built) => Some(built),
            Err(TurnError::Repo(fault @ (RepoError::Later(_) | RepoError::Conflict(_)))) => {
                warn!(%fault, "what was pushed cannot be restored");
                outcome = PushOutcome::Quarantined(Quarantine::Unbuildable);
                None
            }
            Err(fault) => return Err(fault),
        };
        let digest = plan.digest.ok_or_else(|| TurnError::Ledger("a push that changed nothing".to_owned()))?;
        let tip_message = since.commits.iter().find(|commit| commit.oid == *tip).map(|commit| commit.message.as_str());
        Ok(PutBackEntry {
            branch: branch.clone(),
            pushed: tip.clone(),
            outcome,
            restored: built.as_ref().map(|built| built.restored.clone()),
            kept: built.as_ref().map(|built| built.kept.clone()),
            held: built.map(|built| built.held),
            delta_digest: digest,
            paths: plan.paths(),
            left_out: plan.left_out.clone(),
            sender: pushed.sender.clone(),
            excluded: excluded(&made.accounts, &pushed.sender),
            bypass_asked: since.commits.iter().any(|commit| asks_for_bypass(&commit.message)),
            bypass_reason: tip_message.and_then(bypass_reason),
            at: now,
        })
    }

    /// Builds `Y` and `K`. Where the same push waits for review already, its `K` is used.
    async fn built(
        &self,
        place: &Place,
        (branch, tip): (&RefName, &Oid),
        (plan, outcome): (&Plan, PushOutcome),
        made: &Makers,
    ) -> Result<Built, TurnError> {
        let message = restored_message(branch, tip);
        let restored = self.composed(place, tip, &plan.restore, None, message).await?;
        // where the branch is left, `Y` must be there for whoever brings it back: it is, below a `K` of its own
        if outcome == PushOutcome::PutBack
            && let Some((kept, held)) = self.waiting(place, (branch, tip), plan, made).await?
        {
            return Ok(Built { restored, kept, held });
        }
        let author = made.author.as_ref().map(|author| (author.name.clone(), author.email.clone()));
        let message = kept_message(branch, tip, &made.all);
        let kept = self.composed(place, &restored, &plan.keep, author, message).await?;
        let held = free_name(place, tip, &kept)?;
        Ok(Built { restored, kept, held })
    }

    /// A commit of ours on top of another; ours is also what nobody else wrote alone.
    pub(super) async fn composed(
        &self,
        place: &Place,
        parent: &Oid,
        placed: &BTreeMap<RepoPath, Option<TreeEntry>>,
        author: Option<(String, String)>,
        message: String,
    ) -> Result<Oid, RepoError> {
        let us = self.ourselves().await.map_err(|fault| RepoError::Later(fault.to_string()))?;
        let ours = (us.login.to_string(), format!("{}+{}@users.noreply.github.com", us.id, us.login));
        let composition = Composition {
            parent: parent.clone(),
            placed: placed.clone(),
            author: author.unwrap_or_else(|| ours.clone()),
            committer: ours,
            at: self.clock.now(),
            message,
        };
        self.repo.compose(&place.repo, &composition).await
    }

    /// The same push, put back before and still waiting in an open request that names everybody who made this one.
    async fn waiting(
        &self,
        place: &Place,
        (branch, tip): (&RefName, &Oid),
        plan: &Plan,
        made: &Makers,
    ) -> Result<Option<(Oid, RefName)>, TurnError> {
        let earlier = place.state().put_backs(branch).rev().map(|(_, entry)| entry);
        let earlier = earlier.filter(|entry| Some(entry.delta_digest) == plan.digest && entry.quarantine().is_none());
        for entry in earlier {
            let (Some(restored), Some(kept), Some(held)) = (&entry.restored, &entry.kept, &entry.held) else {
                continue;
            };
            let stands = place.refs.get(held) == Some(kept);
            if !stands || !self.repo.reaches(&place.repo, tip, restored).await? {
                continue;
            }
            let question = Question::ChangesOfBranch { head: held.clone(), base: branch.clone() };
            let known = self.forge.answer(&place.repo, &question, Freshness::Now).await?.changes()?;
            if known.iter().any(|change| change.open && change.head == *kept)
                && self.names_everybody(place, (restored, kept), made).await?
            {
                return Ok(Some((kept.clone(), held.clone())));
            }
        }
        Ok(None)
    }

    async fn names_everybody(
        &self,
        place: &Place,
        (restored, kept): (&Oid, &Oid),
        made: &Makers,
    ) -> Result<bool, TurnError> {
        let written = self.repo.commits(&place.repo, restored, kept).await?;
        let mut named: BTreeSet<String> = written.iter().map(|commit| commit.author_email.clone()).collect();
        named.extend(written.iter().flat_map(|commit| trailers::co_authors(&commit.message)));
        Ok(made.all.iter().all(|maker| named.contains(&maker.email.to_lowercase())))
    }
}

/// Everybody who may not approve, in order of ids.
fn excluded(made: &[Account], sender: &Known<Account>) -> Vec<Account> {
    let mut all: Vec<Account> = made.iter().chain(sender.answer()).cloned().collect();
    all.sort_by_key(|account| account.id);
    all.dedup_by_key(|account| account.id);
    all
}

/// Where a commit is held: the name after the push, or the next one where something else stands there.
fn free_name(place: &Place, tip: &Oid, kept: &Oid) -> Result<RefName, TurnError> {
    let name = |number: usize| match number {
        1 => format!("countersign/held/{tip}"),
        more => format!("countersign/held/{tip}-{more}"),
    };
    for number in 1..100 {
        let held = RefName::branch(&name(number)).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        if place.refs.get(&held).is_none_or(|there| there == kept) {
            return Ok(held);
        }
    }
    Err(TurnError::Ledger(format!("every name for what was pushed in {tip} is taken")))
}

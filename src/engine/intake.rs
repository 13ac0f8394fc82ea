//! From an event to the work it asks for: which subjects to look at and when, and the few facts only deliveries tell.
//!
//! Nothing is decided here and nothing is believed: a look reads live state (`changes.md` 1), a sighting may exclude people or void
//! votes and never make something count. Effects of our own need no second look; a push is never dropped, whoever made it.

use countersign_core::delivery::{Content, Delivery, FromRunner, Unparsable};
use countersign_core::domain::{Account, DeliveryId, Digest, RefName, RepoId, Span, Timestamp};
use countersign_core::effect::CHECK_NAME;
use countersign_core::event::{
    Change, ChangeAction, Check, Comment, CommentAction, Event, Installation, InstallationAction, Place, Push,
    RepositoryAction, Review, ReviewAction, ReviewState,
};
use countersign_core::facts::VoteKind;
use countersign_core::facts::question::Movement;

use super::crash::{Point, here};
use super::ports::{CommentTold, Journal, JournalError, NewDelivery, Recorded, RepoRef, Sighting, Subject};

/// When what arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// GitHub's id.
    pub id: DeliveryId,
    /// `X-GitHub-Event`.
    pub event: String,
    /// SHA-256 of the body.
    pub body: Digest,
    /// When.
    pub at: Timestamp,
}

/// What else bears on the work.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Quiet time after a push before a request is opened (`COUNTERSIGN_QUIET`).
    pub quiet: Span,
    /// Where the ledger lives (`COUNTERSIGN_LEDGER_REF`).
    pub ledger: &'a RefName,
    /// Our own account, once GitHub has told us.
    pub ourselves: Option<&'a Account>,
    /// Repositories we reach; needed only for events of a whole organisation.
    pub repositories: &'a [RepoRef],
}

/// What became of a delivery that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It asks for work, or is one we only remember.
    Stored,
    /// Outside our vocabulary: remembered by its id alone.
    Ignored,
    /// It cannot be read; its body is kept.
    Unparsable(Unparsable),
    /// It was here before; nothing was changed.
    Duplicate,
}

/// Keeps a delivery with everything that follows from it; returns after it is on disk.
///
/// # Errors
/// When the store fails: then GitHub has to be told that the delivery failed.
pub async fn keep(
    delivery: &Delivery<'_>,
    at: Timestamp,
    journal: &dyn Journal,
    around: &Surroundings<'_>,
) -> Result<Kept, JournalError> {
    let event = delivery.event().to_string();
    let arrival = Arrival { id: delivery.id().clone(), event, body: delivery.digest(), at };
    take(delivery.content(), arrival, delivery.body(), (journal, around)).await
}

/// Keeps what the runner of a job says started it, as a delivery that says the same would be kept.
///
/// # Errors
/// When the store fails.
pub async fn keep_from_runner(
    handed: &FromRunner<'_>,
    at: Timestamp,
    journal: &dyn Journal,
    around: &Surroundings<'_>,
) -> Result<Kept, JournalError> {
    let event = handed.event().to_string();
    let arrival = Arrival { id: handed.id().clone(), event, body: handed.digest(), at };
    take(handed.content(), arrival, handed.body(), (journal, around)).await
}

async fn take(
    content: Content,
    arrival: Arrival,
    body: &[u8],
    (journal, around): (&dyn Journal, &Surroundings<'_>),
) -> Result<Kept, JournalError> {
    let (kept, work) = match content {
        Content::Understood(event) => {
            let repositories = match event.organization() {
                Some(_) => journal.repositories().await?,
                None => Vec::new(),
            };
            let kept = if matches!(*event, Event::Ignored(_)) { Kept::Ignored } else { Kept::Stored };
            (kept, delivery_to_work(&event, arrival, &Surroundings { repositories: &repositories, ..*around }))
        }
        Content::Unparsable(why) => {
            let work = unparsable_to_work(&why, arrival, body);
            (Kept::Unparsable(why), work)
        }
    };
    here(Point::DeliveryVerified);
    let recorded = journal.record(&work).await?;
    here(Point::DeliveryStored);
    match recorded {
        Recorded::New => Ok(kept),
        Recorded::Duplicate => Ok(Kept::Duplicate),
    }
}

/// What a body that cannot be read leaves: itself, and a look at the repository it is about, if that much could be read.
#[must_use]
pub fn unparsable_to_work(why: &Unparsable, arrival: Arrival, body: &[u8]) -> NewDelivery {
    let Arrival { id, event, body: digest, at } = arrival;
    let look_at = why.repository.map(|repo| (Subject::Repository(repo), at)).into_iter().collect();
    NewDelivery { id, event, body: digest, at, unparsable: Some(body.to_vec()), sightings: Vec::new(), look_at }
}

/// What an event asks for.
#[must_use]
pub fn delivery_to_work(event: &Event, arrival: Arrival, around: &Surroundings<'_>) -> NewDelivery {
    let sightings = sightings(event, &arrival);
    let Arrival { id, event: name, body, at } = arrival;
    let mut look_at: Vec<(Subject, Timestamp)> = Vec::new();
    for look in looks(event, at, around) {
        if !look_at.contains(&look) {
            look_at.push(look);
        }
    }
    NewDelivery { id, event: name, body, at, unparsable: None, sightings, look_at }
}

/// Where to look, and when.
fn looks(event: &Event, at: Timestamp, around: &Surroundings<'_>) -> Vec<(Subject, Timestamp)> {
    let ours = |sender: &Option<Account>| is_ours(sender.as_ref(), around.ourselves);
    let subjects = match event {
        Event::Push(push) => return after_push(push, at, around),
        Event::Change(change) if is_echo(change) && ours(&change.sender) => Vec::new(),
        Event::Change(Change { place, number, .. }) | Event::Review(Review { place, number, .. }) => {
            vec![Subject::Change(place.repo, *number)]
        }
        Event::Comment(comment) if ours(&comment.sender) => Vec::new(),
        Event::Comment(comment @ Comment { place, number, .. }) => {
            let mut looks = vec![Subject::Change(place.repo, *number)];
            // an edited comment is no command (R14)
            if comment.action == CommentAction::Created && comment.may_command {
                looks.push(Subject::Command(place.repo, comment.id));
            }
            looks
        }
        Event::Check(check) if ours(&check.sender) || check.name.as_ref().is_some_and(|name| name != CHECK_NAME) => {
            Vec::new()
        }
        Event::Check(Check { place, changes, .. }) if changes.is_empty() => vec![Subject::Repository(place.repo)],
        Event::Check(Check { place, changes, .. }) => {
            changes.iter().map(|number| Subject::Change(place.repo, *number)).collect()
        }
        Event::Job(job) => vec![Subject::Job(job.place.repo, job.run, job.deployment)],
        Event::MergeGroup(group) => vec![Subject::Branch(group.place.repo, group.head_ref.clone())],
        Event::Installation(installation) => after_installation(installation),
        Event::Repository(event) => match event.action {
            RepositoryAction::Deleted => vec![Subject::Installations],
            RepositoryAction::Transferred | RepositoryAction::Created => {
                vec![Subject::Installations, Subject::Repository(event.place.repo)]
            }
            RepositoryAction::Renamed
            | RepositoryAction::Edited { .. }
            | RepositoryAction::Archived
            | RepositoryAction::Unarchived
            | RepositoryAction::Publicized
            | RepositoryAction::Privatized => vec![Subject::Repository(event.place.repo)],
        },
        Event::People(_) | Event::Guard(_) => concerned(event, around.repositories),
        Event::Ping | Event::Ignored(_) => Vec::new(),
    };
    subjects.into_iter().map(|subject| (subject, at)).collect()
}

fn is_ours(sender: Option<&Account>, ourselves: Option<&Account>) -> bool {
    matches!((sender, ourselves), (Some(sender), Some(ourselves)) if sender.id == ourselves.id)
}

/// Whether a change of a pull request is one we make ourselves in a turn that goes on anyway.
fn is_echo(change: &Change) -> bool {
    match change.action {
        ChangeAction::Opened
        | ChangeAction::Edited { .. }
        | ChangeAction::ReviewRequested
        | ChangeAction::ReviewRequestRemoved
        | ChangeAction::Closed { .. } => true,
        ChangeAction::Synchronized { .. } | ChangeAction::Reopened | ChangeAction::Ready | ChangeAction::Draft => false,
    }
}

/// A branch is looked at after the quiet time; the ledger, and for the default branch the repository, at once, for all that rests
/// on them. What we pushed ourselves comes in bursts and waits for the end of one.
fn after_push(push: &Push, at: Timestamp, around: &Surroundings<'_>) -> Vec<(Subject, Timestamp)> {
    let repo = push.place.repo;
    let later = at.plus(around.quiet);
    if push.reference.branch_name().is_none() {
        return Vec::new();
    }
    let due = if is_ours(push.sender.as_ref(), around.ourselves) { later } else { at };
    if push.place.default_branch.as_ref() == Some(&push.reference) {
        return vec![(Subject::Repository(repo), due)];
    }
    let due = if push.reference == *around.ledger { due } else { later };
    vec![(Subject::Branch(repo, push.reference.clone()), due)]
}

fn after_installation(installation: &Installation) -> Vec<Subject> {
    let mut subjects = vec![Subject::Installations];
    match installation.action {
        InstallationAction::Created
        | InstallationAction::Unsuspended
        | InstallationAction::PermissionsAccepted
        | InstallationAction::Repositories
        | InstallationAction::Renamed => {
            subjects.extend(installation.added.iter().map(|(repo, _)| Subject::Repository(*repo)));
        }
        InstallationAction::Deleted | InstallationAction::Suspended => {}
    }
    subjects
}

/// The open changes of the repository an event happened in, or of every repository of its organisation that we reach.
fn concerned(event: &Event, repositories: &[RepoRef]) -> Vec<Subject> {
    // what follows from other rules for the open changes is said by that look
    let rules = matches!(event, Event::Guard(_));
    let looked_at = |repo| if rules { Subject::Guard(repo) } else { Subject::Changes(repo) };
    if let Some(place) = event.place() {
        return vec![looked_at(place.repo)];
    }
    let Some(organization) = event.organization() else { return Vec::new() };
    repositories
        .iter()
        .filter(|repo| repo.name.owner().eq_ignore_ascii_case(organization.as_str()))
        .map(|repo| looked_at(repo.id))
        .collect()
}

/// What only this delivery tells.
fn sightings(event: &Event, arrival: &Arrival) -> Vec<Sighting> {
    let mut sightings: Vec<Sighting> = event.place().and_then(reachable).into_iter().collect();
    match event {
        Event::Push(push) => sightings.push(pushed(push, arrival)),
        Event::Change(change) => sightings.extend(head_moved(change, arrival)),
        Event::Review(review) => sightings.extend(reviewed(review, arrival)),
        Event::Comment(comment) => sightings.extend(commented(comment, arrival)),
        Event::Installation(installation) => {
            let Installation { id, added, removed, .. } = installation;
            let seen = |(repo, name): &(RepoId, _), installation| Sighting::Installed {
                repo: *repo,
                name: Clone::clone(name),
                installation,
            };
            sightings.extend(added.iter().map(|listed| seen(listed, Some(*id))));
            sightings.extend(removed.iter().map(|listed| seen(listed, None)));
        }
        Event::Repository(event) if event.action == RepositoryAction::Deleted => {
            let (repo, name) = (event.place.repo, event.place.name.clone());
            sightings = vec![Sighting::Installed { repo, name, installation: None }];
        }
        Event::Check(_)
        | Event::MergeGroup(_)
        | Event::Job(_)
        | Event::Repository(_)
        | Event::People(_)
        | Event::Guard(_)
        | Event::Ping
        | Event::Ignored(_) => {}
    }
    sightings
}

/// Every delivery tells how its repository is reached and called.
fn reachable(place: &Place) -> Option<Sighting> {
    let installation = Some(place.installation?);
    Some(Sighting::Installed { repo: place.repo, name: place.name.clone(), installation })
}

/// A push, in GitHub's time; where GitHub gives none, in ours, which is later and so lets fewer votes count (R13).
fn pushed(push: &Push, arrival: &Arrival) -> Sighting {
    Sighting::Push {
        repo: push.place.repo,
        reference: push.reference.clone(),
        movement: Movement {
            before: push.before.clone(),
            after: push.after.clone(),
            actor: push.sender.clone(),
            at: push.pushed_at.unwrap_or(arrival.at),
            delivery: Some(arrival.id.clone()),
        },
    }
}

/// A moved head, under `refs/pull/<n>/head`: for a fork nothing else tells who moved it.
fn head_moved(change: &Change, arrival: &Arrival) -> Option<Sighting> {
    let ChangeAction::Synchronized { before: Some(before) } = &change.action else { return None };
    Some(Sighting::Push {
        repo: change.place.repo,
        reference: RefName::parse(&format!("refs/pull/{}/head", change.number)).ok()?,
        movement: Movement {
            before: before.clone(),
            after: change.head.clone(),
            actor: change.sender.clone(),
            at: change.updated_at.unwrap_or(arrival.at),
            delivery: Some(arrival.id.clone()),
        },
    })
}

/// A review as it was given or dismissed. An edited one is no first sight: GitHub may have moved the commit it names (R12).
fn reviewed(review: &Review, arrival: &Arrival) -> Option<Sighting> {
    let kind = match (review.action, review.state) {
        (ReviewAction::Edited, _) => return None,
        (ReviewAction::Dismissed, _) | (ReviewAction::Submitted, ReviewState::Dismissed) => VoteKind::Ended,
        (ReviewAction::Submitted, ReviewState::Approved) => VoteKind::Approve,
        (ReviewAction::Submitted, ReviewState::ChangesRequested) => VoteKind::Reject,
        (ReviewAction::Submitted, ReviewState::Unrecognised) => VoteKind::Unrecognised,
        (ReviewAction::Submitted, ReviewState::Commented | ReviewState::Pending) => return None,
    };
    Some(Sighting::Review {
        repo: review.place.repo,
        change: review.number,
        review: review.id,
        kind,
        commit: review.commit.clone(),
        base: review.base.clone(),
        by: review.sender.clone(),
        at: arrival.at,
        delivery: Some(arrival.id.clone()),
    })
}

/// A comment that said something which stands with it, and what became of that (R14, R18).
fn commented(comment: &Comment, arrival: &Arrival) -> Option<Sighting> {
    let said = comment.said.clone()?;
    let told = match comment.action {
        CommentAction::Created => CommentTold::Written(said),
        CommentAction::Edited => CommentTold::Edited,
        CommentAction::Deleted => CommentTold::Deleted,
    };
    Some(Sighting::Comment {
        repo: comment.place.repo,
        change: comment.number,
        comment: comment.id,
        told,
        by: comment.sender.clone(),
        at: arrival.at,
        delivery: Some(arrival.id.clone()),
    })
}

#[cfg(test)]
mod tests;

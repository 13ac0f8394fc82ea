//! From a payload to an event. Total: unknown events and actions are ignored events, and what cannot be read is kept, never lost.
//!
//! The action is looked at before anything else, so that an action GitHub invents later is ignored whatever its payload looks
//! like. No fault repeats the payload: only its place in the text.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use super::wire::{
    BaseWire, ChangeWire, CheckWire, CommentWire, EndWire, FromWire, InstallationEventWire, JobWire, ListedWire,
    MergeGroupWire, Outline, PushWire, RepositoryEventWire, Rescue, ReviewWire, ScopeWire, account, place,
};
use crate::domain::{RefName, RepoId, RepoName};
use crate::event::{
    Change, ChangeAction, Check, Comment, CommentAction, Event, EventName, Guard, Ignored, Installation,
    InstallationAction, Job, MergeGroup, People, PeopleChange, Push, RepositoryAction, RepositoryEvent, Review,
    ReviewAction, ReviewState, command,
};

/// What a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An event, perhaps an ignored one.
    Understood(Box<Event>),
    /// An event we act on, in a form we cannot read; or no JSON at all.
    Unparsable(Unparsable),
}

/// In which way a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The text is no JSON.
    NotJson,
    /// It is JSON, but not what this event looks like.
    WrongShape,
}

/// A body that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unparsable {
    /// In which way.
    pub fault: Fault,
    /// Line and column where reading ended, from 1; unknown when the text is fine but a name in it is not.
    pub at: Option<(usize, usize)>,
    /// The repository it is about, when at least that can be read: a reason to look there.
    pub repository: Option<RepoId>,
}

impl fmt::Display for Unparsable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.fault {
            Fault::NotJson => "the body is not JSON",
            Fault::WrongShape => "the body is not what this event looks like",
        })?;
        match self.at {
            Some((line, column)) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

/// Where reading ended, if that is known.
type At = Option<(usize, usize)>;

/// Reads a payload of an event.
pub(super) fn content(event: &EventName, body: &[u8]) -> Content {
    let action = match action(body) {
        Ok(action) => action,
        Err(at) => return Content::Unparsable(Unparsable { fault: Fault::NotJson, at, repository: None }),
    };
    match read(event.as_str(), action.as_deref().unwrap_or_default(), body) {
        Ok(Some(event)) => Content::Understood(Box::new(event)),
        Ok(None) => Content::Understood(Box::new(Event::Ignored(Ignored {
            event: event.clone(),
            action: action.filter(|action| is_word(action)),
        }))),
        Err(at) => Content::Unparsable(Unparsable { fault: Fault::WrongShape, at, repository: rescue(body) }),
    }
}

/// The action; an error when the text is no JSON.
fn action(body: &[u8]) -> Result<Option<String>, At> {
    match serde_json::from_slice::<Outline>(body) {
        Ok(outline) => Ok(outline.action),
        Err(error) => match error.classify() {
            Category::Data => match serde_json::from_slice::<IgnoredAny>(body) {
                Ok(IgnoredAny) => Ok(None),
                Err(error) => Err(position(&error)),
            },
            Category::Io | Category::Syntax | Category::Eof => Err(position(&error)),
        },
    }
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn rescue(body: &[u8]) -> Option<RepoId> {
    serde_json::from_slice::<Rescue>(body).ok()?.repository?.id
}

fn position(error: &serde_json::Error) -> At {
    Some((error.line(), error.column()))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, At> {
    serde_json::from_slice(body).map_err(|error| position(&error))
}

/// The event, or `None` for one outside the vocabulary.
fn read(event: &str, action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    match event {
        "ping" => Ok(Some(Event::Ping)),
        "push" => push(body).map(Some),
        "pull_request" => change(action, body),
        "pull_request_review" => review(action, body),
        "issue_comment" => comment(action, body),
        "check_run" | "check_suite" => check(action, body),
        "merge_group" => merge_group(action, body),
        "deployment_protection_rule" => job(action, body),
        "installation" | "installation_repositories" | "installation_target" => installation(event, action, body),
        "repository" => repository(action, body),
        "membership" | "team" | "team_add" | "member" | "organization" => people(event, action, body),
        "repository_ruleset" | "branch_protection_rule" | "branch_protection_configuration" => guard(body).map(Some),
        _ => Ok(None),
    }
}

fn push(body: &[u8]) -> Result<Event, At> {
    let wire: PushWire = parse(body)?;
    Ok(Event::Push(Push {
        reference: wire.reference,
        before: wire.before,
        after: wire.after,
        created: wire.created,
        deleted: wire.deleted,
        forced: wire.forced,
        sender: account(wire.sender),
        pushed_at: wire.repository.pushed_at,
        place: place(wire.repository, wire.installation),
    }))
}

fn change(action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    if !matches!(
        action,
        "opened"
            | "synchronize"
            | "reopened"
            | "closed"
            | "edited"
            | "ready_for_review"
            | "converted_to_draft"
            | "review_requested"
            | "review_request_removed"
    ) {
        return Ok(None);
    }
    let wire: ChangeWire = parse(body)?;
    let pull = wire.pull_request;
    let action = match action {
        "opened" => ChangeAction::Opened,
        "synchronize" => ChangeAction::Synchronized { before: wire.before },
        "reopened" => ChangeAction::Reopened,
        "closed" => ChangeAction::Closed { merged: pull.merged.unwrap_or(false) },
        "ready_for_review" => ChangeAction::Ready,
        "converted_to_draft" => ChangeAction::Draft,
        "review_requested" => ChangeAction::ReviewRequested,
        "review_request_removed" => ChangeAction::ReviewRequestRemoved,
        _ => ChangeAction::Edited {
            base_before: branch_before(wire.changes.and_then(|changes| changes.base).and_then(|base| base.branch)),
        },
    };
    let EndWire { branch, sha, repo } = pull.head;
    let here = repo.and_then(|repo| repo.id) == Some(wire.repository.id);
    let BaseWire { branch: base } = pull.base;
    Ok(Some(Event::Change(Change {
        number: pull.number,
        action,
        head: sha,
        head_ref: RefName::branch(&branch).ok().filter(|_| here),
        base: RefName::branch(&base).map_err(|_| None)?,
        author: account(pull.user),
        sender: account(wire.sender),
        updated_at: pull.updated_at,
        place: place(wire.repository, wire.installation),
    })))
}

fn branch_before(edit: Option<FromWire>) -> Option<RefName> {
    edit?.from.and_then(|branch| RefName::branch(&branch).ok())
}

fn review(action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    let action = match action {
        "submitted" => ReviewAction::Submitted,
        "edited" => ReviewAction::Edited,
        "dismissed" => ReviewAction::Dismissed,
        _ => return Ok(None),
    };
    let wire: ReviewWire = parse(body)?;
    Ok(Some(Event::Review(Review {
        number: wire.pull_request.number,
        base: wire.pull_request.base.and_then(|base| RefName::branch(&base.branch).ok()),
        id: wire.review.id,
        action,
        state: ReviewState::from_github(&wire.review.state),
        commit: wire.review.commit_id,
        author: account(wire.review.user),
        sender: account(wire.sender),
        place: place(wire.repository, wire.installation),
    })))
}

fn comment(action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    let action = match action {
        "created" => CommentAction::Created,
        "edited" => CommentAction::Edited,
        "deleted" => CommentAction::Deleted,
        _ => return Ok(None),
    };
    let wire: CommentWire = parse(body)?;
    if wire.issue.pull_request.is_none() {
        return Ok(None);
    }
    let before = wire.changes.and_then(|changes| changes.body).and_then(|body| body.from);
    // of an edited comment, what it said before
    let text = before.or(wire.comment.body).unwrap_or_default();
    Ok(Some(Event::Comment(Comment {
        number: wire.issue.number,
        id: wire.comment.id,
        action,
        may_command: command::read(&text) != command::Read::Nothing,
        said: command::spoken(&text).map(command::Spoken::bare),
        sender: account(wire.sender),
        place: place(wire.repository, wire.installation),
    })))
}

fn check(action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    if !matches!(action, "rerequested" | "requested_action") {
        return Ok(None);
    }
    let wire: CheckWire = parse(body)?;
    let check = wire.check_run.or(wire.check_suite).ok_or(None)?;
    Ok(Some(Event::Check(Check {
        name: check.name,
        head: check.head_sha,
        changes: check.pull_requests.unwrap_or_default().into_iter().map(|pull| pull.number).collect(),
        sender: account(wire.sender),
        place: place(wire.repository, wire.installation),
    })))
}

fn merge_group(action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    if action != "checks_requested" {
        return Ok(None);
    }
    let wire: MergeGroupWire = parse(body)?;
    Ok(Some(Event::MergeGroup(MergeGroup {
        head: wire.merge_group.head_sha,
        head_ref: wire.merge_group.head_ref,
        base: wire.merge_group.base_ref,
        place: place(wire.repository, wire.installation),
    })))
}

fn job(action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    if action != "requested" {
        return Ok(None);
    }
    let wire: JobWire = parse(body)?;
    Ok(Some(Event::Job(Job {
        run: wire.run().ok_or(None)?,
        deployment: wire.deployment.id,
        place: place(wire.repository, wire.installation),
    })))
}

fn installation(event: &str, action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    let action = match (event, action) {
        ("installation", "created") => InstallationAction::Created,
        ("installation", "deleted") => InstallationAction::Deleted,
        ("installation", "suspend") => InstallationAction::Suspended,
        ("installation", "unsuspend") => InstallationAction::Unsuspended,
        ("installation", "new_permissions_accepted") => InstallationAction::PermissionsAccepted,
        ("installation_repositories", "added" | "removed") => InstallationAction::Repositories,
        ("installation_target", "renamed") => InstallationAction::Renamed,
        _ => return Ok(None),
    };
    let wire: InstallationEventWire = parse(body)?;
    let listed = names(wire.repositories);
    let (mut added, mut removed) = (names(wire.repositories_added), names(wire.repositories_removed));
    match action {
        InstallationAction::Created | InstallationAction::Unsuspended => added.extend(listed),
        InstallationAction::Deleted | InstallationAction::Suspended => removed.extend(listed),
        InstallationAction::PermissionsAccepted | InstallationAction::Repositories | InstallationAction::Renamed => {}
    }
    Ok(Some(Event::Installation(Installation {
        id: wire.installation.id,
        action,
        added,
        removed,
        sender: account(wire.sender),
    })))
}

fn names(list: Option<Vec<ListedWire>>) -> Vec<(RepoId, RepoName)> {
    list.unwrap_or_default().into_iter().map(|listed| (listed.id, listed.full_name)).collect()
}

fn repository(action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    if !matches!(
        action,
        "created"
            | "renamed"
            | "transferred"
            | "edited"
            | "deleted"
            | "archived"
            | "unarchived"
            | "publicized"
            | "privatized"
    ) {
        return Ok(None);
    }
    let wire: RepositoryEventWire = parse(body)?;
    let action = match action {
        "created" => RepositoryAction::Created,
        "renamed" => RepositoryAction::Renamed,
        "transferred" => RepositoryAction::Transferred,
        "deleted" => RepositoryAction::Deleted,
        "archived" => RepositoryAction::Archived,
        "unarchived" => RepositoryAction::Unarchived,
        "publicized" => RepositoryAction::Publicized,
        "privatized" => RepositoryAction::Privatized,
        _ => RepositoryAction::Edited {
            default_before: branch_before(wire.changes.and_then(|changes| changes.default_branch)),
        },
    };
    Ok(Some(Event::Repository(RepositoryEvent {
        action,
        sender: account(wire.sender),
        place: place(wire.repository, wire.installation),
    })))
}

fn people(event: &str, action: &str, body: &[u8]) -> Result<Option<Event>, At> {
    let what = match (event, action) {
        ("membership", "added" | "removed") => PeopleChange::Membership,
        ("team", "created" | "deleted" | "edited" | "added_to_repository" | "removed_from_repository")
        | ("team_add", _) => PeopleChange::Team,
        ("member", "added" | "removed" | "edited") => PeopleChange::Collaborator,
        ("organization", "member_added" | "member_removed") => PeopleChange::Organization,
        _ => return Ok(None),
    };
    let (scope, sender) = parse::<ScopeWire>(body)?.split().ok_or(None)?;
    Ok(Some(Event::People(People { scope, what, sender })))
}

fn guard(body: &[u8]) -> Result<Event, At> {
    let (scope, sender) = parse::<ScopeWire>(body)?.split().ok_or(None)?;
    Ok(Event::Guard(Guard { scope, sender }))
}

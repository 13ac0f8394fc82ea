//! What a look at a target means: is it there, not yet, or there and not well.
//!
//! Only what a target says of itself is judged, in words of our own: nothing it wrote is repeated.

use super::trouble::{SyncReason, Trouble};
use crate::domain::Oid;
use crate::facts::question::{StatusRead, StatusState};
use crate::policy::StatusPattern;

/// What a look showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It runs what was approved.
    There,
    /// It does not yet.
    NotYet,
    /// It has it, and does not work; that may mend itself.
    Unwell(Trouble),
    /// It gave up; only a person starts it again.
    Failed(Trouble),
}

/// An application of Argo CD, as the server tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Revisions of its sources that were compared last.
    pub revisions: Vec<String>,
    /// Whether the cluster is as these revisions say; `None`: not known.
    pub in_step: Option<bool>,
    /// How it is.
    pub health: Health,
    /// Its newest operation.
    pub operation: Operation,
}

/// How an application is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// `Healthy`
    Healthy,
    /// `Progressing`, `Suspended`, `Unknown`, or none yet.
    Open,
    /// `Degraded`
    Degraded,
    /// `Missing`
    Missing,
}

/// The newest sync of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// There was none, or it ended well.
    Quiet,
    /// It runs, or waits to run.
    Running,
    /// It ended badly, at this revision.
    Failed(Option<String>),
}

/// Judges an application that is to run one of these commits: the one that was delivered, or the present tip of the same content.
#[must_use]
pub fn of_application(application: &Application, commits: &[&Oid]) -> Look {
    let there = is_at(application, commits);
    let unwell = |words: &str| Look::Unwell(Trouble::new(SyncReason::TargetUnwell, words));
    match (&application.operation, application.health) {
        (Operation::Running, _) => Look::NotYet,
        (Operation::Failed(Some(at)), _) if commits.iter().any(|commit| commit.as_str() == at) => {
            Look::Failed(Trouble::new(SyncReason::ReportedFailure, "its newest sync ended badly"))
        }
        (Operation::Quiet | Operation::Failed(_), Health::Healthy) if there && application.in_step == Some(true) => {
            Look::There
        }
        (Operation::Quiet | Operation::Failed(_), Health::Degraded) if there => unwell("its health is `Degraded`"),
        (Operation::Quiet | Operation::Failed(_), Health::Missing) if there => unwell("its health is `Missing`"),
        (Operation::Quiet | Operation::Failed(_), _) => Look::NotYet,
    }
}

/// How an application that ran one of these commits has strayed from it, if it has.
#[must_use]
pub fn strayed(application: &Application, commits: &[&Oid]) -> Option<Trouble> {
    let differs = |words: &str| Some(Trouble::new(SyncReason::TargetDiffers, words));
    if application.operation == Operation::Running {
        None
    } else if !is_at(application, commits) {
        differs("it is at another revision")
    } else if application.in_step == Some(false) {
        differs("it is `OutOfSync`")
    } else {
        None
    }
}

fn is_at(application: &Application, commits: &[&Oid]) -> bool {
    application.revisions.iter().any(|revision| commits.iter().any(|commit| commit.as_str() == revision))
}

/// Judges the statuses of a commit: every context that is meant must say success, and one at least.
#[must_use]
pub fn of_statuses(statuses: &[StatusRead], pattern: &StatusPattern) -> Look {
    let meant: Vec<StatusState> =
        statuses.iter().filter(|status| pattern.matches(&status.context)).map(|status| status.state).collect();
    let count = |state| meant.iter().filter(|known| **known == state).count();
    match (meant.len(), count(StatusState::Failure), count(StatusState::Pending)) {
        (0, _, _) => Look::NotYet,
        (1, 1, _) => Look::Unwell(Trouble::new(SyncReason::TargetUnwell, "its commit status says failure")),
        (all, bad, _) if bad > 0 => {
            let words = format!("{bad} of its {all} commit statuses say failure");
            Look::Unwell(Trouble::new(SyncReason::TargetUnwell, &words))
        }
        (_, _, 0) => Look::There,
        (_, _, _) => Look::NotYet,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn commit(letter: &str) -> Oid {
        Oid::parse(&letter.repeat(40)).unwrap()
    }

    fn application(revision: &str) -> Application {
        let revisions = vec![revision.repeat(40)];
        Application { revisions, in_step: Some(true), health: Health::Healthy, operation: Operation::Quiet }
    }

    fn code(look: &Look) -> &str {
        match look {
            Look::There => "there",
            Look::NotYet => "not yet",
            Look::Unwell(_) => "unwell",
            Look::Failed(_) => "failed",
        }
    }

    #[test]
    fn an_application_is_there_when_revision_sync_and_health_agree() {
        let (ours, tip) = (commit("a"), commit("b"));
        let look = |change: &dyn Fn(&mut Application)| {
            let mut application = application("a");
            change(&mut application);
            let look = of_application(&application, &[&ours, &tip]);
            code(&look).to_owned()
        };
        assert_eq!(look(&|_| {}), "there");
        assert_eq!(look(&|app| app.revisions = vec!["c".repeat(40), "b".repeat(40)]), "there");
        assert_eq!(look(&|app| app.revisions = vec!["c".repeat(40)]), "not yet");
        assert_eq!(look(&|app| app.revisions.clear()), "not yet");
        assert_eq!(look(&|app| app.in_step = Some(false)), "not yet");
        assert_eq!(look(&|app| app.in_step = None), "not yet");
        assert_eq!(look(&|app| app.health = Health::Open), "not yet");
        assert_eq!(look(&|app| app.health = Health::Degraded), "unwell");
        assert_eq!(look(&|app| app.health = Health::Missing), "unwell");
        assert_eq!(look(&|app| app.operation = Operation::Running), "not yet");
        assert_eq!(look(&|app| app.operation = Operation::Failed(Some("a".repeat(40)))), "failed");
        // an older operation failed, and the cluster is as it should be all the same
        assert_eq!(look(&|app| app.operation = Operation::Failed(Some("c".repeat(40)))), "there");
        assert_eq!(look(&|app| (app.revisions, app.health) = (Vec::new(), Health::Degraded)), "not yet");
        assert_eq!(look(&|app| (app.revisions, app.health) = (Vec::new(), Health::Missing)), "not yet");
    }

    #[test]
    fn an_application_strays_by_revision_or_by_content_and_not_while_it_works() {
        let ours = commit("a");
        let strays = |change: &dyn Fn(&mut Application)| {
            let mut application = application("a");
            change(&mut application);
            strayed(&application, &[&ours]).map(|trouble| trouble.words)
        };
        assert_eq!(strays(&|_| {}), None);
        assert_eq!(strays(&|app| app.health = Health::Degraded), None, "that is no other content");
        assert!(strays(&|app| app.in_step = Some(false)).unwrap().ends_with("`OutOfSync`"));
        assert!(strays(&|app| app.revisions = vec!["c".repeat(40)]).unwrap().ends_with("another revision"));
        assert_eq!(strays(&|app| (app.in_step, app.operation) = (Some(false), Operation::Running)), None);
    }

    #[test]
    fn every_status_that_is_meant_must_say_success() {
        let pattern = StatusPattern::parse("kustomization/*").unwrap();
        let look = |statuses: &[(&str, StatusState)]| {
            let read =
                |(context, state): &(&str, StatusState)| StatusRead { context: (*context).to_owned(), state: *state };
            code(&of_statuses(&statuses.iter().map(read).collect::<Vec<_>>(), &pattern)).to_owned()
        };
        let (one, two) = ("kustomization/app/0a1b2c3d", "kustomization/infra/4e5f6a7b");
        assert_eq!(look(&[]), "not yet");
        assert_eq!(look(&[("ci/test", StatusState::Success)]), "not yet");
        assert_eq!(look(&[(one, StatusState::Success), ("ci/test", StatusState::Failure)]), "there");
        assert_eq!(look(&[(one, StatusState::Success), (two, StatusState::Pending)]), "not yet");
        assert_eq!(look(&[(one, StatusState::Success), (two, StatusState::Failure)]), "unwell");
        assert_eq!(look(&[(one, StatusState::Failure)]), "unwell");
        assert_eq!(look(&[(one, StatusState::Success), (two, StatusState::Success)]), "there");
    }
}

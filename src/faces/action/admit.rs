//! On which events a key may be used (`interfaces.md`): where the text of the workflow comes from the default branch, and from there only.
//!
//! Whoever may push a branch may write what a workflow on it does, keys included; so a key that is there on any other event has
//! already been handed to the wrong job, and is refused loudly.

use countersign_core::domain::RefName;
use thiserror::Error;

/// Events whose workflow is the one of the default branch (`push`: of the branch pushed to).
const WITH_KEYS: [&str; 5] = ["pull_request_target", "issue_comment", "schedule", "workflow_run", "push"];

/// What the runner says of the job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// `GITHUB_EVENT_NAME`.
    pub(super) event: &'a str,
    /// `GITHUB_REF`.
    pub(super) reference: &'a str,
    /// `GITHUB_WORKFLOW_REF`: `owner/name/.github/workflows/file.yml@refs/heads/main`.
    pub(super) workflow: Option<&'a str>,
}

/// How far a turn goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// As far as the server's: it writes, says and merges.
    WithKey,
    /// It reads and says in the job how things stand.
    ReadOnly,
}

/// Why a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Refused {
    /// The event runs a workflow somebody else may have written.
    #[error(
        "a signing key was given to a job that `{0}` started\nhelp: use keys on pull_request_target, issue_comment, schedule, workflow_run and push to the default branch; run `{0}` without, and start a workflow_run from it"
    )]
    Event(String),
    /// Not the default branch.
    #[error(
        "a signing key was given to a job on `{reference}`, not on the default branch\nhelp: keep the key in a GitHub environment that only `{default}` may use"
    )]
    Reference {
        /// `GITHUB_REF`.
        reference: String,
        /// The default branch.
        default: String,
    },
    /// The workflow's text is of another branch.
    #[error(
        "a signing key was given to the workflow `{workflow}`, whose text is not the default branch's\nhelp: keep the key in a GitHub environment that only `{default}` may use"
    )]
    Workflow {
        /// `GITHUB_WORKFLOW_REF`.
        workflow: String,
        /// The default branch.
        default: String,
    },
}

impl Refused {
    /// The stable code of the output `reason-code`.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Event(_) => "key-on-this-event",
            Self::Reference { .. } | Self::Workflow { .. } => "key-on-this-ref",
        }
    }
}

/// Whether a job may use the key it has.
pub(super) fn admit(has_key: bool, origin: Origin<'_>, default: &RefName) -> Result<Admitted, Refused> {
    if !has_key {
        return Ok(Admitted::ReadOnly);
    }
    if !WITH_KEYS.contains(&origin.event) {
        return Err(Refused::Event(origin.event.to_owned()));
    }
    let branch = default.to_string();
    if origin.reference != branch {
        return Err(Refused::Reference { reference: origin.reference.to_owned(), default: default.short().to_owned() });
    }
    let of_default = |workflow: &str| workflow.rsplit_once('@').is_some_and(|(_, reference)| reference == branch);
    match origin.workflow {
        Some(workflow) if !of_default(workflow) => {
            Err(Refused::Workflow { workflow: workflow.to_owned(), default: default.short().to_owned() })
        }
        Some(_) | None => Ok(Admitted::WithKey),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const MAIN: &str = "refs/heads/main";

    fn asked(has_key: bool, event: &str, reference: &str, workflow: Option<&str>) -> Result<Admitted, &'static str> {
        let main = RefName::parse(MAIN).unwrap();
        admit(has_key, Origin { event, reference, workflow }, &main).map_err(|refused| refused.code())
    }

    #[test]
    fn without_a_key_every_event_may_look() {
        for event in ["pull_request", "pull_request_review", "push", "workflow_dispatch", "whatever"] {
            assert_eq!(asked(false, event, "refs/pull/1/merge", None), Ok(Admitted::ReadOnly));
        }
    }

    #[test]
    fn a_key_is_used_on_five_events_of_the_default_branch_only() {
        let of = |reference: &str| format!("acme/app/.github/workflows/gate.yml@{reference}");
        for event in WITH_KEYS {
            assert_eq!(asked(true, event, MAIN, Some(&of(MAIN))), Ok(Admitted::WithKey), "{event}");
            assert_eq!(asked(true, event, MAIN, None), Ok(Admitted::WithKey), "{event}");
            for other in ["refs/heads/main2", "refs/heads/rita/main", "refs/tags/main", "main", "refs/pull/1/merge", ""]
            {
                assert_eq!(asked(true, event, other, None), Err("key-on-this-ref"), "{event} {other}");
                assert_eq!(asked(true, event, MAIN, Some(&of(other))), Err("key-on-this-ref"), "{event} {other}");
            }
            assert_eq!(asked(true, event, MAIN, Some("acme/app/gate.yml")), Err("key-on-this-ref"));
        }
        for event in ["pull_request", "pull_request_review", "workflow_dispatch", "merge_group", "Push", ""] {
            assert_eq!(asked(true, event, MAIN, Some(&of(MAIN))), Err("key-on-this-event"), "{event}");
        }
    }
}

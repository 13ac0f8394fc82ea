//! What became weaker in the guard of a repository, for the pull requests it matters to.

use minijinja::context;

use super::render::render;
use crate::guard::Weakened;

/// The part of the sticky comment that says it, as Markdown.
#[must_use]
pub fn guard_note(weakened: &[&Weakened]) -> String {
    let lines: Vec<_> = weakened
        .iter()
        .map(|one| {
            context! {
                place => one.finding.place.name(),
                words => one.finding.reason.words(),
                detail => one.finding.detail.clone(),
                code => one.finding.reason.code(),
                since => one.since.to_string(),
                help => one.finding.reason.help(),
            }
        })
        .collect();
    render("guard.md", context! { lines })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{RefName, Timestamp};
    use crate::guard::{Finding, GuardReason, Place};

    #[test]
    fn a_person_reads_what_became_weaker_since_when_and_what_to_do() {
        let weak = |place: Place, reason, detail: &str| Weakened {
            finding: Finding { place, reason, detail: detail.to_owned() },
            since: Timestamp::from_seconds(1_764_061_200),
        };
        let branch = |name: &str| RefName::branch(name).unwrap();
        let all = [
            weak(Place::Governed(branch("main")), GuardReason::CheckNotPinned, "from App 7, not from 12"),
            weak(Place::Ledger(branch("countersign/ledger")), GuardReason::PushOpen, ""),
            weak(Place::Held(branch("countersign/held/0")), GuardReason::BypassOthers, "Team 4, evil* | <b>"),
        ];
        insta::assert_snapshot!(guard_note(&all.iter().collect::<Vec<_>>()));
    }
}

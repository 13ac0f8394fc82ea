//! What a change of the policy comes to, for its pull request: stronger or weaker, in what, and tried on past merges.

use minijinja::context;

use super::render::render;
use crate::ledger::Replayed;
use crate::policy::{Comparison, Difference, Strength};

/// Merges it is tried on.
pub const TRIED_ON: usize = 200;
/// Differences, and merges, named before the rest is counted.
const SHOWN: usize = 20;

/// The part of the sticky comment that says it, as Markdown.
#[must_use]
pub fn policy_change(comparison: &Comparison, replayed: &[Replayed]) -> String {
    let strength = match comparison.strength {
        Strength::Stronger => "stronger",
        Strength::Equal => "no stronger and no weaker",
        Strength::Weaker => "weaker",
        Strength::Incomparable => "stronger in one way and weaker in another",
    };
    let words = |differences: &[Difference], old: bool| {
        let mut lines: Vec<String> =
            differences.iter().take(SHOWN).map(|one| if old { one.words() } else { one.gained() }).collect();
        if differences.len() > SHOWN {
            lines.push(format!("and {} more", differences.len() - SHOWN));
        }
        lines
    };
    let other = replayed.iter().filter(|one| one.is_other()).take(SHOWN);
    render(
        "policy_change.md",
        context! {
            strength,
            losses => words(&comparison.losses, true),
            gains => words(&comparison.gains, false),
            of => replayed.len(),
            other => other.map(|one| context! { pull => one.pull.get(), reason => one.reason.code() }).collect::<Vec<_>>(),
            untold => replayed.iter().filter(|one| one.verdict.is_none()).count(),
        },
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::decision::{Reason, Verdict};
    use crate::domain::{Oid, PrNumber, Sequence};
    use crate::policy::{compare, parse};

    const POLICY: &str = include_str!("../policy/tests/base.yaml");

    #[test]
    fn a_person_reads_what_becomes_weaker_and_what_that_would_have_changed() {
        let weaker = POLICY.replacen("required_approvals: 2\nadmins", "required_approvals: 1\nadmins", 1);
        let stronger = POLICY.replacen("    paths", "    approval_ttl: 7d\n    paths", 1);
        let (old, weaker, stronger) = (parse(POLICY).unwrap(), parse(&weaker).unwrap(), parse(&stronger).unwrap());
        let merge = |pull: u64, verdict, reason| Replayed {
            entry: Sequence::new(pull),
            pull: PrNumber::new(pull),
            commit: Oid::parse(&"a".repeat(40)).unwrap(),
            verdict,
            reason,
        };
        let merges = [
            merge(12, Some(Verdict::Satisfied), Reason::QuorumMet),
            merge(11, Some(Verdict::Pending), Reason::QuorumMissing),
            merge(10, None, Reason::CannotVerify),
        ];
        let texts = [
            policy_change(&compare(&old, &weaker), &[]),
            policy_change(&compare(&old, &stronger), &merges),
            policy_change(&compare(&old, &old), &merges[..1]),
        ];
        insta::assert_snapshot!(texts.join("\n---\n"));
    }
}

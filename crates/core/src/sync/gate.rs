//! What a job is told that waits to deploy to an environment of GitHub: countersign as its custom deployment protection rule.
//!
//! A yes needs the commit of the job to hold exactly what is approved now, on the branch of the environment, and that branch to be
//! in order. A clear no is said at once. What may come right by itself, a merge that is about to be recorded or a push that is about
//! to be put back, is waited for, not for ever.

use std::collections::BTreeMap;

use super::plan::Standing;
use super::trouble::{SyncReason, Trouble};
use crate::domain::{Environment, Sequence, Span};
use crate::facts::question::JobRead;
use crate::policy::{Policy, Target};

/// How long a doubt is waited for before it is a no.
pub const PATIENCE: Span = Span::from_seconds(600);

/// Events whose runs run the code of the commit they name. Others run what a pull request proposes, or we do not know them.
const OF_THEIR_COMMIT: &[&str] =
    &["push", "workflow_dispatch", "repository_dispatch", "schedule", "workflow_run", "release", "deployment"];

/// Everything an answer rests on.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The job, as it was read now.
    pub job: &'a JobRead,
    /// What may leave each environment: the tip of its branch against the ledger.
    pub tips: &'a BTreeMap<Environment, Standing>,
    /// The commit of the job against the ledger, per environment that governs it; withheld where it is not on the branch.
    pub commits: &'a BTreeMap<Environment, Standing>,
    /// How long it has been in doubt.
    pub waited: Span,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateAnswer {
    /// It may deploy: the environments and their generations.
    Approved(Vec<(Environment, Sequence)>),
    /// Not decided yet, and why.
    Waiting(Trouble),
    /// It may not deploy.
    Rejected(Trouble),
}

/// Environments of the policy that a GitHub environment stands for: the one of its name, and those that deliver to it. GitHub does not
/// tell capital letters apart.
#[must_use]
pub fn gated<'a>(policy: &'a Policy, environment: &str) -> Vec<&'a Environment> {
    let delivers = |target: &Target| match target {
        Target::GithubEnvironment { environment: named, .. } => named.eq_ignore_ascii_case(environment),
        Target::Branch { .. }
        | Target::Workflow { .. }
        | Target::Event { .. }
        | Target::Webhook { .. }
        | Target::Flux { .. }
        | Target::ArgoCd { .. }
        | Target::Vault { .. }
        | Target::Kubernetes { .. }
        | Target::ExternalSecrets { .. } => false,
    };
    let rules = policy.environments().iter().filter(|rule| {
        rule.name().as_str().eq_ignore_ascii_case(environment)
            || rule.syncs().iter().any(|sync| delivers(sync.target()))
    });
    rules.map(|rule| rule.name()).collect()
}

/// What may come right by itself: waited for, then a no.
#[must_use]
pub fn doubt(trouble: Trouble, waited: Span) -> GateAnswer {
    if waited < PATIENCE { GateAnswer::Waiting(trouble) } else { GateAnswer::Rejected(trouble) }
}

/// The answer for a job.
#[must_use]
pub fn answer(asked: &Asked<'_>) -> GateAnswer {
    let Asked { policy, job, tips, commits, waited } = *asked;
    let reject = |reason: SyncReason, detail: &str| GateAnswer::Rejected(Trouble::new(reason, detail));
    let governing = gated(policy, &job.environment);
    if governing.is_empty() {
        return reject(SyncReason::GateUngoverned, "");
    }
    if !OF_THEIR_COMMIT.contains(&job.event.as_str()) {
        return reject(SyncReason::GateEvent, "");
    }
    if job.commit != job.head {
        return reject(SyncReason::GateOtherCommit, "");
    }
    let (mut approved, mut doubtful) = (Vec::new(), None);
    for environment in governing {
        let withheld = || Standing::Withheld(SyncReason::GateUncovered.into());
        let tip = tips.get(environment).cloned().unwrap_or_else(withheld);
        let commit = commits.get(environment).cloned().unwrap_or_else(withheld);
        match (commit, tip) {
            (Standing::Covered(held), Standing::Covered(newest)) if held.generation == newest.generation => {
                approved.push((environment.clone(), newest.generation));
            }
            // where the tip is in order, what the commit holds is not what is approved, and will not be
            (Standing::Covered(_), Standing::Covered(newest)) => {
                return reject(SyncReason::GateOlder, &newest.generation.label());
            }
            (Standing::Withheld(trouble), Standing::Covered(_)) => return GateAnswer::Rejected(trouble),
            (Standing::Withheld(_) | Standing::Covered(_), Standing::Withheld(trouble)) => doubtful = Some(trouble),
        }
    }
    match doubtful {
        Some(trouble) => doubt(trouble, waited),
        None => GateAnswer::Approved(approved),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::Oid;
    use crate::policy;
    use crate::sync::Approved;

    const POLICY: &str = "
version: 1
environments:
  production:
    paths: [\"secrets/production/\"]
    syncs:
      - {name: jobs, github_environment: {environment: Prod-EU}, run_in: server}
  staging:
    paths: [\"secrets/staging/\"]
    syncs:
      - {name: jobs, github_environment: {environment: Other}, run_in: server}
  other:
    paths: [\"secrets/other/\"]
policies:
  - name: all
    environments: [production, staging, other]
    approvers: {users: [ann]}
";

    fn oid(digit: char) -> Oid {
        Oid::parse(&digit.to_string().repeat(40)).unwrap()
    }

    fn covered(generation: u64) -> Standing {
        Standing::Covered(Approved { generation: Sequence::new(generation), commit: oid('1') })
    }

    fn withheld(reason: SyncReason) -> Standing {
        Standing::Withheld(reason.into())
    }

    fn job(environment: &str) -> JobRead {
        JobRead {
            environment: environment.to_owned(),
            commit: oid('1'),
            head: oid('1'),
            event: "push".to_owned(),
            waits: true,
        }
    }

    /// The answer in a word, and its code.
    fn told(job: &JobRead, tips: &[(&str, Standing)], commits: &[(&str, Standing)], waited: u64) -> String {
        let policy = policy::parse(POLICY).unwrap();
        let all = |list: &[(&str, Standing)]| -> BTreeMap<Environment, Standing> {
            list.iter().map(|(name, standing)| (Environment::parse(name).unwrap(), standing.clone())).collect()
        };
        let (tips, commits) = (all(tips), all(commits));
        let waited = Span::from_seconds(waited);
        match answer(&Asked { policy: &policy, job, tips: &tips, commits: &commits, waited }) {
            GateAnswer::Approved(list) => {
                let list: Vec<String> = list.iter().map(|(name, at)| format!("{name} {}", at.label())).collect();
                format!("approved {}", list.join(", "))
            }
            GateAnswer::Waiting(trouble) => format!("waiting {}", trouble.code),
            GateAnswer::Rejected(trouble) => format!("rejected {}", trouble.code),
        }
    }

    #[test]
    fn a_job_is_let_through_with_the_newest_approved_content_alone() {
        let one =
            |tip, commit, waited| told(&job("production"), &[("production", tip)], &[("production", commit)], waited);
        assert_eq!(one(covered(8), covered(8), 0), "approved production L-8");
        assert_eq!(one(covered(8), covered(7), 0), "rejected gate-commit-older");
        for reason in [SyncReason::GateOlder, SyncReason::GateUncovered, SyncReason::GateElsewhere] {
            assert_eq!(one(covered(8), withheld(reason), 0), format!("rejected {}", reason.code()));
        }
        // what may come right is waited for, and no longer than that
        for commit in [covered(8), withheld(SyncReason::GateUncovered)] {
            let tip = || withheld(SyncReason::Uncovered);
            assert_eq!(one(tip(), commit.clone(), 0), "waiting uncovered");
            assert_eq!(one(tip(), commit.clone(), 599), "waiting uncovered");
            assert_eq!(one(tip(), commit, 600), "rejected uncovered");
        }
    }

    #[test]
    fn nothing_known_is_no_approval() {
        assert_eq!(told(&job("production"), &[], &[("production", covered(8))], 0), "waiting gate-commit-uncovered");
        assert_eq!(told(&job("production"), &[("production", covered(8))], &[], 0), "rejected gate-commit-uncovered");
    }

    #[test]
    fn an_environment_is_known_by_its_name_or_by_what_is_delivered_to_it() {
        let fine = [("production", covered(8)), ("staging", covered(5)), ("other", covered(6))];
        assert_eq!(told(&job("PRODUCTION"), &fine, &fine, 0), "approved production L-8");
        assert_eq!(told(&job("prod-eu"), &fine, &fine, 0), "approved production L-8");
        assert_eq!(told(&job("other"), &fine, &fine, 0), "approved staging L-5, other L-6");
        assert_eq!(told(&job("preview"), &fine, &fine, 0), "rejected gate-environment-unknown");
        // every one of them must be in order
        let tips = [("staging", covered(5)), ("other", withheld(SyncReason::Uncovered))];
        assert_eq!(told(&job("other"), &tips, &fine, 0), "waiting uncovered");
        let commits = [("staging", covered(4)), ("other", covered(6))];
        assert_eq!(told(&job("other"), &tips, &commits, 0), "rejected gate-commit-older");
    }

    #[test]
    fn code_that_a_pull_request_proposes_is_not_let_through() {
        let fine = [("production", covered(8))];
        for event in ["pull_request", "pull_request_target", "merge_group", "issue_comment", "", "brand_new"] {
            let job = JobRead { event: event.to_owned(), ..job("production") };
            assert_eq!(told(&job, &fine, &fine, 0), "rejected gate-event", "{event}");
        }
        let job = JobRead { head: oid('2'), ..job("production") };
        assert_eq!(told(&job, &fine, &fine, 0), "rejected gate-other-commit");
    }
}

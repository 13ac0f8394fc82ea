//! What a job that waits for its environment is told.

use minijinja::context;

use super::render::render;
use super::{Effect, JobVerdict};
use crate::domain::RunId;
use crate::facts::question::JobRead;
use crate::sync::GateAnswer;

/// Longest comment GitHub takes with an answer, in characters.
const LONGEST: usize = 1024;

/// The answer as GitHub is told it. One that is still open is a report without a verdict.
#[must_use]
pub fn gate_answer(run: RunId, job: &JobRead, answer: &GateAnswer) -> Effect {
    let commit = job.commit.short();
    let (verdict, page) = match answer {
        GateAnswer::Approved(list) => {
            let approved: Vec<_> = list
                .iter()
                .map(|(name, at)| context! { environment => name.to_string(), generation => at.label() })
                .collect();
            (Some(JobVerdict::Approved), context! { approved, commit, waiting => false })
        }
        GateAnswer::Waiting(trouble) => {
            let (words, code) = (&trouble.words, &trouble.code);
            (None, context! { approved => false, waiting => true, words, code })
        }
        GateAnswer::Rejected(trouble) => {
            let (words, code, help) = (&trouble.words, &trouble.code, &trouble.help);
            (Some(JobVerdict::Rejected), context! { approved => false, waiting => false, words, code, help })
        }
    };
    let comment = render("gate.md", page).trim().chars().take(LONGEST).collect();
    Effect::AnswerJob { run, environment: job.environment.clone(), verdict, comment }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{Environment, Oid, Sequence};
    use crate::sync::{SyncReason, Trouble};

    fn told(answer: &GateAnswer) -> (Option<JobVerdict>, String) {
        let commit = Oid::parse(&"3f2a91c0".repeat(5)).unwrap();
        let job = JobRead {
            environment: "Production".to_owned(),
            head: commit.clone(),
            commit,
            event: "push".to_owned(),
            waits: true,
        };
        let effect = gate_answer(RunId::new(7), &job, answer);
        let Effect::AnswerJob { run, environment, verdict, comment } = effect else { panic!("{effect:?}") };
        assert_eq!((run.get(), environment.as_str()), (7, "Production"));
        (verdict, comment)
    }

    #[test]
    fn a_person_reads_it_like_this() {
        let production = || Environment::parse("production").unwrap();
        let yes = GateAnswer::Approved(vec![(production(), Sequence::new(128))]);
        let words = "Approved: `3f2a91c` holds exactly what is approved for `production` (L-128).";
        assert_eq!(told(&yes), (Some(JobVerdict::Approved), words.to_owned()));
        let wait = GateAnswer::Waiting(Trouble::new(SyncReason::Uncovered, "`a/b` differs"));
        let words = "Not answered yet (`uncovered`): the tip of the branch is not what was approved: \\`a/b\\` differs. It is looked \
                     at again by itself; what is not in order within ten minutes is refused.";
        assert_eq!(told(&wait), (None, words.to_owned()));
        let no = GateAnswer::Rejected(Trouble::new(SyncReason::GateOlder, "L-130"));
        let words = "Refused (`gate-commit-older`): the commit holds an older approved state: L-130 — run the job from the tip of the branch.";
        assert_eq!(told(&no), (Some(JobVerdict::Rejected), words.to_owned()));
        let many = GateAnswer::Approved(vec![(production(), Sequence::new(128)); 100]);
        assert_eq!(told(&many).1.chars().count(), 1024);
    }
}

//! What a job says about a delivery it was ordered to make, and what its word means for the run.
//!
//! A job is a stranger that proved who it is: what it says is cut, and a word of its end counts once.

use serde::{Deserialize, Serialize};

use super::keys::Ownership;
use super::run::Outcome;
use super::trouble::{SyncReason, Trouble};
use crate::domain::{JobId, RunId, Sequence};

/// Longest code, and longest sentence, that is kept of a job's.
const CODE: usize = 60;
const WORDS: usize = 400;

/// One word of a job. Each names the generation, so that none can be taken for one about another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase", deny_unknown_fields)]
pub enum JobWord {
    /// It has read the order and found it right; it asks which keys are ours.
    Started {
        /// Of what.
        generation: Sequence,
    },
    /// What it is about to write, or has written: which keys are ours from now on.
    Claimed {
        /// Of what.
        generation: Sequence,
        /// The keys.
        ours: Ownership,
    },
    /// The target has it.
    Converged {
        /// Of what.
        generation: Sequence,
    },
    /// It has not.
    Failed {
        /// Of what.
        generation: Sequence,
        /// Whether another attempt may go better.
        again: bool,
        /// Why.
        trouble: Trouble,
    },
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobEnd {
    /// The target has it.
    Converged,
    /// It has not.
    Failed {
        /// Whether another attempt may go better.
        again: bool,
        /// Why.
        trouble: Trouble,
    },
}

/// What is remembered of the job that carries out the newest order for a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReport {
    /// Its order.
    pub order: JobId,
    /// Its run on GitHub.
    pub run: RunId,
    /// How it ended, once it has said so.
    pub ended: Option<JobEnd>,
}

impl JobWord {
    /// What it speaks of.
    #[must_use]
    pub fn generation(&self) -> Sequence {
        match self {
            Self::Started { generation }
            | Self::Claimed { generation, .. }
            | Self::Converged { generation }
            | Self::Failed { generation, .. } => *generation,
        }
    }

    /// The end it tells, if it tells one; cut to what people may read.
    #[must_use]
    pub fn end(&self) -> Option<JobEnd> {
        match self {
            Self::Started { .. } | Self::Claimed { .. } => None,
            Self::Converged { .. } => Some(JobEnd::Converged),
            Self::Failed { again, trouble, .. } => Some(JobEnd::Failed { again: *again, trouble: cut(trouble) }),
        }
    }
}

impl JobEnd {
    /// How a delivery ended in a job. What our side is not set up for is no better a minute later: a job that is started again and
    /// again for it would only cost.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Converged => Self::Converged,
            Outcome::Refused(trouble) | Outcome::Blocked(trouble) => Self::Failed { again: false, trouble },
            Outcome::Again(_, trouble) | Outcome::Unwell(trouble) | Outcome::Drifted(trouble) => {
                Self::Failed { again: true, trouble }
            }
            Outcome::Accepted | Outcome::Triggered(_) | Outcome::NotYet => {
                Self::Failed { again: true, trouble: SyncReason::DeliveryFailed.into() }
            }
        }
    }

    /// The word that tells it.
    #[must_use]
    pub fn word(&self, generation: Sequence) -> JobWord {
        match self.clone() {
            Self::Converged => JobWord::Converged { generation },
            Self::Failed { again, trouble } => JobWord::Failed { generation, again, trouble },
        }
    }

    /// What it means for the run.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Converged => Outcome::Converged,
            Self::Failed { again: true, trouble } => Outcome::Again(None, trouble),
            Self::Failed { again: false, trouble } => Outcome::Refused(trouble),
        }
    }
}

/// A job's words, without anything that could be more than words.
fn cut(trouble: &Trouble) -> Trouble {
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(WORDS).collect::<String>();
    let code = |text: &str| {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=CODE).contains(&text.len()) && text.bytes().all(fine)
    };
    if !code(&trouble.code) {
        return SyncReason::ReportedFailure.into();
    }
    Trouble { code: trouble.code.clone(), words: plain(&trouble.words), help: plain(&trouble.help) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn trouble(code: &str) -> Trouble {
        Trouble { code: code.to_owned(), words: "a\u{7}b\n::c".to_owned(), help: "x".repeat(1_000) }
    }

    #[test]
    fn words_are_read_as_they_are_published() {
        let word: JobWord = serde_json::from_value(json!({"state": "converged", "generation": 12})).unwrap();
        assert_eq!((word.generation().get(), word.end()), (12, Some(JobEnd::Converged)));
        let started: JobWord = serde_json::from_value(json!({"state": "started", "generation": 12})).unwrap();
        assert_eq!(started.end(), None);
        for wrong in [json!({"state": "accepted", "generation": 12}), json!({"state": "converged"})] {
            assert!(serde_json::from_value::<JobWord>(wrong).is_err());
        }
    }

    #[test]
    fn what_a_job_says_is_cut_and_a_strange_code_is_none() {
        let generation = Sequence::new(12);
        let told = |code| JobWord::Failed { generation, again: false, trouble: trouble(code) }.end();
        let Some(JobEnd::Failed { trouble, again: false }) = told("target-keys-not-ours") else { panic!("an end") };
        assert_eq!((trouble.words.as_str(), trouble.help.len()), ("ab::c", WORDS));
        for strange in ["", "Not A Code", "<b>", &"x".repeat(61)] {
            let Some(JobEnd::Failed { trouble, .. }) = told(strange) else { panic!("an end") };
            assert_eq!(trouble, SyncReason::ReportedFailure.into(), "{strange}");
        }
    }

    #[test]
    fn an_end_survives_the_way_and_means_the_same_there() {
        let generation = Sequence::new(3);
        let blocked = Trouble::from(SyncReason::KeysNotOurs);
        let busy = Trouble::from(SyncReason::TargetBusy);
        let cases = [
            (Outcome::Converged, Outcome::Converged),
            (Outcome::Refused(blocked.clone()), Outcome::Refused(blocked.clone())),
            (Outcome::Blocked(blocked.clone()), Outcome::Refused(blocked)),
            (Outcome::Again(None, busy.clone()), Outcome::Again(None, busy.clone())),
            (Outcome::Unwell(busy.clone()), Outcome::Again(None, busy)),
            (Outcome::NotYet, Outcome::Again(None, SyncReason::DeliveryFailed.into())),
        ];
        for (there, here) in cases {
            assert_eq!(JobEnd::of(there).word(generation).end().unwrap().outcome(), here);
        }
    }
}

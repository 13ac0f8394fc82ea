//! Between the server and a job that delivers for it: what the job can ask and say, and how the server knows the job.
//!
//! Nothing here judges; what a token says is for the core.

use async_trait::async_trait;
use countersign_core::delivery::JobClaims;
use countersign_core::domain::JobId;
use countersign_core::sync::{JobWord, Ownership};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a job is answered.
#[derive(Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Answered {
    /// Go on: which keys are ours, and what their marks are made with. The key is of this one target.
    Begin {
        /// The keys.
        ours: Ownership,
        /// 64 hex digits.
        marks: String,
    },
    /// It is kept.
    Stored,
}

/// The server, as a job meets it.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Says a word about an order to the server that gave it, until it is heard.
    async fn say(&self, server: &str, order: &JobId, word: &JobWord) -> Result<Answered, DeskError>;
}

/// The server did not take a word.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}\nhelp: {help}")]
pub struct DeskError {
    /// A lower-case sentence of what is wrong.
    pub what: String,
    /// The next action.
    pub help: String,
}

/// GitHub's signature on tokens of jobs.
#[async_trait]
pub trait JobTokens: Send + Sync {
    /// What a token says that GitHub signed for this audience. Its time is for the caller to look at.
    async fn claims(&self, token: &str, audience: &str) -> Result<JobClaims, TokenError>;
}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// No token, or not GitHub's for us.
    #[error("the token is not one that GitHub signed for this server")]
    Wrong,
    /// GitHub's keys cannot be read now.
    #[error("GitHub's keys cannot be read now: {0}")]
    Later(String),
}

//! Scenarios: the built server, real Git over HTTP, real webhooks, GitHub's stand-in on loopback.
//!
//! A test reads like the manual: people push and review, then the test looks at what stands on GitHub and on the branch.

#![expect(clippy::unwrap_used, reason = "tests")]

mod harness;
#[path = "../support/postgres.rs"]
mod postgres;
mod scenarios;
#[path = "../support/transcript.rs"]
mod transcript;

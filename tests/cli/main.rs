//! The shipped program, run as people run it: every verb, wrong input with message and exit code, and secrets looked for
//! everywhere they must not be.

mod beginning;
mod bench;
mod canaries;
mod checking;
mod diff;
mod documents;
mod editing;
mod environments;
mod exit_codes;
mod exporting;
mod git;
mod inside;
mod keys;
mod many;
mod merging;
mod moving;
mod policies;
mod policy;
mod readers;
mod real_sops;
mod sync;
mod running;
#[path = "../support/transcript.rs"]
mod transcript;
mod transcripts;
mod upkeep;
mod verify;
mod webhooks;

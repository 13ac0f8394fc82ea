//! The shipped program, run as people run it: every verb, wrong input with message and exit code, and secrets looked for
//! everywhere they must not be.

mod bench;
mod canaries;
mod diff;
mod documents;
mod environments;
mod keys;
mod policy;
mod real_sops;
mod verify;

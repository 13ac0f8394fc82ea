//! Judges one change against one policy.

mod proof;

pub use proof::QuorumMet;

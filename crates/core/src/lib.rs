//! The approval story, pure: from bytes that arrived to a decision that explains itself, and the effects that follow from it.
//!
//! Read the modules in the order below; each sees only earlier ones. Nothing in this crate reads a file, a clock, the
//! environment or the network, and nothing in it can fail to decide: a doubt is a verdict with a reason.

pub mod domain;
pub mod policy;
pub mod workflow;
pub mod event;
pub mod delivery;
pub mod facts;
pub mod decision;
pub mod guard;
pub mod sync;
pub mod effect;
pub mod ledger;
pub mod putback;
pub mod notify;

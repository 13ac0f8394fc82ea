//! countersign: secrets as SOPS files in Git, changed only by the people a policy names.
//!
//! The approval story itself is the crate `countersign-core`; this package is the shell around it.

pub mod adapters;
pub mod engine;
pub mod faces;

//! The YAML store: reading with spans and comments, scalar rules, writing (SOPS reference 10).
//!
//! Never re-emits a document that can be edited in place.

pub(crate) mod comments;
pub(crate) mod edit;
pub(crate) mod homes;
pub(crate) mod parse;
pub(crate) mod resolve;
pub(crate) mod scalar;
mod scan;
pub(crate) mod write;

pub(crate) use parse::parse;

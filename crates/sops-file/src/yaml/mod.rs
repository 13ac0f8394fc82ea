//! The YAML store: reading with spans and comments, scalar rules, writing (SOPS reference 10).
//!
//! Never re-emits a document that can be edited in place.

pub(crate) mod comments;
pub(crate) mod parse;
pub(crate) mod resolve;

pub(crate) use parse::parse;

//! The JSON store: reading with spans and duplicate keys, writing as Go does (SOPS reference 11). The binary store
//! is a JSON document with one key (reference 14).
//!
//! Never re-sorts and never re-emits what it does not change.

pub(crate) mod edit;
pub(crate) mod parse;
pub(crate) mod write;

pub(crate) use parse::parse;

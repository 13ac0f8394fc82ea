//! The INI store: sections, keys and comments as the library of sops reads them (SOPS reference 13).
//!
//! Never re-aligns or re-emits what it does not change.

pub(crate) mod edit;
mod parse;
mod value;
pub(crate) mod write;

pub(crate) use parse::parse;

/// The section of keys that stand before any section.
pub(crate) const DEFAULT: &str = "DEFAULT";

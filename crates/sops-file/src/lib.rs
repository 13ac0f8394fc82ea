//! SOPS documents: read without a key, opened with one, changed with the smallest difference, compared.
//!
//! The reading order: a file is parsed into a [`SealedDocument`] (no key needed: metadata, key paths, which
//! values are sealed). [`open`] turns it into an [`OpenedDocument`] with [`Identities`]. [`diff`] compares
//! either kind. `SOPS reference N` in the documentation means section N of the description of the format
//! that this crate was built from.
//!
//! ```
//! use sops_file::{Format, Identities, OpenOptions, SealOptions, SealedDocument, open, seal};
//!
//! let me = Identities::generate();
//! let sealed = seal(b"token: abc\n", Format::Yaml, &SealOptions::to(me.recipients()), "2026-11-25T12:00:00Z".parse()?)?;
//! let document = SealedDocument::parse(&sealed, Format::Yaml)?;
//! let opened = open(&document, &me, OpenOptions::default())?;
//! assert_eq!(opened.to_plain()?.as_slice(), b"token: abc\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate never does input or output, never asks for the time, and knows nothing of Git, policies or
//! GitHub. Randomness comes from [`random`] alone. No error message ever holds a value.

#![forbid(unsafe_code)]

mod ciphertext;
mod envelope;
mod error;
mod format;
mod go_regex;
mod moment;
mod path;
mod plain;
mod selection;

mod metadata;
mod sealed;
mod value;
mod tree;
mod splice;
mod walk;
mod yaml;
mod json;
mod dotenv;
mod flat;
mod ini;

mod cipher;
mod hybrid;
mod identity;
mod locked;
mod recipient;
mod mac;
mod opened;
mod render;
mod seal;
mod draft;
mod edit;
mod metadata_edit;
mod access;
mod reseal;
mod rotation;
mod setter;
mod settle;
pub mod random;
mod shamir;

pub mod convert;
mod creation_rules;
pub mod diff;
pub mod merge;

/// When a document is sealed; only whole seconds are kept.
pub use jiff::Timestamp;

pub use access::RecipientEdit;
pub use cipher::DataKey;
pub use creation_rules::{CreationRule, CreationRules, RuleKey, RulesError};
pub use envelope::{Envelope, EnvelopeError, TypeWord};
pub use error::{KeyError, OpenError, ParseError, Place, SealError};
pub use format::{Format, UnknownFormat};
pub use identity::{Identities, IdentityError, LeftOut};
pub use locked::{LockedIdentities, UnlockError};
pub use metadata::{KeyKind, Metadata, Recipient};
pub use moment::Moment;
pub use opened::{OpenOptions, OpenedDocument, open, open_with};
pub use path::{KeyPath, PathError, Step};
pub use plain::Plain;
pub use random::NoRandomness;
pub use recipient::check_recipient;
pub use seal::{SealOptions, seal};
pub use sealed::{CommentLine, Leaf, LeafState, SealedDocument};
pub use selection::{SETTINGS, Selection};
pub use value::{JsonError, Value};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Larger inputs are refused unread: 32 MiB.
pub const MAX_BYTES: usize = 32 << 20;

//! What can go wrong, said with the place and the remedy.
//!
//! Never embeds a value, a token or a piece of the input: only places, key paths and names of settings.

use std::fmt;

use crate::format::Format;
use crate::path::KeyPath;
use crate::random::NoRandomness;

/// A position in the file, both counted from 1; the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The bytes are not a sealed document.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseError {
    /// A sound document that was never sealed: no `sops` metadata.
    #[error("this document is not sealed: it has no `sops` metadata")]
    NotSealed,
    /// Neither sealed nor sound.
    #[error("{place}: {what}")]
    Broken {
        /// Where.
        place: Place,
        /// A fixed sentence; never input text.
        what: &'static str,
    },
    /// The metadata is there and cannot be used.
    #[error("the `sops` metadata is broken: {what}")]
    Metadata {
        /// A fixed sentence; never input text.
        what: &'static str,
    },
    /// A selection setting holds an expression that does not compile; sops would silently seal nothing.
    #[error("the setting `{setting}` holds a broken regular expression")]
    BadExpression {
        /// The name of the setting.
        setting: &'static str,
    },
    /// Not UTF-8.
    #[error("the file is not UTF-8 text (first bad byte at offset {offset})")]
    NotText {
        /// Offset in bytes, from 0.
        offset: usize,
    },
    /// Larger than [`crate::MAX_BYTES`].
    #[error("the file is larger than this program reads")]
    TooLarge,
}

impl ParseError {
    /// What to do next.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotSealed => "seal it with `countersign encrypt -i FILE`",
            Self::Broken { .. } => "correct the file at that place; restore it from history if a merge damaged it",
            Self::Metadata { .. } => "restore the `sops` part from history; it cannot be written by hand",
            Self::BadExpression { .. } => "correct the expression: with a broken one, nothing would be sealed",
            Self::NotText { .. } => {
                "binary data is sealed under a name that does not end in .yaml, .json, .env or .ini"
            }
            Self::TooLarge => "split the document",
        }
    }

    pub(crate) fn at(place: Place, what: &'static str) -> Self {
        Self::Broken { place, what }
    }
}

/// Why nobody's identity gave the data key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// No identity was given at all.
    #[error("no age identity was given")]
    NoIdentity,
    /// The document names no age recipient that could be tried.
    #[error("the document has no age recipient")]
    NoRecipient,
    /// None of the identities opens any stanza.
    #[error("none of the {tried} age identities opens this document")]
    NotARecipient {
        /// How many identities were tried.
        tried: usize,
    },
    /// Too few groups could be opened.
    #[error("{opened} of the {needed} key groups needed could be opened")]
    Threshold {
        /// Groups that gave their share.
        opened: usize,
        /// The threshold.
        needed: usize,
    },
    /// A stanza opened, but what was in it is not a data key.
    #[error("the data key has a wrong length")]
    BadKey,
}

/// The document could not be opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// No data key.
    #[error("the data key cannot be retrieved: {0}")]
    Key(KeyError),
    /// A value did not open in its place.
    #[error("{place}: `{path}` does not open: it was changed, or moved here from another key or file")]
    Value {
        /// The key.
        path: KeyPath,
        /// Where it stands.
        place: Place,
    },
    /// A value opened, but does not fit its type word.
    #[error("{place}: `{path}` is not what its type says")]
    Type {
        /// The key.
        path: KeyPath,
        /// Where it stands.
        place: Place,
    },
    /// A value that the settings want sealed stands in the clear.
    #[error("{place}: `{path}` should be sealed, but stands in the clear")]
    InTheClear {
        /// The key.
        path: KeyPath,
        /// Where it stands.
        place: Place,
    },
    /// There is no MAC.
    #[error("the document has no MAC")]
    MacMissing,
    /// The MAC does not open, or says something else than the values.
    #[error("the MAC does not match: values were changed without sops, or a merge mixed two versions")]
    MacMismatch,
}

impl OpenError {
    /// The exit status of sops for this (reference 20). A missing MAC is a mismatch for sops (6.7).
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Key(_) => 128,
            Self::Value { .. } | Self::Type { .. } | Self::InTheClear { .. } => 25,
            Self::MacMissing | Self::MacMismatch => 51,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Key(KeyError::NoIdentity) => "set SOPS_AGE_KEY_FILE, or put your identity into sops/age/keys.txt",
            Self::Key(_) => "ask a reader of the document to add your recipient (`countersign updatekeys`)",
            Self::Value { .. } | Self::Type { .. } => "restore that value from history",
            Self::InTheClear { .. } => {
                "the value has been readable to everybody: replace it, then seal it with `countersign set`"
            }
            Self::MacMissing | Self::MacMismatch => {
                "find the last sound version in history; `--ignore-mac` opens it regardless"
            }
        }
    }
}

/// The document could not be sealed or changed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// The plain document cannot be read.
    #[error("the plain document cannot be read: {0}")]
    Parse(ParseError),
    /// It is sealed already (or has a top-level key `sops`).
    #[error("the document already has a `sops` key")]
    AlreadySealed,
    /// There is no document in it.
    #[error("the file holds no document")]
    Empty,
    /// No recipient was given.
    #[error("no recipient was given")]
    NoRecipients,
    /// A recipient that this version cannot seal to.
    #[error("cannot seal to the recipient `{recipient}`: {why}")]
    Recipient {
        /// The public name of the recipient.
        recipient: String,
        /// A fixed sentence.
        why: &'static str,
    },
    /// More than one selection setting, or a broken expression.
    #[error("{what}")]
    Settings {
        /// A fixed sentence.
        what: &'static str,
    },
    /// An encrypted comment would match `unencrypted_comment_regex` (reference 5.4).
    #[error("`unencrypted_comment_regex` matches sealed comments too")]
    CommentExpression,
    /// The path leads nowhere.
    #[error("there is no key `{0}`")]
    NoSuchKey(KeyPath),
    /// A step does not fit the container it meets.
    #[error("`{0}` goes through a value that is not a container of that kind")]
    WrongContainer(KeyPath),
    /// Anchor and alias: another value would change, too.
    #[error("`{0}` cannot be changed alone: an anchor or an alias makes other values of it")]
    Shared(KeyPath),
    /// The metadata cannot be changed this way.
    #[error("{what}")]
    Metadata {
        /// A fixed sentence.
        what: &'static str,
    },
    /// A format cannot hold what stands under a key.
    #[error("{format} cannot hold `{key}`: {what}")]
    CannotHold {
        /// The format asked for.
        format: Format,
        /// The key; empty for the document itself.
        key: String,
        /// A fixed sentence.
        what: &'static str,
    },
    /// Randomness failed.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// What was written does not read back as what was meant; nothing may be stored.
    #[error("the sealed document did not read back as it was meant ({0}); nothing was written")]
    ReadBack(&'static str),
}

impl SealError {
    /// The exit status of sops for this (reference 20).
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Parse(_) => 2,
            Self::AlreadySealed => 203,
            Self::Empty => 92,
            Self::NoRecipients | Self::Recipient { .. } => 111,
            Self::CannotHold { .. } => 4,
            Self::Settings { .. } => 5,
            Self::CommentExpression | Self::ReadBack(_) => 23,
            Self::NoSuchKey(_)
            | Self::WrongContainer(_)
            | Self::Shared(_)
            | Self::Metadata { .. }
            | Self::Randomness(_) => 1,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Parse(fault) => fault.help(),
            Self::AlreadySealed => "change a sealed document with `countersign set` or `edit`",
            Self::Empty => "put at least one key into it",
            Self::NoRecipients => "name recipients with --age, or in a creation rule of .sops.yaml",
            Self::Recipient { .. } => "use an age recipient (age1…), or seal this document with sops",
            Self::Settings { .. } | Self::CommentExpression => "correct the settings in .sops.yaml",
            Self::NoSuchKey(_) => "see the keys with `countersign list FILE`",
            Self::WrongContainer(_) => "remove that value first with `countersign unset`",
            Self::Shared(_) => "change it with `countersign edit FILE`, which writes every alias out",
            Self::Metadata { .. } => "use sops for this document",
            Self::CannotHold { .. } => "choose another format: json and yaml hold everything",
            Self::Randomness(_) => "check that the random device of this machine works",
            Self::ReadBack(_) => "please report this with the shape of the document, without its values",
        }
    }
}

impl From<ParseError> for SealError {
    fn from(fault: ParseError) -> Self {
        Self::Parse(fault)
    }
}

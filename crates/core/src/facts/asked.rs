//! What people asked for in comments that are no votes: a pause, the end of a veto.
//!
//! As read now; whether the speaker may ask for it is decided elsewhere.

use serde::{Deserialize, Serialize};

use crate::domain::{Account, CommentId, Login, Timestamp};

/// Something asked for, in a comment that stands there unedited; or a pause whose comment somebody else took away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The comment.
    pub comment: CommentId,
    /// Who asks.
    pub by: Account,
    /// For what.
    pub what: AskedFor,
    /// GitHub's time of the comment.
    pub at: Timestamp,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedFor {
    /// That the veto of this person be lifted.
    Waive(Login),
    /// That it be not merged; why.
    Pause(Option<String>),
    /// That a pause end.
    Unpause,
}

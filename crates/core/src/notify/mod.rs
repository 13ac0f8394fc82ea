//! What is told outside GitHub, to whom, and in which words.
//!
//! A [`Notice`] is derived from what is recorded or stands now, never from a delivery, and has a key that stays the same: whoever
//! looks again derives the same notice and finds that it was told. Routes of the policy turn it into letters, one per recipient.
//! Nothing here sends, and no text holds a value; names of keys only where a route says so.

mod card;
mod change;
mod entry;
mod escape;
mod letter;
mod lint;
mod notice;
mod render;
mod route;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

pub use card::{MAX_CARD, slack_card, slack_line, teams_card};
pub use change::{expired, of_change};
pub use entry::{History, blocked, of_entry, overdue};
pub use letter::{Destination, Letter, MailText, thread_of, webhook_body};
pub use lint::{TemplateFault, lint};
pub use notice::{Counts, KeyLine, Missing, Notice};
pub use render::{NAMES, Rendered, Templates};
pub use route::{Addressee, Letters, letters, needs_approvers, tells};

//! The append-only signed record: what was adopted, decided and merged, provable from a clone.
//!
//! One entry is a [`Statement`] in a DSSE [`Envelope`], signed with Ed25519, numbered without gaps and bound to the one before by
//! hash. An adapter keeps each as `entry.json` in a commit of its own on the ledger reference. [`append()`] writes the next one,
//! [`verify()`] walks them, [`LedgerState`] is their sum, [`Ledger::covers`] says whether a commit is what was approved.
//!
//! It proves what the holder of the signing key attested, not that GitHub showed it. No Git, clock or randomness here.

mod append;
mod chain;
mod cover;
mod debts;
mod entry;
mod envelope;
mod fold;
mod keys;
mod order;
mod problem;
mod recheck;
mod replay;
mod report;
mod state;
mod statement;
#[cfg(test)]
mod tests;
mod verify;

pub use append::{AppendError, append};
pub use chain::{Ledger, RawLink, Trust, Verified};
pub use cover::{Coverage, Covered};
pub use debts::KnownBypass;
pub use entry::{
    AdoptedBranch, AdoptedEntry, AdoptedPath, Adoption, Approval, BypassEntry, BypassWord, Bypassing, DecisionEntry,
    Entry, EntryError, KeyAction, KeyEntry, Kind, MergeEntry, MergeMethod, POLICY_PATH, PolicyEntry, PushEntry,
    PushOutcome, PutBackEntry, RatificationEntry, RecordedFacts, RecordedVerdict, RequestSeen, RevocationEntry,
    RootKey, UnrecordableFacts, VoteEntry,
};
pub use envelope::{Envelope, EnvelopeError, MAX_ENVELOPE, PAYLOAD_TYPE};
pub use keys::{InvalidKey, KeyClass, KeyFingerprint, PublicKey, SecretPem, SigningKey};
pub use order::{JobOrder, ORDER_LASTS, OrderFault, Ordered};
pub use problem::{Problem, ProblemCode, Severity};
pub use recheck::{Rerun, rerun};
pub use replay::Replayed;
pub use report::{ApprovalReport, BypassReport, DirectPushReport, EnvironmentReport, LedgerLine, VerifyReport};
pub use state::{Head, KeyStatus, KnownKey, KnownSync, KnownVote, LedgerState};
pub use statement::{Statement, StatementError};
pub use verify::verify;

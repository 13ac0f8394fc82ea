//! The nouns every other module speaks with: ids, paths, accounts, digests, time.
//!
//! Nothing here decides, asks or does anything, and nothing here knows where a value came from.

pub mod actor;
pub mod digest;
pub mod ids;
pub mod names;
pub mod occasion;
pub mod path;
pub mod sync;
pub mod target;
pub mod time;

pub use actor::{Account, AccountKind, Permission};
pub use digest::{Delta, DeltaEntry, Digest, EntryMode, TreeEntry};
pub use ids::{
    CheckId, CommentId, DeliveryId, DeploymentId, InstallationId, InvalidId, Login, Oid, PrNumber, RefName, RepoId,
    RepoName, ReviewId, RunId, Sequence, TeamId, TeamSlug, UserId,
};
pub use names::ResolvedNames;
pub use occasion::Occasion;
pub use path::{Environment, PathFault, RepoPath};
pub use sync::{Alias, JobId, SyncId, TargetName};
pub use target::{Evidence, RunState, SyncReceipt, TargetId, TargetKind};
pub use time::{InvalidTime, Span, Timestamp};

//! The secrets of the play: what is sealed, and looked for everywhere afterwards.

/// One secret value per role it plays. None of them is ever shown.
pub const SECRETS: [&str; 7] = [STAGING, STAGING_NEW, PRODUCTION, PRODUCTION_NEW, PRODUCTION_LATE, LEGACY, REPLICA];

/// Password of the staging database at first.
pub(super) const STAGING: &str = "grey-heron-2217-staging";
/// What rita makes of it.
pub(super) const STAGING_NEW: &str = "amber-lynx-9043-staging";
/// Password of the production database at first.
pub(super) const PRODUCTION: &str = "silent-otter-6618-production";
/// What rita makes of it.
pub(super) const PRODUCTION_NEW: &str = "brisk-falcon-3391-production";
/// What rita makes of it later, straight on main.
pub(super) const PRODUCTION_LATE: &str = "quiet-badger-8846-production";
/// A token nobody uses any more.
pub(super) const LEGACY: &str = "rusty-anchor-5524-legacy";
/// Address of a replica, with a password in it.
pub(super) const REPLICA: &str = "postgres://app:hollow-reed-7702@replica.internal/payments";

/// The staging document in the clear.
pub(super) fn staging() -> String {
    format!("db:\n    user: app\n    password: {STAGING}\n")
}

/// The production document in the clear.
pub(super) fn production() -> String {
    format!("db:\n    user: payments\n    password: {PRODUCTION}\nlegacy:\n    token: {LEGACY}\n")
}

//! The world behind the ports. No adapter knows another, none decides.

pub mod clock;
pub mod desk;
pub mod git;
pub mod github;
pub mod grants;
pub mod keyring;
pub mod mail;
pub mod outbound;
pub mod store;

//! The turn, and the ports it needs.

pub mod intake;
pub mod ports;
pub mod readiness;

//! The turn, and the ports it needs.

pub mod ports;

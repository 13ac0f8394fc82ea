//! The world behind the ports. No adapter knows another, none decides.

pub mod git;

//! What people and programs meet: the server, and the settings all faces share.
//!
//! A face reads input, calls the engine and shows what came of it. It decides nothing about a change.

pub mod config;
pub mod server;
pub mod wire;

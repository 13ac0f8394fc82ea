//! What people and programs meet: the server, the GitHub Action, the command line, and the settings all faces share.
//!
//! A face reads input, calls the engine and shows what came of it. It decides nothing about a change.

pub mod action;
pub mod cli;
pub mod config;
pub mod demo;
pub mod exit;
pub mod server;
pub mod wire;

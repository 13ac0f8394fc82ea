//! The world a scenario plays in.

mod argo;
mod browser;
mod chat;
mod flux;
mod http;
mod jobs;
mod look;
mod mailbox;
mod process;
mod receiver;
mod replica;
mod runner;
mod said;
mod secrets;
mod stage;
mod store;
mod tree;
mod vault;
mod world;

pub(crate) use argo::{ARGO_TOKEN, Argo};
pub(crate) use browser::Browser;
pub(crate) use chat::Chat;
pub(crate) use flux::{FLUX_TOKEN, Flux};
pub(crate) use http::{Post, signature};
pub(crate) use mailbox::{LOGIN, Mailbox, Speech, Trouble, certificate};
pub(crate) use receiver::{Answer, Receiver, SECRET};
pub(crate) use runner::{Step, Stepped};
pub(crate) use said::{Said, by_hand, command_by_hand};
pub(crate) use secrets::{CANARY, Secrets};
pub(crate) use stage::{a_second_later, at_once, each_at_once};
pub(crate) use tree::Tree;
pub(crate) use vault::Vault;
pub(crate) use world::{PATIENCE, POLICY, WEBHOOK_SECRET, World};

//! The world a scenario plays in.

mod secrets;
mod world;

pub(crate) use secrets::Secrets;
pub(crate) use world::World;

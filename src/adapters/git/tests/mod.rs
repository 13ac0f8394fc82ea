//! The adapter against real Git: `git http-backend` behind a small server that can be told to misbehave.

mod building;
mod fetching;
mod guards;
mod pushing;
mod reading;
mod server;
mod stand_in;
mod world;

//! Without a server: the packaged action in jobs, and whether it does what the server does.

mod agree;
mod examples;
mod gate;
mod script;
mod values;

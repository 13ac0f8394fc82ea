//! The acts of the play, in order. Each shows what people do and checks what comes of it.

mod change;
mod forgery;
mod forging;
mod production;
mod proof;
mod setup;
mod silence;
mod staging;

use super::stage::{Stage, Stop};
use super::world::World;

/// What later acts know from earlier ones.
struct Memory {
    /// Fingerprint of the key that signs the ledger.
    fingerprint: String,
    /// Change request for production.
    production: u64,
}

/// Plays everything.
///
/// # Errors
/// The first expectation that is not met.
pub(super) fn play(stage: &mut Stage, world: &mut World) -> Result<(), Stop> {
    let fingerprint = setup::play(stage, world)?;
    staging::play(stage, world)?;
    let production = production::play(stage, world)?;
    let memory = Memory { fingerprint, production };
    proof::play(stage, world, &memory)?;
    forgery::play(stage, world, &memory)?;
    silence::play(stage, world)?;
    stage.end_act();
    Ok(())
}

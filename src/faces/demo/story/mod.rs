//! The acts of the play, in order. Each shows what people do and checks what comes of it.

mod change;
mod delivered;
mod forgery;
mod forging;
mod killed;
mod production;
mod proof;
mod setup;
mod silence;
mod staging;
mod straight;

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
    delivered::play(stage, world)?;
    let held = straight::play(stage, world)?;
    killed::play(stage, world, &held)?;
    let memory = Memory { fingerprint, production };
    proof::play(stage, world, &memory)?;
    forgery::play(stage, world, &memory)?;
    silence::play(stage, world)?;
    stage.end_act();
    Ok(())
}

//! The one place where this crate draws randomness: fresh nonces and data keys for sealing.
//!
//! Never seeds anything and never falls back to a weaker source. (The `age` crate draws its own when it
//! wraps a data key.)

use zeroize::Zeroizing;

/// The operating system gave no random bytes; nothing may be sealed.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the system gave no random bytes (help: check that the random device of this machine works)")]
pub struct NoRandomness;

/// 32 bytes for a nonce.
pub(crate) fn nonce() -> Result<[u8; 32], NoRandomness> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// 32 bytes for a data key.
pub(crate) fn data_key() -> Result<Zeroizing<[u8; 32]>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Coefficients for secret sharing.
pub(crate) fn bytes(count: usize) -> Result<Zeroizing<Vec<u8>>, NoRandomness> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

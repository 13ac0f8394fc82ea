//! The key encapsulation of hybrid age keys: ML-KEM-768 beside X25519, known as X-Wing, number 0x647a in HPKE.
//!
//! Never used for anything but HPKE in base mode. Both halves and the hashes are those of the crates that `age` itself
//! is built on; here they are only put side by side.

use hpke::kem::SharedSecret;
use hpke::{Deserializable, HpkeError, Serializable};
use ml_kem::kem::Decapsulate as _;
use ml_kem::{Ciphertext, EncapsulateDeterministic as _, EncodedSizeUser as _, KemCore, MlKem768};
use rand_core::{CryptoRng, RngCore};
use sha3::digest::consts::{U32, U96, U192, U1024};
use sha3::digest::typenum::Sum;
use sha3::digest::{Digest as _, ExtendableOutput as _, Update as _, XofReader as _};
use sha3::{Sha3_256, Shake256};
use x25519_dalek::{PublicKey as Point, StaticSecret};
use zeroize::Zeroizing;

/// Keeps shared secrets of other hybrids apart.
const LABEL: &[u8] = b"\\.//^\\";
const LATTICE_KEY: usize = 1184;
const LATTICE_CIPHERTEXT: usize = 1088;

type LatticePublic = <MlKem768 as KemCore>::EncapsulationKey;
type LatticeSecret = <MlKem768 as KemCore>::DecapsulationKey;

pub(crate) struct XWing;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    bytes: Vec<u8>,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PublicKey")
    }
}

/// A secret key is its seed; both halves are derived from it when they are needed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PrivateKey {
    seed: Zeroizing<[u8; 32]>,
}

#[derive(Clone)]
pub(crate) struct EncappedKey {
    bytes: Vec<u8>,
}

macro_rules! sized {
    ($type:ty, $size:ty, $field:ident) => {
        impl Serializable for $type {
            type OutputSize = $size;

            fn write_exact(&self, buf: &mut [u8]) {
                buf.copy_from_slice(self.$field.as_ref());
            }
        }
    };
}

sized!(PublicKey, Sum<U1024, U192>, bytes);
sized!(EncappedKey, Sum<U1024, U96>, bytes);
sized!(PrivateKey, U32, seed);

fn checked<T: Serializable>(encoded: &[u8]) -> Result<&[u8], HpkeError> {
    if encoded.len() == T::size() {
        Ok(encoded)
    } else {
        Err(HpkeError::IncorrectInputLength(T::size(), encoded.len()))
    }
}

impl Deserializable for PublicKey {
    /// Refuses a lattice part whose numbers are not reduced (FIPS 203, 7.2).
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        let key = Self { bytes: checked::<Self>(encoded)?.to_vec() };
        let read = key.lattice().ok_or(HpkeError::ValidationError)?.as_bytes();
        if read.as_slice() == &encoded[..LATTICE_KEY] { Ok(key) } else { Err(HpkeError::ValidationError) }
    }
}

impl Deserializable for EncappedKey {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        Ok(Self { bytes: checked::<Self>(encoded)?.to_vec() })
    }
}

impl Deserializable for PrivateKey {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        let seed = checked::<Self>(encoded)?.try_into().map_err(|_| HpkeError::ValidationError)?;
        Ok(Self { seed: Zeroizing::new(seed) })
    }
}

/// A 32-byte piece; there are always enough bytes behind a checked length.
fn piece(bytes: &[u8], at: usize) -> Option<[u8; 32]> {
    bytes.get(at..at + 32)?.try_into().ok()
}

impl PublicKey {
    fn lattice(&self) -> Option<LatticePublic> {
        let bytes = self.bytes.get(..LATTICE_KEY)?.try_into().ok()?;
        Some(LatticePublic::from_bytes(bytes))
    }

    fn point(&self) -> Option<Point> {
        piece(&self.bytes, LATTICE_KEY).map(Point::from)
    }
}

impl PrivateKey {
    fn halves(&self) -> Option<(LatticeSecret, LatticePublic, StaticSecret)> {
        let mut expanded = Zeroizing::new([0; 96]);
        let mut hash = Shake256::default();
        hash.update(self.seed.as_ref());
        hash.finalize_xof().read(expanded.as_mut());
        let part = |at| piece(expanded.as_ref(), at).map(Zeroizing::new);
        let (d, z, scalar) = (part(0)?, part(32)?, part(64)?);
        let (secret, public) = MlKem768::generate_deterministic(&(*d).into(), &(*z).into());
        Some((secret, public, StaticSecret::from(*scalar)))
    }
}

fn shared(lattice: &[u8], curve: &[u8], ciphertext: &[u8], public: &[u8]) -> SharedSecret<XWing> {
    let hash = Sha3_256::new().chain(lattice).chain(curve).chain(ciphertext).chain(public).chain(LABEL);
    SharedSecret(hash.finalize())
}

impl hpke::kem::Kem for XWing {
    type PublicKey = PublicKey;
    type PrivateKey = PrivateKey;
    type EncappedKey = EncappedKey;
    type NSecret = U32;

    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(sk: &PrivateKey) -> PublicKey {
        let bytes = sk.halves().map(|(_, lattice, scalar)| {
            let mut bytes = lattice.as_bytes().to_vec();
            bytes.extend_from_slice(Point::from(&scalar).as_bytes());
            bytes
        });
        PublicKey { bytes: bytes.unwrap_or_default() }
    }

    /// The seed is the hash of the input; nothing here makes keys this way.
    fn derive_keypair(ikm: &[u8]) -> (PrivateKey, PublicKey) {
        let key = PrivateKey { seed: Zeroizing::new(Sha3_256::digest(ikm).into()) };
        let public = Self::sk_to_pk(&key);
        (key, public)
    }

    fn decap(
        key: &PrivateKey,
        _sender: Option<&PublicKey>,
        encapped: &EncappedKey,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        let failed = || HpkeError::DecapError;
        let (lattice, _, scalar) = key.halves().ok_or_else(failed)?;
        let bytes = encapped.bytes.get(..LATTICE_CIPHERTEXT).ok_or_else(failed)?;
        let ciphertext = Ciphertext::<MlKem768>::try_from(bytes).map_err(|_| failed())?;
        let lattice = lattice.decapsulate(&ciphertext).map_err(|()| failed())?;
        let point = piece(&encapped.bytes, LATTICE_CIPHERTEXT).ok_or_else(failed)?;
        let curve = scalar.diffie_hellman(&Point::from(point));
        Ok(shared(&lattice, curve.as_bytes(), &point, Point::from(&scalar).as_bytes()))
    }

    fn encap<R: CryptoRng + RngCore>(
        public: &PublicKey,
        _sender: Option<(&PrivateKey, &PublicKey)>,
        csprng: &mut R,
    ) -> Result<(SharedSecret<Self>, EncappedKey), HpkeError> {
        let failed = || HpkeError::EncapError;
        let mut random = Zeroizing::new([0; 64]);
        csprng.try_fill_bytes(random.as_mut()).map_err(|_| failed())?;
        let message = piece(random.as_ref(), 0).map(Zeroizing::new).ok_or_else(failed)?;
        let scalar = piece(random.as_ref(), 32).map(StaticSecret::from).ok_or_else(failed)?;
        let (lattice, point) = public.lattice().zip(public.point()).ok_or_else(failed)?;
        let (ciphertext, secret) = lattice.encapsulate_deterministic(&(*message).into()).map_err(|()| failed())?;
        let ephemeral = Point::from(&scalar);
        let curve = scalar.diffie_hellman(&point);
        let mut bytes = ciphertext.to_vec();
        bytes.extend_from_slice(ephemeral.as_bytes());
        let shared = shared(&secret, curve.as_bytes(), ephemeral.as_bytes(), point.as_bytes());
        Ok((shared, EncappedKey { bytes }))
    }
}

//! RSA keys of Apps, made once per process and shared by every stand-in in it.
//!
//! Never leaves the process except through the App they belong to.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One key pair.
#[derive(Clone)]
pub(crate) struct AppKey {
    pub(crate) private_pem: String,
    /// PKCS#1.
    pub(crate) public_der: Vec<u8>,
}

static KEYS: Mutex<Vec<AppKey>> = Mutex::new(Vec::new());

/// The key of the `index`-th App of a stand-in; different Apps have different keys.
pub(crate) fn nth(index: usize) -> AppKey {
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    while keys.len() <= index {
        keys.push(generate());
    }
    keys[index].clone()
}

fn generate() -> AppKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a 2048 bit RSA key can be made");
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("an RSA key has a PKCS#8 form");
    AppKey {
        private_pem: pem("RSA PRIVATE KEY", pkcs1_of(der.as_ref())),
        public_der: pair.public_key().as_ref().to_vec(),
    }
}

/// The PKCS#1 key inside a PKCS#8 wrapper: what follows the header of the OCTET STRING. For 2048 bits
/// the wrapper is always 26 bytes long.
fn pkcs1_of(pkcs8: &[u8]) -> &[u8] {
    assert_eq!(pkcs8[22..24], [0x04, 0x82], "the key stands at byte 26");
    &pkcs8[26..]
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

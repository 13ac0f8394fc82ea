//! The signature of a delivery: HMAC-SHA-256 over the raw bytes, compared in constant time.
//!
//! Source: GitHub, "Validating webhook deliveries" (`X-Hub-Signature-256: sha256=<64 hex digits>`). SHA-1 is never accepted. A
//! secret has no `Debug`, `Display` or `Clone`, and no fault repeats one.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

/// One or more secrets, any of which may have signed: so that they can be rotated without losing a delivery.
pub struct WebhookSecrets(Vec<Zeroizing<Vec<u8>>>);

/// There is no secret, so nothing could be told from a forgery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the webhook secret is empty")]
pub struct NoSecret;

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureFault {
    /// None at all.
    #[error("the delivery is not signed")]
    Missing,
    /// Only the old SHA-1 one.
    #[error("the delivery is signed with SHA-1 only")]
    Sha1Only,
    /// Not `sha256=` and 64 hex digits.
    #[error("the signature is not `sha256=` and 64 hex digits")]
    Malformed,
    /// Not made with one of our secrets over these bytes.
    #[error("the signature does not belong to this body and our secret")]
    Wrong,
}

impl SignatureFault {
    /// The next action, as the end of "help: …".
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Missing => "set a webhook secret at GitHub, the one in `COUNTERSIGN_WEBHOOK_SECRET`",
            Self::Sha1Only => "GitHub signs with SHA-256 as well; let `X-Hub-Signature-256` through",
            Self::Malformed => "let `X-Hub-Signature-256` through as GitHub sends it",
            Self::Wrong => {
                "make the webhook secret at GitHub equal to one in `COUNTERSIGN_WEBHOOK_SECRET`, and let the body through unchanged"
            }
        }
    }
}

impl WebhookSecrets {
    /// Splits a text at white space into secrets.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(text: &str) -> Result<Self, NoSecret> {
        let secrets: Vec<_> =
            text.split_whitespace().map(|secret| Zeroizing::new(secret.as_bytes().to_vec())).collect();
        if secrets.is_empty() { Err(NoSecret) } else { Ok(Self(secrets)) }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Checks `header` (`X-Hub-Signature-256`) over `body`. Every secret is tried, whichever fits.
    pub(super) fn check(&self, header: Option<&str>, sha1: bool, body: &[u8]) -> Result<(), SignatureFault> {
        let header = header.ok_or(if sha1 { SignatureFault::Sha1Only } else { SignatureFault::Missing })?;
        let mut claimed = [0_u8; 32];
        header
            .strip_prefix("sha256=")
            .and_then(|digits| hex::decode_to_slice(digits, &mut claimed).ok())
            .ok_or(SignatureFault::Malformed)?;
        let mut right = false;
        for secret in &self.0 {
            right |= mac(secret, body).verify_slice(&claimed).is_ok();
        }
        if right { Ok(()) } else { Err(SignatureFault::Wrong) }
    }

    /// The header GitHub would send for `body` with the first secret. For stand-ins and tests; a server only checks.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        let digest = self.0.first().map(|secret| mac(secret, body).finalize().into_bytes());
        format!("sha256={}", digest.map(hex::encode).unwrap_or_default())
    }
}

fn mac(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(body);
    mac
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The vector GitHub publishes.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn whole(secret: &str) -> WebhookSecrets {
        WebhookSecrets(vec![Zeroizing::new(secret.as_bytes().to_vec())])
    }

    #[test]
    fn the_vector_github_publishes_is_right() {
        assert_eq!(whole(SECRET).check(Some(SIGNATURE), false, BODY), Ok(()));
        assert_eq!(whole(SECRET).sign(BODY), SIGNATURE);
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        let swapped = format!("{}8", &SIGNATURE[..SIGNATURE.len() - 1]);
        let sha1 = "sha1=757107ea0eb2509fc211221cce984b8a37570b6d";
        let cases: &[(Option<&str>, bool, &[u8], SignatureFault)] = &[
            (None, false, BODY, SignatureFault::Missing),
            (None, true, BODY, SignatureFault::Sha1Only),
            (Some(""), true, BODY, SignatureFault::Malformed),
            (Some(sha1), true, BODY, SignatureFault::Malformed),
            (Some(&SIGNATURE[7..]), false, BODY, SignatureFault::Malformed),
            (Some(&SIGNATURE[..69]), false, BODY, SignatureFault::Malformed),
            (Some("sha256=zz"), false, BODY, SignatureFault::Malformed),
            (Some(&swapped), false, BODY, SignatureFault::Wrong),
            (Some(SIGNATURE), false, b"Hello, World", SignatureFault::Wrong),
            (Some(SIGNATURE), false, b"", SignatureFault::Wrong),
        ];
        for (header, sha1, body, fault) in cases {
            assert_eq!(whole(SECRET).check(*header, *sha1, body), Err(*fault), "{header:?}");
        }
        assert_eq!(whole("another").check(Some(SIGNATURE), false, BODY), Err(SignatureFault::Wrong));
    }

    #[test]
    fn any_of_several_secrets_may_have_signed() {
        let (old, new) = (WebhookSecrets::parse("old").unwrap(), WebhookSecrets::parse("new").unwrap());
        let both = WebhookSecrets::parse(" new\n old\t").unwrap();
        assert_eq!(both.count(), 2);
        for signature in [old.sign(BODY), new.sign(BODY)] {
            assert_eq!(both.check(Some(&signature), false, BODY), Ok(()));
        }
        assert_eq!(new.check(Some(&old.sign(BODY)), false, BODY), Err(SignatureFault::Wrong));
    }

    #[test]
    fn no_secret_is_no_secret() {
        for text in ["", " ", "\n\t "] {
            assert_eq!(WebhookSecrets::parse(text).err(), Some(NoSecret));
        }
    }
}

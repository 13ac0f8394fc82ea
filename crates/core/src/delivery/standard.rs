//! Standard Webhooks signatures, version `v1`: HMAC-SHA-256 over `<id>.<timestamp>.<body>`, made for what we send and checked for
//! what targets send back.
//!
//! Source: the Standard Webhooks specification 1.0.0. A signature without an instant near ours is never right. A secret has no
//! `Debug`, `Display` or `Clone`, and no fault repeats one.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::domain::{Span, Timestamp};

/// How far the instant of a signature may be from ours, both ways.
pub const WINDOW: Span = Span::from_seconds(300);

/// Fewest bytes of a secret. The specification recommends 24 to 64; its own examples have 18 and more.
const LEAST: usize = 16;

/// Secrets are passed around with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One or more secrets: all of them sign, any of them may have signed. So they can be rotated without losing a message.
pub struct SigningSecrets(Vec<Zeroizing<Vec<u8>>>);

/// Why a text is no signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidSecret {
    /// There is none.
    #[error("the signing secret is empty")]
    Empty,
    /// Not base64.
    #[error("the signing secret is not base64 with or without `whsec_` in front")]
    NotBase64,
    /// Guessable.
    #[error("the signing secret is shorter than 16 bytes")]
    Short,
}

/// Headers of a signed message.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignedHeaders<'a> {
    /// `webhook-id`.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`: `v1,<base64>`, several separated by spaces.
    pub signature: Option<&'a str>,
}

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StandardFault {
    /// A header is not there, or there twice.
    #[error("the message has no `{0}`")]
    Missing(&'static str),
    /// Not whole seconds.
    #[error("`webhook-timestamp` is not a number of seconds")]
    Timestamp,
    /// Too far from now: perhaps a repetition.
    #[error("`webhook-timestamp` is more than 5 minutes from now")]
    Outside,
    /// Not made with one of the secrets over these bytes.
    #[error("the signature does not belong to this message and the target's secret")]
    Wrong,
}

impl StandardFault {
    /// The next action, as the end of "help: …".
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Missing(_) => "sign the call as Standard Webhooks says, with the secret of the target",
            Self::Timestamp => "write the seconds since 1970, as in `date +%s`",
            Self::Outside => "set the clock, and sign each attempt anew",
            Self::Wrong => {
                "sign `<webhook-id>.<webhook-timestamp>.<body>` with the secret of the target, byte for byte as sent"
            }
        }
    }
}

impl SigningSecrets {
    /// Splits a text at white space into secrets: base64, `whsec_` in front or not.
    ///
    /// # Errors
    /// When there is none, or one of them is no secret.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let read = |secret: &str| {
            let bytes = LENIENT.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
            let bytes = Zeroizing::new(bytes.map_err(|_| InvalidSecret::NotBase64)?);
            if bytes.len() < LEAST { Err(InvalidSecret::Short) } else { Ok(bytes) }
        };
        let secrets = text.split_whitespace().map(read).collect::<Result<Vec<_>, _>>()?;
        if secrets.is_empty() { Err(InvalidSecret::Empty) } else { Ok(Self(secrets)) }
    }

    /// The value of `webhook-signature`: one signature per secret, separated by spaces.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let at = at.seconds().to_string();
        let one = |secret: &Zeroizing<Vec<u8>>| {
            let digest = mac(secret, id, &at, body).finalize().into_bytes();
            format!("v1,{}", STANDARD.encode(digest))
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// Checks a message that arrived at `now`. Every secret is tried with every signature, whichever fits; other versions than
    /// `v1` say nothing.
    ///
    /// # Errors
    /// When a header is missing, the instant is more than [`WINDOW`] away, or no signature is right.
    pub fn check(&self, headers: SignedHeaders<'_>, body: &[u8], now: Timestamp) -> Result<(), StandardFault> {
        let id = headers.id.filter(|id| !id.is_empty()).ok_or(StandardFault::Missing("webhook-id"))?;
        let at = headers.timestamp.ok_or(StandardFault::Missing("webhook-timestamp"))?;
        let signatures = headers.signature.ok_or(StandardFault::Missing("webhook-signature"))?;
        let seconds: i64 = at.parse().map_err(|_| StandardFault::Timestamp)?;
        if seconds.abs_diff(now.seconds()) > WINDOW.seconds() {
            return Err(StandardFault::Outside);
        }
        let mut right = false;
        for claimed in signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,")) {
            let Ok(claimed) = STANDARD.decode(claimed) else { continue };
            for secret in &self.0 {
                right |= mac(secret, id, at, body).verify_slice(&claimed).is_ok();
            }
        }
        if right { Ok(()) } else { Err(StandardFault::Wrong) }
    }
}

fn mac(secret: &[u8], id: &str, at: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    for part in [id.as_bytes(), b".", at.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The vector of the reference libraries.
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const AT: i64 = 1_649_367_553;
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    fn check(secret: &str, headers: SignedHeaders<'_>, body: &[u8], now: i64) -> Result<(), StandardFault> {
        SigningSecrets::parse(secret).unwrap().check(headers, body, Timestamp::from_seconds(now))
    }

    #[test]
    fn the_published_vector_is_right() {
        let at = Timestamp::from_seconds(AT);
        assert_eq!(SigningSecrets::parse(SECRET).unwrap().sign(ID, at, BODY), SIGNATURE);
        let bare = SECRET.trim_start_matches("whsec_");
        assert_eq!(SigningSecrets::parse(bare).unwrap().sign(ID, at, BODY), SIGNATURE);
    }

    #[test]
    fn all_secrets_sign_and_any_of_them_may_have_signed() {
        let (old, new) = (SECRET, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let both = format!("{new}\n {old}\t");
        let at = Timestamp::from_seconds(AT);
        let signature = SigningSecrets::parse(&both).unwrap().sign(ID, at, BODY);
        assert!(signature.ends_with(&format!(" {SIGNATURE}")), "{signature}");
        let headers =
            |signature| SignedHeaders { id: Some(ID), timestamp: Some("1649367553"), signature: Some(signature) };
        for secret in [old, new, &both] {
            assert_eq!(check(secret, headers(&signature), BODY, AT), Ok(()));
        }
        assert_eq!(check(&both, headers(SIGNATURE), BODY, AT), Ok(()));
        assert_eq!(check(new, headers(SIGNATURE), BODY, AT), Err(StandardFault::Wrong));
        let noisy = format!("v1a,xyz v2,{} v1,!! v1, {SIGNATURE}", &SIGNATURE[3..]);
        assert_eq!(check(old, headers(&noisy), BODY, AT), Ok(()));
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        let good = SignedHeaders { id: Some(ID), timestamp: Some("1649367553"), signature: Some(SIGNATURE) };
        assert_eq!(check(SECRET, good, BODY, AT), Ok(()));
        let cases: &[(SignedHeaders<'_>, &[u8], i64, StandardFault)] = &[
            (SignedHeaders { id: None, ..good }, BODY, AT, StandardFault::Missing("webhook-id")),
            (SignedHeaders { id: Some(""), ..good }, BODY, AT, StandardFault::Missing("webhook-id")),
            (SignedHeaders { timestamp: None, ..good }, BODY, AT, StandardFault::Missing("webhook-timestamp")),
            (SignedHeaders { signature: None, ..good }, BODY, AT, StandardFault::Missing("webhook-signature")),
            (SignedHeaders { timestamp: Some("soon"), ..good }, BODY, AT, StandardFault::Timestamp),
            (SignedHeaders { timestamp: Some("01649367553"), ..good }, BODY, AT, StandardFault::Wrong),
            (good, BODY, AT + 301, StandardFault::Outside),
            (good, BODY, AT - 301, StandardFault::Outside),
            (SignedHeaders { id: Some("msg_x"), ..good }, BODY, AT, StandardFault::Wrong),
            (SignedHeaders { timestamp: Some("1649367554"), ..good }, BODY, AT, StandardFault::Wrong),
            (good, b"{}", AT, StandardFault::Wrong),
            (SignedHeaders { signature: Some(""), ..good }, BODY, AT, StandardFault::Wrong),
            (SignedHeaders { signature: Some("v1,"), ..good }, BODY, AT, StandardFault::Wrong),
            (SignedHeaders { signature: Some(&SIGNATURE[3..]), ..good }, BODY, AT, StandardFault::Wrong),
            (
                SignedHeaders { signature: Some(&SIGNATURE[..SIGNATURE.len() - 1]), ..good },
                BODY,
                AT,
                StandardFault::Wrong,
            ),
        ];
        for (headers, body, now, fault) in cases {
            assert_eq!(check(SECRET, *headers, body, *now), Err(*fault), "{headers:?}");
        }
        let helps = [
            StandardFault::Missing("webhook-id"),
            StandardFault::Timestamp,
            StandardFault::Outside,
            StandardFault::Wrong,
        ]
        .map(StandardFault::help);
        for (help, names) in helps.iter().zip(["Standard Webhooks", "date +%s", "clock", "byte for byte"]) {
            assert!(help.contains(names), "{help}");
        }
        for edge in [AT - 300, AT + 300] {
            assert_eq!(check(SECRET, good, BODY, edge), Ok(()));
        }
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        let cases = [
            ("", InvalidSecret::Empty),
            (" \n", InvalidSecret::Empty),
            ("whsec_", InvalidSecret::Short),
            ("whsec_c2hvcnQ=", InvalidSecret::Short),
            ("correct horse battery", InvalidSecret::NotBase64),
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD !", InvalidSecret::NotBase64),
        ];
        for (text, fault) in cases {
            assert_eq!(SigningSecrets::parse(text).err(), Some(fault), "{text}");
        }
        assert!(SigningSecrets::parse(&LENIENT.encode([7; LEAST])).is_ok(), "just long enough");
        assert_eq!(SigningSecrets::parse(&LENIENT.encode([7; LEAST - 1])).err(), Some(InvalidSecret::Short));
    }
}

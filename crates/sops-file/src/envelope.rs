//! The text form of a sealed value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]` (SOPS reference 2).
//!
//! Never decrypts: it only takes the text apart and puts it together.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Accepts what sops accepts: non-zero trailing bits, padding or none (reference 2.2).
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

const OPENING: &str = "ENC[AES256_GCM,data:";

/// The type word of an envelope. It is not authenticated (reference 4.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TypeWord {
    /// `str`
    Str,
    /// `int`, a signed 64-bit number.
    Int,
    /// `float`, an IEEE double.
    Float,
    /// `bool`
    Bool,
    /// `time`, since sops 3.10.
    Time,
    /// `comment`
    Comment,
    /// `bytes`: never written by anybody today.
    Bytes,
    /// A word that no version of sops knows; opening it is an error.
    Other(String),
}

impl TypeWord {
    /// The word as it stands in the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Comment => "comment",
            Self::Bytes => "bytes",
            Self::Other(word) => word,
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "str" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "time" => Self::Time,
            "comment" => Self::Comment,
            "bytes" => Self::Bytes,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for TypeWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A sealed value, taken apart. Two envelopes with equal [`Envelope::ciphertext`] are copies of each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Envelope {
    data: Vec<u8>,
    iv: Vec<u8>,
    tag: Vec<u8>,
    kind: TypeWord,
}

/// The text is not an envelope.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvelopeError {
    /// It does not begin as one.
    #[error("not a sealed value")]
    NotSealed,
    /// It begins as one, but a field is missing, empty or not base64.
    #[error("a damaged sealed value: field `{0}` is missing or not base64")]
    Damaged(&'static str),
}

impl Envelope {
    /// Reads an envelope at the start of `text`. Text behind the closing bracket is ignored, as sops does.
    ///
    /// # Errors
    /// [`EnvelopeError::NotSealed`] when `text` does not begin like one, else the damaged field.
    pub fn parse(text: &str) -> Result<Self, EnvelopeError> {
        let rest = text.strip_prefix(OPENING).ok_or(EnvelopeError::NotSealed)?;
        let (data, rest) = cut(rest, ",iv:").ok_or(EnvelopeError::Damaged("iv"))?;
        let (iv, rest) = cut(rest, ",tag:").ok_or(EnvelopeError::Damaged("tag"))?;
        let (tag, rest) = cut(rest, ",type:").ok_or(EnvelopeError::Damaged("type"))?;
        // Another line may follow in a comment of several lines.
        let rest = rest.lines().next().unwrap_or_default();
        let end = rest.rfind(']').filter(|end| *end > 0).ok_or(EnvelopeError::Damaged("type"))?;
        Ok(Self {
            data: decode(data).ok_or(EnvelopeError::Damaged("data"))?,
            iv: decode(iv).ok_or(EnvelopeError::Damaged("iv"))?,
            tag: decode(tag).ok_or(EnvelopeError::Damaged("tag"))?,
            kind: TypeWord::of(&rest[..end]),
        })
    }

    /// Whether `text` begins like an envelope, damaged or not.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        text.starts_with("ENC[AES256_GCM,")
    }

    pub(crate) fn new(data: Vec<u8>, iv: Vec<u8>, tag: Vec<u8>, kind: TypeWord) -> Self {
        Self { data, iv, tag, kind }
    }

    /// The encrypted bytes; as many as the plaintext has.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The nonce: 32 bytes when sops or we wrote it.
    #[must_use]
    pub fn iv(&self) -> &[u8] {
        &self.iv
    }

    /// The authentication tag, 16 bytes.
    #[must_use]
    pub fn tag(&self) -> &[u8] {
        &self.tag
    }

    /// The type word (not authenticated).
    #[must_use]
    pub fn kind(&self) -> &TypeWord {
        &self.kind
    }

    /// What makes this ciphertext recognisable wherever it is pasted: nonce, data, tag.
    #[must_use]
    pub fn ciphertext(&self) -> (&[u8], &[u8], &[u8]) {
        (&self.iv, &self.data, &self.tag)
    }
}

/// As `split_once`, for a mark that begins with a comma: a search for one byte is much the faster.
fn cut<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let mut commas = text.match_indices(',').map(|(at, _)| at);
    commas.find_map(|at| Some((&text[..at], text[at..].strip_prefix(mark)?)))
}

fn decode(field: &str) -> Option<Vec<u8>> {
    if field.is_empty() {
        return None;
    }
    // Line breaks are no base64: where there are any, the first try fails.
    let broken = || field.contains(['\r', '\n']).then(|| field.replace(['\r', '\n'], ""));
    FORGIVING.decode(field).ok().or_else(|| FORGIVING.decode(broken()?).ok())
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| FORGIVING.encode(bytes);
        let (data, iv, tag) = (text(&self.data), text(&self.iv), text(&self.tag));
        write!(f, "{OPENING}{data},iv:{iv},tag:{tag},type:{}]", self.kind)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Envelope, EnvelopeError, TypeWord};

    const GOOD: &str = "ENC[AES256_GCM,data:WBe8ddI=,iv:JC3xDkXgKr1WPHN4UnvBCkYsVS9F+k0m05PAx0RZkSM=,tag:kt1gdOHQYs85NOrt9BdnPQ==,type:str]";

    #[test]
    fn an_envelope_is_taken_apart_and_put_together() {
        let envelope = Envelope::parse(GOOD).unwrap();
        assert_eq!((envelope.data().len(), envelope.iv().len(), envelope.tag().len()), (5, 32, 16));
        assert_eq!(envelope.kind(), &TypeWord::Str);
        assert_eq!(envelope.to_string(), GOOD);
    }

    #[test]
    fn text_behind_the_bracket_is_ignored() {
        assert_eq!(Envelope::parse(&format!("{GOOD}trailing")), Envelope::parse(GOOD));
    }

    #[test]
    fn damage_is_told_from_plain_text() {
        let cases = [
            ("hello", EnvelopeError::NotSealed),
            ("", EnvelopeError::NotSealed),
            (" ENC[AES256_GCM,data:", EnvelopeError::NotSealed),
            ("ENC[AES256_GCM,data:aa", EnvelopeError::Damaged("iv")),
            ("ENC[AES256_GCM,data:,iv:aaaa,tag:aaaa,type:str]", EnvelopeError::Damaged("data")),
            ("ENC[AES256_GCM,data:aaaa,iv:a!,tag:aaaa,type:str]", EnvelopeError::Damaged("iv")),
            ("ENC[AES256_GCM,data:aaaa,iv:aaaa,tag:aaaa,type:]", EnvelopeError::Damaged("type")),
        ];
        for (text, fault) in cases {
            assert_eq!(Envelope::parse(text), Err(fault), "{text}");
        }
    }
}

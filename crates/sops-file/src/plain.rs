//! A typed value in the clear, and the text of it that is sealed and hashed (SOPS reference 4).
//!
//! Never shown: no `Debug`, `Display`, `Clone` or `Serialize`; texts are wiped when dropped.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::envelope::TypeWord;
use crate::moment::Moment;

/// One scalar in the clear.
pub enum Plain {
    /// Never sealed, never hashed.
    Null,
    /// Type word `bool`.
    Bool(bool),
    /// Type word `int`.
    Int(i64),
    /// Type word `float`.
    Float(f64),
    /// Type word `time`.
    Time(Moment),
    /// Type word `str`.
    Text(Zeroizing<String>),
    /// Type word `str` whose bytes are not UTF-8, or type word `bytes`.
    Bytes(Zeroizing<Vec<u8>>),
    /// Type word `comment`: a comment that stands as a list element (reference 10.6).
    Comment(Zeroizing<String>),
}

/// The opened bytes do not fit the type word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongType;

impl Plain {
    /// A text value.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }

    /// The text, if this is a text value.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Time(_)
            | Self::Bytes(_)
            | Self::Comment(_) => None,
        }
    }

    /// The bytes that are sealed and hashed, which is also what `sops decrypt --extract` prints, except
    /// that YAML and JSON spell booleans and large numbers differently (reference 4.1). Null has none.
    #[must_use]
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let text: Cow<'_, [u8]> = match self {
            Self::Null => Cow::Borrowed(b""),
            Self::Bool(true) => Cow::Borrowed(b"True"),
            Self::Bool(false) => Cow::Borrowed(b"False"),
            Self::Int(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::Float(number) => Cow::Owned(float_text(*number).into_bytes()),
            Self::Time(moment) => Cow::Borrowed(moment.as_str().as_bytes()),
            Self::Text(text) | Self::Comment(text) => Cow::Borrowed(text.as_bytes()),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
        };
        Zeroizing::new(text.into_owned())
    }

    /// Looks at [`Plain::bytes`] without a copy where they stand as such.
    pub(crate) fn with_bytes<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Text(text) | Self::Comment(text) => look(text.as_bytes()),
            Self::Bytes(bytes) => look(bytes),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Time(_) => look(&self.bytes()),
        }
    }

    /// The type word that an envelope of this value carries.
    #[must_use]
    pub fn kind(&self) -> TypeWord {
        match self {
            Self::Bool(_) => TypeWord::Bool,
            Self::Int(_) => TypeWord::Int,
            Self::Float(_) => TypeWord::Float,
            Self::Time(_) => TypeWord::Time,
            Self::Comment(_) => TypeWord::Comment,
            Self::Null | Self::Text(_) | Self::Bytes(_) => TypeWord::Str,
        }
    }

    /// A word for people: `text`, `number`, … Says nothing about the value.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "integer",
            Self::Float(_) => "number",
            Self::Time(_) => "time",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Comment(_) => "comment",
        }
    }

    /// Whether both are the same value of the same type.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.with_bytes(|mine| other.with_bytes(|theirs| mine == theirs))
    }

    /// Null and the empty text are never sealed (reference 2.5, 2.6).
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) | Self::Comment(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Time(_) => false,
        }
    }

    /// Types opened bytes as their envelope says.
    pub(crate) fn typed(kind: &TypeWord, mut bytes: Zeroizing<Vec<u8>>) -> Result<Self, WrongType> {
        if *kind == TypeWord::Bytes {
            return Ok(Self::Bytes(bytes));
        }
        let text = match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Zeroizing::new(text),
            Err(fault) if *kind == TypeWord::Str => {
                return Ok(Self::Bytes(Zeroizing::new(fault.into_bytes())));
            }
            Err(_) => return Err(WrongType),
        };
        match kind {
            TypeWord::Str => Ok(Self::Text(text)),
            TypeWord::Comment => Ok(Self::Comment(text)),
            TypeWord::Int => text.parse().map(Self::Int).map_err(|_| WrongType),
            TypeWord::Float => read_float(&text).map(Self::Float).ok_or(WrongType),
            TypeWord::Bool => match text.as_str() {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Self::Bool(true)),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Self::Bool(false)),
                _ => Err(WrongType),
            },
            TypeWord::Time => Moment::rfc3339(&text).map(Self::Time).ok_or(WrongType),
            TypeWord::Bytes | TypeWord::Other(_) => Err(WrongType),
        }
    }

    /// A second copy; kept inside the crate so that copies stay countable.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Bool(value) => Self::Bool(*value),
            Self::Int(value) => Self::Int(*value),
            Self::Float(value) => Self::Float(*value),
            Self::Time(value) => Self::Time(value.clone()),
            Self::Text(value) => Self::Text(value.clone()),
            Self::Bytes(value) => Self::Bytes(value.clone()),
            Self::Comment(value) => Self::Comment(value.clone()),
        }
    }
}

/// Any usual float text; a number too large for a double is refused as Go refuses it.
pub(crate) fn read_float(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    let names_infinity = text.bytes().any(|c| c.eq_ignore_ascii_case(&b'f'));
    (number.is_finite() || number.is_nan() || names_infinity).then_some(number)
}

/// Shortest digits that round-trip, never an exponent, `+Inf`, `-Inf`, `NaN` (reference 4.1, 4.2).
fn float_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    number.to_string()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::Plain;
    use crate::envelope::TypeWord;

    fn round(kind: &TypeWord, text: &str) -> Option<String> {
        let plain = Plain::typed(kind, Zeroizing::new(text.as_bytes().to_vec())).ok()?;
        String::from_utf8(plain.bytes().to_vec()).ok()
    }

    #[test]
    fn values_are_hashed_in_their_typed_form() {
        let cases = [
            (TypeWord::Float, "1.50", "1.5"),
            (TypeWord::Float, "1e21", "1000000000000000000000"),
            (TypeWord::Float, "1e-7", "0.0000001"),
            (TypeWord::Float, "100.0", "100"),
            (TypeWord::Float, "-0.0", "-0"),
            (TypeWord::Float, "inf", "+Inf"),
            (TypeWord::Float, "-Inf", "-Inf"),
            (TypeWord::Float, "nan", "NaN"),
            (TypeWord::Int, "+007", "7"),
            (TypeWord::Bool, "t", "True"),
            (TypeWord::Bool, "0", "False"),
            (TypeWord::Str, "True", "True"),
            (TypeWord::Time, "2020-01-02T03:04:05.500+00:00", "2020-01-02T03:04:05.5Z"),
        ];
        for (kind, text, want) in cases {
            assert_eq!(round(&kind, text).as_deref(), Some(want), "{kind} {text}");
        }
    }

    #[test]
    fn text_that_does_not_fit_its_type_is_refused() {
        let cases = [
            (TypeWord::Int, "1_000"),
            (TypeWord::Int, "9223372036854775808"),
            (TypeWord::Float, "1e400"),
            (TypeWord::Float, "x"),
            (TypeWord::Bool, "yes"),
            (TypeWord::Time, "2020-01-02"),
            (TypeWord::Other("foo".to_owned()), "x"),
        ];
        for (kind, text) in cases {
            assert_eq!(round(&kind, text), None, "{kind} {text}");
        }
    }
}

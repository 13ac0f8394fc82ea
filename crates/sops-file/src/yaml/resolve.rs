//! What a YAML scalar means to the YAML library of sops (SOPS reference 10.3): YAML 1.2 with remains of 1.1.
//!
//! Never looks at where the scalar stands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::moment::Moment;
use crate::plain::{Plain, read_float};

/// The scalar cannot be what its tag says, or sops cannot hold it.
pub(crate) type Fault = &'static str;

const TOO_LARGE: Fault = "an integer beyond the signed 64-bit range";
const WRONG_TAG: Fault = "a scalar that is not what its tag says";

/// A scalar without tag in plain style.
pub(crate) fn plain(text: &str) -> Result<Plain, Fault> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Plain::Null),
        "true" | "True" | "TRUE" => return Ok(Plain::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Plain::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Ok(Plain::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Ok(Plain::Float(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Ok(Plain::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => float(text),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            if let Some(moment) = Moment::yaml(text) {
                return Ok(Plain::Time(moment));
            }
            let digits = text.replace('_', "");
            match integer(&digits)? {
                Some(number) => Some(Plain::Int(number)),
                None => float(&digits),
            }
        }
        _ => None,
    };
    Ok(number.unwrap_or_else(|| Plain::text(text)))
}

/// A scalar with the suffix of a core tag (`str`, `int`, …), any style.
pub(crate) fn tagged(tag: &str, text: &str) -> Result<Plain, Fault> {
    let wanted = |accept: fn(&Plain) -> bool| {
        plain(text).and_then(|value| if accept(&value) { Ok(value) } else { Err(WRONG_TAG) })
    };
    match tag {
        "int" => wanted(|value| matches!(value, Plain::Int(_))),
        "bool" => wanted(|value| matches!(value, Plain::Bool(_))),
        "null" => wanted(|value| matches!(value, Plain::Null)),
        "timestamp" => wanted(|value| matches!(value, Plain::Time(_))),
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a double")]
        "float" => match plain(text)? {
            Plain::Float(number) => Ok(Plain::Float(number)),
            Plain::Int(number) => Ok(Plain::Float(number as f64)),
            Plain::Null | Plain::Bool(_) | Plain::Time(_) | Plain::Text(_) | Plain::Bytes(_) | Plain::Comment(_) => {
                Err(WRONG_TAG)
            }
        },
        "binary" => {
            let packed: String = text.split_ascii_whitespace().collect();
            let bytes = STANDARD.decode(packed).map_err(|_| WRONG_TAG)?;
            Ok(match String::from_utf8(bytes) {
                Ok(text) => Plain::text(text),
                Err(fault) => Plain::Bytes(Zeroizing::new(fault.into_bytes())),
            })
        }
        _ => Ok(Plain::text(text)),
    }
}

fn integer(digits: &str) -> Result<Option<i64>, Fault> {
    let (negative, body) = match digits.as_bytes().first() {
        Some(b'-') => (true, &digits[1..]),
        Some(b'+') => (false, &digits[1..]),
        _ => (false, digits),
    };
    let (radix, body) = match body.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &body[2..]),
        [b'0', b'o' | b'O', ..] => (8, &body[2..]),
        [b'0', b'b' | b'B', ..] => (2, &body[2..]),
        [b'0', _, ..] => (8, &body[1..]),
        _ => (10, body),
    };
    if body.is_empty() || !body.chars().all(|c| c.is_digit(radix)) {
        return Ok(None);
    }
    let Ok(number) = u64::from_str_radix(body, radix) else {
        return Ok(None);
    };
    match (negative, i64::try_from(number)) {
        (false, Ok(number)) => Ok(Some(number)),
        (false, Err(_)) => Err(TOO_LARGE),
        (true, _) => Ok(0i64.checked_sub_unsigned(number)),
    }
}

fn float(text: &str) -> Option<Plain> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = body.split_once(['e', 'E']).map_or((body, None), |(m, e)| (m, Some(e)));
    let (whole, part) = mantissa.split_once('.').map_or((mantissa, None), |(w, p)| (w, Some(p)));
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let mantissa_fits =
        digits(whole) && part.is_none_or(digits) && !(whole.is_empty() && part.is_none_or(str::is_empty));
    let exponent_fits = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    if mantissa_fits && exponent_fits { read_float(text).map(Plain::Float) } else { None }
}

#[cfg(test)]
mod tests {
    use super::{plain, tagged};
    use crate::plain::Plain;

    fn show(value: Result<Plain, super::Fault>) -> String {
        match value {
            Ok(value) => format!("{} {}", value.kind_name(), String::from_utf8_lossy(&value.bytes())),
            Err(fault) => fault.to_owned(),
        }
    }

    #[test]
    fn plain_scalars_mean_what_they_mean_to_sops() {
        let cases = [
            ("hello", "text hello"),
            ("yes", "text yes"),
            ("n", "text n"),
            ("1:30", "text 1:30"),
            ("0x1F", "integer 31"),
            ("0o17", "integer 15"),
            ("0777", "integer 511"),
            ("018", "number 18"),
            ("08", "number 8"),
            ("0o8", "text 0o8"),
            ("0b101", "integer 5"),
            ("1_000", "integer 1000"),
            ("1__0", "integer 10"),
            ("+5", "integer 5"),
            ("-9223372036854775808", "integer -9223372036854775808"),
            ("1e3", "number 1000"),
            ("1.", "number 1"),
            (".5", "number 0.5"),
            (".", "text ."),
            ("..5", "text ..5"),
            ("1e400", "text 1e400"),
            ("-", "text -"),
            ("1e", "text 1e"),
            ("18446744073709551616", "number 18446744073709552000"),
            ("9223372036854775808", "an integer beyond the signed 64-bit range"),
            ("2020-01-02", "time 2020-01-02T00:00:00Z"),
            ("-.inf", "number -Inf"),
            ("~", "null "),
            ("TRUE", "boolean True"),
            ("tRUE", "text tRUE"),
        ];
        for (text, want) in cases {
            assert_eq!(show(plain(text)), want, "{text}");
        }
    }

    #[test]
    fn tags_are_obeyed_or_refused() {
        let cases = [
            ("str", "5", "text 5"),
            ("int", "5", "integer 5"),
            ("int", "x", "a scalar that is not what its tag says"),
            ("float", "5", "number 5"),
            ("binary", "aGk=", "text hi"),
            ("local", "5", "text 5"),
        ];
        for (tag, text, want) in cases {
            assert_eq!(show(tagged(tag, text)), want, "{tag} {text}");
        }
    }
}

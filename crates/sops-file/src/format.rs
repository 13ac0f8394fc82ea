//! Which of the five SOPS stores a file uses.
//!
//! Never looks into the bytes: the end of the name decides (SOPS reference 15).

use std::fmt;
use std::str::FromStr;

/// The store of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `.yaml`, `.yml`; the only store with several documents and comments in any place.
    Yaml,
    /// `.json`.
    Json,
    /// `.env`.
    Dotenv,
    /// `.ini`.
    Ini,
    /// Everything else: the whole file is one value.
    Binary,
}

impl Format {
    /// The store that `sops` would choose for a file of this name (reference 15).
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        let ends = |end: &str| path.ends_with(end);
        if ends(".yaml") || ends(".yml") {
            Self::Yaml
        } else if ends(".json") {
            Self::Json
        } else if ends(".env") {
            Self::Dotenv
        } else if ends(".ini") {
            Self::Ini
        } else {
            Self::Binary
        }
    }

    /// The word that `--input-type` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The word is none of `yaml json dotenv ini binary`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown format (help: use yaml, json, dotenv, ini or binary)")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        match word {
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "dotenv" => Ok(Self::Dotenv),
            "ini" => Ok(Self::Ini),
            "binary" => Ok(Self::Binary),
            _ => Err(UnknownFormat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn the_end_of_the_name_decides() {
        let cases = [
            ("secrets/a.yaml", Format::Yaml),
            ("a.yml", Format::Yaml),
            ("a.json", Format::Json),
            (".env", Format::Dotenv),
            ("prod.env", Format::Dotenv),
            (".env.prod", Format::Binary),
            ("a.ini", Format::Ini),
            ("a.yaml.bak", Format::Binary),
            ("key.pem", Format::Binary),
        ];
        for (path, format) in cases {
            assert_eq!(Format::of_path(path), format, "{path}");
            assert_eq!(format.name().parse(), Ok(format));
        }
    }
}

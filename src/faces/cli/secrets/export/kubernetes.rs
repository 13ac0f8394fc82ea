//! A Kubernetes manifest of kind Secret.
//!
//! Values are base64, so any bytes go through; names are checked by the rules of Kubernetes before anything is printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sops_file::{Format, Value, convert};
use zeroize::Zeroizing;

use crate::faces::cli::secrets::chosen::{Chosen, Joint, refused};
use crate::faces::exit::Report;

/// The manifest; the secret is called as asked for, else as the document.
pub(super) fn manifest(
    chosen: Chosen,
    name: Option<&str>,
    namespace: Option<&str>,
) -> Result<Zeroizing<Vec<u8>>, Report> {
    let name = match name {
        Some(name) => name.to_owned(),
        None => chosen.only_document.as_deref().and_then(name_of).unwrap_or_default(),
    };
    for (what, value) in [("the name", Some(name.as_str())), ("the namespace", namespace)] {
        if value.is_some_and(|value| !is_name(value)) {
            return Err(Report::usage(format!("{what} of the Kubernetes secret is missing, or not one"))
                .help("give one with `--name` (`--namespace`): lower-case letters, digits and `-`"));
        }
    }
    let mut data = Vec::new();
    for variable in chosen.into_list(Joint::Underscore)? {
        if !is_key(&variable.name) {
            return Err(refused(&variable.name, "is no key of a Kubernetes secret"));
        }
        data.push((variable.name, Value::text(STANDARD.encode(&*variable.value))));
    }
    let mut metadata = vec![("name".to_owned(), Value::text(name))];
    metadata.extend(namespace.map(|namespace| ("namespace".to_owned(), Value::text(namespace))));
    let text = |text: &str| Value::text(text);
    let manifest = vec![
        ("apiVersion".to_owned(), text("v1")),
        ("kind".to_owned(), text("Secret")),
        ("metadata".to_owned(), Value::Map(metadata)),
        ("type".to_owned(), text("Opaque")),
        ("data".to_owned(), Value::Map(data)),
    ];
    convert::written(&[Value::Map(manifest)], Format::Yaml).map_err(|fault| super::not_written(&fault))
}

/// `secrets/Payments_EU.enc.yaml` → `payments-eu`
fn name_of(document: &str) -> Option<String> {
    let file = document.rsplit('/').next()?;
    let stem = file.trim_start_matches('.').split('.').next()?;
    Some(stem.to_lowercase().replace('_', "-"))
}

fn is_name(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    name.len() <= 253 && name.chars().all(fits) && ends(name.chars().next()) && ends(name.chars().last())
}

fn is_key(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !key.is_empty() && key.len() <= 253 && key.chars().all(fits) && key != "." && !key.starts_with("..")
}

#[cfg(test)]
mod tests {
    use super::{is_key, is_name, name_of};

    #[test]
    fn names_are_those_of_kubernetes() {
        assert_eq!(name_of("secrets/Payments_EU.enc.yaml").as_deref(), Some("payments-eu"));
        for (name, fits) in [("a-1.b", true), ("A", false), ("-a", false), ("a-", false), ("", false)] {
            assert_eq!(is_name(name), fits, "{name}");
        }
        for (key, fits) in [("tls.crt", true), ("A_b", true), ("..a", false), ("a b", false), ("", false)] {
            assert_eq!(is_key(key), fits, "{key}");
        }
    }
}

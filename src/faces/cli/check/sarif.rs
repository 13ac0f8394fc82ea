//! Findings as SARIF 2.1.0, for code scanning: rules, places, fingerprints. No text of a file is repeated.

use std::collections::BTreeMap;

use countersign_core::policy::{Code, Severity};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::finding::{Finding, page};

/// The whole log.
pub(super) fn log(findings: &[Finding]) -> Value {
    let rules: Vec<Value> = Code::ALL.iter().map(|code| rule(*code)).collect();
    let mut seen = BTreeMap::new();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, &mut seen)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "countersign",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code,
        "name": code.title(),
        "shortDescription": {"text": code.title()},
        "fullDescription": {"text": code.about()},
        "helpUri": page(code.as_str()),
    })
}

fn result(finding: &Finding, seen: &mut BTreeMap<String, usize>) -> Value {
    let diagnostic = &finding.diagnostic;
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut place = json!({"artifactLocation": {"uri": uri(&finding.file), "uriBaseId": "%SRCROOT%"}});
    // what is about a whole file is shown at its first line
    place["region"] = match diagnostic.place {
        Some(at) => json!({"startLine": at.line, "startColumn": at.column, "endColumn": at.column + at.length}),
        None => json!({"startLine": 1}),
    };
    let text = match &diagnostic.help {
        Some(help) => format!("{}\nhelp: {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let index = Code::ALL.iter().position(|code| *code == diagnostic.code);
    json!({
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint(finding, seen)},
    })
}

/// The same for the same finding wherever in its file it moves; the same sentence twice in a file is told apart by its number.
fn fingerprint(finding: &Finding, seen: &mut BTreeMap<String, usize>) -> String {
    let diagnostic = &finding.diagnostic;
    let what = format!("{}\0{}\0{}", diagnostic.code, finding.file, diagnostic.message);
    let digest = hex::encode(&Sha256::digest(what.as_bytes())[..16]);
    let number = seen.entry(digest.clone()).and_modify(|number| *number += 1).or_insert(1);
    format!("{digest}:{number}")
}

/// A path as a relative URI.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            byte => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}

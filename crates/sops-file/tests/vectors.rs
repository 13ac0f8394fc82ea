//! Files that several real versions of sops wrote: they open here with their MAC, and print what sops prints.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read fixtures")]

use std::fs;
use std::path::{Path, PathBuf};

use sops_file::{Format, Identities, OpenError, OpenOptions, OpenedDocument, ParseError, SealedDocument, open};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn identities() -> Identities {
    let mut all = Identities::none();
    for name in ["id1.txt", "id2.txt", "idpq.txt"] {
        let text = fs::read_to_string(fixtures().join("identities").join(name)).unwrap();
        all.extend(Identities::parse(&text).unwrap());
    }
    all
}

fn read(path: &Path) -> SealedDocument {
    let bytes = fs::read(path).unwrap();
    SealedDocument::parse(&bytes, Format::of_path(path.to_str().unwrap()))
        .unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn open_at(path: &Path) -> Result<OpenedDocument, OpenError> {
    let sealed = read(path);
    open(&sealed, &identities(), OpenOptions::default())
}

/// All `enc-*` files of all cases.
fn sealed_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for case in fs::read_dir(fixtures()).unwrap() {
        let case = case.unwrap().path();
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        if !case.is_dir() || matches!(name.as_str(), "crafted" | "tamper" | "identities") {
            continue;
        }
        for file in fs::read_dir(case).unwrap() {
            let file = file.unwrap().path();
            if file.file_name().unwrap().to_str().unwrap().starts_with("enc-") {
                files.push(file);
            }
        }
    }
    files.sort();
    assert!(files.len() > 50, "only {} files", files.len());
    files
}

#[test]
fn every_file_of_every_version_opens_with_its_mac() {
    for path in sealed_files() {
        let opened = open_at(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        assert!(opened.is_verified());
    }
}

#[test]
fn crafted_files_open_or_fail_as_with_sops() {
    let dir = fixtures().join("crafted");
    let expected: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("expected.json")).unwrap()).unwrap();
    for (name, outcome) in expected.as_object().unwrap() {
        // sops crashes on this type word; here it is read (reference 4.1).
        let want = if name == "bytes.yaml" { 0 } else { outcome["3.13-fixed"]["exit"].as_i64().unwrap() };
        let code = open_at(&dir.join(name)).map_or_else(|fault| i64::from(fault.exit_code()), |_| 0);
        assert_eq!(code, want, "{name}");
    }
}

#[test]
fn tampered_files_are_refused_where_sops_refuses_them() {
    let dir = fixtures().join("tamper");
    let expected: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("expected.json")).unwrap()).unwrap();
    for (name, outcome) in expected.as_object().unwrap() {
        let want = match name.as_str() {
            // Only the sops program insists on a version and on quotes (reference 7.1); libraries do not.
            "version_removed.yaml" | "lastmodified_unquoted.yaml" => 0,
            _ => outcome["upstream_exit"].as_i64().unwrap(),
        };
        let code = open_at(&dir.join(name)).map_or_else(|fault| i64::from(fault.exit_code()), |_| 0);
        assert_eq!(code, want, "{name}");
    }
}

#[test]
fn a_plain_file_is_told_from_a_broken_one() {
    let plain = fs::read(fixtures().join("yaml_types/plain.yaml")).unwrap();
    assert_eq!(SealedDocument::parse(&plain, Format::Yaml).unwrap_err(), ParseError::NotSealed);
    let broken = SealedDocument::parse(b"a: [1\nb: 2\n", Format::Yaml).unwrap_err();
    assert!(matches!(broken, ParseError::Broken { .. }), "{broken}");
}

#[test]
fn a_stranger_gets_no_key() {
    let path = fixtures().join("yaml_types/enc-3.13.1.yaml");
    let fault = open(&read(&path), &Identities::generate(), OpenOptions::default()).err().unwrap();
    assert_eq!(fault.exit_code(), 128);
}

#[test]
fn every_comment_of_a_sops_file_opens() {
    for path in sealed_files() {
        let sealed = read(&path);
        let opened = open_at(&path).unwrap();
        assert_eq!(opened.unopened_comments(), 0, "{} {:?}", path.display(), sealed);
    }
}

#[test]
fn the_keyless_diff_reports_every_tampering() {
    let dir = fixtures().join("tamper");
    let base = read(&dir.join("base.yaml"));
    for file in fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.extension().unwrap() != "yaml" || name == "base.yaml" || name == "lastmodified_unquoted.yaml" {
            continue;
        }
        let diff = sops_file::diff::keyless(Some(&base), Some(&read(&path)));
        assert!(!diff.is_empty(), "{name}");
    }
    assert!(sops_file::diff::keyless(Some(&base), Some(&base)).is_empty());
}

#[test]
fn what_is_printed_is_what_sops_prints() {
    let mut compared = 0;
    for path in sealed_files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let want = path.with_file_name(name.replacen("enc-", "dec-", 1));
        // sops takes the indent from its configuration; here the file keeps its own.
        if path.parent().unwrap().ends_with("yaml_indent2") {
            continue;
        }
        let Ok(want) = fs::read(&want) else { continue };
        let plain = open_at(&path).unwrap().to_plain().unwrap().to_vec();
        if plain != want {
            // Readable differences for text.
            let (plain, want) = (String::from_utf8_lossy(&plain), String::from_utf8_lossy(&want));
            assert_eq!(inline_comments_above(&plain), want, "{}", path.display());
        }
        compared += 1;
    }
    assert!(compared > 40, "{compared}");
}

/// sops moves opened inline comments above their entry (reference 10.7); here they stay where they are.
fn inline_comments_above(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        match line.split_once(" # ") {
            Some((value, comment)) if !line.trim_start().starts_with('#') => {
                out.push_str(&format!("{}# {comment}\n{value}\n", &line[..indent]));
            }
            _ => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

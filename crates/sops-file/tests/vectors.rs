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
        if !case.is_dir() || matches!(name.as_str(), "crafted" | "tamper" | "merge" | "identities") {
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
fn the_keyless_diff_says_how_each_file_was_tampered_with() {
    let told: &[(&str, &[&str])] = &[
        ("add_empty_null_map_keys", &["added", "mac: not renewed, though keys changed"]),
        ("copy_value_between_keys", &["s changed"]),
        ("delete_key", &["removed"]),
        ("inject_comment", &["comments at the top level"]),
        ("lastmodified_changed", &["lastmodified"]),
        ("lastmodified_unquoted", &["spelling of lastmodified"]),
        ("lastmodified_zero_offset", &["lastmodified"]),
        ("mac_empty", &["mac: missing"]),
        ("mac_removed", &["mac: missing"]),
        ("recipient_injected", &["recipient age1f9xcrgtw0lwqlnvsgelwgte6krfmusjagnuuglyhj3m5mvx69c7qnltxsq"]),
        ("rename_encrypted_key", &["renamed"]),
        ("rename_unencrypted_key", &["renamed"]),
        ("rewrite_selection_rule", &["setting unencrypted_suffix", "setting unencrypted_regex"]),
        ("swap_key_order", &["moved"]),
        ("type_str_to_comment", &["s type_changed"]),
        ("version_changed", &["version"]),
        ("version_removed", &["version"]),
    ];
    let dir = fixtures().join("tamper");
    let base = read(&dir.join("base.yaml"));
    assert!(sops_file::diff::keyless(Some(&base), Some(&base)).is_empty());
    let files = fs::read_dir(&dir)
        .unwrap()
        .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "yaml"));
    assert_eq!(files.count(), told.len() + 1);
    for (name, wanted) in told {
        let diff = sops_file::diff::keyless(Some(&base), Some(&read(&dir.join(format!("{name}.yaml")))));
        let mut lines: Vec<String> = Vec::new();
        lines.extend(diff.keys.iter().map(|key| {
            let kind = serde_json::to_value(key.change).unwrap();
            format!("{} {}", key.key, kind.as_str().unwrap())
        }));
        lines.extend(diff.recipients.added.iter().map(|recipient| format!("recipient {recipient}")));
        lines.extend(diff.settings.iter().map(|setting| format!("setting {}", setting.name)));
        lines.extend(
            diff.other.iter().map(|other| format!("{}: {}", other.what, other.new.as_deref().unwrap_or("none"))),
        );
        for part in *wanted {
            assert!(lines.iter().any(|line| line.contains(part)), "{name}: {part} is not in {lines:?}");
        }
    }
}

/// Files as other tools write them, made here: opened, changed in three lines, and the rest as it was.
#[test]
fn files_of_other_tools_open_and_keep_their_shape() {
    let recipient = identities().recipients().next().unwrap().to_owned();
    let now = "2026-11-25T12:00:00Z".parse().unwrap();
    let sealed = |plain: &str, selection: Option<(&str, &str)>| {
        let selection = selection.map(|(setting, text)| sops_file::Selection::parse(setting, text).unwrap());
        let options = sops_file::SealOptions { selection, ..sops_file::SealOptions::to([&recipient]) };
        String::from_utf8(sops_file::seal(plain.as_bytes(), Format::Yaml, &options, now).unwrap()).unwrap()
    };
    let flux = sealed(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  namespace: flux-system\ntype: Opaque\nstringData:\n  token: hidden\n",
        Some(("encrypted_regex", "^(data|stringData)$")),
    );
    let plain = "m:\n  b: x\na: hidden\nlist:\n- 1\n- two\n";
    let empty_lists = "sops:\n  kms: []\n  gcp_kms: []\n  azure_kv: []\n  hc_vault: []\n  pgp: []\n  age:\n";
    let cases = [
        // Flux: a Kubernetes secret with readable names
        (flux, "stringData.token"),
        // rops: no version, the time without quotes, no empty lists
        (
            sealed(plain, None)
                .replace("lastmodified: \"2026-11-25T12:00:00Z\"", "lastmodified: 2026-11-25T12:00:00Z")
                .replace("  version: 3.13.3\n", ""),
            "a",
        ),
        // sops 3.7 to 3.9, as sops-nix and helm-secrets have them: empty lists for every kind of key
        (sealed(plain, None).replace("sops:\n  age:\n", empty_lists), "a"),
        // fields of a later version, in odd spelling
        (sealed(plain, None).replace("  version:", "  later:   {odd: [1,2 ]}  # kept\n  version:"), "list[1]"),
        // a byte order mark, Windows line breaks
        (format!("\u{feff}{}", sealed(plain, None)), "a"),
        (sealed(&plain.replace('\n', "\r\n"), None), "list[1]"),
    ];
    for (text, key) in cases {
        let document = SealedDocument::parse(text.as_bytes(), Format::Yaml).unwrap();
        let mut opened =
            open(&document, &identities(), OpenOptions::default()).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        assert!(opened.set(&key.parse().unwrap(), &sops_file::Value::text("other")).unwrap());
        let new = String::from_utf8(opened.reseal("2026-12-01T00:00:00Z".parse().unwrap()).unwrap()).unwrap();
        let changed: Vec<_> = text.lines().zip(new.lines()).filter(|(old, new)| old != new).collect();
        assert_eq!((changed.len(), text.lines().count()), (3, new.lines().count()), "{new}");
    }
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

#[test]
fn no_file_differs_from_itself() {
    for path in sealed_files() {
        let sealed = read(&path);
        assert!(sops_file::diff::keyless(Some(&sealed), Some(&sealed)).is_empty(), "{}", path.display());
    }
}

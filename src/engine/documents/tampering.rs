//! Every way of tampering with a sealed file that the SOPS reference lists (22), from the file to the comment its approver reads.

use std::fs;
use std::path::PathBuf;

use countersign_core::domain::RepoPath;

use super::{Demand, facts, read};
use crate::engine::states::{PATH, Story};

fn vector(name: &str) -> String {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crates/sops-file/tests/fixtures/tamper");
    fs::read_to_string(dir.join(format!("{name}.yaml"))).unwrap()
}

/// The sticky comment for a change from one text to the other.
fn comment(old: &str, new: &str) -> String {
    let path = RepoPath::new(PATH);
    let sides = (read(&path, old.as_bytes()), read(&path, new.as_bytes()));
    let document = facts(&sides.0, &sides.1, &Demand::Nothing);
    let shown = Story::new().document(|known| *known = document).comment();
    let tokens = [old, new].into_iter().flat_map(|text| text.split("data:").skip(1));
    for token in tokens.filter_map(|rest| rest.split(',').next()).filter(|token| token.len() > 8) {
        assert!(!shown.contains(token), "a token is shown: {shown}");
    }
    assert!(!shown.contains("ENC["), "{shown}");
    shown
}

#[track_caller]
fn shows(name: &str, old: &str, new: &str, parts: &[&str]) {
    assert_ne!(old, new, "{name} changes something");
    let shown = comment(old, new);
    for part in parts {
        assert!(shown.contains(part), "{name}: no `{part}` in\n{shown}");
    }
}

/// The 17 vectors, each by what its approver reads.
const VECTORS: &[(&str, &[&str])] = &[
    ("add_empty_null_map_keys", &["| added |", "| mac | present → not renewed, though keys changed |"]),
    ("copy_value_between_keys", &["| `s` | type changed |", "not renewed, though keys changed"]),
    ("delete_key", &["| `s` | **removed** |", "not renewed, though keys changed"]),
    ("inject_comment", &["| comments at the top level | "]),
    ("lastmodified_changed", &["| lastmodified | 2026-11-23T07:05:41Z → 2020-01-01T00:00:00Z |"]),
    ("lastmodified_unquoted", &["| spelling of lastmodified | in quotes → without quotes |"]),
    ("lastmodified_zero_offset", &["| lastmodified | 2026-11-23T07:05:41Z → 2026-11-23T07:05:41+00:00 |"]),
    ("mac_empty", &["`mac-missing`", "| mac | present → missing |"]),
    ("mac_removed", &["`mac-missing`", "| mac | present → missing |"]),
    (
        "recipient_injected",
        &[
            "| reader `age1f9xcrgtw0lwqlnvsgelwgte6krfmusjagnuuglyhj3m5mvx69c7qnltxsq` | **added** |",
            "2 readers, **changed**",
            "`recipients-differ`",
        ],
    ),
    ("rename_encrypted_key", &["| `s2` | renamed |"]),
    ("rename_unencrypted_key", &["| `renamed_unencrypted` | renamed |"]),
    (
        "rewrite_selection_rule",
        &["| setting `unencrypted_suffix` | **\\_unencrypted → not set** |", "| setting `unencrypted_regex` | **now "],
    ),
    ("swap_key_order", &["| moved |"]),
    ("type_str_to_comment", &["| `s` | type changed |"]),
    ("version_changed", &["| version | 3.13.2 → 3.9.0 |"]),
    ("version_removed", &["| version | 3.13.2 → not set |"]),
];

#[test]
fn every_vector_of_tampering_is_shown_to_the_approver() {
    let base = vector("base");
    for (name, parts) in VECTORS {
        shows(name, &base, &vector(name), parts);
    }
}

#[test]
fn the_other_kinds_of_the_reference_are_shown_too() {
    let base = vector("base");
    let line = |text: &str, start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let neighbours = base.replace("x_unencrypted: ab\ny_unencrypted: c", "x_unencrypted: a\ny_unencrypted: bc");
    shows(
        "text moved between neighbours",
        &base,
        &neighbours,
        &["| `x_unencrypted` | changed |", "| `y_unencrypted` | changed |"],
    );
    let s = line(&base, "s: ");
    let typed = base.replace(&s, &s.replace("type:str", "type:int"));
    shows("a text that is a number now", &base, &typed, &["| `s` | type changed |"]);
    let first = line(&base, "    - ENC");
    let nested = base.replace(&first, &first.replace("    - ENC", "    - - ENC"));
    shows("another nesting of lists", &base, &nested, &["`l[0]"]);
    let newer = base.replace("2026-11-23T07:05:41Z", "2027-01-01T00:00:00Z").replace(&s, &s.replace("Dg==", "Dw=="));
    shows(
        "an older version put back",
        &newer,
        &base,
        &["| `s` | changed |", "| lastmodified | 2027-01-01T00:00:00Z → 2026"],
    );
    let commented = vector("inject_comment");
    shows("a comment taken away", &commented, &base, &["| comments at the top level | "]);
    let threshold = base.replace("    unencrypted_suffix", "    shamir_threshold: 2\n    unencrypted_suffix");
    shows("another Shamir threshold", &base, &threshold, &["| shamir\\_threshold | now 2 |"]);
    let covers = base.replace("    unencrypted_suffix", "    mac_only_encrypted: true\n    unencrypted_suffix");
    shows("a MAC that covers less", &base, &covers, &["| setting `mac_only_encrypted` | **false → true** |"]);
    let plain = base.replace(&s, "s: in the clear");
    shows("a value in the clear", &base, &plain, &["| `s` | **became plain** |", "`exposed-key`"]);
    let stanza = base.replace("YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0", "YWdlLWVuY3J5cHRpb24ub3JnL3YxCj0");
    shows("another sealed data key", &base, &stanza, &["| sealed data key of age1jay"]);
    let remark = base.replace("sops:\n", "sops:\n    # trust me\n");
    shows("a comment among the metadata", &base, &remark, &["comments in the metadata"]);
}

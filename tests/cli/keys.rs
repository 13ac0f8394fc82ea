//! `keygen`, `config`, `completions`, and what holds for all verbs: help, usage, errors as JSON.

use crate::bench::Bench;

const FINGERPRINT: usize = "sha256:".len() + 64;

fn fingerprint(text: &str) -> String {
    let start = text.find("sha256:").expect("a fingerprint");
    text[start..start + FINGERPRINT].to_owned()
}

#[test]
fn keygen_writes_a_key_that_only_its_owner_reads_and_names_it() {
    let bench = Bench::new();
    let told = bench.run(&["keygen", "-o", "key.pem"]).ends(0);
    let pem = bench.read("key.pem");
    let key = countersign_core::ledger::SigningKey::from_pem(&pem).expect("a key");
    assert_eq!(fingerprint(&told), key.fingerprint().to_string());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(bench.path("key.pem")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(!told.contains("PRIVATE"), "{told}");
}

#[test]
fn keygen_never_overwrites_a_key() {
    let bench = Bench::new();
    bench.write("key.pem", "precious");
    let told = bench.run(&["keygen", "-o", "key.pem"]).ends(1);
    assert!(told.starts_with("error: `key.pem` is there already"), "{told}");
    assert!(told.contains("help: "), "{told}");
    assert_eq!(bench.read("key.pem"), "precious");
}

#[test]
fn keygen_without_a_file_prints_the_key_alone_on_standard_output() {
    let bench = Bench::new();
    let ran = bench.run(&["keygen"]);
    let key = countersign_core::ledger::SigningKey::from_pem(&ran.out).expect("a key");
    assert_eq!(ran.err, format!("fingerprint {}\n", key.fingerprint()));
    assert!(ran.out.starts_with("-----BEGIN PRIVATE KEY-----\n"));
}

#[test]
fn keygen_for_machines_names_file_and_fingerprint_and_prints_no_key() {
    let bench = Bench::new();
    let ran = bench.run(&["keygen", "--json", "-o", "key.pem"]);
    let json = ran.json();
    assert_eq!(json["file"], "key.pem");
    assert_eq!(json["fingerprint"].as_str().map(str::len), Some(FINGERPRINT));
    assert!(!ran.out.contains("PRIVATE"));
    bench.run(&["keygen", "--json"]).ends(2);
}

#[test]
fn config_prints_every_setting_with_its_origin_and_masks_secrets() {
    let mut bench = Bench::new();
    bench.set("COUNTERSIGN_WEBHOOK_SECRET", "canary-webhook");
    bench.set("COUNTERSIGN_QUIET", "30s");
    bench.write("countersign.toml", "listen = \"127.0.0.1:1\"\n");
    let text = bench.run(&["config", "--config", "countersign.toml"]).fine();
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(line("listen").ends_with("file countersign.toml"), "{text}");
    assert!(line("quiet").ends_with("environment COUNTERSIGN_QUIET"), "{text}");
    assert!(line("webhook_secret").contains("********"), "{text}");
    assert!(line("reconcile_interval").ends_with("default"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    let json = bench.run(&["config", "--json"]).json();
    let row = json["settings"].as_array().and_then(|rows| rows.iter().find(|row| row["name"] == "quiet")).cloned();
    assert_eq!(row.expect("a row")["origin"], "environment COUNTERSIGN_QUIET");
}

#[test]
fn serve_without_settings_names_everything_that_is_missing_at_once() {
    let bench = Bench::new();
    let told = bench.run(&["serve"]).ends(2);
    for name in
        ["COUNTERSIGN_APP_ID", "COUNTERSIGN_PRIVATE_KEY", "COUNTERSIGN_WEBHOOK_SECRET", "COUNTERSIGN_SIGNING_KEY"]
    {
        assert!(told.contains(name), "{name}: {told}");
    }
    let json: serde_json::Value = serde_json::from_str(&bench.run(&["serve", "--json"]).ends(2)).expect("JSON");
    assert!(json["errors"].as_array().is_some_and(|errors| errors.len() >= 4), "{json}");
}

#[test]
fn adopt_wants_a_repository_and_a_full_commit() {
    let bench = Bench::new();
    let told = bench.run(&["adopt", "--repo", "acme", &"a".repeat(40)]).ends(2);
    assert!(told.contains("`acme` is not"), "{told}");
    let told = bench.run(&["adopt", "--repo", "acme/app", "c0ffee1"]).ends(2);
    assert!(told.contains("git rev-parse origin/main"), "{told}");
}

#[test]
fn completions_name_the_verbs() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = bench.run(&["completions", shell]).fine();
        assert!(script.contains("keygen") && script.contains("verify"), "{shell}");
    }
    bench.run(&["completions", "tcsh"]).ends(2);
    let script = bench.run(&["completions", "zsh"]).fine();
    for verb in ["edit", "run", "export", "rotate", "updatekeys", "recipients"] {
        assert!(script.contains(&format!("'{verb}:")), "{verb}");
    }
}

#[test]
fn verbs_of_later_releases_are_unknown() {
    let bench = Bench::new();
    let help = bench.run(&["--help"]).fine();
    assert!(!help.contains("  access "), "{help}");
    bench.run(&["access"]).ends(2);
    let told = bench.run(&["verfy"]).ends(2);
    assert!(told.contains("'verify'"), "{told}");
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let bench = Bench::new();
    let told = bench.run(&["get", "--json", "nothing.yaml", "a"]).ends(100);
    let json: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(json["exit"], 100);
    assert_eq!(json["errors"][0]["what"], "there is no file `nothing.yaml`");
    let told = bench.run(&["--json", "nonsense"]).ends(2);
    assert!(serde_json::from_str::<serde_json::Value>(&told).is_ok(), "{told}");
}

#[test]
fn no_colour_reaches_a_pipe() {
    let bench = Bench::new();
    bench.sealed("a.yaml", crate::bench::DOCUMENT);
    for run in [
        bench.run(&["list", "a.yaml"]),
        bench.run(&["get", "a.yaml", "nope"]),
        bench.run(&["diff", "a.yaml", "a.yaml"]),
    ] {
        assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "{}{}", run.out, run.err);
    }
}

#[test]
fn every_command_has_a_page_with_an_example_and_its_exit_codes() {
    let bench = Bench::new();
    let json = bench.run(&["man", "pages", "--json"]).json();
    let pages: Vec<&str> = json["pages"].as_array().expect("pages").iter().filter_map(|name| name.as_str()).collect();
    assert!(pages.len() > 35 && pages.contains(&"countersign-ledger-show.1"), "{pages:?}");
    for name in &pages {
        let page = bench.read(&format!("pages/{name}"));
        assert!(page.contains(".SH NAME"), "{name}: {page}");
        let words: Vec<&str> = name.trim_end_matches(".1").split('-').skip(1).collect();
        // a group of commands has neither; its commands have
        if !["countersign.1", "countersign-ledger.1", "countersign-policy.1"].contains(name) {
            assert!(page.contains("Exit codes: 0 fine") && page.contains("Example:"), "{name}: {page}");
        }
        // `revoke-value` has its hyphen in its name
        let words = if words == ["revoke", "value"] { vec!["revoke-value"] } else { words };
        let help = bench.run(&[words.as_slice(), &["--help"]].concat()).fine();
        assert!(words.is_empty() || page.contains(words[words.len() - 1]), "{name}");
        assert!(help.contains("Usage: "), "{name}: {help}");
    }
    assert!(bench.run(&["man"]).fine().contains("Exit codes: 0 fine"));
}

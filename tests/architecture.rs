//! Who may import whom, as data. A crossing import fails here; the table is never loosened, the code is moved.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module of the pure core → modules it may name.
const CORE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("policy", &["domain"]),
    ("workflow", &["policy"]),
    ("event", &["domain"]),
    ("delivery", &["domain", "event"]),
    ("facts", &["domain", "policy", "event"]),
    ("decision", &["domain", "policy", "facts"]),
    ("guard", &["domain", "facts"]),
    ("sync", &["domain", "policy", "facts", "decision"]),
    ("ledger", &["domain", "policy", "facts", "decision"]),
    ("putback", &["domain", "policy", "facts", "ledger"]),
    ("notify", &["domain", "policy", "facts", "decision", "ledger"]),
    ("effect", &["domain", "policy", "facts", "decision", "guard", "sync", "ledger", "putback"]),
];

/// Crates that do input or output, or keep time: none of them in a pure crate's manifest.
const SHELL_CRATES: &[&str] = &[
    "tokio",
    "octocrab",
    "git2",
    "sqlx",
    "axum",
    "reqwest",
    "hyper",
    "tracing-subscriber",
    "clap",
    "rand",
    "uuid",
    "tempfile",
    "github-sim",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(below) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text without comments and without what only tests compile.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
    let text = text.split("#[cfg(test)]\n#[expect").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Modules named after `prefix::`, also inside a group `prefix::{a::…, b}`.
fn named(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => names.push(std::mem::take(&mut name)),
                    c if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            names.push(name);
        } else {
            names.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
        .iter()
        .map(|name| name.trim().split("::").next().unwrap_or_default().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// First folder or file stem below `base`.
fn module(base: &Path, path: &Path) -> String {
    let below = path.strip_prefix(base).unwrap_or(path);
    let first = below.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
    first.unwrap_or_default().trim_end_matches(".rs").to_owned()
}

#[test]
fn the_pure_core_imports_only_downwards() {
    let base = root().join("crates/core/src");
    let table: BTreeMap<&str, &[&str]> = CORE.iter().copied().collect();
    let mut faults = Vec::new();
    for path in sources(&base) {
        let own = module(&base, &path);
        if own == "lib" {
            continue;
        }
        let Some(allowed) = table.get(own.as_str()) else {
            faults.push(format!("`{own}` is not in the table"));
            continue;
        };
        let text = code(&path);
        for name in named(&text, "crate::") {
            if name != own && table.contains_key(name.as_str()) && !allowed.contains(&name.as_str()) {
                faults.push(format!("{}: `{own}` names `{name}`", path.display()));
            }
        }
        if text.contains("super::super") {
            faults.push(format!("{}: `super::super` hides where it points", path.display()));
        }
        if text.contains("async fn") || text.contains(".await") {
            faults.push(format!("{}: nothing waits in the core", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_manifests_of_the_pure_crates_hold_no_shell_crate() {
    for name in ["core", "sops-file"] {
        let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).expect("a manifest");
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for banned in SHELL_CRATES {
            let found = dependencies.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(banned));
            assert!(!found, "crates/{name} must not depend on `{banned}`");
        }
    }
}

#[test]
fn adapters_know_neither_each_other_nor_the_faces_and_only_wire_names_them() {
    let base = root().join("src");
    let mut faults = Vec::new();
    for path in sources(&base) {
        let text = code(&path);
        let part = module(&base, &path);
        let own = module(&base.join(&part), &path);
        let mut refuse = |prefix: &str, fine: &dyn Fn(&str) -> bool| {
            for name in named(&text, prefix) {
                if !fine(&name) {
                    faults.push(format!("{}: names `{prefix}{name}`", path.display()));
                }
            }
        };
        match part.as_str() {
            "engine" => refuse("crate::", &|name| name == "engine"),
            "adapters" => {
                refuse("crate::", &|name| name == "engine" || name == "adapters");
                refuse("crate::engine::", &|name| name == "ports");
                refuse("crate::adapters::", &|name| name == own);
            }
            "faces" if own == "wire" => refuse("crate::", &|name| matches!(name, "engine" | "adapters" | "faces")),
            "faces" => refuse("crate::", &|name| matches!(name, "engine" | "faces")),
            _ => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let mut bases = vec![root().join("src"), root().join("tests"), root().join("benches")];
    bases.extend(["core", "sops-file", "github-sim"].map(|name| root().join("crates").join(name)));
    let silent: Vec<_> = bases
        .iter()
        .flat_map(|base| sources(base))
        .filter(|path| !path.components().any(|part| part.as_os_str() == "target" || part.as_os_str() == "fixtures"))
        .filter(|path| !fs::read_to_string(path).unwrap_or_default().starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of: {silent:?}");
}

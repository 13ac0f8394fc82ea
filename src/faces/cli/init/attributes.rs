//! `.gitattributes`: which files git compares and merges through us.
//!
//! Adds lines and changes none.

use std::fs;
use std::path::Path;

use super::{State, Step};
use crate::faces::exit::Report;

const ATTRIBUTES: &str = "diff=countersign merge=countersign";

/// A pattern of the policy as git reads it: from the root, and everything below a directory.
pub(super) fn patterns(glob: &str) -> Vec<String> {
    match glob.strip_suffix('/') {
        Some(directory) => vec![format!("/{directory}/**")],
        None if glob.ends_with("**") => vec![format!("/{glob}")],
        None => vec![format!("/{glob}"), format!("/{glob}/**")],
    }
}

/// A pattern as it stands in the file.
fn spelled(pattern: &str) -> String {
    if pattern.contains([' ', '\t', '"', '\\']) {
        let escaped = pattern.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{escaped}\"");
    }
    pattern.to_owned()
}

/// Adds what is missing.
pub(super) fn write(root: &Path, patterns: &[String]) -> Result<Step, Report> {
    let path = root.join(".gitattributes");
    let failed = |error: std::io::Error| Report::failed("`.gitattributes` cannot be written", &error);
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let wanted = patterns.iter().map(|pattern| format!("{} {ATTRIBUTES}", spelled(pattern)));
    let missing: Vec<String> = wanted.filter(|line| !before.lines().any(|known| known.trim() == line)).collect();
    let what = ".gitattributes".to_owned();
    if missing.is_empty() {
        return Ok(Step { what, state: State::Kept, note: None });
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    fs::write(&path, format!("{before}{gap}{}\n", missing.join("\n"))).map_err(failed)?;
    let note = "commit it for everybody: it is a control path, so it is approved like the policy itself".to_owned();
    Ok(Step { what, state: State::Done, note: Some(note) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_begin_at_the_root_and_cover_directories() {
        let cases = [
            ("secrets/production/", vec!["/secrets/production/**"]),
            ("secrets/**", vec!["/secrets/**"]),
            ("config/app.yaml", vec!["/config/app.yaml", "/config/app.yaml/**"]),
            ("*.yaml", vec!["/*.yaml", "/*.yaml/**"]),
        ];
        for (glob, wanted) in cases {
            assert_eq!(patterns(glob), wanted, "{glob}");
        }
        assert_eq!(spelled("/my secrets/**"), "\"/my secrets/**\"");
    }
}

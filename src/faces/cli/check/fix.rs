//! `--fix`: a field that is nearly spelt like the one that was meant is spelt like it. Nothing else is changed: whatever could mean
//! two things is left to a person.

use std::path::Path;

use countersign_core::policy::{self, Diagnostic};

use crate::faces::exit::Report;

/// How deep misspelt fields are followed; a policy is not deeper.
const DEPTH: usize = 16;

/// The text with what is certain put right, and how much that was. Only an invalid text is touched. What stands below a misspelt
/// field is read once that is put right: it is looked at again until nothing more is certain.
pub(super) fn fixed(text: &str) -> (String, usize) {
    let (mut text, mut done) = (text.to_owned(), 0);
    for _ in 0..DEPTH {
        let (next, more) = once(&text);
        if more == 0 {
            break;
        }
        (text, done) = (next, done + more);
    }
    (text, done)
}

fn once(text: &str) -> (String, usize) {
    let Err(findings) = policy::parse(text) else { return (text.to_owned(), 0) };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let mut done = 0;
    // from the end, so that places before stay where they are
    for finding in findings.iter().rev() {
        done += usize::from(apply(&mut lines, finding));
    }
    (lines.concat(), done)
}

fn apply(lines: &mut [String], finding: &Diagnostic) -> bool {
    let (Some(with), Some(place)) = (&finding.fix, finding.place) else { return false };
    let Some(line) = place.line.checked_sub(1).and_then(|at| lines.get_mut(at)) else { return false };
    // a carriage return alone or a byte order mark moves places: such a line is left
    if line.trim_end_matches(['\r', '\n']).contains('\r') || line.contains('\u{feff}') {
        return false;
    }
    let chars: Vec<char> = line.chars().collect();
    let (start, end) = (place.column - 1, place.column - 1 + place.length);
    let Some(typed) = chars.get(start..end).map(|part| part.iter().collect::<String>()) else { return false };
    // a field in quotes stays as it is
    if !typed.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        return false;
    }
    if typed == *with {
        return false;
    }
    *line = chars[..start].iter().collect::<String>() + with + &chars[end..].iter().collect::<String>();
    true
}

/// Writes the policy file beside itself and puts it in its place.
pub(super) fn store(path: &Path, text: &str) -> Result<(), Report> {
    let failed =
        |error: &dyn std::error::Error| Report::failed(format!("`{}` cannot be written", path.display()), error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(|error| failed(&error))?;
    let permissions = std::fs::metadata(path).map_err(|error| failed(&error))?.permissions();
    std::fs::set_permissions(file.path(), permissions).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_put_right_and_nothing_else() {
        let text = "version: 1\nenvironment:\n  production: {path: [secrets/]}\npolicies:\n  - {name: a, environments: [production], approvers: {user: [ann, bob]}, colour: red}\n";
        let (fixed, done) = fixed(text);
        assert_eq!(done, 3, "{fixed}");
        assert!(
            fixed.contains("\nenvironments:\n") && fixed.contains("{paths: [") && fixed.contains("{users: ["),
            "{fixed}"
        );
        assert!(fixed.contains("colour: red"), "{fixed}");
        assert_eq!(super::fixed(&fixed).1, 0);
    }
}

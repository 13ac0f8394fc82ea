//! From the text of a pattern to its parts.
//!
//! Refuses what other dialects read differently (braces, negation, backslashes, classes), instead of guessing.

use super::{Atom, GlobFault, Part};

/// Longest pattern, in characters.
const MAX_LENGTH: usize = 500;

pub(super) fn check_text(text: &str) -> Result<(), GlobFault> {
    let fault = |what, help| Err(GlobFault { what, help });
    if text.is_empty() || text == "/" {
        return fault("is empty", "write `**` for the whole repository");
    }
    if text.chars().count() > MAX_LENGTH {
        return fault("is longer than 500 characters", "shorten it, or split it in two");
    }
    if text.starts_with('/') {
        return fault("starts with `/`", "patterns start at the root anyway: leave the first `/` out");
    }
    if text.starts_with('!') {
        return fault("starts with `!`", "patterns only add, they never take away: name what you mean");
    }
    if text.contains('\\') {
        return fault("holds a backslash", "use `/` between components, and `[*]` for a literal `*`");
    }
    if text.contains(['{', '}']) {
        return fault("holds a brace", "write one pattern for each alternative");
    }
    if text.chars().any(char::is_control) {
        return fault("holds a control character", "leave it out: no governed path may hold one");
    }
    Ok(())
}

pub(super) fn component(component: &str) -> Result<Part, GlobFault> {
    let fault = |what, help| Err(GlobFault { what, help });
    match component {
        "**" => return Ok(Part::AnyDepth),
        "" => return fault("has an empty component", "write one `/` between components"),
        "." | ".." => return fault("has a `.` or `..` component", "write the path from the root of the repository"),
        _ => {}
    }
    if component.contains("**") {
        return fault("has `**` beside other characters", "`**` must be a component of its own: `a/**/b`");
    }
    if component.ends_with([' ', '.']) {
        return fault("has a component ending in a space or a dot", "leave it out: no governed path may have one");
    }
    let mut atoms = Vec::new();
    let mut rest = component.chars();
    while let Some(c) = rest.next() {
        atoms.push(match c {
            '?' => Atom::One,
            '*' => Atom::Many,
            '[' => set(&mut rest)?,
            ']' => return fault("has a `]` without `[`", "write `[]]` for a literal `]`"),
            c => Atom::Char(c),
        });
    }
    Ok(Part::Name(atoms))
}

/// Reads a set after its `[`.
fn set(rest: &mut std::str::Chars<'_>) -> Result<Atom, GlobFault> {
    let fault = |what, help| Err(GlobFault { what, help });
    let open = GlobFault { what: "has a `[` without `]`", help: "close the set, or write `[[]` for a literal `[`" };
    let (body, negated) = match rest.as_str().strip_prefix('!') {
        Some(body) => (body, true),
        None => (rest.as_str(), false),
    };
    if body.starts_with('^') && !negated {
        return fault("negates a set with `^`", "write `[!…]`");
    }
    let first = body.chars().next().ok_or(open)?;
    let end = body[first.len_utf8()..].find(']').ok_or(open)? + first.len_utf8();
    let members: Vec<char> = body[..end].chars().collect();
    *rest = body[end + 1..].chars();
    if members.contains(&'[') && members.len() > 1 {
        return fault(
            "has a `[` inside a set",
            "classes such as `[:alpha:]` are not known: write the range, as `[a-z]`",
        );
    }
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < members.len() {
        let low = members[at];
        if at + 2 < members.len() && members[at + 1] == '-' {
            let high = members[at + 2];
            if high < low {
                return fault("has a range that runs backwards", "write the smaller character first, as `[a-z]`");
            }
            ranges.push((low, high));
            at += 3;
        } else {
            ranges.push((low, low));
            at += 1;
        }
    }
    Ok(Atom::Set { negated, ranges, both_cases: false })
}

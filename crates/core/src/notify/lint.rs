//! Looks at templates of others before they are used: syntax, unknown names, too much work.

use super::notice::Notice;
use super::render::{NAMES, environment, facts, render, told};
use crate::domain::Occasion;
use crate::notify::Missing;

use minijinja::{Value, context};

/// Something wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// Line, from 1; 0: the file as a whole.
    pub line: usize,
    /// A lower-case sentence.
    pub message: String,
    /// The next action.
    pub help: String,
}

/// Everything wrong with a template of this name (`mail.txt`). `example`: a notice it is tried with, as each event and with
/// everything there is to tell.
#[must_use]
pub fn lint(name: &str, source: &str, example: &Notice) -> Vec<TemplateFault> {
    let fault = |line: usize, message: String, help: &str| TemplateFault { line, message, help: help.to_owned() };
    if !NAMES.contains(&name) {
        let help = format!("the templates are {}", NAMES.map(|name| format!("`{name}`")).join(", "));
        return vec![fault(0, format!("`{name}` takes the place of no template"), &help)];
    }
    let jinja = environment();
    let template = match jinja.template_from_named_str(name, source) {
        Ok(template) => template,
        Err(broken) => {
            let line = broken.line().unwrap_or(0);
            return vec![fault(line, format!("the template cannot be read: {}", told(&broken)), "correct its syntax")];
        }
    };
    let full = context! { headline => "headline", next => "next", ..facts(&filled(example)) };
    let mut known: Vec<String> = full.try_iter().into_iter().flatten().map(|name| name.to_string()).collect();
    if matches!(name, "headline.txt" | "next.txt") {
        known.retain(|name| !matches!(name.as_str(), "headline" | "next"));
    }
    known.sort();
    let mut unknown: Vec<String> =
        template.undeclared_variables(false).into_iter().filter(|name| !known.contains(name)).collect();
    unknown.sort();
    if !unknown.is_empty() {
        let help = format!("it sees {}", known.join(", "));
        let message = |name: &str| format!("there is no `{name}`");
        return unknown.iter().map(|name| fault(line_of(source, name), message(name), &help)).collect();
    }
    let tried = Occasion::ALL.iter().flat_map(|occasion| {
        let with = |notice: Notice| -> Value {
            context! { headline => "headline", next => "next", ..facts(&Notice { occasion: *occasion, ..notice }) }
        };
        [with(filled(example)), with(bare(example))]
    });
    for page in tried {
        if let Err(broken) = render(name, source, &page) {
            let help = "a fact may be absent: ask for it with `{% if … %}` first, and keep the work small";
            return vec![fault(broken.line().unwrap_or(0), told(&broken), help)];
        }
    }
    Vec::new()
}

/// Line of the first place where a name stands as a word.
fn line_of(source: &str, name: &str) -> usize {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let found = source.match_indices(name).find(|(at, _)| {
        let before = source[..*at].chars().next_back();
        let after = source[at + name.len()..].chars().next();
        !before.is_some_and(inside) && !after.is_some_and(inside)
    });
    found.map_or(0, |(at, _)| source[..at].matches('\n').count() + 1)
}

/// With everything there is to tell.
fn filled(example: &Notice) -> Notice {
    let missing = Missing { count: 1, of: "acme/security".to_owned() };
    Notice {
        control: true,
        actor: Some("rita".to_owned()),
        missing: vec![missing],
        approved_by: vec!["ann".to_owned()],
        reason: Some("quorum-missing".to_owned()),
        detail: Some("approvals are missing".to_owned()),
        ..example.clone()
    }
}

/// With nothing but what happened.
fn bare(example: &Notice) -> Notice {
    Notice::new(example.occasion, "1", example.at, (&example.repository, &example.url))
}

//! The words of a letter, from `templates/notify/`: compiled in, or as an operator or a repository has them.
//!
//! A template is data that others may have written: it sees the facts of one notice and nothing else, works within a budget, and
//! every value it prints is escaped for its channel. One that fails is left out, and the built-in one takes its place.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment as Jinja, Error, ErrorKind, Output, State, UndefinedBehavior, Value, context};

use super::escape;
use super::letter::MailText;
use super::notice::Notice;

/// Work one template may do.
const FUEL: u64 = 50_000;
/// Longest text of one template, in bytes.
const LONGEST: usize = 40_000;

/// The templates there are: their names and our own texts.
pub(super) const OURS: [(&str, &str); 8] = [
    ("headline.txt", include_str!("../../../../templates/notify/headline.txt")),
    ("next.txt", include_str!("../../../../templates/notify/next.txt")),
    ("subject.txt", include_str!("../../../../templates/notify/subject.txt")),
    ("mail.txt", include_str!("../../../../templates/notify/mail.txt")),
    ("mail.html", include_str!("../../../../templates/notify/mail.html")),
    ("slack.mrkdwn", include_str!("../../../../templates/notify/slack.mrkdwn")),
    ("slack_line.mrkdwn", include_str!("../../../../templates/notify/slack_line.mrkdwn")),
    ("teams.card", include_str!("../../../../templates/notify/teams.card")),
];

/// Names of the templates.
pub const NAMES: [&str; 8] = [
    "headline.txt",
    "next.txt",
    "subject.txt",
    "mail.txt",
    "mail.html",
    "slack.mrkdwn",
    "slack_line.mrkdwn",
    "teams.card",
];

/// Texts that take the place of ours, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates {
    theirs: BTreeMap<String, String>,
}

/// A text, and what went wrong with templates of others on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered<T> {
    /// The text.
    pub text: T,
    /// One line each: which template was left out, and why.
    pub warnings: Vec<String>,
}

impl Templates {
    /// Only ours.
    #[must_use]
    pub fn ours() -> Self {
        Self::default()
    }

    /// Takes in the text of somebody else for a template; a name that is none of ours is not used for anything.
    pub fn replace(&mut self, name: &str, text: String) {
        if NAMES.contains(&name) {
            self.theirs.insert(name.to_owned(), text);
        }
    }

    /// A mail.
    #[must_use]
    pub fn mail(&self, notice: &Notice) -> Rendered<MailText> {
        let mut work = Work { templates: self, warnings: Vec::new() };
        let page = work.page(notice);
        let subject = escape::plain(&work.render("subject.txt", &page)).trim().to_owned();
        let text = MailText { subject, plain: work.render("mail.txt", &page), html: work.render("mail.html", &page) };
        Rendered { text, warnings: work.warnings }
    }

    /// One text of a chat.
    #[must_use]
    pub fn chat(&self, name: &'static str, notice: &Notice) -> Rendered<String> {
        let mut work = Work { templates: self, warnings: Vec::new() };
        let page = work.page(notice);
        let text = work.render(name, &page);
        Rendered { text, warnings: work.warnings }
    }

    /// What it is about, in one line without markup: for notifications that show nothing else.
    #[must_use]
    pub fn headline(&self, notice: &Notice) -> Rendered<String> {
        let mut work = Work { templates: self, warnings: Vec::new() };
        let facts = facts(notice);
        let text = escape::plain(&work.render("headline.txt", &facts)).trim().to_owned();
        Rendered { text, warnings: work.warnings }
    }
}

struct Work<'a> {
    templates: &'a Templates,
    warnings: Vec<String>,
}

impl Work<'_> {
    /// Facts with the two sentences every channel shows.
    fn page(&mut self, notice: &Notice) -> Value {
        let facts = facts(notice);
        let line = |text: String| escape::plain(&text).trim().to_owned();
        let headline = line(self.render("headline.txt", &facts));
        let next = line(self.render("next.txt", &facts));
        context! { headline, next, ..facts }
    }

    fn render(&mut self, name: &'static str, page: &Value) -> String {
        if let Some(theirs) = self.templates.theirs.get(name) {
            match render(name, theirs, page) {
                Ok(text) => return text,
                Err(fault) => self.warnings.push(format!("the template `notify/{name}` is not used: {}", told(&fault))),
            }
        }
        let ours = OURS.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
        render(name, ours, page).unwrap_or_else(|fault| format!("template `{name}` cannot be rendered: {fault}"))
    }
}

/// One line about a fault.
pub(super) fn told(fault: &Error) -> String {
    let what = match (fault.kind(), fault.detail()) {
        (ErrorKind::OutOfFuel, _) => "it does too much work".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    };
    match fault.line() {
        Some(line) => format!("{} (line {line})", escape::plain(&what)),
        None => escape::plain(&what),
    }
}

/// Renders one text under its name, which says how values are escaped.
pub(super) fn render(name: &str, source: &str, page: &Value) -> Result<String, Error> {
    let jinja = environment();
    let text = jinja.template_from_named_str(name, source)?.render(page)?;
    match text.len() <= LONGEST {
        true => Ok(text),
        false => Err(Error::new(ErrorKind::InvalidOperation, "the text is longer than 40 kB")),
    }
}

/// Nothing but what is named here is there: no files, no other templates, no loops over ranges.
pub(super) fn environment() -> Jinja<'static> {
    let mut jinja = Jinja::empty();
    jinja.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default());
    jinja.set_undefined_behavior(UndefinedBehavior::Strict);
    jinja.set_fuel(Some(FUEL));
    jinja.set_recursion_limit(50);
    jinja.add_filter("join", minijinja::filters::join);
    jinja.add_filter("length", minijinja::filters::length);
    jinja.add_filter("upper", minijinja::filters::upper);
    jinja.add_filter("lower", minijinja::filters::lower);
    jinja.add_filter("first", minijinja::filters::first);
    jinja.add_filter("last", minijinja::filters::last);
    jinja.add_filter("number", |count: usize| number(count));
    jinja.set_auto_escape_callback(|name| match name.rsplit('.').next() {
        Some("html") => AutoEscape::Html,
        Some("mrkdwn") => AutoEscape::Custom("mrkdwn".into()),
        Some("card") => AutoEscape::Custom("card".into()),
        Some(_) | None => AutoEscape::Custom("plain".into()),
    });
    jinja.set_formatter(write);
    jinja
}

/// Prints a value as its channel takes it.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let text = if value.is_none() { String::new() } else { value.to_string() };
    let text = match state.auto_escape() {
        AutoEscape::Html => escape::html(&text),
        AutoEscape::Custom(channel) if channel == "mrkdwn" => escape::slack(&text),
        AutoEscape::Custom(channel) if channel == "card" => escape::card(&text),
        AutoEscape::None | AutoEscape::Json | AutoEscape::Custom(_) | _ => escape::plain(&text),
    };
    out.write_str(&text).map_err(Error::from)
}

/// "two", as a person would say it.
fn number(count: usize) -> String {
    const WORDS: [&str; 10] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

/// What every template sees, whatever happened: each name is always there.
pub(super) fn facts(notice: &Notice) -> Value {
    let counts = notice.counts.unwrap_or_default();
    let mut scopes: Vec<String> = notice.environments.iter().map(ToString::to_string).collect();
    if notice.control {
        scopes.push("control".to_owned());
    }
    context! {
        event => notice.occasion.name(),
        repository => notice.repository.to_string(),
        pr => notice.change.map(|change| change.get()),
        url => &notice.url,
        environments => scopes,
        requester => notice.requester.as_ref().map(|account| account.login.to_string()),
        actor => &notice.actor,
        counts => (!counts.words().is_empty()).then(|| counts.words()),
        keys => notice.keys.iter().map(|line| context! { path => &line.path, key => &line.key, change => &line.change }).collect::<Vec<_>>(),
        commit => notice.commit.as_ref().map(|commit| commit.short().to_owned()),
        target => notice.target.as_ref().map(ToString::to_string),
        entry => notice.entry.map(|entry| entry.label()),
        approved_by => &notice.approved_by,
        missing => notice.missing.iter().map(|missing| context! { count => missing.count, of => &missing.of }).collect::<Vec<_>>(),
        reason => &notice.reason,
        detail => &notice.detail,
        recovered => notice.recovered,
        at => notice.at.to_string(),
    }
}

//! Texts people read, made from a decision by the templates in `templates/`.
//!
//! Names that come from a change are escaped and cut to 80 characters; nothing here ever holds a value.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment as Templates, UndefinedBehavior, Value, context};

use super::bypass::{self, Owed};
use super::{COMMENT_MARKER, Check, CheckState, SyncLine};
use crate::decision::{ChangedPath, Decision, FileChange, Reason, Scope, Verdict, Wait};
use crate::domain::{Account, Digest, Oid, PrNumber, Sequence};
use crate::facts::{Facts, KeyChangeKind, SettingChange, VoteSource};

/// Rows of a table before the rest is counted.
const ROWS: usize = 100;

/// What was done after the decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    #[default]
    Open,
    /// The merge cannot be done for now; the reason in words.
    Held(String),
    /// Merged as this commit, under this ledger entry.
    Merged {
        /// The new tip of the base.
        commit: Oid,
        /// The decision's ledger entry.
        decision: Sequence,
        /// How the targets of its environments stand.
        syncs: Vec<SyncLine>,
        /// What it owes, when it was merged by a bypass.
        owed: Option<Owed>,
    },
}

/// Title and body of a pull request we open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
}

impl Description {
    /// Digest of both, to see whether they changed.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(format!("{}\0{}", self.title, self.body).as_bytes())
    }
}

/// Title and body for the pull request of a pushed branch.
#[must_use]
pub fn description(
    touched: &BTreeMap<Scope, Vec<ChangedPath>>,
    requester: Option<&Account>,
    branch: &str,
) -> Description {
    let names: Vec<&str> = touched.keys().map(Scope::name).collect();
    let title = format!("secrets({}): {}", names.join(", "), counts(touched.values().flatten()));
    let body = render(
        "pull_request.md",
        context! {
            requester => requester.map(|account| account.login.to_string()),
            branch,
            scopes => touched.iter().map(|(scope, paths)| context! { name => scope.name(), rows => shortened(rows(paths)) }).collect::<Vec<_>>(),
        },
    );
    Description { title: cut(&title, 200), body }
}

/// "1 added, 2 changed": keys where they are known, files otherwise.
fn counts<'a>(paths: impl Iterator<Item = &'a ChangedPath>) -> String {
    let (mut added, mut changed, mut removed) = (0_usize, 0_usize, 0_usize);
    for path in paths.filter(|path| path.copied_into.is_none()) {
        for key in &path.keys {
            match key.change {
                KeyChangeKind::Added => added += 1,
                KeyChangeKind::Removed => removed += 1,
                KeyChangeKind::Changed
                | KeyChangeKind::TypeChanged
                | KeyChangeKind::Moved
                | KeyChangeKind::Reencrypted
                | KeyChangeKind::Renamed
                | KeyChangeKind::BecamePlain
                | KeyChangeKind::BecameEncrypted => changed += 1,
            }
        }
        if path.keys.is_empty() {
            match path.file {
                FileChange::Added => added += 1,
                FileChange::Removed => removed += 1,
                FileChange::Changed => changed += 1,
            }
        }
    }
    let parts = [(added, "added"), (changed, "changed"), (removed, "removed")];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    parts.join(", ")
}

/// The check on the head.
pub(super) fn check(decision: &Decision, facts: &Facts, outcome: &Outcome) -> Check {
    let owed = owed(outcome);
    let state = match decision.verdict {
        _ if owed.is_some() => owed.map_or(CheckState::Neutral, Owed::check_state),
        Verdict::NotApplicable | Verdict::Satisfied => CheckState::Success,
        Verdict::Bypassed => CheckState::Neutral,
        Verdict::Pending => CheckState::ActionRequired,
        Verdict::Unknown => CheckState::InProgress,
        Verdict::Rejected | Verdict::StaleBase | Verdict::Blocked | Verdict::Unreachable => CheckState::Failure,
    };
    // the check says how the change stands; that it was merged is GitHub's to show, and worth no second write
    let outcome = if matches!(outcome, Outcome::Merged { .. }) && owed.is_none() { &Outcome::Open } else { outcome };
    let title = cut(&headline(decision, outcome).replace(['*', '`'], ""), 250);
    let summary = cut(&render("check.md", page(decision, facts, outcome)), 60_000);
    let external_id = Digest::of(format!("{state:?}\0{title}\0{summary}").as_bytes()).to_string();
    Check { state, title, summary, external_id }
}

/// What a merge owes.
fn owed(outcome: &Outcome) -> Option<&Owed> {
    match outcome {
        Outcome::Merged { owed, .. } => owed.as_ref(),
        Outcome::Open | Outcome::Held(_) => None,
    }
}

/// A check on a commit that is the head of several pull requests: it says which one it speaks of.
#[must_use]
pub fn named_check(change: PrNumber, check: Check) -> Check {
    let title = cut(&format!("#{change}: {}", check.title), 250);
    let external_id = Digest::of(format!("{title}\0{}", check.external_id).as_bytes()).to_string();
    Check { title, external_id, ..check }
}

/// The check where nothing can be decided: a missing ledger, a broken policy.
#[must_use]
pub fn closed_check(code: &str, words: &str, help: &str) -> Check {
    let title = cut(&format!("Blocked: {code}"), 250);
    let summary = format!("`{code}`: {}\n\nNext: {}", text(words), text(help));
    let external_id = Digest::of(format!("{title}\0{summary}").as_bytes()).to_string();
    Check { state: CheckState::Failure, title, summary, external_id }
}

/// The sticky comment.
pub(super) fn comment(decision: &Decision, facts: &Facts, outcome: &Outcome) -> String {
    let text = render("comment.md", page(decision, facts, outcome));
    format!("{COMMENT_MARKER}\n{}", cut(&text, 60_000))
}

/// Message of a merge commit: title, who approved, trailers (`changes.md` 6.5).
#[must_use]
pub fn merge_message(decision: &Decision, facts: &Facts, sequence: Sequence, title: &str) -> (String, String) {
    let subject = format!(
        "Merge pull request #{} from {}",
        facts.change.number,
        facts.change.head_ref.as_ref().map_or("a fork", |head| head.short())
    );
    let mut body =
        format!("{}\n\nCountersign-Decision: {}\n", no_trailer(&cut(&one_line(title), 200)), sequence.label());
    for name in approved_by(decision) {
        body.push_str(&format!("Approved-by: {name}\n"));
    }
    for asked in decision.bypass.iter().flat_map(|bypass| &bypass.by) {
        body.push_str(&format!("Bypassed-by: {}\n", asked.by.login));
    }
    (subject, body)
}

/// A title that reads like a trailer is quoted: nobody but us says in our commits who approved.
fn no_trailer(title: &str) -> String {
    let title = title.trim();
    let is_key = |key: &str| key.trim_end().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let looks_like_one = title.split_once(':').is_some_and(|(key, _)| key.contains('-') && is_key(key));
    if looks_like_one { format!("\"{title}\"") } else { title.to_owned() }
}

/// Subject line of a ledger commit.
#[must_use]
pub fn ledger_message(sequence: Sequence, kind: &str, about: &str) -> String {
    format!("{} {kind}: {}\n\n[skip ci]\n", sequence.label(), cut(&one_line(about), 100))
}

/// Logins of everybody whose approval counted, each once, in order.
pub(super) fn approved_by(decision: &Decision) -> Vec<String> {
    let groups = decision.scopes.iter().flat_map(|scope| &scope.policies).flat_map(|policy| &policy.groups);
    let mut names: Vec<String> =
        groups.flat_map(|group| &group.counted).map(|vote| vote.account.login.to_string()).collect();
    names.sort();
    names.dedup();
    names
}

/// Where it stands, what is missing, who can supply it: in one line of Markdown.
pub(super) fn headline(decision: &Decision, outcome: &Outcome) -> String {
    let scopes: Vec<String> = decision.scopes.iter().map(|scope| format!("`{}`", scope.scope.name())).collect();
    let scopes = scopes.join(", ");
    match (decision.verdict, outcome) {
        (_, Outcome::Merged { commit, decision, owed, .. }) => {
            let merged = format!("**Merged for {scopes}** as `{}` · decision `{}`", commit.short(), decision.label());
            owed.as_ref().map_or(merged.clone(), |owed| format!("{merged} · {}", owed.headline()))
        }
        (Verdict::Bypassed, outcome) => {
            let by = decision.bypass.as_ref().map(bypass::names).unwrap_or_default();
            let mut line = format!("**Bypassed for {scopes}** by {by}");
            if let Outcome::Held(why) = outcome {
                line.push_str(&format!(" · not merged yet: {}", text(why)));
            }
            for wait in &decision.waits {
                line.push_str(&format!(" · {}", text(&wait.words())));
            }
            line
        }
        (Verdict::NotApplicable, _) if decision.reason == Reason::Observed => observed(decision),
        (Verdict::NotApplicable, _) => "nothing protected changes".to_owned(),
        (Verdict::Satisfied, Outcome::Held(why)) => {
            format!("**Approved for {scopes}** · not merged yet: {}", text(why))
        }
        (Verdict::Satisfied, Outcome::Open) if !decision.waits.is_empty() => {
            let mut words: Vec<String> = decision.waits.iter().map(|wait| text(&wait.words())).collect();
            words.dedup();
            format!("**Approved for {scopes}** · {}", words.join(" · "))
        }
        (Verdict::Satisfied, Outcome::Open) => format!("**Approved for {scopes}**"),
        (Verdict::Pending, _) if decision.reason == Reason::Draft => {
            format!("**Approved for {scopes}** · a draft is not merged")
        }
        (Verdict::Pending, _) if decision.reason == Reason::Closed => {
            format!("**Approved for {scopes}** · closed, so not merged")
        }
        (Verdict::Pending, _) => pending(decision),
        (Verdict::Unknown, _) => format!("**Not decided yet for {scopes}** · {}", decision.reason.words()),
        (Verdict::Rejected | Verdict::StaleBase | Verdict::Blocked | Verdict::Unreachable, _) => {
            format!("**Refused** · `{}`: {}", decision.reason.code(), decision.reason.words())
        }
    }
}

/// "**Only observed** · `staging` would be pending".
fn observed(decision: &Decision) -> String {
    let scopes: Vec<String> = decision
        .scopes
        .iter()
        .map(|scope| format!("`{}` would be {}", scope.scope.name(), scope.verdict.word()))
        .collect();
    format!("**Only observed, nothing is held up** · {}", scopes.join(", "))
}

/// "**1 of 2 approvals for `production`** · waiting for 1 more of acme/security".
fn pending(decision: &Decision) -> String {
    let mut parts = Vec::new();
    let mut waiting: Vec<String> = Vec::new();
    for scope in decision.scopes.iter().filter(|scope| !scope.observed) {
        let groups: Vec<_> = scope.policies.iter().flat_map(|policy| &policy.groups).collect();
        let required: usize = groups.iter().map(|group| group.required).sum();
        let counted: usize = groups.iter().map(|group| group.counted.len()).sum();
        let noun = if required == 1 { "approval" } else { "approvals" };
        parts.push(format!("{counted} of {required} {noun} for `{}`", scope.scope.name()));
        for group in groups.iter().filter(|group| group.missing > 0) {
            let who: Vec<&str> = group.approvers.iter().map(String::as_str).collect();
            let line = format!("{} more of {}", count_word(group.missing), who.join(", "));
            if !waiting.contains(&line) {
                waiting.push(line);
            }
        }
    }
    format!("**{}** · waiting for {}", parts.join(", "), waiting.join(" and "))
}

pub(super) fn count_word(count: usize) -> String {
    const WORDS: [&str; 10] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

/// What the templates see.
pub(super) fn page(decision: &Decision, facts: &Facts, outcome: &Outcome) -> Value {
    let policies = decision.scopes.iter().flat_map(|scope| &scope.policies).flat_map(|policy| {
        policy.groups.iter().map(move |group| {
            let name = if policy.groups.len() == 1 {
                policy.name.clone()
            } else {
                format!("{} / {}", policy.name, group.name)
            };
            context! {
                name,
                soft => policy.enforcement == "soft",
                verdict => policy.verdict.word(),
                required => group.required,
                approvers => group.approvers.clone(),
                counted => group.counted.iter().map(|vote| context! {
                    login => vote.account.login.to_string(), commit => vote.commit.short(),
                    comment => matches!(vote.source, VoteSource::Comment(_)),
                }).collect::<Vec<_>>(),
                missing => group.missing,
                could => group.could.clone(),
                machine => policy.machine.as_ref().map(|account| account.login.to_string()),
            }
        })
    });
    let paths: Vec<&ChangedPath> = decision.scopes.iter().flat_map(|scope| &scope.paths).collect();
    context! {
        headline => headline(decision, outcome),
        paused => (!matches!(decision.verdict, Verdict::Satisfied | Verdict::Bypassed)).then(|| decision.waits.iter().map(Wait::words).collect::<Vec<_>>()),
        comments => decision.scopes.iter().any(|scope| scope.comments),
        verdict => decision.verdict.word(),
        reason => decision.reason.code(),
        merged => matches!(outcome, Outcome::Merged { .. }),
        owed => owed(outcome).map(Owed::page),
        bypass => decision.bypass.as_ref().map(bypass::standing),
        bypass_refused => bypass::refused(decision),
        syncs => match outcome {
            Outcome::Merged { syncs, .. } => syncs.iter().map(SyncLine::page).collect(),
            Outcome::Open | Outcome::Held(_) => Vec::new(),
        },
        head => decision.head.short(),
        head_full => decision.head.as_str(),
        base => facts.change.base.short(),
        policy => facts.policy_digest.short(),
        rows => shortened(paths.iter().flat_map(|path| rows(std::slice::from_ref(*path))).collect()),
        readers => readers(&paths),
        policies => policies.collect::<Vec<_>>(),
        not_counted => uncounted(decision, facts),
        structure => decision.structure.iter().map(|refusal| context! {
            path => refusal.path.as_ref().map(ToString::to_string),
            code => refusal.reason.code(), words => refusal.reason.words(),
            detail => refusal.detail.clone(), help => refusal.reason.help(),
        }).collect::<Vec<_>>(),
        extra => decision.extra_seats.iter().map(|reason| format!("{} (`{}`)", reason.words(), reason.code())).collect::<Vec<_>>(),
        next => decision.next.clone(),
    }
}

/// As many rows as people read and a comment holds; the rest is counted.
fn shortened(mut rows: Vec<Value>) -> Vec<Value> {
    let more = rows.len().saturating_sub(ROWS);
    if more > 0 {
        rows.truncate(ROWS);
        let change = format!("and {more} more");
        rows.push(context! { file => Value::from(()), key => Value::from(()), change, strong => true });
    }
    rows
}

/// One row per key, the file named on its first row.
fn rows(paths: &[ChangedPath]) -> Vec<Value> {
    let mut rows = Vec::new();
    for path in paths {
        let file = path.path.to_string();
        if let Some(into) = &path.copied_into {
            let change = format!("sealed values copied into {}", code(&into.to_string()));
            rows.push(context! { file, key => Value::from(()), note => "`copied-ciphertext`", change, strong => true });
            continue;
        }
        if path.keys.is_empty() {
            let change = match path.file {
                FileChange::Added => "file added",
                FileChange::Removed => "file removed",
                FileChange::Changed => "file changed",
            };
            rows.push(context! { file => file.clone(), key => Value::from(()), change, strong => path.file == FileChange::Removed });
        }
        for (at, key) in path.keys.iter().enumerate() {
            let strong = matches!(key.change, KeyChangeKind::Removed | KeyChangeKind::BecamePlain);
            let file = (at == 0).then(|| file.clone());
            rows.push(context! { file, key => key.key.clone(), change => key.change.words(), strong });
        }
        rows.extend(notes(path));
    }
    rows
}

/// What changed in a file beside its keys, a row each: readers and settings first.
fn notes(path: &ChangedPath) -> Vec<Value> {
    let row = |note: String, change: String, strong: bool| {
        context! { file => Value::from(()), key => Value::from(()), note, change, strong }
    };
    let reader = |name: &String| format!("reader {}", code(name));
    let from_to = |one: &SettingChange| {
        let word = |side: &str| if side.is_empty() { "not set".to_owned() } else { text(side) };
        match one.old.is_empty() {
            true => format!("now {}", word(&one.new)),
            false => format!("{} → {}", word(&one.old), word(&one.new)),
        }
    };
    let added = path.readers_added.iter().map(|name| row(reader(name), "added".to_owned(), true));
    let removed = path.readers_removed.iter().map(|name| row(reader(name), "removed".to_owned(), true));
    let settings = path.settings.iter().map(|one| row(format!("setting {}", code(&one.name)), from_to(one), true));
    let other = path.other.iter().map(|one| row(text(&one.name), from_to(one), false));
    added.chain(removed).chain(settings).chain(other).collect()
}

/// "2 readers, unchanged".
fn readers(paths: &[&ChangedPath]) -> Option<String> {
    let counts: std::collections::BTreeSet<usize> = paths.iter().filter_map(|path| path.readers).collect();
    let changed = paths.iter().any(|path| path.readers_changed);
    let text = match (counts.first(), counts.last()) {
        (Some(1), Some(1)) => "1 reader".to_owned(),
        (Some(least), Some(most)) if least == most => format!("{most} readers"),
        (Some(least), Some(most)) => format!("{least} to {most} readers"),
        (None, _) | (_, None) => return None,
    };
    Some(format!("{text}, {}", if changed { "**changed**" } else { "unchanged" }))
}

/// Every approval that is not counted, once, with its reason in words.
fn uncounted(decision: &Decision, facts: &Facts) -> Vec<Value> {
    let groups: Vec<_> =
        decision.scopes.iter().flat_map(|scope| &scope.policies).flat_map(|policy| &policy.groups).collect();
    let mut seen = std::collections::BTreeSet::new();
    let mut lines = Vec::new();
    for vote in groups.iter().flat_map(|group| &group.not_counted) {
        let id = vote.account.as_ref().map(|account| account.id);
        let elsewhere = groups.iter().flat_map(|group| &group.counted).any(|counted| Some(counted.account.id) == id);
        if (vote.reason == Reason::NotAnApprover && elsewhere) || !seen.insert((id, vote.reason)) {
            continue;
        }
        let login =
            vote.account.as_ref().map_or_else(|| "a deleted account".to_owned(), |account| account.login.to_string());
        lines.push(context! {
            login, code => vote.reason.code(), words => vote.reason.words(), help => vote.reason.help(),
            commit => vote.commit.as_ref().map(Oid::short), head => facts.change.head.short(),
            // "bob asked for this change", but "bob: the review was dismissed"
            sentence => ["the ", "GitHub "].iter().any(|start| vote.reason.words().starts_with(start)),
            stale => vote.reason == Reason::StaleApproval,
        });
    }
    lines
}

/// Renders one of our templates. They are compiled in and tested; a fault in one is shown, never hidden.
pub(super) fn render(name: &'static str, page: Value) -> String {
    let mut templates = Templates::new();
    templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default());
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_fuel(Some(500_000));
    templates.add_filter("code", |text: &str| code(text));
    templates.add_filter("text", |value: &str| text(value));
    templates.add_filter("prose", |value: &str| prose(value));
    for (name, source) in TEMPLATES {
        if let Err(fault) = templates.add_template(name, source) {
            return format!("template `{name}` is broken: {fault}");
        }
    }
    match templates.get_template(name).and_then(|template| template.render(page)) {
        Ok(text) => text,
        Err(fault) => format!("template `{name}` cannot be rendered: {fault}"),
    }
}

const TEMPLATES: &[(&str, &str)] = &[
    ("comment.md", include_str!("../../../../templates/comment.md")),
    ("check.md", include_str!("../../../../templates/check.md")),
    ("put_back.md", include_str!("../../../../templates/put_back.md")),
    ("gate.md", include_str!("../../../../templates/gate.md")),
    ("guard.md", include_str!("../../../../templates/guard.md")),
    ("pull_request.md", include_str!("../../../../templates/pull_request.md")),
    ("policy_change.md", include_str!("../../../../templates/policy_change.md")),
    ("parts.md", include_str!("../../../../templates/parts.md")),
    ("bypass_overdue.md", include_str!("../../../../templates/bypass_overdue.md")),
    ("closed.md", include_str!("../../../../templates/closed.md")),
    ("queue.md", include_str!("../../../../templates/queue.md")),
    ("help.md", include_str!("../../../../templates/help.md")),
    ("status.md", include_str!("../../../../templates/status.md")),
    ("explain_person.md", include_str!("../../../../templates/explain_person.md")),
    ("reply.md", include_str!("../../../../templates/reply.md")),
];

/// A name inside a code span: one line, visible characters, at most 80 of them, nothing that ends the span or the table cell.
fn code(name: &str) -> String {
    let name = cut(&one_line(name), 80).replace('`', "'").replace('|', "\\|");
    if name.is_empty() { String::new() } else { format!("`{name}`") }
}

/// A sentence of ours: what stands between two backticks is a code span, the rest is running text.
fn prose(words: &str) -> String {
    let parts: Vec<&str> = words.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return text(words);
    }
    let span = |(at, part): (usize, &&str)| match at % 2 {
        0 => text(part),
        _ if part.is_empty() => String::new(),
        _ => format!("`{}`", cut(&one_line(part), 160)),
    };
    parts.iter().enumerate().map(span).collect()
}

/// Words in running text: nothing in them is Markdown, a mention or a link.
pub(super) fn text(words: &str) -> String {
    let mut escaped = String::with_capacity(words.len());
    for c in cut(&one_line(words), 300).chars() {
        match c {
            '@' => escaped.push_str("&#64;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

pub(super) fn one_line(text: &str) -> String {
    let hidden = |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(hidden).collect()
}

pub(super) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

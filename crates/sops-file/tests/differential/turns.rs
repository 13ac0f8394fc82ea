//! Both programs take turns on one file; after every turn it must hold what the model says.
//!
//! Never names a place that one of them cannot address: see `addressable`.

use sops_file::{Format, KeyPath, OpenedDocument, Plain, RecipientEdit, Step, Value};

use crate::compare::{both_see, now, open_ours, same, seen_ours};
use crate::model::{Case, Child, Node};
use crate::rng::Rng;
use crate::sops::{Sops, first, second};

/// What was done, for the figures at the end.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) ours: usize,
    pub(crate) theirs: usize,
}

struct Game<'g> {
    case: Case,
    sealed: Vec<u8>,
    two_recipients: bool,
    sops: &'g mut Sops,
    rng: &'g mut Rng,
    log: Vec<String>,
}

enum Change {
    Set(Vec<Step>, Node),
    Unset(Vec<Step>),
    Rotate,
    Recipients,
}

/// Plays a few turns from a sealed file. `lenient` from the start where sops cannot open the comments of it.
pub(crate) fn play(
    case: &Case,
    sealed: Vec<u8>,
    sops: &mut Sops,
    rng: &mut Rng,
    lenient: bool,
) -> Result<Done, String> {
    sops.lenient = lenient;
    let mut game = Game { case: case.clone(), sealed, two_recipients: false, sops, rng, log: Vec::new() };
    let mut done = Done::default();
    let turns = game.rng.below(4) + 1;
    for _ in 0..turns {
        let is_ours = game.rng.chance(60);
        let Some(change) = game.change(is_ours) else { continue };
        let before = String::from_utf8_lossy(&game.sealed).into_owned();
        game.sops.lenient |= !is_ours;
        let outcome = if is_ours { game.ours(&change) } else { game.theirs(&change) };
        *if is_ours { &mut done.ours } else { &mut done.theirs } += 1;
        outcome.map_err(|fault| format!("turns {:?}: {fault}\n--- before the last turn\n{before}", game.log))?;
    }
    let Game { case, sealed, sops, rng, log, .. } = game;
    both_see(&case, &sealed, sops, rng)
        .map_err(|fault| format!("after turns {log:?}: {fault}\n{}", String::from_utf8_lossy(&sealed)))?;
    Ok(done)
}

impl Game<'_> {
    fn change(&mut self, is_ours: bool) -> Option<Change> {
        let kind = if self.case.format == Format::Binary { 60 + self.rng.below(40) } else { self.rng.below(100) };
        match kind {
            0..45 => {
                let path = self.place(is_ours, true)?;
                let node = self.value(is_ours);
                Some(Change::Set(path, node))
            }
            // What a comment marks, marks something else when its entry is gone; sops then leaves comments as they are.
            45..60 if self.case.setting.is_some_and(|(name, _)| name.ends_with("comment_regex")) => None,
            45..60 => Some(Change::Unset(self.place(is_ours, false)?)),
            60..80 => Some(Change::Rotate),
            _ => Some(Change::Recipients),
        }
    }

    /// A place in the first document: for `set` an entry, or a new one beside it; else one that can go.
    fn place(&mut self, is_ours: bool, to_set: bool) -> Option<Vec<Step>> {
        let mut all = Vec::new();
        let nested = matches!(self.case.format, Format::Yaml | Format::Json);
        let root = &self.case.documents[0];
        containers(root, &mut Vec::new(), is_ours, &mut all);
        if self.case.format == Format::Ini {
            all.retain(|steps| steps.len() == 1);
        }
        if all.is_empty() {
            return None;
        }
        let above = self.rng.pick(&all).clone();
        let container = root.at(&above)?;
        let is_list = matches!(container, Node::List(_));
        let count = container.entries().count();
        if to_set && (count == 0 || self.rng.chance(25)) {
            let name = format!("new{}{}", self.log.len(), self.rng.pick(&["", "_enc", "_plain"]));
            let step = if is_list { Step::Index(count) } else { Step::Key(name) };
            return Some([above, vec![step]].concat());
        }
        if count == 0 || (!to_set && count < 2) {
            return None;
        }
        let chosen = self.rng.below(count);
        let key = container.entries().nth(chosen)?.0.to_owned();
        let step = if is_list { Step::Index(chosen) } else { Step::Key(key) };
        let path = [above, vec![step]].concat();
        let is_fine = is_ours || path.iter().all(addressable);
        (is_fine && (nested || path.len() <= 2)).then_some(path)
    }

    fn value(&mut self, is_ours: bool) -> Node {
        let text =
            *self.rng.pick(&["", "new", "yes", "two\nlines\n", " lead", "é\u{1f600}", "a: b #c", "123", "\"q\""]);
        let is_clear = self.case.format == Format::Ini && self.case.setting.is_some();
        let text = Node::Text(if is_clear { "new".to_owned() } else { text.to_owned() });
        if !matches!(self.case.format, Format::Yaml | Format::Json) {
            return text;
        }
        match self.rng.below(10) {
            0 => Node::Bool(true),
            // A bare number becomes a float in sops, whatever it is.
            1 => Node::Float(1.5),
            2 if is_ours => Node::Int(-42),
            3 => Node::Map(vec![
                Child::Entry { key: "u".to_owned(), node: text, inline: None },
                Child::Entry { key: "n_enc".to_owned(), node: Node::Int(7), inline: None },
            ]),
            4 if is_ours => Node::List(vec![Child::Entry { key: String::new(), node: text, inline: None }]),
            _ => text,
        }
    }

    fn ours(&mut self, change: &Change) -> Result<(), String> {
        let mut opened = open_ours(&self.sealed, self.case.format, self.sops.lenient)?;
        let path = |steps: &[Step]| steps.iter().cloned().collect::<KeyPath>();
        match change {
            Change::Set(steps, node) => {
                self.log.push(format!("ours: set {}", path(steps)));
                opened.set(&path(steps), &to_value(node)).map_err(|fault| fault.to_string())?;
            }
            Change::Unset(steps) => {
                self.log.push(format!("ours: unset {}", path(steps)));
                opened.unset(&path(steps)).map_err(|fault| fault.to_string())?;
            }
            Change::Rotate => {
                self.log.push("ours: rotate".to_owned());
                opened.rotate().map_err(|fault| fault.to_string())?;
            }
            Change::Recipients => {
                self.log.push("ours: recipients".to_owned());
                self.edit_recipients(&mut opened)?;
            }
        }
        let mut unchanged = opened.reseal(now()).map_err(|fault| fault.to_string())?;
        std::mem::swap(&mut self.sealed, &mut unchanged);
        self.follow(change);
        let opened = open_ours(&self.sealed, self.case.format, self.sops.lenient)?;
        if self.case.format == Format::Binary {
            return Ok(());
        }
        same("ours", &seen_ours(&opened), &self.case.seen())
    }

    fn edit_recipients(&mut self, opened: &mut OpenedDocument) -> Result<(), String> {
        let (add, remove) = if self.two_recipients { (vec![], vec![second()]) } else { (vec![second()], vec![]) };
        opened.edit_recipients(&RecipientEdit { add, remove }).map_err(|fault| fault.to_string())?;
        Ok(())
    }

    fn theirs(&mut self, change: &Change) -> Result<(), String> {
        let format = self.case.format;
        let place = |steps: &[Step]| steps.iter().map(spelt).collect::<String>();
        self.sealed = match change {
            Change::Set(steps, node) => {
                self.log.push(format!("theirs: set {}", place(steps)));
                self.sops.change(&self.sealed, format, &["set", &place(steps), &to_json(node).to_string()])?
            }
            Change::Unset(steps) => {
                self.log.push(format!("theirs: unset {}", place(steps)));
                self.sops.change(&self.sealed, format, &["unset", &place(steps)])?
            }
            Change::Rotate => {
                self.log.push("theirs: rotate".to_owned());
                self.sops.change(&self.sealed, format, &["rotate", "-i"])?
            }
            Change::Recipients => {
                self.log.push("theirs: updatekeys".to_owned());
                let to = if self.two_recipients { vec![first()] } else { vec![first(), second()] };
                self.sops.configure(&to, self.case.setting, self.case.mac_only_encrypted);
                self.sops.change(&self.sealed, format, &["updatekeys", "-y"])?
            }
        };
        self.follow(change);
        Ok(())
    }

    fn follow(&mut self, change: &Change) {
        match change {
            Change::Set(steps, node) => self.case.documents[0].set(steps, node.clone()),
            Change::Unset(steps) => self.case.documents[0].unset(steps),
            Change::Rotate => {}
            Change::Recipients => self.two_recipients = !self.two_recipients,
        }
    }
}

/// Every container of a document that both programs can name and, for sops, count in.
fn containers(node: &Node, steps: &mut Vec<Step>, is_ours: bool, all: &mut Vec<Vec<Step>>) {
    if !node.is_container() {
        return;
    }
    // Comments count as elements for sops, also some of those that stand in an element.
    let is_list = matches!(node, Node::List(_));
    let mut comments = Vec::new();
    node.comments(&mut comments);
    if !is_ours && is_list && !comments.is_empty() {
        return;
    }
    all.push(steps.clone());
    for (index, (key, below)) in node.entries().enumerate() {
        let step = if is_list { Step::Index(index) } else { Step::Key(key.to_owned()) };
        if !is_ours && !addressable(&step) {
            continue;
        }
        steps.push(step);
        containers(below, steps, is_ours, all);
        steps.pop();
    }
}

/// The paths of sops have no escapes, and a bracket ends a key.
fn addressable(step: &Step) -> bool {
    match step {
        Step::Key(key) => !key.contains(['[', ']', '"', '\'', '\\', '\t']),
        Step::Index(_) => true,
    }
}

fn spelt(step: &Step) -> String {
    match step {
        Step::Key(key) => format!("[\"{key}\"]"),
        Step::Index(index) => format!("[{index}]"),
    }
}

fn to_value(node: &Node) -> Value {
    match node {
        Node::Null => Value::Scalar(Plain::Null),
        Node::Bool(value) => Value::Scalar(Plain::Bool(*value)),
        Node::Int(number) => Value::Scalar(Plain::Int(*number)),
        Node::Float(number) => Value::Scalar(Plain::Float(*number)),
        Node::Time(text) => Value::text(*text),
        Node::Text(text) => Value::text(text.as_str()),
        Node::Map(_) => Value::Map(node.entries().map(|(key, node)| (key.to_owned(), to_value(node))).collect()),
        Node::List(_) => Value::List(node.entries().map(|(_, node)| to_value(node)).collect()),
    }
}

fn to_json(node: &Node) -> serde_json::Value {
    match node {
        Node::Null => serde_json::Value::Null,
        Node::Bool(value) => (*value).into(),
        Node::Int(number) => (*number).into(),
        Node::Float(number) => (*number).into(),
        Node::Time(text) => (*text).into(),
        Node::Text(text) => text.as_str().into(),
        Node::Map(_) => {
            let entries = node.entries().map(|(key, node)| (key.to_owned(), to_json(node)));
            serde_json::Value::Object(entries.collect())
        }
        Node::List(_) => serde_json::Value::Array(node.entries().map(|(_, node)| to_json(node)).collect()),
    }
}

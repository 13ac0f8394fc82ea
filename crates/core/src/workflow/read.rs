//! A workflow as far as it matters here: its events, and the steps of its jobs with their places.

use std::rc::Rc;

use crate::policy::Place;
use crate::policy::tree::{self, Kind, Node};

/// Names under which keys are handed to `sops` and to us.
const KEYS: [&str; 6] = [
    "age-key",
    "signing-key",
    "SOPS_AGE_KEY",
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
    "COUNTERSIGN_SIGNING_KEY",
    "COUNTERSIGN_PRIVATE_KEY",
];

pub(super) struct Workflow {
    pub(super) events: Vec<String>,
    pub(super) jobs: Vec<Job>,
}

pub(super) struct Job {
    pub(super) steps: Vec<Step>,
    /// Variables of the workflow, the job and its steps that are filled from a secret.
    pub(super) secret_variables: Vec<String>,
    mentions_secrets: bool,
}

#[derive(Default)]
pub(super) struct Step {
    pub(super) place: Place,
    pub(super) run: Option<Run>,
    /// Where a key is handed to it.
    pub(super) key: Option<Place>,
    uses: String,
    shell: String,
    reference: Option<(String, Place)>,
    paths: Option<(String, Place)>,
}

/// A script and where it begins.
pub(super) struct Run {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Job {
    pub(super) fn holds_secrets(&self) -> bool {
        self.mentions_secrets || self.steps.iter().any(|step| step.key.is_some())
    }
}

impl Step {
    /// Where it checks out one of these.
    pub(super) fn checks_out(&self, heads: &[&str]) -> Option<Place> {
        let names = |text: &str| heads.iter().any(|head| text.contains(head));
        let by_action = self.uses.starts_with("actions/checkout@");
        let named = self.reference.as_ref().filter(|(text, _)| by_action && names(text)).map(|(_, place)| *place);
        let by_hand = |run: &&Run| {
            let has = |word: &str| run.text.contains(word);
            has("gh pr checkout") || (names(&run.text) && (has("git checkout") || has("git fetch")))
        };
        named.or_else(|| self.run.as_ref().filter(by_hand).map(|run| run.place))
    }

    /// Whether its shell prints each command.
    pub(super) fn is_traced(&self) -> bool {
        self.shell
            .split_whitespace()
            .skip(1)
            .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('x') || word == "xtrace")
    }

    /// What it uploads as an artifact.
    pub(super) fn uploads(&self) -> Option<(Vec<String>, Place)> {
        let (text, place) = self.paths.as_ref().filter(|_| self.uses.starts_with("actions/upload-artifact@"))?;
        Some((text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect(), *place))
    }
}

/// Reads a workflow; `None` when it is no YAML mapping.
pub(super) fn workflow(text: &str) -> Option<Workflow> {
    let root = tree::read(text).ok()?;
    let Kind::Map(_) = &root.kind else { return None };
    let events = get(&root, "on").map(names).unwrap_or_default();
    let jobs = entries(get(&root, "jobs")).map(|(_, job)| of_job(&root, job)).collect();
    Some(Workflow { events, jobs })
}

fn of_job(root: &Node, job: &Node) -> Job {
    let steps: Vec<&Rc<Node>> = match get(job, "steps").map(|node| &node.kind) {
        Some(Kind::List(steps)) => steps.iter().collect(),
        Some(Kind::Scalar { .. } | Kind::Map(_)) | None => Vec::new(),
    };
    let mut secret_variables = Vec::new();
    let whole = [get(root, "env"), get(job, "env")].into_iter().chain(steps.iter().map(|step| get(step, "env")));
    for (name, value) in whole.flat_map(entries) {
        if scalar(value).is_some_and(mentions_secret) {
            secret_variables.push(name.to_owned());
        }
    }
    let mentions_secrets = any_secret(job) || get(root, "env").is_some_and(any_secret);
    let defaults = get(job, "defaults").or_else(|| get(root, "defaults")).and_then(|node| get(node, "run"));
    let shell = defaults.and_then(|node| get(node, "shell")).and_then(scalar).unwrap_or_default();
    let outer = [get(root, "env"), get(job, "env")].into_iter().find_map(key_in);
    let steps = steps.into_iter().map(|node| {
        let mut step = of_step(node, shell);
        // a key for the whole job is told once, at its own place
        step.key = step.key.or(outer);
        step
    });
    Job { steps: steps.collect(), secret_variables, mentions_secrets }
}

fn of_step(node: &Node, shell: &str) -> Step {
    let with = get(node, "with");
    let text = |node: Option<&Node>| node.and_then(|node| Some((scalar(node)?.to_owned(), node.place)));
    Step {
        place: node.place,
        run: text(get(node, "run")).map(|(text, place)| Run { text, place }),
        key: key_in(with).or_else(|| key_in(get(node, "env"))),
        uses: get(node, "uses").and_then(scalar).unwrap_or_default().to_owned(),
        shell: get(node, "shell").and_then(scalar).unwrap_or(shell).to_owned(),
        reference: text(with.and_then(|with| get(with, "ref"))),
        paths: text(with.and_then(|with| get(with, "path"))),
    }
}

fn key_in(node: Option<&Node>) -> Option<Place> {
    let mut keys = entries(node).filter(|(name, _)| KEYS.contains(name));
    keys.find(|(_, value)| scalar(value).is_some_and(mentions_secret)).map(|(_, value)| value.place)
}

/// Whether an expression in the text reads a secret other than the token of the run.
pub(super) fn mentions_secret(text: &str) -> bool {
    text.split("${{").skip(1).filter_map(|rest| rest.split("}}").next()).any(|expression| {
        let named = expression.split("secrets.").skip(1).any(|name| !name.starts_with("GITHUB_TOKEN"));
        named || expression.contains("secrets[") || expression.contains("(secrets)")
    })
}

fn any_secret(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar { text, .. } => mentions_secret(text),
        Kind::List(items) => items.iter().any(|item| any_secret(item)),
        Kind::Map(pairs) => pairs.iter().any(|(_, value)| any_secret(value)),
    }
}

fn get<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    entries(Some(node)).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn entries(node: Option<&Node>) -> impl Iterator<Item = (&str, &Node)> {
    let pairs = match node.map(|node| &node.kind) {
        Some(Kind::Map(pairs)) => pairs.as_slice(),
        Some(Kind::Scalar { .. } | Kind::List(_)) | None => &[],
    };
    pairs.iter().filter_map(|(key, value)| Some((scalar(key)?, value.as_ref())))
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some(text),
        Kind::List(_) | Kind::Map(_) => None,
    }
}

/// `on:` as one word, a list, or a mapping.
fn names(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Scalar { text, .. } => vec![text.clone()],
        Kind::List(items) => items.iter().filter_map(|item| scalar(item).map(str::to_owned)).collect(),
        Kind::Map(pairs) => pairs.iter().filter_map(|(key, _)| scalar(key).map(str::to_owned)).collect(),
    }
}

//! Cases of a policy test: a change, who asks for it, who said what, and what should come of it.
//!
//! Reads them with the place of every fault, as the policy file itself; what really comes of them is the decision's answer
//! ([`crate::decision::rehearse`]).

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Login, RefName, RepoPath, TeamSlug};

use super::diagnostic::{Code, Diagnostic, Place};
use super::read::{Faults, Field, FromNode as _, List, Located, Table, shape};
use super::tree;

/// Most cases of one file.
const MAX_CASES: usize = 1_000;

shape! {
    /// A file of cases.
    #[schemars(rename = "PolicyTests")]
    pub(super) struct RawCases {
        required {
            /// Version of this file format: 1.
            version: u64,
            /// The list of cases.
            cases: List<RawCase>,
        }
        optional {
            /// The people of each team, by `org/team-slug`.
            teams: Table<List<String>>,
            /// The list of logins that may read the repository only.
            readers: List<String>,
        }
    }
}

shape! {
    /// One case.
    pub(super) struct RawCase {
        required {
            /// A sentence that says what should hold.
            name: String,
            /// The login of whoever asks for the change.
            requester: String,
            /// The verdict that should come of it: `satisfied`, `pending`, `rejected`, `blocked`, `unreachable`, `not-applicable`.
            verdict: String,
        }
        optional {
            /// The list of files the change alters.
            paths: List<String>,
            /// The list of files the change adds.
            added: List<String>,
            /// The list of files the change removes.
            removed: List<String>,
            /// The branch it aims at (default: the default branch).
            base: String,
            /// The list of further people who wrote a part of it.
            contributors: List<String>,
            /// The list of people who approve.
            approve: List<String>,
            /// The list of people who ask for changes.
            reject: List<String>,
            /// The code of the first reason.
            reason: String,
            /// The number of approvals each policy still misses.
            missing: Table<u64>,
        }
    }
}

/// What all cases of a file take for granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setting {
    /// Who is in which team.
    pub teams: BTreeMap<TeamSlug, Vec<Login>>,
    /// Who may only read.
    pub readers: BTreeSet<Login>,
}

/// What happens to a file in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStep {
    /// It gets other content.
    Changed,
    /// It comes.
    Added,
    /// It goes.
    Removed,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What should hold.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// The files.
    pub files: Vec<(RepoPath, FileStep)>,
    /// The base branch, when one is written.
    pub base: Option<RefName>,
    /// Who asks.
    pub requester: Login,
    /// Who else wrote a part.
    pub contributors: Vec<Login>,
    /// Who approves.
    pub approve: Vec<Login>,
    /// Who asks for changes.
    pub reject: Vec<Login>,
    /// The verdict that should come of it.
    pub verdict: String,
    /// The reason, when one is written.
    pub reason: Option<String>,
    /// Seats that should still be empty, per policy.
    pub missing: BTreeMap<String, u64>,
}

/// Reads a file of cases.
///
/// # Errors
/// Every fault of the text, in the order of the file.
pub fn read_cases(text: &str) -> Result<(Setting, Vec<Case>), Vec<Diagnostic>> {
    let root = tree::read(text).map_err(|fault| vec![*fault])?;
    let mut faults = Faults::default();
    let read = RawCases::from_node(&root, &mut faults).map(|raw| understand(&raw, &mut faults));
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        Some(_) | None => Err(faults.into_sorted()),
    }
}

fn understand(raw: &RawCases, faults: &mut Faults) -> (Setting, Vec<Case>) {
    if let Some(version) = raw.version.given().filter(|version| version.value != 1) {
        let fault = Diagnostic::error(Code::Version, format!("version {} of case files is not known", version.value));
        faults.push(fault.at(version.place).help("this release reads `version: 1`"));
    }
    let mut setting = Setting { readers: logins(&raw.readers, faults).into_iter().collect(), ..Setting::default() };
    for (team, members) in raw.teams.given().map(|table| table.value.entries.as_slice()).unwrap_or_default() {
        match TeamSlug::parse(&team.value) {
            Ok(slug) => {
                let members = members.value.items.iter().filter_map(|member| login(member, faults)).collect();
                setting.teams.insert(slug, members);
            }
            Err(_) => faults.push(
                Diagnostic::error(Code::Malformed, "this is not a team").at(team.place).help("write `org/team-slug`"),
            ),
        }
    }
    let items = raw.cases.given().map(|list| list.value.items.as_slice()).unwrap_or_default();
    if items.len() > MAX_CASES {
        let message = format!("{} cases, at most {MAX_CASES} are read", items.len());
        faults.push(Diagnostic::error(Code::Limit, message).help("split the file"));
    }
    let cases = items.iter().take(MAX_CASES).filter_map(|case| one(case, faults)).collect();
    (setting, cases)
}

fn one(raw: &Located<RawCase>, faults: &mut Faults) -> Option<Case> {
    let case = &raw.value;
    let mut files = Vec::new();
    for (list, step) in
        [(&case.paths, FileStep::Changed), (&case.added, FileStep::Added), (&case.removed, FileStep::Removed)]
    {
        let items = list.given().map(|list| list.value.items.as_slice()).unwrap_or_default();
        files.extend(items.iter().map(|path| (RepoPath::new(&path.value), step)));
    }
    if files.is_empty() {
        faults.push(
            Diagnostic::error(Code::Empty, "the case changes no file")
                .at(raw.place)
                .help("name at least one under `paths`, `added` or `removed`"),
        );
    }
    let base = case.base.given().and_then(|name| match RefName::branch(&name.value) {
        Ok(base) => Some(base),
        Err(_) => {
            faults.push(Diagnostic::error(Code::Malformed, "this is not a branch name").at(name.place));
            None
        }
    });
    let missing = case.missing.given().map(|table| table.value.entries.as_slice()).unwrap_or_default();
    let people = [&case.contributors, &case.approve, &case.reject].map(|list| logins(list, faults));
    let [contributors, approve, reject] = people;
    Some(Case {
        name: case.name.given()?.value.clone(),
        place: raw.place,
        files,
        base,
        requester: login(case.requester.given()?, faults)?,
        contributors,
        approve,
        reject,
        verdict: case.verdict.given()?.value.clone(),
        reason: case.reason.given().map(|reason| reason.value.clone()),
        missing: missing.iter().map(|(policy, count)| (policy.value.clone(), count.value)).collect(),
    })
}

fn logins(field: &Field<List<String>>, faults: &mut Faults) -> Vec<Login> {
    let items = field.given().map(|list| list.value.items.as_slice()).unwrap_or_default();
    items.iter().filter_map(|item| login(item, faults)).collect()
}

fn login(text: &Located<String>, faults: &mut Faults) -> Option<Login> {
    let parsed = Login::parse(&text.value).ok();
    if parsed.is_none() {
        let fault = Diagnostic::error(Code::Malformed, "this is not a GitHub login").at(text.place);
        faults.push(fault.help("write the login as GitHub shows it"));
    }
    parsed
}

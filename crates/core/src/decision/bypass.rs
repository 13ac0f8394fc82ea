//! Whether a change may be merged without its approvals (`changes.md` 7): break-glass, for soft policies alone.
//!
//! A bypass lifts what people did not say, and a veto. It never lifts what refuses the change itself, a hard policy, or what only
//! the change's own approvers may decide: who can read, and how it is sealed. Every doubt is a refusal with a reason.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::case::Case;
use super::electorate::{self, Standing};
use super::{Decision, Placed, Reason, Scope, ScopeDecision, Verdict};
use crate::domain::{Environment, Span, UserId};
use crate::facts::{BypassAsked, BypassSource, DocumentFacts, Facts, FileState};
use crate::policy::{BypassRule, Located, PolicyRule};

/// A bypass that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bypass {
    /// The environments whose policies are bypassed, in order.
    pub environments: Vec<Environment>,
    /// The policies that are not satisfied, in the order of the file.
    pub policies: Vec<String>,
    /// Whose word it is, in order of ids.
    pub by: Vec<BypassAsked>,
    /// Within which time it must be ratified: the shortest of those policies.
    #[serde(serialize_with = "in_words")]
    pub ratify_within: Span,
}

fn in_words<S: serde::Serializer>(span: &Span, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(span)
}

/// A bypass that was asked for and lifts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BypassRefused {
    /// Whose word it is.
    pub asked: BypassAsked,
    /// Why not.
    pub reason: Reason,
    /// Particulars: a path, a policy, a number. Never a value.
    pub detail: String,
}

impl BypassRefused {
    /// Why not, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.detail.as_str() {
            "" => self.reason.words().to_owned(),
            detail => format!("{} ({detail})", self.reason.words()),
        }
    }
}

/// Why a bypass is refused, and particulars.
type Refused = (Reason, String);

/// What in a change may never be bypassed, in the order in which it is told; looked at before the paths are sorted by scope.
pub(super) fn hard_parts(placed: &[Placed<'_>]) -> Vec<Refused> {
    let mut found = Vec::new();
    let path = |one: &Placed<'_>| one.entry.path.to_string();
    let first = |matters: &dyn Fn(&Placed<'_>) -> bool| placed.iter().find(|one| matters(one)).map(path);
    if let Some(path) = first(&|one| one.at == Located::Control) {
        found.push((Reason::BypassControl, path));
    }
    if let Some(path) = first(&|one| one.document.is_some_and(|document| !document.copied.is_empty())) {
        found.push((Reason::BypassCopied, path));
    }
    let sealed = |one: &Placed<'_>| one.is_enforced() && matches!(one.at, Located::Governed { plain: false, .. });
    for (reason, hard) in [
        (Reason::BypassRecipients, other_readers as fn(&DocumentFacts) -> bool),
        (Reason::BypassSettings, other_settings),
        (Reason::BypassDataKey, other_data_key),
    ] {
        if let Some(path) = first(&|one| sealed(one) && one.document.is_some_and(hard)) {
            found.push((reason, path));
        }
    }
    found
}

/// Whether other people can open it than could, or than the base says: of a new file nobody else says who should.
fn other_readers(document: &DocumentFacts) -> bool {
    // what is no sealed file now is refused as such, or gone
    if !is_sealed(&document.new) {
        return false;
    }
    match (&document.old, &document.new) {
        (FileState::Absent, _) => document.demanded_recipients.as_ref() != Some(&document.new_recipients),
        (FileState::Sealed | FileState::MacMissing, _) => document.old_recipients != document.new_recipients,
        // what it was before cannot be read, so nothing says that it is the same
        (FileState::Plain | FileState::Broken(_) | FileState::TooLarge | FileState::NotAFile, _) => true,
    }
}

fn is_sealed(state: &FileState) -> bool {
    match state {
        FileState::Sealed | FileState::MacMissing => true,
        FileState::Absent | FileState::Plain | FileState::Broken(_) | FileState::TooLarge | FileState::NotAFile => {
            false
        }
    }
}

/// A file that is new or gone has no settings that changed.
fn is_changed(document: &DocumentFacts) -> bool {
    is_sealed(&document.old) && is_sealed(&document.new)
}

fn other_settings(document: &DocumentFacts) -> bool {
    is_changed(document) && !document.settings.is_empty()
}

/// Whether the data key is another one, or a reader's copy of it is; what was not looked at may be.
fn other_data_key(document: &DocumentFacts) -> bool {
    let of_key = |name: &str| name == "data key" || name.starts_with("sealed data key");
    is_changed(document) && document.other.as_ref().is_none_or(|other| other.iter().any(|change| of_key(&change.name)))
}

/// What is asked of the whole change, whoever asks.
pub(super) struct Around<'a> {
    pub hard_parts: &'a [Refused],
    /// Something refuses the change whoever approves, and is enforced.
    pub structure: Option<Reason>,
    /// How the change stands without a bypass.
    pub verdict: (Verdict, Reason),
    /// Each group needs one more seat: nobody knows for certain who made the change.
    pub extra: bool,
}

/// Looks at every bypass that was asked for. One that stands is noted in the policies it lifts.
pub(super) fn judge(
    case: &Case<'_>,
    around: &Around<'_>,
    scopes: &mut [ScopeDecision],
) -> (Option<Bypass>, Vec<BypassRefused>) {
    if case.bypasses.is_empty() || case.ratifying.is_some() {
        return (None, Vec::new());
    }
    let refused =
        |asked: &BypassAsked, (reason, detail): Refused| BypassRefused { asked: asked.clone(), reason, detail };
    if let Some(why) = of_the_whole(case, around, scopes) {
        return (None, case.bypasses.iter().map(|asked| refused(asked, why.clone())).collect());
    }
    let lifted = unsatisfied(case, scopes);
    let mut fitting: BTreeMap<&str, Vec<&BypassAsked>> = BTreeMap::new();
    let mut refusals = Vec::new();
    for asked in &case.bypasses {
        let answers: Vec<_> = lifted.iter().map(|(rule, bypass)| (rule, of_one(case, asked, rule, bypass))).collect();
        // whoever may bypass one of several policies is told nothing of the others
        if answers.iter().all(|(_, answer)| answer.is_err()) {
            let worst = answers.into_iter().find_map(|(_, answer)| answer.err());
            refusals.extend(worst.map(|why| refused(asked, why)));
            continue;
        }
        for (rule, _) in answers.iter().filter(|(_, answer)| answer.is_ok()) {
            fitting.entry(rule.name()).or_default().push(asked);
        }
    }
    let nobody: Vec<&BypassAsked> = Vec::new();
    let missing = lifted.iter().find_map(|(rule, bypass)| {
        let words = fitting.get(rule.name()).unwrap_or(&nobody);
        too_few(case, words, (rule, bypass), around.extra)
    });
    let words = one_a_person(case, fitting.values().flatten().copied());
    if let Some(why) = missing {
        refusals.extend(words.into_iter().map(|asked| refused(asked, why.clone())));
        return (None, refusals);
    }
    let ratify_within = lifted.iter().map(|(_, bypass)| bypass.ratify_within()).min().unwrap_or(Span::from_seconds(0));
    let policies: Vec<String> = lifted.iter().map(|(rule, _)| rule.name().to_owned()).collect();
    let environments = lift(scopes);
    (Some(Bypass { environments, policies, by: words.into_iter().cloned().collect(), ratify_within }), refusals)
}

/// Marks what is lifted; the environments it was in.
fn lift(scopes: &mut [ScopeDecision]) -> Vec<Environment> {
    let mut environments = Vec::new();
    for scope in scopes.iter_mut().filter(|scope| !scope.observed) {
        let open = scope.policies.iter_mut().filter(|policy| policy.verdict != Verdict::Satisfied);
        let mut lifted = false;
        for policy in open {
            policy.verdict = Verdict::Bypassed;
            lifted = true;
        }
        if let (true, Scope::Environment(name)) = (lifted, &scope.scope) {
            scope.verdict = Verdict::Bypassed;
            environments.push(name.clone());
        }
    }
    environments
}

/// Why nobody can bypass this change, if nobody can.
fn of_the_whole(case: &Case<'_>, around: &Around<'_>, scopes: &[ScopeDecision]) -> Option<Refused> {
    let open = || {
        let enforced = scopes.iter().filter(|scope| !scope.observed);
        enforced.flat_map(|scope| &scope.policies).filter(|policy| policy.verdict != Verdict::Satisfied)
    };
    if let Some(part) = around.hard_parts.first() {
        return Some(part.clone());
    }
    if let Some(reason) = around.structure {
        return Some((Reason::BypassStructure, reason.code().to_owned()));
    }
    match around.verdict {
        (Verdict::NotApplicable | Verdict::Satisfied | Verdict::Bypassed, _) => {
            return Some((Reason::BypassNotNeeded, String::new()));
        }
        (Verdict::Pending, reason @ (Reason::Draft | Reason::Closed)) => return Some((reason, String::new())),
        (_, Reason::QuorumMissing | Reason::Unreachable | Reason::Rejected | Reason::CannotVerify) => {}
        (_, reason) => return Some((Reason::BypassStructure, reason.code().to_owned())),
    }
    // nobody covers a path: there is no policy that could be lifted
    if scopes.iter().any(|scope| !scope.observed && scope.policies.is_empty()) {
        return Some((Reason::BypassStructure, Reason::NoPolicyForPath.code().to_owned()));
    }
    let hard: Vec<&str> =
        open().filter(|policy| policy.enforcement == "hard").map(|policy| policy.name.as_str()).collect();
    if !hard.is_empty() {
        return Some((Reason::BypassHard, hard.join(", ")));
    }
    let touched: BTreeSet<&Environment> = scopes
        .iter()
        .filter(|scope| !scope.observed)
        .filter_map(|scope| match &scope.scope {
            Scope::Environment(name) => Some(name),
            Scope::Control => None,
        })
        .collect();
    let overdue = case.debts.iter().filter(|debt| case.now() > debt.due);
    let owed: Vec<String> = overdue
        .filter(|debt| debt.environments.iter().any(|name| touched.contains(name)))
        .map(|debt| format!("#{}", debt.pull))
        .collect();
    (!owed.is_empty()).then(|| (Reason::BypassDebt, owed.join(", ")))
}

/// The policies a bypass must lift, in the order of the file.
fn unsatisfied<'p>(case: &Case<'p>, scopes: &[ScopeDecision]) -> Vec<(&'p PolicyRule, &'p BypassRule)> {
    let enforced = scopes.iter().filter(|scope| !scope.observed);
    let open: BTreeSet<&str> = enforced
        .flat_map(|scope| &scope.policies)
        .filter(|policy| policy.verdict != Verdict::Satisfied)
        .map(|policy| policy.name.as_str())
        .collect();
    let rules = case.policy.policies().iter().filter(|rule| open.contains(rule.name()));
    rules.filter_map(|rule| Some((rule, rule.bypass()?))).collect()
}

/// Whether one person's word bears on one policy.
fn of_one(case: &Case<'_>, asked: &BypassAsked, rule: &PolicyRule, bypass: &BypassRule) -> Result<(), Refused> {
    let plain = |reason| Err((reason, String::new()));
    // what a push asked for stands with the commit that holds it, whenever we brought that to its branch
    let before = match asked.source {
        BypassSource::Comment(_) => case.change.head_since.is_some_and(|since| asked.at < since),
        BypassSource::Push(_) => false,
    };
    if asked.head != case.change.head || before || asked.elsewhere {
        return plain(Reason::BypassStale);
    }
    if !asked.by.is_person() {
        return plain(Reason::NotAPerson);
    }
    match electorate::belongs(case, bypass.people(), &asked.by) {
        Standing::Eligible => {}
        Standing::Unknown => return plain(Reason::MembershipUnknown),
        Standing::Excluded(Reason::NotAnApprover) => return Err((Reason::NotABypasser, rule.name().to_owned())),
        Standing::Excluded(reason) => return plain(reason),
    }
    match case.authority.get(&asked.by.id).and_then(|authority| authority.permission.answer()) {
        Some(permission) if permission.may_approve() => {}
        Some(_) => return plain(Reason::NoWritePermission),
        None => return plain(Reason::MembershipUnknown),
    }
    let length = asked.reason.trim().chars().count();
    if length < bypass.min_reason() {
        return Err((Reason::BypassReason, format!("{length} of {} characters", bypass.min_reason())));
    }
    Ok(())
}

/// Why those who may do not suffice for a policy, if they do not: it takes two where the policy says so, for a change of one's own,
/// and where nobody knows for certain whose it is; one of them had no part in it.
fn too_few(
    case: &Case<'_>,
    words: &[&BypassAsked],
    (rule, bypass): (&PolicyRule, &BypassRule),
    extra: bool,
) -> Option<Refused> {
    let people: BTreeSet<UserId> = words.iter().map(|asked| case.person(&asked.by)).collect();
    let apart = people.iter().filter(|person| electorate::made_it(case, **person).is_none()).count();
    let needed = if bypass.second_person() || (extra && !bypass.own_change()) { 2 } else { 1 };
    let name = || rule.name().to_owned();
    if people.is_empty() {
        return Some((Reason::NotABypasser, name()));
    }
    if apart == 0 && !bypass.own_change() {
        return Some((Reason::BypassOwnChange, name()));
    }
    (people.len() < needed).then(|| (Reason::BypassSecondPerson, name()))
}

/// One word of each person, the last; in order of ids.
fn one_a_person<'a>(case: &Case<'_>, words: impl Iterator<Item = &'a BypassAsked>) -> Vec<&'a BypassAsked> {
    let mut last: BTreeMap<UserId, &BypassAsked> = BTreeMap::new();
    for asked in words {
        let known = last.entry(case.person(&asked.by)).or_insert(asked);
        if (asked.at, &asked.source) > (known.at, &known.source) {
            *known = asked;
        }
    }
    let mut words: Vec<&BypassAsked> = last.into_values().collect();
    words.sort_by_key(|asked| asked.by.id);
    words
}

/// Whether those who should have approved a bypassed change have done so by now: every policy that was bypassed is satisfied, and none
/// of the bypassers counts. `decision`: of facts that say what is ratified.
#[must_use]
pub fn is_ratified(facts: &Facts, decision: &Decision) -> bool {
    let Some(ratifying) = &facts.ratifying else { return false };
    let judged = || decision.scopes.iter().flat_map(|scope| &scope.policies);
    let satisfied = |name: &String| {
        let mut ones = judged().filter(|policy| policy.name == *name).peekable();
        ones.peek().is_some() && ones.all(|policy| policy.verdict == Verdict::Satisfied)
    };
    !ratifying.policies.is_empty() && ratifying.policies.iter().all(satisfied)
}

/// The word of one comment, if it was refused.
#[must_use]
pub fn refusal_of<'d>(decision: &'d Decision, source: &BypassSource) -> Option<&'d BypassRefused> {
    decision.bypass_refused.iter().find(|refused| refused.asked.source == *source)
}

//! What is said about a direct push: its request, and the messages of the two commits (`changes.md` 2).
//!
//! Says only what the ledger says; names from the push are escaped and cut.

use minijinja::{Value, context};

use super::render::{Description, count_word, cut, one_line, render};
use crate::domain::{Account, Oid, RefName, RepoPath};
use crate::facts::{Known, Quarantine};
use crate::ledger::PutBackEntry;
use crate::policy::{Group, PathClass, Policy};
use crate::putback::Maker;

/// Paths named before the rest is counted.
const PATHS: usize = 20;

/// A request that holds one direct push, perhaps made several times.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// What the ledger says of it, oldest first; at least one.
    pub pushes: &'a [&'a PutBackEntry],
    /// Why the branch still holds it, if it does.
    pub quarantined: Option<Quarantine>,
    /// What the policy asks for: "two of acme/security".
    pub needs: &'a [String],
}

/// Title and body of the request. `None`: the ledger knows of no such push.
#[must_use]
pub fn held_description(held: Held<'_>) -> Option<Description> {
    let newest = held.pushes.last()?;
    let branch = newest.branch.short();
    let files = match newest.paths.len() {
        1 => "1 protected file".to_owned(),
        several => format!("{several} protected files"),
    };
    let title = format!("Direct push of {} to {branch}: {files}", newest.pushed.short());
    let leaks = newest.left_out.iter().any(|left| left.what.is_leak());
    let page = context! {
        who => who(&newest.sender),
        mention => newest.sender.answer().filter(|account| account.is_person()).map(|account| account.login.to_string()),
        branch,
        pushed => newest.pushed.short(),
        times => held.pushes.len(),
        paths => newest.paths.iter().take(PATHS).map(ToString::to_string).collect::<Vec<_>>(),
        more => newest.paths.len().saturating_sub(PATHS),
        quarantined => held.quarantined.map(Quarantine::words),
        workflows => held.quarantined == Some(Quarantine::Workflows),
        restored => newest.restored.as_ref().filter(|_| newest.quarantine().is_none()).map(Oid::short),
        way_back => newest.restored.as_ref().map(Oid::as_str),
        needs => held.needs.to_vec(),
        left_out => newest.left_out.iter().map(|left| context! {
            path => left.path.to_string(), what => left.what.words(), leak => left.what.is_leak(),
        }).collect::<Vec<_>>(),
        leaks,
        bypass => held.pushes.last().is_some_and(|push| push.bypass_reason.is_some()),
        bypass_asked => held.pushes.iter().any(|push| push.bypass_asked),
    };
    Some(Description { title: cut(&title, 200), body: render("put_back.md", page) })
}

fn who(sender: &Known<Account>) -> Value {
    sender.answer().map_or_else(|| Value::from(()), |account| Value::from(account.login.to_string()))
}

/// What the policy asks for these paths, whoever has approved by now.
#[must_use]
pub fn needs(policy: &Policy, (base, default_branch): (&RefName, &RefName), paths: &[RepoPath]) -> Vec<String> {
    let mut groups: Vec<&Group> = Vec::new();
    let admins = policy.admins().group.clone();
    let mut control = false;
    for path in paths {
        match policy.classify(path, base, default_branch) {
            PathClass::Control => control = true,
            PathClass::Governed { environment, plain: _ } => {
                groups.extend(policy.policies_for(&environment, path).into_iter().flat_map(|rule| rule.groups()));
            }
            PathClass::Free | PathClass::Ambiguous { .. } => {}
        }
    }
    if control {
        groups.push(&admins);
    }
    let mut lines: Vec<String> = Vec::new();
    for group in groups {
        let teams = group.approvers.teams.iter().map(ToString::to_string);
        let names: Vec<String> = teams.chain(group.approvers.users.iter().map(ToString::to_string)).collect();
        let line = format!("{} of {}", count_word(usize::from(group.required)), names.join(", "));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Message of `Y`, the commit that makes the branch as approved again.
#[must_use]
pub fn restored_message(branch: &RefName, pushed: &Oid) -> String {
    format!(
        "Put back what was pushed to {} without approval\n\nThe protected files are as approved again; everything else stays as it was pushed.\nWhat was pushed waits in a change request.\n\nCountersign-Put-Back: {pushed}\n",
        cut(&one_line(branch.short()), 80),
    )
}

/// Message of `K`, the commit that holds what was pushed: everybody who made it stands in it.
#[must_use]
pub fn kept_message(branch: &RefName, pushed: &Oid, makers: &[Maker]) -> String {
    let mut message = format!(
        "Protected files as pushed to {} in {}\n\nPushed without a change request; held here for review.\n\nCountersign-Pushed: {pushed}\n",
        cut(&one_line(branch.short()), 80),
        pushed.short(),
    );
    for maker in makers {
        message.push_str(&format!("Co-authored-by: {} <{}>\n", one_line(&maker.name), one_line(&maker.email)));
    }
    message
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{AccountKind, Digest, Login, Timestamp, UserId};
    use crate::facts::{LeftOut, LeftOutKind};
    use crate::ledger::PushOutcome;
    use crate::policy;

    fn oid(c: char) -> Oid {
        Oid::parse(&c.to_string().repeat(40)).unwrap()
    }

    fn entry(outcome: PushOutcome) -> PutBackEntry {
        PutBackEntry {
            branch: RefName::branch("main").unwrap(),
            pushed: oid('8'),
            outcome,
            restored: Some(oid('c')),
            kept: Some(oid('d')),
            held: Some(RefName::branch("countersign/held/8").unwrap()),
            delta_digest: Digest::of(b""),
            paths: vec![RepoPath::new("secrets/production/payments.yaml")],
            left_out: Vec::new(),
            sender: Known::Is(Account {
                id: UserId::new(9),
                login: Login::parse("rita").unwrap(),
                kind: AccountKind::User,
            }),
            excluded: Vec::new(),
            bypass_asked: false,
            bypass_reason: None,
            at: Timestamp::from_seconds(0),
        }
    }

    fn body(entry: &PutBackEntry, quarantined: Option<Quarantine>) -> String {
        let needs = ["two of acme/security".to_owned()];
        held_description(Held { pushes: &[entry], quarantined, needs: &needs }).unwrap().body
    }

    #[test]
    fn a_request_of_a_push_that_was_put_back_reads_like_this() {
        let mut push = entry(PushOutcome::PutBack);
        push.bypass_asked = true;
        push.bypass_reason = Some("the database burns".to_owned());
        push.left_out = vec![LeftOut { path: RepoPath::new("secrets/production/x"), what: LeftOutKind::Plaintext }];
        insta::assert_snapshot!(body(&push, None));
    }

    #[test]
    fn a_request_of_a_push_that_is_quarantined_reads_like_this() {
        let why = Quarantine::Rules;
        insta::assert_snapshot!(body(&entry(PushOutcome::Quarantined(why)), Some(why)));
        let why = Quarantine::Workflows;
        let mut nobody = entry(PushOutcome::Quarantined(why));
        nobody.sender = Known::Unknown(String::new());
        insta::assert_snapshot!(body(&nobody, Some(why)));
    }

    #[test]
    fn what_the_policy_asks_for_is_said_once() {
        let text = "version: 1\nenvironments:\n  production: {paths: [secrets/]}\npolicies:\n  - {name: p, environments: [production], approvers: {users: [ann], teams: [acme/security]}, required_approvals: 2}\nadmins: {approvers: {users: [zoe, ann]}, required_approvals: 2}\n";
        let policy = policy::parse(text).unwrap();
        let main = RefName::branch("main").unwrap();
        let needs = |paths: &[&str]| {
            let paths: Vec<_> = paths.iter().map(|path| RepoPath::new(path)).collect();
            needs(&policy, (&main, &main), &paths)
        };
        assert_eq!(needs(&["secrets/a.yaml", "secrets/b.yaml"]), ["two of acme/security, ann"]);
        assert_eq!(needs(&[".sops.yaml"]), ["two of zoe, ann"]);
        assert!(needs(&["README.md"]).is_empty());
    }

    #[test]
    fn everybody_who_made_the_push_stands_in_the_commit_that_holds_it() {
        let makers = [Maker { name: "Rita\nApproved-by: x".to_owned(), email: "rita@x.io".to_owned() }];
        let message = kept_message(&RefName::branch("main").unwrap(), &oid('8'), &makers);
        assert!(message.ends_with("\nCo-authored-by: Rita Approved-by: x <rita@x.io>\n"), "{message}");
        let restored = restored_message(&RefName::branch("main").unwrap(), &oid('8'));
        assert!(restored.ends_with(&format!("\nCountersign-Put-Back: {}\n", oid('8'))), "{restored}");
    }
}

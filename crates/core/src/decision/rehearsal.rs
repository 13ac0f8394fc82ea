//! Plays a case of a policy test: makes facts of it, decides, and compares.
//!
//! Everything a case does not speak of is as one would wish: sealed files, known people, delivered reviews. Asks nobody.

use std::collections::BTreeMap;

use super::{Decision, decide};
use crate::domain::{
    Account, AccountKind, Delta, DeltaEntry, EntryMode, Login, Oid, Permission, PrNumber, RefName, RepoId, RepoName,
    RepoPath, ResolvedNames, ReviewId, TeamId, Timestamp, TreeEntry, UserId,
};
use crate::facts::{
    Authority, ChangeFacts, Contributor, ContributorRole, DocumentFacts, Facts, FileState, History, Known, MergeBase,
    People, Pusher, Readers, VoteFacts, VoteKind, VoteSource,
};
use crate::policy::{Case, FileStep, Policy, Setting};

/// One thing that came out other than the case says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What: `verdict`, `reason`, or `missing` with the policy.
    pub what: String,
    /// As the case says.
    pub expected: String,
    /// As it came out.
    pub got: String,
}

/// Plays one case. No mismatch: it holds.
#[must_use]
pub fn rehearse(
    policy: &Policy,
    default_branch: &RefName,
    setting: &Setting,
    case: &Case,
) -> (Decision, Vec<Mismatch>) {
    let cast = Cast::of(policy, setting, case);
    let decision = decide(policy, &cast.facts(policy, default_branch, case));
    let mut found = Vec::new();
    let mut compare = |what: String, expected: String, got: String| {
        if expected != got {
            found.push(Mismatch { what, expected, got });
        }
    };
    compare("verdict".to_owned(), case.verdict.clone(), decision.verdict.word().to_owned());
    if let Some(reason) = &case.reason {
        compare("reason".to_owned(), reason.clone(), decision.reason.code().to_owned());
    }
    for (name, expected) in &case.missing {
        let judged = decision.scopes.iter().flat_map(|scope| &scope.policies).filter(|one| one.name == *name);
        let most = judged.map(|one| one.groups.iter().map(|group| group.missing).sum::<usize>()).max();
        let got = most.map_or_else(|| "the policy does not apply".to_owned(), |missing| missing.to_string());
        compare(format!("missing of {name}"), expected.to_string(), got);
    }
    (decision, found)
}

/// Everybody a case or its policy names, with an account of their own.
struct Cast<'a> {
    setting: &'a Setting,
    names: ResolvedNames,
    people: BTreeMap<String, Account>,
}

impl<'a> Cast<'a> {
    fn of(policy: &Policy, setting: &'a Setting, case: &Case) -> Self {
        let mut logins: Vec<Login> = policy.all_users().into_iter().collect();
        logins.extend(setting.teams.values().flatten().cloned());
        logins.extend(case.contributors.iter().chain(&case.approve).chain(&case.reject).cloned());
        logins.push(case.requester.clone());
        let mut people: BTreeMap<String, Account> = BTreeMap::new();
        for login in logins {
            let machine = policy.machines().iter().find(|machine| machine.login().same_as(&login));
            let next = UserId::new(1_000_000_000 + people.len() as u64);
            let bot = machine.is_some() || login.as_str().ends_with("[bot]");
            let kind = if bot { AccountKind::Bot } else { AccountKind::User };
            let id = machine.map_or(next, |machine| machine.id());
            people.entry(login.as_str().to_ascii_lowercase()).or_insert(Account { id, login, kind });
        }
        let teams = policy.all_teams().into_iter().zip(1..).map(|(slug, id)| (slug, TeamId::new(id))).collect();
        let users = policy.all_users().into_iter().filter_map(|login| {
            let id = people.get(&login.as_str().to_ascii_lowercase())?.id;
            Some((login, id))
        });
        Self { setting, names: ResolvedNames { users: users.collect(), teams }, people }
    }

    fn account(&self, login: &Login) -> Option<Account> {
        self.people.get(&login.as_str().to_ascii_lowercase()).cloned()
    }

    fn authority(&self, account: &Account) -> Authority {
        let reads = self.setting.readers.iter().any(|login| login.same_as(&account.login));
        let member = |slug| {
            let members = self.setting.teams.get(slug).map(Vec::as_slice).unwrap_or_default();
            members.iter().any(|login| login.same_as(&account.login))
        };
        Authority {
            permission: Known::Is(if reads { Permission::Read } else { Permission::Write }),
            teams: self.names.teams.iter().map(|(slug, id)| (*id, Known::Is(member(slug)))).collect(),
        }
    }

    fn facts(&self, policy: &Policy, default_branch: &RefName, case: &Case) -> Facts {
        let requester = self.account(&case.requester);
        let head = oid(1);
        let base = case.base.clone().unwrap_or_else(|| default_branch.clone());
        let delta = Delta::new(case.files.iter().enumerate().map(|(at, (path, step))| {
            let side = |there: bool, number| there.then(|| TreeEntry { mode: EntryMode::File, oid: oid(number) });
            DeltaEntry {
                path: path.clone(),
                old: side(*step != FileStep::Added, 2 * at + 10),
                new: side(*step != FileStep::Removed, 2 * at + 11),
            }
        }));
        let contributor =
            |account| Contributor { commit: head.clone(), role: ContributorRole::Author, account: Some(account) };
        let contributors =
            requester.iter().cloned().chain(case.contributors.iter().filter_map(|one| self.account(one)));
        let known = requester.clone().map_or_else(|| Known::Unknown("the case does not say".to_owned()), Known::Is);
        Facts {
            at: Timestamp::from_seconds(1_000),
            repository: RepoId::new(1),
            repository_name: RepoName::parse("policy/test").expect("a name"),
            default_branch: default_branch.clone(),
            policy_digest: policy.digest(),
            names: self.names.clone(),
            names_now: BTreeMap::new(),
            documents: documents(&delta),
            history: History {
                merge_base: MergeBase::One(oid(2)),
                delta,
                base_moved: Vec::new(),
                base_uncovered: Vec::new(),
                clashes: Vec::new(),
                plain_commits: Vec::new(),
                policy_fault: None,
                apart: std::collections::BTreeMap::new(),
            },
            change: ChangeFacts {
                number: PrNumber::new(1),
                url: String::new(),
                open: true,
                draft: false,
                from_fork: false,
                unvouched: false,
                head: head.clone(),
                head_ref: None,
                head_since: Some(Timestamp::from_seconds(100)),
                base: base.clone(),
                base_tip: oid(2),
                updated: None,
                landed: None,
            },
            people: People {
                pushers: vec![Pusher { commit: head.clone(), account: known.clone() }],
                requester: known,
                contributors: contributors.map(contributor).collect(),
            },
            votes: self.votes(case, &base),
            asked: Vec::new(),
            delta_at: BTreeMap::new(),
            change_at: BTreeMap::new(),
            authority: self.people.values().map(|account| (account.id, self.authority(account))).collect(),
            rosters: self.rosters(),
            held: None,
            forge_time: None,
            merge_asked: None,
            bypasses: Vec::new(),
            debts: Vec::new(),
            ratifying: None,
            ourselves: None,
        }
    }

    fn votes(&self, case: &Case, base: &RefName) -> Vec<VoteFacts> {
        let approvals = case.approve.iter().map(|login| (login, VoteKind::Approve));
        let votes = approvals.chain(case.reject.iter().map(|login| (login, VoteKind::Reject)));
        let vote = |(at, (login, kind)): (u64, (&Login, VoteKind))| VoteFacts {
            source: VoteSource::Review(ReviewId::new(at)),
            account: self.account(login),
            kind,
            first_kind: Some(kind),
            commit: Some(oid(1)),
            delivered_commit: Some(oid(1)),
            first_base: base.clone(),
            at: Timestamp::from_seconds(200),
            ended_by: None,
            stood: false,
        };
        (1..).zip(votes).map(vote).collect()
    }

    fn rosters(&self) -> BTreeMap<TeamId, Known<Vec<Account>>> {
        let roster = |(slug, id): (&crate::domain::TeamSlug, &TeamId)| {
            let members = self.setting.teams.get(slug).map(Vec::as_slice).unwrap_or_default();
            (*id, Known::Is(members.iter().filter_map(|login| self.account(login)).collect()))
        };
        self.names.teams.iter().map(roster).collect()
    }
}

fn oid(number: usize) -> Oid {
    Oid::parse(&format!("{number:040x}")).expect("digits make an object id")
}

/// Every file is sealed, for the same readers before and after.
fn documents(delta: &Delta) -> BTreeMap<RepoPath, DocumentFacts> {
    let state = |there: bool| if there { FileState::Sealed } else { FileState::Absent };
    let document = |entry: &DeltaEntry| DocumentFacts {
        old: state(entry.old.is_some()),
        new: state(entry.new.is_some()),
        keys: Vec::new().into(),
        exposed: Vec::new(),
        old_recipients: Readers::default(),
        new_recipients: Readers::default(),
        demanded_recipients: None,
        settings: Vec::new(),
        other: Some(Vec::new()),
        copied: std::collections::BTreeSet::new(),
        revoked: std::collections::BTreeSet::new(),
    };
    delta.entries().iter().map(|entry| (entry.path.clone(), document(entry))).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::policy::{parse, read_cases};

    const POLICY: &str = include_str!("../policy/tests/base.yaml");

    fn outcomes(text: &str) -> Vec<String> {
        let (setting, cases) = read_cases(text).unwrap();
        let policy = parse(POLICY).unwrap();
        let main = RefName::branch("main").unwrap();
        cases
            .iter()
            .map(|case| {
                let (_, found) = rehearse(&policy, &main, &setting, case);
                let lines = found.iter().map(|one| format!("{}: expected {}, got {}", one.what, one.expected, one.got));
                format!("{} [{}]", case.name, lines.collect::<Vec<_>>().join("; "))
            })
            .collect()
    }

    #[test]
    fn a_case_holds_or_says_what_came_instead() {
        let text = "\
version: 1
teams: {acme/security: [cy, dee], acme/platform: [zoe, yan]}
readers: [dee]
cases:
  - {name: two people, paths: [secrets/production/db.yaml], requester: rita, approve: [ann, cy], verdict: satisfied, reason: quorum-met}
  - {name: her own, paths: [secrets/production/db.yaml], requester: ann, approve: [ann, cy], verdict: satisfied}
  - {name: one reads only, added: [secrets/production/new.yaml], requester: rita, approve: [ann, dee], verdict: pending, missing: {production: 2}}
  - {name: a veto, removed: [secrets/production/db.yaml], requester: rita, approve: [ann, cy], reject: [bob], verdict: rejected, missing: {other: 0}}
  - {name: free, paths: [README.md], requester: rita, verdict: not-applicable}
  - {name: both, paths: [.sops.yaml, secrets/production/db.yaml], requester: rita, verdict: blocked, reason: split-this}
";
        assert_eq!(
            outcomes(text),
            [
                "two people []",
                "her own [verdict: expected satisfied, got pending]",
                "one reads only [missing of production: expected 2, got 1]",
                "a veto [missing of other: expected 0, got the policy does not apply]",
                "free []",
                "both []",
            ]
        );
    }

    #[test]
    fn the_people_and_the_files_of_a_case_are_told_apart() {
        let text = "\
version: 1
teams: {acme/security: [bob], acme/platform: [zoe, yan]}
cases:
  - {name: four files, paths: [a, b, c, secrets/production/db.yaml], requester: rita, verdict: pending}
  - {name: a bot nobody names, paths: [secrets/production/db.yaml], requester: 'robot[bot]', approve: [ann, bob], verdict: unreachable}
  - {name: too few are left, paths: [secrets/production/db.yaml], requester: ann, verdict: unreachable}
  - {name: a bot is no approver, paths: [secrets/production/db.yaml], requester: rita, approve: [ann, 'robot[bot]'], verdict: pending}
";
        let expected = ["four files []", "a bot nobody names []", "too few are left []", "a bot is no approver []"];
        assert_eq!(outcomes(text), expected);
    }

    #[test]
    fn a_broken_case_file_names_the_place() {
        let faults =
            read_cases("version: 1\ncases:\n  - {name: x, requester: '@ann', verdict: satisfied, path: [a]}\n")
                .unwrap_err();
        let found: Vec<_> = faults.iter().map(|one| (one.code.as_str(), one.place.map(|place| place.line))).collect();
        assert_eq!(found, [("CS0115", Some(3)), ("CS0110", Some(3)), ("CS0107", Some(3))]);
    }
}

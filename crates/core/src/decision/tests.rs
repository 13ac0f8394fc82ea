//! Small cases: one policy, one change, what is decided. Names say the rule.

mod bypass;
mod spoken;

use std::collections::BTreeMap;

use super::*;
use crate::domain::{
    AccountKind, CommentId, EntryMode, Login, Permission, PrNumber, RepoId, RepoName, ResolvedNames, ReviewId, TeamId,
    TeamSlug, Timestamp, TreeEntry, UserId,
};
use crate::facts::{
    Authority, ChangeFacts, Contributor, ContributorRole, FileState, History, KeyChange, KeyChangeKind, Known,
    MergeBase, People, PlainCommit, Pusher, VoteFacts, VoteKind,
};

pub(crate) const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
policies:
  - name: production
    environments: [production]
    approvers: {users: [ann, bob], teams: [acme/security]}
    required_approvals: 2
  - name: staging
    environments: [staging]
    approvers: {users: [ann, rita]}
    required_approvals: 1
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
";

mod earlier;
mod edges;
mod life;
mod told;

const RITA: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

const PEOPLE: [(&str, u64); 7] =
    [("ann", 1), ("bob", 2), ("cy", 3), ("dee", 4), ("rita", 9), ("zoe", 26), ("mallory", 66)];

pub(crate) fn oid(c: char) -> Oid {
    Oid::parse(&c.to_string().repeat(40)).unwrap()
}

pub(crate) fn account(name: &str) -> Account {
    let id = PEOPLE.iter().find(|(known, _)| *known == name).map_or(500, |(_, id)| *id);
    Account { id: UserId::new(id), login: Login::parse(name).unwrap(), kind: AccountKind::User }
}

pub(crate) fn file(c: char) -> Option<TreeEntry> {
    Some(TreeEntry { mode: EntryMode::File, oid: oid(c) })
}

pub(crate) fn sealed() -> DocumentFacts {
    DocumentFacts {
        old: FileState::Sealed,
        new: FileState::Sealed,
        keys: vec![KeyChange { key: "db.password".to_owned(), change: KeyChangeKind::Changed }].into(),
        exposed: Vec::new(),
        old_recipients: [RITA.to_owned()].into(),
        new_recipients: [RITA.to_owned()].into(),
        demanded_recipients: None,
        settings: Vec::new(),
        other: Some(Vec::new()),
        copied: std::collections::BTreeSet::new(),
        revoked: std::collections::BTreeSet::new(),
    }
}

/// A change by rita of one production file; ann, bob and cy may approve.
pub(crate) struct Case {
    pub(crate) policy: Policy,
    pub(crate) facts: Facts,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self::with(POLICY, "secrets/production/db.yaml")
    }

    pub(crate) fn with(text: &str, path: &str) -> Self {
        let policy = crate::policy::parse(text).unwrap_or_else(|faults| panic!("{faults:?}"));
        let path = RepoPath::new(path);
        let main = RefName::branch("main").unwrap();
        let names = ResolvedNames {
            users: policy.all_users().into_iter().map(|login| (login.clone(), account(login.as_str()).id)).collect(),
            teams: policy.all_teams().into_iter().map(|slug| (slug, TeamId::new(7))).collect(),
        };
        let member = |name: &str| Authority {
            permission: Known::Is(Permission::Write),
            teams: [(TeamId::new(7), Known::Is(name == "cy"))].into(),
        };
        let facts = Facts {
            at: Timestamp::from_seconds(1_000),
            repository: RepoId::new(1),
            repository_name: RepoName::parse("acme/app").unwrap(),
            default_branch: main.clone(),
            policy_digest: policy.digest(),
            names,
            names_now: BTreeMap::new(),
            change: ChangeFacts {
                number: PrNumber::new(42),
                url: String::new(),
                open: true,
                draft: false,
                from_fork: false,
                unvouched: false,
                head: oid('d'),
                head_ref: Some(RefName::branch("rita/db").unwrap()),
                head_since: Some(Timestamp::from_seconds(100)),
                base: main,
                base_tip: oid('b'),
                updated: None,
                landed: None,
            },
            history: History {
                merge_base: MergeBase::One(oid('b')),
                delta: Delta::new([DeltaEntry { path: path.clone(), old: file('1'), new: file('2') }]),
                base_moved: Vec::new(),
                base_uncovered: Vec::new(),
                clashes: Vec::new(),
                plain_commits: Vec::new(),
                policy_fault: None,
                apart: std::collections::BTreeMap::new(),
            },
            documents: [(path, sealed())].into(),
            people: People {
                requester: Known::Is(account("rita")),
                pushers: vec![Pusher { commit: oid('d'), account: Known::Is(account("rita")) }],
                contributors: vec![Contributor {
                    commit: oid('d'),
                    role: ContributorRole::Author,
                    account: Some(account("rita")),
                }],
            },
            votes: Vec::new(),
            asked: Vec::new(),
            delta_at: BTreeMap::new(),
            authority: PEOPLE.iter().map(|(name, id)| (UserId::new(*id), member(name))).collect(),
            rosters: [(TeamId::new(7), Known::Is(vec![account("cy")]))].into(),
            held: None,
            change_at: BTreeMap::new(),
            forge_time: None,
            merge_asked: None,
            bypasses: Vec::new(),
            debts: Vec::new(),
            ratifying: None,
            ourselves: None,
        };
        Self { policy, facts }
    }

    fn vote(mut self, name: &str, kind: VoteKind, at: i64) -> Self {
        let id = self.facts.votes.len() as u64 + 1;
        self.facts.votes.push(VoteFacts {
            source: VoteSource::Review(ReviewId::new(id)),
            account: Some(account(name)),
            kind,
            first_kind: Some(kind),
            commit: Some(oid('d')),
            delivered_commit: Some(oid('d')),
            first_base: self.facts.change.base.clone(),
            at: Timestamp::from_seconds(at),
            ended_by: None,
            stood: false,
        });
        self
    }

    pub(crate) fn approve(self, name: &str) -> Self {
        let at = 200 + i64::try_from(self.facts.votes.len()).unwrap();
        self.vote(name, VoteKind::Approve, at)
    }

    pub(crate) fn reject(self, name: &str) -> Self {
        let at = 200 + i64::try_from(self.facts.votes.len()).unwrap();
        self.vote(name, VoteKind::Reject, at)
    }

    pub(crate) fn but(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.facts);
        self
    }

    pub(crate) fn decide(&self) -> Decision {
        decide(&self.policy, &self.facts)
    }

    #[track_caller]
    fn is(self, verdict: Verdict, reason: Reason) -> Self {
        let decision = self.decide();
        assert_eq!((decision.verdict, decision.reason), (verdict, reason), "{:#?}", decision.structure);
        assert_eq!(decision.proof.is_some(), matches!(verdict, Verdict::Satisfied | Verdict::Bypassed));
        let by_bypass = decision.proof.as_ref().is_some_and(|proof| proof.bypass().is_some());
        assert_eq!(by_bypass, verdict == Verdict::Bypassed, "the proof says on what it rests");
        self
    }

    #[track_caller]
    fn uncounted(self, name: &str, reason: Reason) -> Self {
        let decision = self.decide();
        let votes = decision.scopes.iter().flat_map(|scope| &scope.policies).flat_map(|policy| &policy.groups);
        let found: Vec<_> = votes
            .flat_map(|group| &group.not_counted)
            .filter(|vote| vote.account.as_ref().is_some_and(|voter| voter.login.as_str() == name))
            .map(|vote| vote.reason)
            .collect();
        assert_eq!(found, [reason]);
        self
    }
}

#[test]
fn two_people_of_the_list_and_the_team_satisfy_the_policy() {
    let case = Case::new()
        .is(Verdict::Pending, Reason::QuorumMissing)
        .approve("ann")
        .is(Verdict::Pending, Reason::QuorumMissing);
    let decision = case.approve("cy").is(Verdict::Satisfied, Reason::QuorumMet).decide();
    let proof = decision.proof.unwrap();
    assert_eq!((proof.head(), proof.base_tip()), (&oid('d'), &oid('b')));
}

#[test]
fn r21_one_person_is_one_vote_however_often() {
    let _ = Case::new().approve("ann").approve("ann").is(Verdict::Pending, Reason::QuorumMissing);
}

#[test]
fn r31_to_r36_whoever_made_the_change_does_not_count() {
    let pusher = |facts: &mut Facts| {
        facts.people.pushers.push(Pusher { commit: oid('c'), account: Known::Is(account("ann")) });
    };
    let author = |facts: &mut Facts| {
        facts.people.contributors.push(Contributor {
            commit: oid('c'),
            role: ContributorRole::CoAuthor,
            account: Some(account("ann")),
        });
    };
    let requester = |facts: &mut Facts| facts.people.requester = Known::Is(account("ann"));
    let case = || Case::new().approve("ann").approve("cy");
    let _ = case().but(pusher).is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::Pusher);
    let _ = case().but(author).is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::Contributor);
    let _ = case().but(requester).is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::Requester);
}

#[test]
fn r36_self_approval_lifts_the_requester_only_and_only_with_more_than_one_seat() {
    let with = |required: &str| {
        POLICY.replace(
            "    required_approvals: 2\n  - name: staging",
            &format!("    required_approvals: {required}\n    self_approval: true\n  - name: staging"),
        )
    };
    let by_ann = |facts: &mut Facts| {
        facts.people.requester = Known::Is(account("ann"));
        facts.people.pushers = vec![Pusher { commit: oid('d'), account: Known::Is(account("ann")) }];
    };
    let path = "secrets/production/db.yaml";
    let _ =
        Case::with(&with("2"), path).but(by_ann).approve("ann").approve("cy").is(Verdict::Satisfied, Reason::QuorumMet);
    let _ = Case::with(&with("1"), path).but(by_ann).approve("ann").is(Verdict::Pending, Reason::QuorumMissing);
    let contributor = |facts: &mut Facts| {
        by_ann(facts);
        facts.people.contributors.push(Contributor {
            commit: oid('d'),
            role: ContributorRole::Author,
            account: Some(account("cy")),
        });
    };
    let _ = Case::with(&with("2"), path)
        .but(contributor)
        .approve("ann")
        .approve("cy")
        .is(Verdict::Pending, Reason::QuorumMissing);
}

#[test]
fn r24_a_veto_blocks_until_its_author_approves_and_excluded_people_may_veto() {
    let case = || Case::new().approve("ann").approve("cy");
    let _ = case().reject("bob").is(Verdict::Rejected, Reason::Rejected);
    let _ = case().reject("bob").approve("bob").is(Verdict::Satisfied, Reason::QuorumMet);
    let excluded =
        |facts: &mut Facts| facts.people.pushers.push(Pusher { commit: oid('c'), account: Known::Is(account("bob")) });
    let _ = case().but(excluded).reject("bob").is(Verdict::Rejected, Reason::Rejected);
    let _ = case().reject("mallory").is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn r20_at_equal_times_the_stricter_vote_wins_and_order_of_arrival_never_matters() {
    let one = Case::new().approve("cy").vote("ann", VoteKind::Approve, 300).vote("ann", VoteKind::Reject, 300);
    let other = Case::new().vote("ann", VoteKind::Reject, 300).vote("ann", VoteKind::Approve, 300).approve("cy");
    let _ = one.is(Verdict::Rejected, Reason::Rejected);
    let _ = other.is(Verdict::Rejected, Reason::Rejected);
    let late = Case::new().vote("ann", VoteKind::Approve, 301).vote("ann", VoteKind::Reject, 300).approve("cy");
    let _ = late.is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn r19_a_dismissed_approval_does_not_revive_an_older_one_and_a_veto_is_not_dismissed_by_its_target() {
    let case = Case::new().approve("cy").approve("ann").vote("ann", VoteKind::Ended, 400);
    let _ = case.is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::Dismissed);
    let veto = |by: &'static str| {
        Case::new().approve("ann").approve("cy").vote("bob", VoteKind::Ended, 400).but(move |facts| {
            let vote = facts.votes.last_mut().unwrap();
            vote.first_kind = Some(VoteKind::Reject);
            vote.ended_by = Some(account(by));
        })
    };
    let _ = veto("rita").is(Verdict::Rejected, Reason::Rejected);
    let _ = veto("bob").is(Verdict::Satisfied, Reason::QuorumMet);
    let _ = veto("zoe").is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn r22_r23_an_approval_holds_for_equal_content_only() {
    let older = |then: Option<Digest>| {
        Case::new().approve("ann").approve("cy").but(move |facts| {
            facts.votes[0].commit = Some(oid('c'));
            facts.votes[0].delivered_commit = Some(oid('c'));
            facts.delta_at.insert(oid('c'), then);
        })
    };
    let now = Case::new().facts.history.delta.digest(RepoId::new(1), &RefName::branch("main").unwrap());
    let _ = older(now).is(Verdict::Satisfied, Reason::QuorumMet);
    let _ = older(Some(Digest::of(b"else")))
        .is(Verdict::Pending, Reason::QuorumMissing)
        .uncounted("ann", Reason::StaleApproval);
    let _ = older(None).is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::CommitUnreadable);
    let strict = POLICY.replace(
        "production: {paths: [secrets/production/]}",
        "production: {paths: [secrets/production/], binding: commit}",
    );
    let case = Case::with(&strict, "secrets/production/db.yaml").approve("ann").approve("cy").but(|facts| {
        facts.votes[0].commit = Some(oid('c'));
        facts.votes[0].delivered_commit = Some(oid('c'));
        facts.delta_at.insert(oid('c'), now);
    });
    let _ = case.is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::StaleApproval);
}

#[test]
fn r12_r13_a_review_counts_only_where_it_was_delivered_or_provably_given_for_this_head() {
    let case = |change: fn(&mut Facts)| Case::new().approve("ann").approve("cy").but(change);
    let _ = case(|facts| facts.votes[0].delivered_commit = Some(oid('c'))).uncounted("ann", Reason::CommitDiverged);
    let _ = case(|facts| facts.votes[0].delivered_commit = None).is(Verdict::Satisfied, Reason::QuorumMet);
    let early = |facts: &mut Facts| {
        facts.votes[0].delivered_commit = None;
        facts.votes[0].at = Timestamp::from_seconds(99);
    };
    let _ = case(early).is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::SeenLate);
    // a comment names its commit in its own words: it needs no time to be tied to it, but the very head (R16)
    let named = |facts: &mut Facts| {
        facts.votes[0].source = VoteSource::Comment(CommentId::new(1));
        facts.votes[0].delivered_commit = None;
        facts.change.head_since = None;
    };
    let _ = case(named).is(Verdict::Satisfied, Reason::QuorumMet);
    let _ = case(named)
        .but(|facts| facts.votes[0].commit = Some(oid('c')))
        .is(Verdict::Pending, Reason::QuorumMissing)
        .uncounted("ann", Reason::StaleApproval);
}

#[test]
fn r27_an_approval_for_another_base_does_not_count() {
    let case = Case::new()
        .approve("ann")
        .approve("cy")
        .but(|facts| facts.votes[0].first_base = RefName::branch("dev").unwrap());
    let _ = case.is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::OtherBase);
}

#[test]
fn r17_machines_and_ghosts_never_count() {
    let bot = |facts: &mut Facts| facts.votes[0].account.as_mut().unwrap().kind = AccountKind::Bot;
    let ghost = |facts: &mut Facts| facts.votes[0].account = None;
    let case = || Case::new().approve("ann").approve("cy");
    let _ = case().but(bot).is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::NotAPerson);
    let _ = case().but(ghost).is(Verdict::Pending, Reason::QuorumMissing);
}

#[test]
fn r38_to_r41_authority_is_what_it_is_now_and_unknown_is_never_yes() {
    let case = || Case::new().approve("ann").approve("cy");
    let gone = |facts: &mut Facts| {
        _ = facts.authority.get_mut(&UserId::new(3)).unwrap().teams.insert(TeamId::new(7), Known::Is(false))
    };
    let _ = case().but(gone).is(Verdict::Pending, Reason::QuorumMissing).uncounted("cy", Reason::NotAnApprover);
    let mute = |facts: &mut Facts| {
        _ = facts.authority.get_mut(&UserId::new(3)).unwrap().teams.insert(TeamId::new(7), Known::Unknown("503".into()))
    };
    let _ = case().but(mute).is(Verdict::Unknown, Reason::CannotVerify).uncounted("cy", Reason::MembershipUnknown);
    let reader = |facts: &mut Facts| {
        facts.authority.get_mut(&UserId::new(1)).unwrap().permission = Known::Is(Permission::Triage)
    };
    let _ = case().but(reader).is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::NoWritePermission);
    // enough without the one that is unknown
    let _ = case().approve("bob").but(mute).is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn a_name_that_now_is_somebody_else_counts_for_nobody() {
    let renamed = |facts: &mut Facts| {
        facts.votes[0].account.as_mut().unwrap().login = Login::parse("ann2").unwrap();
        facts.names_now.insert(Login::parse("ann").unwrap(), Known::Is(Some(UserId::new(777))));
    };
    let squatter = |facts: &mut Facts| facts.votes[0].account.as_mut().unwrap().id = UserId::new(66);
    let case = || Case::new().approve("ann").approve("cy");
    let _ = case().but(renamed).uncounted("ann2", Reason::IdentityChanged).is(Verdict::Pending, Reason::QuorumMissing);
    let _ = case().but(squatter).uncounted("ann", Reason::IdentityChanged).is(Verdict::Pending, Reason::QuorumMissing);
    let only_renamed = |facts: &mut Facts| {
        facts.votes[0].account.as_mut().unwrap().login = Login::parse("ann2").unwrap();
        facts.names_now.insert(Login::parse("ann").unwrap(), Known::Is(None));
    };
    let _ = case().but(only_renamed).is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn r34_a_requester_nobody_knows_costs_each_group_one_more_seat() {
    let case = || Case::new().approve("ann").approve("cy");
    let cases: [fn(&mut Facts); 4] = [
        |facts| facts.people.requester = Known::Unknown("?".into()),
        |facts| facts.people.requester = Known::Is(Account { kind: AccountKind::Bot, ..account("rotator") }),
        |facts| facts.people.contributors[0].account = None,
        |facts| facts.people.pushers[0].account = Known::Unknown("?".into()),
    ];
    for change in cases {
        let _ = case()
            .but(change)
            .is(Verdict::Pending, Reason::QuorumMissing)
            .approve("bob")
            .is(Verdict::Satisfied, Reason::QuorumMet);
    }
}

#[test]
fn every_matching_policy_must_hold_and_a_path_without_policy_is_refused() {
    let text = format!("{POLICY}  \n").replace(
        "admins:",
        "  - name: payments\n    environments: [production]\n    secret_paths: [secrets/production/payments/]\n    approvers: {users: [dee]}\nadmins:",
    );
    let path = "secrets/production/payments/a.yaml";
    let case = Case::with(&text, path).approve("ann").approve("cy").is(Verdict::Pending, Reason::QuorumMissing);
    let _ = case.approve("dee").is(Verdict::Satisfied, Reason::QuorumMet);
    let uncovered = POLICY.replace(
        "    environments: [production]\n",
        "    environments: [production]\n    secret_paths: [secrets/production/x/]\n",
    );
    let _ = Case::with(&uncovered, "secrets/production/db.yaml").is(Verdict::Blocked, Reason::NoPolicyForPath);
}

#[test]
fn a_quorum_the_people_left_cannot_fill_is_unreachable_and_an_unread_roster_is_not() {
    let case = || {
        Case::new().but(|facts| {
            facts.people.contributors.push(Contributor {
                commit: oid('c'),
                role: ContributorRole::Author,
                account: Some(account("ann")),
            });
            facts.people.contributors.push(Contributor {
                commit: oid('c'),
                role: ContributorRole::Author,
                account: Some(account("bob")),
            });
        })
    };
    let _ = case().is(Verdict::Unreachable, Reason::Unreachable);
    let unread = |facts: &mut Facts| _ = facts.rosters.insert(TeamId::new(7), Known::Unknown("403".into()));
    let _ = case().but(unread).is(Verdict::Pending, Reason::QuorumMissing);
}

#[test]
fn control_paths_need_the_admins_as_many_as_the_strictest_policy() {
    let case =
        Case::with(POLICY, ".countersign/policy.yaml").approve("ann").is(Verdict::Pending, Reason::QuorumMissing);
    let _ = case.approve("zoe").is(Verdict::Satisfied, Reason::QuorumMet);
    let weak = POLICY.replace(
        "admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}",
        "admins: {approvers: {users: [zoe, ann]}, required_approvals: 1}",
    );
    let _ = Case::with(&weak, ".sops.yaml").approve("ann").is(Verdict::Pending, Reason::QuorumMissing);
}

#[test]
fn r7_r8_structure_refuses_whoever_approves() {
    let approved = || Case::new().approve("ann").approve("cy");
    let path = RepoPath::new("secrets/production/db.yaml");
    let document = |change: fn(&mut DocumentFacts)| {
        let path = path.clone();
        approved().but(move |facts| change(facts.documents.get_mut(&path).unwrap()))
    };
    let _ = document(|file| file.new = FileState::Plain).is(Verdict::Blocked, Reason::Plaintext);
    let _ = document(|file| file.new = FileState::MacMissing).is(Verdict::Blocked, Reason::MacMissing);
    let _ = document(|file| file.new = FileState::Broken("line 1".into())).is(Verdict::Blocked, Reason::NotSops);
    let _ = document(|file| file.new = FileState::TooLarge).is(Verdict::Blocked, Reason::TooLarge);
    let _ = document(|file| file.exposed = vec!["db.password".into()]).is(Verdict::Blocked, Reason::ExposedKey);
    // the settings may have been turned so that the file itself no longer asks for sealing
    let bare = KeyChange { key: "db.password".to_owned(), change: KeyChangeKind::BecamePlain };
    let turned = approved().but(|facts| facts.documents.get_mut(&path).unwrap().keys = vec![bare].into());
    let _ = turned.is(Verdict::Blocked, Reason::ExposedKey);
    let _ =
        document(|file| file.new_recipients.insert("age1two".into())).is(Verdict::Blocked, Reason::RecipientsDiffer);
    let _ = document(|file| file.demanded_recipients = Some(["age1two".to_owned()].into()))
        .is(Verdict::Blocked, Reason::RecipientsDiffer);
    let _ = approved().but(|facts| facts.documents.clear()).is(Verdict::Blocked, Reason::NotSops);
    let plain = PlainCommit { commit: oid('c'), path: path.clone() };
    let _ = approved()
        .but(|facts| facts.history.plain_commits.push(plain))
        .is(Verdict::Blocked, Reason::PlaintextInHistory);
    let _ = approved()
        .but(|facts| facts.history.merge_base = MergeBase::Many)
        .is(Verdict::Blocked, Reason::AmbiguousHistory);
    let _ = approved()
        .but(|facts| facts.history.base_uncovered.push(path.clone()))
        .is(Verdict::Blocked, Reason::BaseUncovered);
    let _ =
        approved().but(|facts| facts.history.base_moved.push(path.clone())).is(Verdict::StaleBase, Reason::StaleBase);
    for (mode, reason) in [
        (EntryMode::Link, Reason::NotAFile),
        (EntryMode::Submodule, Reason::NotAFile),
        (EntryMode::Executable, Reason::Executable),
    ] {
        let new = Some(TreeEntry { mode, oid: oid('2') });
        let delta = Delta::new([DeltaEntry { path: path.clone(), old: file('1'), new }]);
        let _ = approved().but(|facts| facts.history.delta = delta).is(Verdict::Blocked, reason);
    }
    let mixed = |facts: &mut Facts| {
        let control = DeltaEntry { path: RepoPath::new(".sops.yaml"), old: file('1'), new: file('2') };
        facts.history.delta = Delta::new(facts.history.delta.entries().iter().cloned().chain([control]));
    };
    let _ = approved().but(mixed).is(Verdict::Blocked, Reason::SplitThis);
}

#[test]
fn unknown_readers_are_refused_where_people_are_listed() {
    let text = format!(
        "{POLICY}people:\n  ann: {{recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}}\n"
    );
    let case = || Case::with(&text, "secrets/production/db.yaml").approve("ann").approve("cy");
    let _ = case().is(Verdict::Satisfied, Reason::QuorumMet);
    let stranger = |facts: &mut Facts| {
        let file = facts.documents.values_mut().next().unwrap();
        file.new_recipients.insert("age1two".into());
        file.demanded_recipients = Some((*file.new_recipients).clone());
    };
    let _ = case().but(stranger).is(Verdict::Blocked, Reason::UnknownRecipient);
}

#[test]
fn r9_nothing_protected_is_not_approved_but_not_applicable() {
    let _ = Case::with(POLICY, "src/main.rs")
        .approve("ann")
        .approve("cy")
        .is(Verdict::NotApplicable, Reason::NothingProtected);
    let _ = Case::new()
        .but(|facts| facts.history.delta = Delta::default())
        .is(Verdict::NotApplicable, Reason::NothingProtected);
}

#[test]
fn r11_an_unknown_review_state_and_r59_a_draft_hold_the_change() {
    let case = || Case::new().approve("ann").approve("cy");
    let _ = case().vote("dee", VoteKind::Unrecognised, 500).is(Verdict::Unknown, Reason::UnknownReviewState);
    let _ = case().but(|facts| facts.change.draft = true).is(Verdict::Pending, Reason::Draft);
    let _ = case().but(|facts| facts.change.open = false).is(Verdict::Pending, Reason::Closed);
}

#[test]
fn another_policy_than_the_facts_were_read_for_decides_nothing() {
    let _ = Case::new()
        .approve("ann")
        .approve("cy")
        .but(|facts| facts.policy_digest = Digest::of(b"x"))
        .is(Verdict::Unknown, Reason::PolicyMismatch);
}

#[test]
fn the_next_step_names_who_can_take_it() {
    let decision = Case::new().approve("ann").decide();
    assert_eq!(decision.next, ["ask bob or cy to review ddddddd"]);
}

#[test]
fn a_team_slug_of_the_policy_is_looked_up_by_its_id() {
    let case = Case::new()
        .approve("ann")
        .approve("cy")
        .but(|facts| _ = facts.names.teams.remove(&TeamSlug::parse("acme/security").unwrap()));
    let _ = case.is(Verdict::Pending, Reason::QuorumMissing);
}

#[test]
fn the_request_of_a_push_that_is_not_back_is_blocked_and_what_may_not_be_kept_is_named() {
    use crate::facts::{HeldPush, LeftOut, LeftOutKind, Quarantine};
    let reason = |held: HeldPush, delta: bool| {
        let mut case = Case::new();
        case.facts.held = Some(held);
        if !delta {
            case.facts.history.delta = Delta::default();
        }
        let decision = decide(&case.policy, &case.facts);
        (decision.verdict, decision.reason)
    };
    let left = LeftOut { path: RepoPath::new("secrets/production/x.yaml"), what: LeftOutKind::Plaintext };
    let leak = HeldPush { quarantined: None, left_out: vec![left] };
    let bit = LeftOut { path: RepoPath::new("secrets/production/x.yaml"), what: LeftOutKind::ExecutableBit };
    let bit = HeldPush { quarantined: None, left_out: vec![bit] };
    let quarantined = HeldPush { quarantined: Some(Quarantine::Rules), ..HeldPush::default() };
    assert_eq!(reason(HeldPush::default(), true).0, Verdict::Pending);
    assert_eq!(reason(quarantined.clone(), true), (Verdict::Blocked, Reason::Quarantined));
    assert_eq!(reason(quarantined, false), (Verdict::Blocked, Reason::Quarantined));
    assert_eq!(reason(leak.clone(), true).0, Verdict::Pending, "the rest may be approved");
    assert_eq!(reason(leak, false), (Verdict::Blocked, Reason::Plaintext));
    assert_eq!(reason(bit, false), (Verdict::NotApplicable, Reason::NothingProtected));
}

#[test]
fn a_change_that_somebody_else_merged_is_judged_as_if_it_were_open() {
    let case = || {
        let case = Case::new().approve("ann").but(|facts| facts.change.open = false);
        case.but(|facts| facts.change.landed = Some(oid('f')))
    };
    let _ = case().is(Verdict::Pending, Reason::QuorumMissing);
    let _ = case().approve("cy").is(Verdict::Satisfied, Reason::QuorumMet);
    let _ = case().approve("cy").but(|facts| facts.change.landed = None).is(Verdict::Pending, Reason::Closed);
}

#[test]
fn copied_ciphertext_asks_the_policies_of_where_it_was_copied_from_as_well() {
    let origin = |path: &str| Origin { branch: RefName::branch("main").unwrap(), path: RepoPath::new(path) };
    let copying = |from: &'static str| {
        Case::with(POLICY, "secrets/staging/db.yaml").but(|facts| {
            let document = facts.documents.values_mut().next().unwrap();
            document.copied.insert(origin(from));
        })
    };
    // ann alone is enough for staging, and two are needed for production
    let case = copying("secrets/production/db.yaml").approve("ann").is(Verdict::Pending, Reason::QuorumMissing);
    let decision = case.decide();
    let names: Vec<_> = decision.scopes.iter().map(|scope| scope.scope.name()).collect();
    assert_eq!(names, ["production", "staging"]);
    assert_eq!(decision.scopes[0].paths[0].copied_into, Some(RepoPath::new("secrets/staging/db.yaml")));
    let _ = case.approve("cy").is(Verdict::Satisfied, Reason::QuorumMet);
    // from another file of the same environment: the same policies, asked once
    let _ = copying("secrets/staging/other.yaml").approve("ann").is(Verdict::Satisfied, Reason::QuorumMet);
    // nobody can be asked about a place without policies
    let _ = copying("old/db.yaml").approve("ann").approve("cy").is(Verdict::Blocked, Reason::CopiedCiphertext);
    let _ = copying(".sops.yaml").approve("ann").approve("cy").is(Verdict::Blocked, Reason::CopiedCiphertext);
}

#[test]
fn a_revoked_value_comes_back_by_nobody_s_approval() {
    let case = Case::with(POLICY, "secrets/staging/db.yaml").approve("ann");
    let returning = case.but(|facts| {
        facts.documents.values_mut().next().unwrap().revoked.insert("db.password".to_owned());
    });
    let decision = returning.is(Verdict::Blocked, Reason::RevokedValue).decide();
    assert!(decision.structure.iter().any(|refusal| refusal.detail == "db.password"), "it is named");
}

//! What waits, what ends with time, what is only observed; bots of the policy, and people with two accounts.

use super::*;
use crate::domain::Span;
use crate::facts::MergeAsked;

const STAGING: &str = "secrets/staging/db.yaml";

/// The usual policy with another line for staging, about a change there by dee.
fn staging(settings: &str) -> Case {
    let text = POLICY.replace(
        "staging: {paths: [secrets/staging/]}",
        &format!("staging: {{paths: [secrets/staging/], {settings}}}"),
    );
    assert_ne!(text, POLICY);
    Case::with(&text, STAGING).but(|facts| {
        let dee = account("dee");
        facts.people.requester = Known::Is(dee.clone());
        facts.people.pushers = vec![Pusher { commit: oid('d'), account: Known::Is(dee.clone()) }];
        facts.people.contributors =
            vec![Contributor { commit: oid('d'), role: ContributorRole::Author, account: Some(dee) }];
    })
}

#[test]
fn a_change_that_waits_to_be_asked_for_is_satisfied_and_an_older_head_asks_for_nothing() {
    let asked = |head: char| {
        move |facts: &mut Facts| {
            let at = Timestamp::from_seconds(500);
            facts.merge_asked = Some(MergeAsked { by: account("rita"), head: oid(head), at });
        }
    };
    let waits = |case: Case| case.is(Verdict::Satisfied, Reason::QuorumMet).decide().waits;
    let name = Environment::parse("staging").unwrap();
    let case = || staging("merge: manual").approve("ann");
    assert_eq!(waits(case()), [Wait::Asked(name.clone())]);
    assert_eq!(waits(case().but(asked('c'))), [Wait::Asked(name)]);
    assert_eq!(waits(case().but(asked('d'))), []);
    assert_eq!(waits(staging("merge: auto").approve("ann")), []);
    // what is not satisfied waits for people
    assert_eq!(staging("merge: manual").decide().waits, []);
    assert!(case().decide().next[0].contains("/countersign merge"));
}

#[test]
fn r30_an_approval_ends_by_the_forges_clock_and_by_ours_only_where_it_did_not_say() {
    let case = |forge: Option<i64>| {
        staging("approval_ttl: 10m").approve("ann").but(move |facts| {
            facts.forge_time = forge.map(Timestamp::from_seconds);
        })
    };
    // given at 200; ours says 1,000
    let _ = case(Some(800)).is(Verdict::Satisfied, Reason::QuorumMet);
    let _ = case(Some(801)).is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::Expired);
    let _ = case(None).uncounted("ann", Reason::Expired);
    let end = |case: &Case| next_expiry(&case.policy, &case.facts).map(Timestamp::seconds);
    assert_eq!((end(&case(Some(800))), end(&case(Some(801)))), (Some(801), None));
    // a veto does not age
    let veto =
        staging("approval_ttl: 10m").reject("ann").but(|facts| facts.forge_time = Some(Timestamp::from_seconds(9_000)));
    let _ = veto.is(Verdict::Rejected, Reason::Rejected);
}

#[test]
fn an_idle_request_ends_after_the_shortest_wait_of_what_it_touches_unless_it_holds_a_direct_push() {
    let case =
        |settings: &str| staging(settings).but(|facts| facts.change.updated = Some(Timestamp::from_seconds(900)));
    let until = |case: &Case| idle(&case.policy, &case.facts, &case.decide()).map(|idle| idle.until.seconds());
    assert_eq!(until(&case("expires: 10m")), Some(1_500));
    assert_eq!(until(&case("merge: auto")), None);
    assert_eq!(until(&case("expires: 10m").but(|facts| facts.change.open = false)), None);
    assert_eq!(until(&case("expires: 10m").but(|facts| facts.change.updated = None)), None);
    let held = crate::facts::HeldPush { quarantined: None, left_out: Vec::new() };
    assert_eq!(until(&case("expires: 10m").but(|facts| facts.held = Some(held))), None);
    let rules =
        idle(&case("expires: 10m").policy, &case("expires: 10m").facts, &case("expires: 10m").decide()).unwrap().rules;
    assert_eq!(rules, [(Environment::parse("staging").unwrap(), Span::from_seconds(600))]);
}

#[test]
fn what_is_only_observed_is_shown_and_holds_nothing_up_whatever_stands_on_the_base() {
    let case = || staging("mode: observe");
    let decision = case().is(Verdict::NotApplicable, Reason::Observed).decide();
    assert!(decision.scopes[0].observed && decision.scopes[0].verdict == Verdict::Pending);
    let elsewhere = |facts: &mut Facts| facts.history.base_uncovered.push(RepoPath::new("secrets/production/db.yaml"));
    let _ = case().but(elsewhere).is(Verdict::NotApplicable, Reason::Observed);
    let plain = |facts: &mut Facts| facts.documents.values_mut().for_each(|document| document.new = FileState::Plain);
    let decision = case().but(plain).is(Verdict::NotApplicable, Reason::Observed).decide();
    assert!(decision.structure.iter().all(|refusal| refusal.observed) && !decision.structure.is_empty());
}

#[test]
fn r47_one_no_is_enough_for_a_veto_whatever_cannot_be_read_besides() {
    let reader = |facts: &mut Facts| {
        let dee = facts.authority.get_mut(&account("dee").id).unwrap();
        dee.permission = Known::Is(Permission::Read);
        dee.teams.insert(TeamId::new(7), Known::Unknown("502".to_owned()));
    };
    let case = || Case::new().approve("ann").approve("cy").reject("dee");
    let _ = case().but(reader).is(Verdict::Satisfied, Reason::QuorumMet);
    let unread = |facts: &mut Facts| {
        facts.authority.get_mut(&account("dee").id).unwrap().teams.insert(TeamId::new(7), Known::Unknown("502".into()));
    };
    let _ = case().but(unread).is(Verdict::Unknown, Reason::CannotVerify);
}

#[test]
fn r21_two_accounts_of_one_person_are_one_vote_and_one_exclusion() {
    let text = format!("{POLICY}people:\n  bob: {{same_person: ann}}\n");
    let case = || Case::with(&text, "secrets/production/db.yaml");
    let _ = case().approve("ann").approve("bob").is(Verdict::Pending, Reason::QuorumMissing);
    let _ = case().approve("bob").approve("cy").is(Verdict::Satisfied, Reason::QuorumMet);
    let by_ann = |facts: &mut Facts| facts.people.requester = Known::Is(account("ann"));
    let _ = case().but(by_ann).approve("bob").approve("cy").uncounted("bob", Reason::Requester);
}

#[test]
fn a_bot_of_the_policy_needs_nobody_for_values_it_may_change_and_for_nothing_else() {
    let text =
        format!("{POLICY}machines:\n  - {{id: 500, login: rotator, environments: [production], keys: ['db.*']}}\n");
    let case = || {
        Case::with(&text, "secrets/production/db.yaml").but(|facts| {
            let bot = Account { kind: AccountKind::Bot, ..account("rotator") };
            facts.people.requester = Known::Is(bot.clone());
            facts.people.pushers = vec![Pusher { commit: oid('d'), account: Known::Is(bot.clone()) }];
            facts.people.contributors =
                vec![Contributor { commit: oid('d'), role: ContributorRole::Author, account: Some(bot) }];
        })
    };
    fn first(facts: &mut Facts) -> &mut DocumentFacts {
        facts.documents.values_mut().next().unwrap()
    }
    let _ = case().is(Verdict::Satisfied, Reason::QuorumMet);
    let _ = case().reject("ann").is(Verdict::Rejected, Reason::Rejected);
    let others: [fn(&mut Facts); 8] = [
        |facts| first(facts).keys[0].key = "other".to_owned(),
        |facts| first(facts).keys[0].change = KeyChangeKind::Added,
        |facts| first(facts).keys.clear(),
        |facts| first(facts).other = None,
        |facts| facts.people.pushers[0].account = Known::Is(account("rita")),
        |facts| facts.people.pushers.clear(),
        |facts| facts.people.contributors[0].account = None,
        |facts| facts.ourselves = Some(UserId::new(500)),
    ];
    for other in others {
        assert_eq!(case().but(other).decide().verdict, Verdict::Pending);
    }
}

#[test]
fn on_a_strangers_fork_request_somebody_with_write_has_the_next_word() {
    let case = Case::new().but(|facts| facts.change.unvouched = true).is(Verdict::Pending, Reason::QuorumMissing);
    assert!(case.decide().next[0].contains("/countersign recheck"));
    assert!(!Case::new().decide().next[0].contains("recheck"));
}

#[test]
fn r20_of_two_vetoes_of_one_second_the_one_that_stands_is_the_stricter_one() {
    let ended = |case: Case, by: &'static str| {
        case.vote("bob", VoteKind::Ended, 400).but(move |facts| {
            let vote = facts.votes.last_mut().unwrap();
            (vote.first_kind, vote.ended_by) = (Some(VoteKind::Reject), Some(account(by)));
        })
    };
    let case = || Case::new().approve("ann").approve("cy");
    let _ = ended(ended(case(), "rita"), "zoe").is(Verdict::Rejected, Reason::Rejected);
    let _ = ended(ended(case(), "zoe"), "rita").is(Verdict::Rejected, Reason::Rejected);
    let _ = ended(ended(case(), "zoe"), "bob").is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn plain_text_in_the_history_of_a_path_that_is_protected_no_longer_holds_nothing_up() {
    let case = |path: &str| {
        let plain = PlainCommit { commit: oid('c'), path: RepoPath::new(path) };
        Case::new().approve("ann").approve("bob").but(|facts| facts.history.plain_commits.push(plain))
    };
    case("secrets/production/db.yaml").is(Verdict::Blocked, Reason::PlaintextInHistory);
    case("docs/db.yaml").is(Verdict::Satisfied, Reason::QuorumMet);
}

//! What comments say: votes, waivers, pauses.

use super::*;
use crate::domain::CommentId;
use crate::facts::{Asked, AskedFor};

impl Case {
    /// A vote by comment; `first` and `ended_by` as gathering gives them.
    fn comment(mut self, name: &str, kind: VoteKind, at: i64) -> Self {
        let id = CommentId::new(self.facts.votes.len() as u64 + 1);
        self = self.vote(name, kind, at);
        self.facts.votes.last_mut().unwrap().source = VoteSource::Comment(id);
        self
    }

    /// The same, taken away.
    fn gone(mut self, name: &str, first: VoteKind, at: i64, by: Option<&str>) -> Self {
        self = self.comment(name, VoteKind::Ended, at);
        let vote = self.facts.votes.last_mut().unwrap();
        (vote.first_kind, vote.ended_by) = (Some(first), by.map(account));
        self
    }

    fn asked(mut self, name: &str, what: AskedFor, at: i64) -> Self {
        let comment = CommentId::new(1_000 + self.facts.asked.len() as u64);
        self.facts.asked.push(Asked { comment, by: account(name), what, at: Timestamp::from_seconds(at) });
        self
    }

    fn reads_only(self, name: &str) -> Self {
        self.but(|facts| {
            let authority = facts.authority.get_mut(&account(name).id).unwrap();
            authority.permission = Known::Is(Permission::Read);
        })
    }

    fn pause(&self) -> Option<String> {
        paused(&self.policy, &self.facts, &self.decide()).map(|pause| pause.by.login.to_string())
    }
}

fn waive(login: &str) -> AskedFor {
    AskedFor::Waive(Login::parse(login).unwrap())
}

#[test]
fn r20_the_last_word_counts_whichever_way_it_was_said_and_of_one_second_the_stricter() {
    use VoteKind::{Approve, Reject, Withdraw};
    let approved = || Case::new().approve("bob");
    approved().comment("ann", Approve, 300).is(Verdict::Satisfied, Reason::QuorumMet);
    let both = || approved().vote("ann", Approve, 300);
    both()
        .comment("ann", Withdraw, 301)
        .uncounted("ann", Reason::Withdrawn)
        .is(Verdict::Pending, Reason::QuorumMissing);
    both().comment("ann", Withdraw, 300).uncounted("ann", Reason::Withdrawn);
    both().comment("ann", Withdraw, 299).is(Verdict::Satisfied, Reason::QuorumMet);
    both().comment("ann", Reject, 300).is(Verdict::Rejected, Reason::Rejected);
    approved().vote("ann", Reject, 300).comment("ann", Approve, 301).is(Verdict::Satisfied, Reason::QuorumMet);
    approved().vote("ann", Reject, 300).comment("ann", Withdraw, 301).is(Verdict::Pending, Reason::QuorumMissing);
    // who said nothing has nothing to take back
    let decision = approved().comment("ann", Withdraw, 301).decide();
    assert!(decision.scopes[0].policies[0].groups[0].not_counted.is_empty());
}

#[test]
fn r18_what_is_taken_away_gives_nothing_back() {
    use VoteKind::{Approve, Reject, Withdraw};
    let approved = || Case::new().approve("bob").vote("ann", Approve, 300);
    approved().gone("ann", Approve, 301, None).uncounted("ann", Reason::CommentChanged);
    // a withdrawal that somebody deletes still ends the approval before it, and no longer the veto
    approved().gone("ann", Withdraw, 301, None).uncounted("ann", Reason::Withdrawn);
    let rejected = || Case::new().approve("bob").approve("cy").vote("ann", Reject, 300);
    rejected().gone("ann", Withdraw, 301, None).is(Verdict::Rejected, Reason::Rejected);
    rejected().comment("ann", Withdraw, 301).is(Verdict::Satisfied, Reason::QuorumMet);
    Case::new().gone("ann", Reject, 300, Some("ann")).is(Verdict::Pending, Reason::QuorumMissing);
}

#[test]
fn r10_where_comments_are_no_votes_an_approval_by_one_neither_counts_nor_replaces_a_review() {
    use VoteKind::{Approve, Reject};
    let policy = POLICY.replacen("production/]}", "production/], comment_votes: false}", 1);
    let case = || Case::with(&policy, "secrets/production/db.yaml").approve("bob");
    case().comment("ann", Approve, 300).uncounted("ann", Reason::CommentNotCounted);
    case().vote("ann", Approve, 299).comment("ann", Approve, 300).is(Verdict::Satisfied, Reason::QuorumMet);
    case().vote("ann", Approve, 299).gone("ann", Approve, 300, None).is(Verdict::Satisfied, Reason::QuorumMet);
    case().vote("ann", Reject, 299).comment("ann", Approve, 300).is(Verdict::Rejected, Reason::Rejected);
    case().comment("ann", Reject, 300).is(Verdict::Rejected, Reason::Rejected);
    // control paths belong to no environment: one that refuses comments is enough
    let control = |text: &str| Case::with(text, ".sops.yaml").approve("ann").comment("zoe", Approve, 300);
    control(&policy).uncounted("zoe", Reason::CommentNotCounted);
    control(POLICY).is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn r19_a_waiver_lifts_the_veto_before_it_of_the_person_it_names_and_of_nobody_else() {
    use VoteKind::Reject;
    let case = || Case::new().approve("ann").approve("bob").vote("cy", Reject, 300);
    case().asked("zoe", waive("cy"), 301).uncounted("cy", Reason::Waived).is(Verdict::Satisfied, Reason::QuorumMet);
    case().asked("zoe", waive("CY"), 301).is(Verdict::Satisfied, Reason::QuorumMet);
    case().asked("zoe", waive("cy"), 300).is(Verdict::Rejected, Reason::Rejected);
    case().asked("zoe", waive("bob"), 301).is(Verdict::Rejected, Reason::Rejected);
    case().asked("bob", waive("cy"), 301).is(Verdict::Rejected, Reason::Rejected);
    case().asked("zoe", waive("cy"), 301).vote("cy", Reject, 302).is(Verdict::Rejected, Reason::Rejected);
    case().asked("zoe", waive("cy"), 301).reads_only("zoe").is(Verdict::Rejected, Reason::Rejected);
    let made = |facts: &mut Facts| facts.people.requester = Known::Is(account("zoe"));
    case().asked("zoe", waive("cy"), 301).but(made).is(Verdict::Rejected, Reason::Rejected);
    // also of one that was dismissed by somebody who may not
    let dismissed = Case::new().approve("ann").approve("bob").gone("cy", Reject, 300, Some("mallory"));
    dismissed.asked("zoe", waive("cy"), 301).is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn a_pause_is_ended_by_whoever_set_it_or_by_an_approver_who_did_not_ask_for_the_change() {
    let pause = |reason: &str| AskedFor::Pause(Some(reason.to_owned()));
    let case = || Case::new().approve("ann").approve("bob").asked("mallory", pause("wait"), 300);
    assert_eq!(case().pause().as_deref(), Some("mallory"));
    let waits = case().decide().waits;
    assert_eq!(waits.iter().map(Wait::words).collect::<Vec<_>>(), ["paused by mallory: wait"]);
    for (by, at, left) in [
        ("mallory", 301, None),
        ("mallory", 300, Some("mallory")),
        ("mallory", 299, Some("mallory")),
        ("cy", 301, None),
        ("zoe", 301, Some("mallory")),
        ("rita", 301, Some("mallory")),
    ] {
        assert_eq!(case().asked(by, AskedFor::Unpause, at).pause().as_deref(), left, "{by} {at}");
    }
    // one's own pause is ended alone
    let two = case().asked("zoe", pause("freeze"), 301).asked("zoe", AskedFor::Unpause, 302);
    assert_eq!(two.pause().as_deref(), Some("mallory"));
    assert_eq!(case().reads_only("mallory").pause(), None);
    let requester = Case::with(POLICY, "secrets/staging/db.yaml").asked("ann", pause("wait"), 300);
    let requester = requester.asked("rita", AskedFor::Unpause, 301);
    assert_eq!(requester.pause().as_deref(), Some("ann"), "rita is an approver there, and asked for the change");
}

//! Votes by comment: what they hold for, and what becomes of them when the comment changes.

use github_sim::{DeliveryFault, Fault, Push, Verdict};

use super::{answers, approve, head, reactions, say, until_done, until_refused};
use crate::harness::{POLICY, Secrets, World};

const PRODUCTION: &str = "secrets/production/db.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn r10_an_approval_by_comment_counts_beside_a_review_and_is_in_the_ledger() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let comment = approve(&world, &world.ann, pull, &head(&world, pull));
    until_done(&world, pull, comment);
    world.until_counted(pull, "production", &["ann"]);
    world.until_comment(pull, "by comment");
    // twice is once (scenario 55), and a review of the same person is no second vote (R21)
    let again = approve(&world, &world.ann, pull, &head(&world, pull));
    world.until("it is seen", |world| reactions(world, again).len() == 2);
    world.approve(&world.ann, pull);
    world.until_quiet();
    assert_eq!(world.counted(pull, "production"), ["ann"]);
    approve(&world, &world.bob, pull, &head(&world, pull));
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");
    let told: Vec<_> = world
        .ledger()
        .entries()
        .iter()
        .filter_map(|entry| {
            let countersign_core::ledger::Entry::Vote(vote) = &entry.entry else { return None };
            Some(format!("{:?}", vote.source))
        })
        .collect();
    assert_eq!(told.iter().filter(|source| source.starts_with("Comment")).count(), 3, "{told:?}");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_an_approval_that_names_no_whole_commit_or_another_one_is_no_vote_and_is_told_what_to_write() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let first = head(&world, pull);
    let line = format!("`/countersign approve {first}`");
    for body in ["/countersign approve".to_owned(), format!("/cs approve {}", &first[..12])] {
        let comment = say(&world, &world.ann, pull, &body);
        until_refused(&world, pull, comment, &["@ann ", &line]);
    }
    world.push(&world.rita, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    let second = head(&world, pull);
    world.until_comment(pull, &second);
    let stale = approve(&world, &world.ann, pull, &first);
    until_refused(&world, pull, stale, &[&first, &second, &format!("`/countersign approve {second}`")]);
    world.until_uncounted(pull, "ann", "stale-approval");
    // back to what was approved, and the vote holds again (R25)
    let back = Push::to("rita/db").from("main").file(PRODUCTION, Secrets::sealed("production", 2)).force();
    world.push(&world.rita, back);
    world.until_counted(pull, "production", &["ann"]);
    assert!(!world.merged(pull));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_a_comment_edited_into_a_command_is_none_whoever_edits_it() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let own = say(&world, &world.ann, pull, "looks good");
    let line = format!("/countersign approve {}", head(&world, pull));
    world.repo.edit_comment(&world.ann, own, &line).unwrap();
    let other = say(&world, &world.bob, pull, "I shall look tomorrow");
    world.repo.edit_comment(&world.zoe, other, &line).unwrap();
    let veto = say(&world, &world.cy, pull, "hm");
    world.repo.edit_comment(&world.zoe, veto, "/countersign reject").unwrap();
    world.until_quiet();
    world.until_quiet();
    assert_eq!(world.counted(pull, "production"), Vec::<String>::new());
    assert_eq!(world.conclusion(pull), "action_required");
    for comment in [own, other, veto] {
        assert_eq!(reactions(&world, comment), Vec::<String>::new());
    }
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r18_an_approval_ends_when_its_comment_is_edited_hidden_or_deleted_and_revives_nothing() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.sim.advance(jiff::SignedDuration::from_secs(2));
    let deleted = approve(&world, &world.ann, pull, &head(&world, pull));
    until_done(&world, pull, deleted);
    world.until_quiet();
    world.repo.delete_comment(&world.rita, deleted).unwrap();
    // the review before it does not count again
    world.until_uncounted(pull, "ann", "comment-changed");

    world.sim.advance(jiff::SignedDuration::from_secs(2));
    let hidden = approve(&world, &world.ann, pull, &head(&world, pull));
    until_done(&world, pull, hidden);
    world.until_counted(pull, "production", &["ann"]);
    world.repo.minimize_comment(&world.rita, hidden, Some("spam")).unwrap();
    // GitHub tells nobody that a comment is hidden: the next look sees it
    say(&world, &world.rita, pull, "please look again");
    world.until_uncounted(pull, "ann", "comment-changed");

    world.sim.advance(jiff::SignedDuration::from_secs(2));
    let edited = approve(&world, &world.ann, pull, &head(&world, pull));
    until_done(&world, pull, edited);
    world.until_counted(pull, "production", &["ann"]);
    let same = format!("/countersign approve {} ", head(&world, pull));
    world.repo.edit_comment(&world.rita, edited, &same).unwrap();
    world.until_uncounted(pull, "ann", "comment-changed");
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["bob"]);
    assert!(!world.merged(pull));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r18_a_rejection_stays_when_somebody_else_edits_hides_or_deletes_it_and_goes_when_its_author_does() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let deleted = say(&world, &world.ann, pull, "/countersign reject the old value is still used");
    until_done(&world, pull, deleted);
    world.until_check(pull, "failure");
    let hidden = say(&world, &world.bob, pull, "/cs reject");
    let edited = say(&world, &world.cy, pull, "/cs reject");
    until_done(&world, pull, hidden);
    until_done(&world, pull, edited);
    world.until_quiet();
    world.repo.delete_comment(&world.rita, deleted).unwrap();
    world.repo.minimize_comment(&world.rita, hidden, Some("spam")).unwrap();
    world.repo.edit_comment(&world.rita, edited, "never mind").unwrap();
    world.until_quiet();
    world.until_quiet();
    assert_eq!(world.conclusion(pull), "failure");
    // bob and cy take theirs back, one way and the other; ann's stands alone
    world.repo.delete_comment(&world.bob, hidden).unwrap();
    world.sim.advance(jiff::SignedDuration::from_secs(2));
    let back = say(&world, &world.cy, pull, "/cs unapprove");
    until_done(&world, pull, back);
    world.until_quiet();
    assert_eq!(world.conclusion(pull), "failure");
    world.sim.advance(jiff::SignedDuration::from_secs(2));
    let back = say(&world, &world.ann, pull, "/cs unapprove");
    until_done(&world, pull, back);
    world.until_check(pull, "action_required");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_reviews_and_comments_of_one_person_fold_in_order_of_time() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let later = || world.sim.advance(jiff::SignedDuration::from_secs(2));
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    later();
    let back = say(&world, &world.ann, pull, "/countersign unapprove");
    until_done(&world, pull, back);
    world.until_uncounted(pull, "ann", "withdrawn");
    // somebody else's deletion does not bring the approval back
    world.until_quiet();
    world.repo.delete_comment(&world.rita, back).unwrap();
    world.until_quiet();
    world.until_quiet();
    assert_eq!(world.counted(pull, "production"), Vec::<String>::new());
    later();
    world.repo.review(&world.ann, pull, Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "failure");
    later();
    approve(&world, &world.ann, pull, &head(&world, pull));
    world.until_counted(pull, "production", &["ann"]);
    world.until_check(pull, "action_required");
    let nothing = say(&world, &world.bob, pull, "/cs unapprove");
    until_refused(&world, pull, nothing, &["there is no approval and no rejection of yours to take back"]);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r31_whoever_asked_for_it_is_no_approver_or_gone_does_not_count_by_comment_either() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let eve = world.sim.user("eve");
    world.acme.member(&eve, false);
    let own = approve(&world, &world.rita, pull, &head(&world, pull));
    until_refused(&world, pull, own, &["`requester`"]);
    let stranger = approve(&world, &eve, pull, &head(&world, pull));
    until_refused(&world, pull, stranger, &["`not-an-approver`"]);
    let reject = say(&world, &eve, pull, "/cs reject");
    until_refused(&world, pull, reject, &["`not-an-approver`"]);
    let approval = approve(&world, &world.ann, pull, &head(&world, pull));
    until_done(&world, pull, approval);
    world.sim.delete_user(&world.ann);
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["bob"]);
    world.until_quiet();
    assert!(!world.merged(pull));
    assert_eq!(world.conclusion(pull), "action_required");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_an_approval_whose_delivery_was_lost_is_found_by_the_sweep_and_counts_for_the_head_it_was_written_under() {
    let mut world = World::without_server(POLICY).await;
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "1s");
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let first = head(&world, pull);
    // all of them, ours as well: a turn may still be writing its comment
    world.sim.delivery_fault(DeliveryFault::drop("issue_comment").times(100_000));
    let comment = approve(&world, &world.ann, pull, &first);
    world.until_counted(pull, "production", &["ann"]);
    assert_eq!(reactions(&world, comment), Vec::<String>::new());
    world.push(&world.rita, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    world.until_uncounted(pull, "ann", "stale-approval");
    assert!(!world.merged(pull));
    world.no_violations();
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_where_comments_are_no_votes_an_approval_by_one_is_refused_and_a_rejection_holds() {
    let policy = POLICY.replace(
        "production: {paths: [secrets/production/]}",
        "production: {paths: [secrets/production/], comment_votes: false}",
    );
    let world = World::with(&policy).await;
    let pull = world.by_rita("rita/db", "production");
    let comment = approve(&world, &world.ann, pull, &head(&world, pull));
    until_refused(&world, pull, comment, &["`comment-not-counted`", "approve by a review"]);
    world.until_uncounted(pull, "ann", "comment-not-counted");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    let veto = say(&world, &world.cy, pull, "/cs reject");
    until_done(&world, pull, veto);
    world.until_check(pull, "failure");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r50_an_approval_that_is_edited_or_a_rejection_that_is_written_while_the_last_one_is_looked_at_is_seen_before_the_merge()
 {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let first = approve(&world, &world.ann, pull, &head(&world, pull));
    until_done(&world, pull, first);
    world.until_comment(pull, "**1 of 2");
    world.until_quiet();
    let (repo, ann) = (world.repo.clone(), world.ann.clone());
    world.sim.fault(Fault::operation("teams/get-membership-for-user-in-org").times(1).then(move |_| {
        let _ = repo.edit_comment(&ann, first, "wait");
    }));
    approve(&world, &world.bob, pull, &head(&world, pull));
    world.until_uncounted(pull, "ann", "comment-changed");
    world.until_quiet();
    assert!(!world.merged(pull));
    world.sim.advance(jiff::SignedDuration::from_secs(2));
    let (repo, cy) = (world.repo.clone(), world.cy.clone());
    world.sim.fault(Fault::operation("teams/get-membership-for-user-in-org").times(1).then(move |_| {
        let _ = repo.comment(&cy, pull, "/countersign reject");
    }));
    approve(&world, &world.ann, pull, &head(&world, pull));
    world.until_check(pull, "failure");
    world.until_quiet();
    assert!(!world.merged(pull));
    assert_eq!(answers(&world, pull, first), Vec::<String>::new());
    world.end();
}

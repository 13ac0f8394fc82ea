//! Which texts are commands, and what is said about those that are not.

use github_sim::{AppConfig, Fault, Level, Role, User, Verdict};

use super::{answers, approve, head, reactions, say, until_done, until_refused, until_told};
use crate::harness::World;

#[tokio::test(flavor = "multi_thread")]
async fn r15_what_is_quoted_in_code_or_in_html_is_no_command_and_neither_is_what_follows_other_words() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let line = format!("/countersign approve {}", head(&world, pull));
    let silent: Vec<u64> = [
        format!("> {line}"),
        format!("```\n{line}\n```"),
        format!("    {line}"),
        format!("`{line}`"),
        format!("<details>\n{line}\n</details>"),
        format!("<!--\n{line}\n-->"),
        format!("[x]: https://example.com '\n{line}'"),
        format!("please {line}"),
        format!("On Monday ann wrote:\n> {line}\n"),
        format!(" {line}"),
        line.replace("/countersign", "/countersigned"),
    ]
    .iter()
    .map(|body| say(&world, &world.ann, pull, body))
    .collect();
    // near misses are hinted at, and nothing is done
    for body in [
        line.replace("/countersign", "/countersing"),
        line.replace("approve", "aprove"),
        line.replace("/countersign", "／countersign"),
        line.replace("/countersign", "/сountersign"),
        line.replace("/countersign ", "/countersign\u{a0}"),
    ] {
        world.sim.advance(jiff::SignedDuration::from_secs(61));
        let comment = say(&world, &world.bob, pull, &body);
        until_refused(&world, pull, comment, &["did you mean `/countersign approve <full sha>`?"]);
    }
    world.until_quiet();
    assert_eq!(world.counted(pull, "production"), Vec::<String>::new());
    for comment in silent {
        assert_eq!((reactions(&world, comment), answers(&world, pull, comment)), (vec![], vec![]));
    }
    // line ends of Windows and trailing blanks are no obstacle (scenario 46)
    let comment = say(&world, &world.ann, pull, &format!("Looked at it.\r\n\r\n{line} \t\r\n"));
    until_done(&world, pull, comment);
    world.until_counted(pull, "production", &["ann"]);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r15_two_commands_in_one_comment_are_none_and_what_is_said_twice_is_answered_once() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let line = format!("/countersign approve {}", head(&world, pull));
    let both = say(&world, &world.ann, pull, &format!("{line}\n\n/countersign reject"));
    until_refused(&world, pull, both, &["a comment can hold one command", "write a comment for each"]);
    world.sim.pause_deliveries();
    let twice = [say(&world, &world.bob, pull, "/cs aprove"), say(&world, &world.bob, pull, "/cs aprove")];
    world.sim.resume_deliveries();
    for comment in twice {
        world.until("it is refused", |world| reactions(world, comment) == ["eyes", "confused"]);
    }
    let given: usize = twice.iter().map(|comment| answers(&world, pull, *comment).len()).sum();
    assert_eq!(given, 1);
    let long = format!("{}\n\n{line}", "word ".repeat(13_000));
    let comment = say(&world, &world.ann, pull, &long);
    until_done(&world, pull, comment);
    world.until_counted(pull, "production", &["ann"]);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_reviews_descriptions_and_bots_give_no_commands_and_we_do_not_obey_ourselves() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let line = format!("/countersign approve {}", head(&world, pull));
    world.repo.review_saying(&world.ann, pull, Verdict::Comment, None, &line).unwrap();
    world.repo.retitle(&world.zoe, pull, "A title", &line).unwrap();
    let rotator = world.sim.app(AppConfig::new("rotator", &[("pull_requests", Level::Write)], &[]));
    let token = rotator.install(&world.acme, &[&world.repo]).token().unwrap();
    let bot = User { id: rotator.bot, login: rotator.bot_login(), token, email: "rotator@acme.example".to_owned() };
    world.repo.role(&bot, Some(Role::Write));
    let comment = say(&world, &bot, pull, &line);
    world.until_quiet();
    assert_eq!(reactions(&world, comment), Vec::<String>::new());
    assert_eq!(world.counted(pull, "production"), Vec::<String>::new());
    // our own comment shows the line to paste
    assert!(world.comment(pull).contains(&line), "{}", world.comment(pull));
    let sticky = world.api(&format!("/repos/{}/issues/{pull}/comments", world.repo.full_name()));
    let sticky = sticky.as_array().unwrap().iter().find(|one| {
        one["body"].as_str().unwrap().contains(&line)
            && one["user"]["type"] == "Bot"
            && one["user"]["login"] == world.app.bot_login().as_str()
    });
    assert_eq!(reactions(&world, sticky.unwrap()["id"].as_u64().unwrap()), Vec::<String>::new());
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r58_questions_are_answered_with_a_page_and_not_more_than_five_times_a_minute() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    approve(&world, &world.ann, pull, &head(&world, pull));
    world.until_counted(pull, "production", &["ann"]);
    let eve = world.sim.user("eve");
    world.acme.member(&eve, false);
    let begun = std::time::Instant::now();
    let ask = |body: &str| {
        let comment = say(&world, &eve, pull, body);
        let page = until_told(&world, pull, comment);
        println!("--- {body}\n{page}");
        page
    };
    let help = ask("/countersign help");
    assert!(
        help.contains(
            "| `approve <full sha>` | approves exactly that commit | an eligible approver | an open request |"
        ),
        "{help}"
    );
    let status = ask("/countersign status");
    assert!(status.starts_with("**1 of 2 approvals for `production`**"), "{status}");
    let explain = ask("/cs explain");
    assert!(explain.contains("| production | 2 of acme/security, ann | ann | 1"), "{explain}");
    let ann = ask("/cs explain @ann");
    assert!(ann.contains("- production (production): counted: comment at `"), "{ann}");
    let rita = ask("/cs explain @bob");
    assert!(rita.contains("- production (production): has not approved; could"), "{rita}");
    // all within one minute of GitHub's time, however long they took here
    let took = i64::try_from(begun.elapsed().as_secs()).unwrap();
    world.sim.advance(jiff::SignedDuration::from_secs(-took));
    let sixth = say(&world, &eve, pull, "/countersign status now?");
    until_refused(&world, pull, sixth, &["more commands than are answered in a minute"]);
    let seventh = say(&world, &eve, pull, "/cs status");
    world.until_quiet();
    assert_eq!((reactions(&world, seventh), answers(&world, pull, seventh)), (vec![], vec![]));
    // an approval is no question, and others may ask
    let bob = say(&world, &world.bob, pull, "/cs status");
    until_told(&world, pull, bob);
    world.sim.advance(jiff::SignedDuration::from_secs(62));
    let later = say(&world, &eve, pull, "/cs help");
    until_told(&world, pull, later);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_supported_is_refused_with_what_to_do_instead_and_a_locked_conversation_is_no_error() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let rollback = say(&world, &world.zoe, pull, "/countersign rollback L-3");
    until_refused(&world, pull, rollback, &["`rollback` is not supported yet", "it opens the pull request"]);
    let rollback = say(&world, &world.zoe, pull, "/cs rollback L-3");
    until_refused(&world, pull, rollback, &["`rollback` is not supported yet", "countersign rollback -e ENV --to L-n"]);
    // scenario 54
    world.until_quiet();
    world.sim.fault(Fault::operation("issues/create-comment").times(1).fail(403));
    let silent = say(&world, &world.rita, pull, "/cs access revoke");
    world.until("the reaction says it", |world| reactions(world, silent) == ["eyes", "confused"]);
    world.until_quiet();
    assert_eq!(answers(&world, pull, silent), Vec::<String>::new());
    let approval = approve(&world, &world.ann, pull, &head(&world, pull));
    until_done(&world, pull, approval);
    world.repo.set_open(&world.rita, pull, false).unwrap();
    world.until_quiet();
    let closed = say(&world, &world.bob, pull, "/cs reject");
    until_refused(&world, pull, closed, &["this request is closed", "open it again first"]);
    world.end();
}

//! Commands in comments: votes that stand with their comment, what is asked for, and what is answered.

mod asking;
mod text;
mod votes;

use github_sim::User;

use crate::harness::World;

/// Says something under a pull request.
#[track_caller]
pub(super) fn say(world: &World, who: &User, pull: u64, body: &str) -> u64 {
    world.repo.comment(who, pull, body).unwrap()
}

/// Approves a commit by comment.
#[track_caller]
fn approve(world: &World, who: &User, pull: u64, commit: &str) -> u64 {
    say(world, who, pull, &format!("/countersign approve {commit}"))
}

pub(super) fn head(world: &World, pull: u64) -> String {
    world.repo.pull_json(pull)["head"]["sha"].as_str().unwrap().to_owned()
}

/// What we gave a comment, in order.
pub(super) fn reactions(world: &World, comment: u64) -> Vec<String> {
    let ours = world.repo.reactions(comment).into_iter().filter(|(who, _)| *who == world.app.bot_login());
    ours.map(|(_, content)| content).collect()
}

/// Our answers to one comment.
pub(super) fn answers(world: &World, pull: u64, comment: u64) -> Vec<String> {
    let marker = format!("<!-- countersign:reply {comment} -->\n");
    let ours = world.repo.comments(pull).into_iter().filter(|(who, _)| *who == world.app.bot_login());
    ours.filter_map(|(_, body)| body.strip_prefix(&marker).map(str::to_owned)).collect()
}

/// Waits until a command is done, with no answer.
#[track_caller]
pub(super) fn until_done(world: &World, pull: u64, comment: u64) {
    world.until("the command is done", |world| reactions(world, comment) == ["eyes", "rocket"]);
    assert_eq!(answers(world, pull, comment), Vec::<String>::new());
}

/// Waits until a command is refused, with one answer that holds all of these.
#[track_caller]
pub(super) fn until_refused(world: &World, pull: u64, comment: u64, words: &[&str]) {
    world.until("the command is refused", |world| reactions(world, comment) == ["eyes", "confused"]);
    let given = answers(world, pull, comment);
    assert_eq!(given.len(), 1, "{given:#?}");
    for word in words {
        assert!(given[0].contains(word), "`{word}` in: {}", given[0]);
    }
}

/// Waits for the page that answers a question.
#[track_caller]
pub(super) fn until_told(world: &World, pull: u64, comment: u64) -> String {
    world.until("the question is answered", |world| reactions(world, comment) == ["eyes", "rocket"]);
    let given = answers(world, pull, comment);
    assert_eq!(given.len(), 1, "{given:#?}");
    given[0].clone()
}

//! After the play: everything stays up, and whoever watches takes part. Every comment that changes is shown.
//!
//! The only place where the demo prints tokens: those of its own stand-in, gone with it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::markdown;
use super::stage::{Curtain, Stage};
use super::text::{BOLD, CODE, DIM, Line, PLAIN};
use super::world::World;

/// Pull requests that are watched.
const WATCHED: u64 = 50;
/// Time between two looks at them.
const LOOK: Duration = Duration::from_millis(250);

/// Says how to take part, then shows what happens until the curtain falls.
pub(super) fn open(stage: &mut Stage, world: &World, curtain: &Curtain) {
    invitation(stage, world);
    let mut seen: BTreeMap<u64, String> = (1..WATCHED).map(|pull| (pull, world.comment(pull))).collect();
    while !curtain.has_fallen() {
        for pull in 1..WATCHED {
            let comment = world.comment(pull);
            if seen.get(&pull) != Some(&comment) {
                stage.page(&format!("comment on pull request {pull}"), &markdown::render(&comment, stage.inner()));
                seen.insert(pull, comment);
            }
        }
        std::thread::sleep(LOOK);
    }
    stage.gap();
    stage.line(&Line::of(DIM, "  ended; nothing is left behind"));
}

fn invitation(stage: &mut Stage, world: &World) {
    let (github, rita) = (world.sim.url(), &world.rita.user);
    let program = world.machine.countersign.display().to_string();
    stage.gap();
    stage.line(
        &Line::of(BOLD, "It is still running.")
            .and(PLAIN, " Ctrl-C ends it and removes everything. Comments are shown here as they change."),
    );
    title(stage, "push as rita");
    let clone =
        format!("git clone -c user.name=rita -c user.email={} {} try-it", rita.email, world.repo.clone_url(rita));
    let identity = world.machine.root.join("rita/.config/sops/age/keys.txt");
    for command in [
        clone.as_str(),
        "cd try-it && git switch -c rita/try-it",
        &format!("export SOPS_AGE_KEY_FILE={}", identity.display()),
        &format!("{program} set -e production db.password"),
        "git commit -am 'Try it' && git push origin rita/try-it",
    ] {
        command_line(stage, command);
    }
    title(stage, "review pull request N; each with the token of the person");
    let reviews = format!("{github}/repos/acme/app/pulls/N/reviews");
    let post = "curl -sS -o /dev/null -w '%{http_code}\\n' -H \"Authorization: Bearer $TOKEN\"";
    command_line(stage, &format!("{post} {reviews} -d '{{\"event\": \"APPROVE\"}}'"));
    command_line(stage, &format!("{post} {reviews} -d '{{\"event\": \"REQUEST_CHANGES\", \"body\": \"Not yet.\"}}'"));
    command_line(stage, &format!("{post} {github}/repos/acme/app/issues/N/comments -d '{{\"body\": \"A remark.\"}}'"));
    title(stage, "people");
    let approvers = world.approvers.iter().map(|user| {
        let team = if user.login == "dee" { "acme/payments" } else { "acme/security" };
        (user, team)
    });
    let others = [(rita, "pushes"), (&world.zoe.user, "administers"), (&world.ivy.user, "reads only")];
    for (user, part) in others.into_iter().chain(approvers) {
        let name = Line::of(PLAIN, &format!("    {}", user.login)).padded(12);
        let part = Line::of(DIM, part).padded(15);
        stage.line(&name.join(part).and(CODE, &format!("TOKEN={}", user.token)));
    }
    let approver = &world.approvers[0];
    title(stage, "look");
    command_line(stage, &format!("git clone {} as-ann", world.repo.clone_url(approver)));
    let admin = world.server.as_ref().map_or("", |server| server.admin.as_str());
    stage.line(
        &Line::of(PLAIN, "    the server's page: ")
            .and(CODE, &format!("{admin}/"))
            .and(PLAIN, " · metrics: ")
            .and(CODE, &format!("{admin}/metrics")),
    );
    stage.gap();
}

fn title(stage: &mut Stage, text: &str) {
    stage.gap();
    stage.line(&Line::of(BOLD, &format!("  {text}")));
}

/// Never broken into lines: it is there to be copied.
fn command_line(stage: &mut Stage, command: &str) {
    stage.line(&Line::of(PLAIN, "    ").and(CODE, command));
}

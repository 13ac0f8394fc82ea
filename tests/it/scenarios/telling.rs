//! People are told outside GitHub: by mail, in chats, by webhook.

mod chats;
mod mails;
mod tls;

use crate::harness::{Chat, Mailbox, Receiver, SECRET, Secrets, World};
use github_sim::Push;

const PATH: &str = "secrets/production/db.yaml";

/// One approval suffices; everybody but cy has an address.
fn policy(notifications: &str) -> String {
    format!(
        "\
version: 1
environments:
  production:
    paths: [secrets/production/]
  staging: {{paths: [secrets/staging/]}}
policies:
  - name: production
    environments: '*'
    approvers: {{users: [ann], teams: [acme/security]}}
admins: {{approvers: {{users: [zoe, ann]}}}}
people:
  ann: {{email: ann@example.com}}
  bob: {{email: bob@example.com}}
  rita: {{email: rita@example.com}}
notifications:
{notifications}"
    )
}

/// Everything people can be told by, on this machine.
struct Told {
    mail: Mailbox,
    chat: Chat,
    events: Receiver,
}

async fn world(notifications: &str) -> (World, Told) {
    let told = Told { mail: Mailbox::start().await, chat: Chat::start().await, events: Receiver::start().await };
    let mut world = World::without_server(&policy(notifications)).await;
    let granted = |name: &str, value: &str| {
        format!("{name} = {{value = \"{value}\", hosts = [\"127.0.0.1\"], allow_private = true}}\n")
    };
    let text = format!(
        "[repositories.\"acme/app\".secrets]\n{}{}{}{}{}{}",
        granted("SLACK_URL", &format!("{}/canary-hook-secret/hook", told.chat.url)),
        granted("SLACK_API", &format!("{}/api", told.chat.url)),
        granted("SLACK_TOKEN", "xoxb-canary-token"),
        granted("TEAMS_URL", &format!("{}/canary-teams-secret/teams", told.chat.url)),
        granted("EVENTS_URL", &told.events.url),
        granted("EVENTS_SECRET", SECRET),
    );
    std::fs::write(world.path("countersign.toml"), text).expect("written");
    world.set("COUNTERSIGN_SMTP_URL", &told.mail.url);
    world.set("COUNTERSIGN_MAIL_FROM", "countersign <countersign@example.com>");
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    world.until_quiet();
    (world, told)
}

/// A change of production, waiting for approval.
#[track_caller]
fn asked(world: &World) -> u64 {
    world.change_of("rita/db", Push::to("rita/db").from("main").file(PATH, Secrets::sealed("production", 2)))
}

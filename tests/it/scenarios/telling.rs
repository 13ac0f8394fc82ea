//! People are told outside GitHub: by mail, in chats, by webhook.

mod chats;
mod mails;
mod notices;
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
    world_of(&policy(notifications)).await
}

/// A running world with this policy, in quiet, and what people are told by.
async fn world_of(policy: &str) -> (World, Told) {
    let mut world = World::without_server(policy).await;
    let told = Told::start(&mut world).await;
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    world.until_quiet();
    (world, told)
}

impl Told {
    /// Starts everything, and tells the settings of the server.
    async fn start(world: &mut World) -> Self {
        let told = Self { mail: Mailbox::start().await, chat: Chat::start().await, events: Receiver::start().await };
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
        told
    }
}

/// A change of production, waiting for approval.
#[track_caller]
fn asked(world: &World) -> u64 {
    world.change_of("rita/db", Push::to("rita/db").from("main").file(PATH, Secrets::sealed("production", 2)))
}

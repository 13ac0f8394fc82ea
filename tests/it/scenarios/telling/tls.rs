//! Mail over TLS: whom the server believes that it is the mail server, and what anybody on the way could read.

use github_sim::Push;

use super::{PATH, policy};
use crate::harness::{LOGIN, Mailbox, Secrets, Speech, World, at_once, certificate};

const TO_ANN: &str = "  - {on: [change.opened], email: {to: [ann@example.com]}}\n";

/// A world that writes to this mail server, and trusts what this authority signed.
async fn world(speech: Speech, authority: &str) -> (World, Mailbox) {
    let mail = Mailbox::speaking(speech).await;
    let mut world = World::without_server(&policy(TO_ANN)).await;
    world.set("COUNTERSIGN_SMTP_URL", &mail.url);
    world.set("COUNTERSIGN_MAIL_FROM", "countersign <countersign@example.com>");
    world.set("SSL_CERT_FILE", certificate(authority).to_str().expect("a path"));
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    world.push(&world.rita, Push::to("rita/db").from("main").file(PATH, Secrets::sealed("production", 2)));
    (world, mail)
}

/// What anybody on the way could read of one conversation at most.
fn only_greetings(lines: &[String]) -> bool {
    lines.iter().all(|line| line.starts_with("EHLO ") || line == "STARTTLS" || line == "QUIT")
}

/// The mail arrives, after a login, and nothing of either in the clear.
async fn arrives(speech: Speech) {
    let (world, mail) = world(speech, "authority").await;
    world.until("the mail is there", |_| mail.subjects("ann@example.com").len() == 1);
    world.until_quiet();
    assert_eq!(mail.visits(), (1, 1), "one connection, one login");
    let lines = mail.in_the_clear();
    assert!(only_greetings(&lines), "{lines:?}");
    assert_eq!(lines.iter().any(|line| line == "STARTTLS"), matches!(speech, Speech::StartTls(_)), "{lines:?}");
    assert!(!world.log().contains(LOGIN.1), "the password is in the log");
    world.end();
}

/// Nothing is sent, neither mail nor login; the log says why, and it is tried again.
async fn is_refused(speech: Speech, authority: &str, why: &str) {
    let (world, mail) = world(speech, authority).await;
    world.until("the log says why", |world| world.log().contains(why));
    world.until("it is tried again", |_| mail.visits().0 >= 2);
    assert_eq!((mail.taken().len(), mail.visits().1), (0, 0));
    let lines = mail.in_the_clear();
    assert!(only_greetings(&lines), "{lines:?}");
    assert!(!world.log().contains(LOGIN.1), "the password is in the log");
}

const NOT_TRUSTED: &str = "the mail server cannot be trusted";

#[test]
fn a_mail_server_is_believed_by_its_certificate_alone() {
    at_once(&[
        ("starttls", || Box::pin(arrives(Speech::StartTls("here")))),
        ("from the start", || Box::pin(arrives(Speech::Tls("here")))),
        ("no tls", || Box::pin(is_refused(Speech::NoTls, "authority", "the mail server does not offer STARTTLS"))),
    ]);
    at_once(&[
        ("a stranger's", || Box::pin(is_refused(Speech::StartTls("here"), "stranger", NOT_TRUSTED))),
        ("a stranger's from the start", || Box::pin(is_refused(Speech::Tls("here"), "stranger", NOT_TRUSTED))),
        ("another name", || Box::pin(is_refused(Speech::StartTls("elsewhere"), "authority", NOT_TRUSTED))),
        ("another name from the start", || Box::pin(is_refused(Speech::Tls("elsewhere"), "authority", NOT_TRUSTED))),
    ]);
}

//! A good policy means what it says.

use super::*;
use crate::domain::{Digest, Environment, Login, RefName, RepoPath, TargetKind, TeamId, TeamSlug, UserId};

fn env(name: &str) -> Environment {
    Environment::parse(name).unwrap()
}

fn main_branch() -> RefName {
    RefName::branch("main").unwrap()
}

#[test]
fn the_example_reads_as_written() {
    let policy = policy(EXAMPLE);
    assert_eq!(policy.digest(), Digest::of(EXAMPLE.as_bytes()));
    let production = policy.environment(&env("production")).unwrap();
    assert_eq!(production.branch(), Some(&main_branch()));
    assert_eq!((production.binding(), production.mode()), (Binding::Commit, Mode::Enforce));
    assert_eq!((production.merge(), production.direct_push()), (MergeMode::Auto, DirectPush::PutBack));
    assert_eq!(
        production.plain().iter().map(Glob::as_str).collect::<Vec<_>>(),
        ["**/kustomization.yaml", "**/README.md", "**/.gitkeep"]
    );
    let staging = policy.environment(&env("staging")).unwrap();
    assert_eq!((staging.branch(), staging.binding()), (None, Binding::Delta));
    assert_eq!(policy.environment(&env("test")), None);

    let [first, owners, everywhere] = policy.policies() else { panic!("three policies") };
    assert_eq!((first.name(), first.required(), first.groups().len()), ("production", 2, 1));
    assert_eq!(first.groups()[0].name, "production");
    assert_eq!(first.description(), Some("Two people from security, one from the owning team"));
    assert_eq!((owners.required(), owners.groups()[1].required), (3, 2));
    assert_eq!((everywhere.environments(), everywhere.required()), (&EnvironmentSelector::All, 1));
}

#[test]
fn names_to_resolve_are_listed_once_whatever_their_case() {
    let policy = policy(EXAMPLE);
    let users: Vec<String> = policy.all_users().iter().map(ToString::to_string).collect();
    assert_eq!(users, ["alice", "bob", "dora"]);
    let teams: Vec<String> = policy.all_teams().iter().map(ToString::to_string).collect();
    assert_eq!(teams, ["acme/payments", "acme/platform", "acme/security"]);
    let recipients = policy.recipients_of_people();
    assert_eq!(recipients.values().collect::<Vec<_>>(), ["alice"]);
}

#[test]
fn admins_are_never_weaker_than_the_strictest_policy() {
    let written = policy(EXAMPLE).admins();
    assert_eq!((written.group.required, written.effective_required, written.derived), (2, 3, false));

    let start = EXAMPLE.find("admins:").unwrap();
    let end = EXAMPLE.find("control:").unwrap();
    let derived = policy(&format!("{}{}", &EXAMPLE[..start], &EXAMPLE[end..])).admins();
    assert_eq!((derived.group.required, derived.effective_required, derived.derived), (3, 3, true));
    assert_eq!(derived.group.approvers.users.len(), 3);
    assert_eq!(derived.group.approvers.teams.len(), 2);
}

#[test]
fn every_matching_policy_applies() {
    let policy = policy(EXAMPLE);
    let names = |environment: &str, path: &str| -> Vec<String> {
        policy.policies_for(&env(environment), &RepoPath::new(path)).iter().map(|rule| rule.name().to_owned()).collect()
    };
    assert_eq!(names("production", "secrets/production/payments/db.yaml"), ["production", "owners", "everywhere"]);
    assert_eq!(names("production", "secrets/production/Payments/db.yaml"), ["production", "owners", "everywhere"]);
    assert_eq!(names("production", "secrets/production/mail.yaml"), ["owners", "everywhere"]);
    assert_eq!(names("staging", "secrets/staging/mail.yaml"), ["everywhere"]);
}

#[test]
fn self_approval_never_holds_where_one_approval_suffices() {
    let with = |line: &str| EXAMPLE.replace("self_approval: false", line);
    assert!(policy(&with("self_approval: true")).policies()[0].self_approval());
    let one = with("self_approval: true").replace("required_approvals: 2\n    self", "required_approvals: 1\n    self");
    assert!(!policy(&one).policies()[0].self_approval());
}

#[test]
fn resolved_names_are_found_by_the_login_in_any_case() {
    let mut names = ResolvedNames::default();
    names.users.insert(Login::parse("Alice").unwrap(), UserId::new(7));
    names.teams.insert(TeamSlug::parse("acme/security").unwrap(), TeamId::new(9));
    assert_eq!(names.user(&Login::parse("aLICE").unwrap()), Some(UserId::new(7)));
    assert_eq!(names.team(&TeamSlug::parse("acme/security").unwrap()), Some(TeamId::new(9)));
    assert_eq!(names.user(&Login::parse("bob").unwrap()), None);
}

#[test]
fn paths_are_classified_in_favour_of_protection() {
    let governed = |name: &str, plain| PathClass::Governed { environment: env(name), plain };
    let cases: &[(&[u8], PathClass)] = &[
        (b"secrets/production/db.yaml", governed("production", false)),
        (b"secrets/production/a/b/c.yaml", governed("production", false)),
        (b"secrets/production/README.md", governed("production", true)),
        (b"secrets/production/a/kustomization.yaml", governed("production", true)),
        (b"secrets/Production/db.yaml", governed("production", false)),
        (b"SECRETS/PRODUCTION/README.md", governed("production", false)),
        (b"secrets/production", governed("production", false)),
        (b"secrets/productions/db.yaml", PathClass::Free),
        (b"secrets", PathClass::Ambiguous { environments: vec![env("production"), env("staging")] }),
        (b"src/main.rs", PathClass::Free),
        (b".countersign/policy.yaml", PathClass::Control),
        (b".countersign", PathClass::Control),
        (b".Countersign/policy.yaml", PathClass::Control),
        (b".countersign/access/1.yaml", PathClass::Control),
        (b"x/.countersign/policy.yaml", PathClass::Free),
        (b".sops.yaml", PathClass::Control),
        (b"secrets/production/.sops.yml", PathClass::Control),
        (b"secrets/production/.SOPS.yaml", PathClass::Control),
        (b"a/b/.gitattributes", PathClass::Control),
        (b".gitmodules", PathClass::Control),
        (b"a/.gitmodules", PathClass::Free),
        (b".github/workflows/deploy.yml", PathClass::Control),
        (b".github/dependabot.yml", PathClass::Free),
        (b"secrets/staging/\xff.yaml", governed("staging", false)),
    ];
    let policy = policy(EXAMPLE);
    for (path, expected) in cases {
        let path = RepoPath::from_bytes(*path);
        assert_eq!(policy.classify(&path, &main_branch(), &main_branch()), *expected, "{path}");
    }
}

#[test]
fn a_decomposed_spelling_of_a_governed_directory_is_governed() {
    let text = EXAMPLE.replace("secrets/production/\"]\n    branch", "gr\u{fc}n/\"]\n    branch");
    let policy = policy(&text);
    let path = RepoPath::new("gru\u{308}n/db.yaml");
    let expected = PathClass::Governed { environment: env("production"), plain: false };
    assert_eq!(policy.classify(&path, &main_branch(), &main_branch()), expected);
}

#[test]
fn a_branch_is_governed_by_name_or_by_being_the_default() {
    let policy = policy(EXAMPLE);
    let branch = |name: &str| RefName::branch(name).unwrap();
    // `production` names main; `staging` follows the default branch.
    let cases = [("main", "main", true), ("main", "trunk", true), ("trunk", "trunk", true), ("topic", "trunk", false)];
    for (base, default, expected) in cases {
        assert_eq!(policy.governs(&branch(base), &branch(default)), expected, "{base} under {default}");
    }
    let secret = RepoPath::new("secrets/production/db.yaml");
    assert_eq!(policy.classify(&secret, &branch("topic"), &branch("main")), PathClass::Free);
    assert_eq!(policy.classify(&secret, &branch("trunk"), &branch("trunk")), PathClass::Free);
    assert_eq!(policy.classify(&RepoPath::new(".sops.yaml"), &branch("trunk"), &branch("trunk")), PathClass::Control);
}

#[test]
fn targets_read_as_written() {
    let text = include_str!("base.yaml").replacen(
        "    paths",
        "    syncs:
      - {name: branch, branch: {ref: env/production}}
      - {name: workflow, dispatch: {workflow: deploy.yml, ref: main}, after: [branch]}
      - {name: event, dispatch: {event: secrets-approved}, run_in: server, prune: never, adopt: false}
      - {name: hook, webhook: {url_from: HOOK_URL, secret_from: HOOK_SECRET}, on_drift: reapply}
      - {name: cluster, flux: {url_from: FLUX_URL, token_from: FLUX_TOKEN, verify: {context: 'kustomization/*'}}}
      - {name: argo, argocd: {url: 'https://argo.example/cd/', application: payments, token_from: ARGO_TOKEN}}
      - {name: eso, external_secrets: {namespace: payments, names: [app, app.db]}}
    paths",
        1,
    );
    let policy = policy(&text);
    let targets: Vec<_> =
        policy.syncs().map(|(id, sync)| (id.to_string(), sync.target().kind(), sync.on_drift())).collect();
    let named = |name: &str, kind, drift| (format!("production/{name}"), kind, drift);
    assert_eq!(
        targets,
        [
            named("branch", TargetKind::Branch, OnDrift::Reapply),
            named("workflow", TargetKind::Dispatch, OnDrift::Report),
            named("event", TargetKind::Dispatch, OnDrift::Report),
            named("hook", TargetKind::Webhook, OnDrift::Reapply),
            named("cluster", TargetKind::Flux, OnDrift::Report),
            named("argo", TargetKind::ArgoCd, OnDrift::Report),
            named("eso", TargetKind::ExternalSecrets, OnDrift::Report),
        ]
    );
    let workflow = policy.sync(&"production/workflow".parse().unwrap()).unwrap();
    assert_eq!(workflow.after()[0].as_str(), "branch");
    assert_eq!(workflow.target(), &Target::Workflow { file: "deploy.yml".to_owned(), branch: Some(main_branch()) });
    assert_eq!(policy.sync(&"staging/workflow".parse().unwrap()), None);
    let Some(Target::Flux { verify: Some(pattern), .. }) =
        policy.sync(&"production/cluster".parse().unwrap()).map(SyncRule::target)
    else {
        panic!("a receiver of Flux")
    };
    assert!(pattern.matches("kustomization/app/0c9c2e41") && !pattern.matches("helmrelease/app/0c9c2e41"));
    let argo = policy.sync(&"production/argo".parse().unwrap()).map(SyncRule::target);
    assert!(matches!(argo, Some(Target::ArgoCd { address, .. }) if address.as_str() == "https://argo.example/cd"));
    let eso = policy.sync(&"production/eso".parse().unwrap()).unwrap();
    let rule =
        ExternalSecretsRule { namespace: "payments".to_owned(), names: vec!["app".to_owned(), "app.db".to_owned()] };
    assert_eq!((eso.target(), eso.runs_in()), (&Target::ExternalSecrets { rule }, &RunsIn::Server));
    assert!(!eso.target().holds_values());
}

#[test]
fn values_are_delivered_by_a_job_unless_the_policy_says_otherwise() {
    let target = "github_environment: {environment: a}";
    let elsewhere = [
        "vault: {address: 'https://vault.example', mount: kv, path: a, token_from: A}",
        "kubernetes: {namespace: a, secret: b}",
    ];
    let ours = || RunsIn::Runner { workflow: "countersign-sync.yml".to_owned() };
    let cases = [
        (elsewhere[0].to_owned(), ours()),
        (elsewhere[1].to_owned(), ours()),
        (
            format!("{}, runner: {{workflow: mine.yml}}", elsewhere[1]),
            RunsIn::Runner { workflow: "mine.yml".to_owned() },
        ),
        (format!("{}, run_in: server", elsewhere[1]), RunsIn::Server),
        (target.to_owned(), ours()),
        (format!("{target}, run_in: runner"), ours()),
        (format!("{target}, runner: {{workflow: mine.yml}}"), RunsIn::Runner { workflow: "mine.yml".to_owned() }),
        (format!("{target}, run_in: server"), RunsIn::Server),
        ("branch: {ref: env/production}".to_owned(), RunsIn::Server),
    ];
    for (target, expected) in cases {
        let syncs = format!("    syncs: [{{name: one, {target}}}]\n    paths");
        let policy = policy(&include_str!("base.yaml").replacen("    paths", &syncs, 1));
        let rule = policy.sync(&"production/one".parse().unwrap()).unwrap();
        assert_eq!(*rule.runs_in(), expected, "{target}");
    }
}

#[test]
fn an_environment_and_a_rule_know_where_they_stand_and_what_they_are_about() {
    let policy = policy(EXAMPLE);
    let production = policy.environment(&env("production")).unwrap();
    assert_eq!(production.paths().iter().map(Glob::as_str).collect::<Vec<_>>(), ["secrets/production/"]);
    assert_eq!(EXAMPLE.lines().nth(production.place().line - 1).unwrap().trim(), "production:");
    let rule = &policy.policies()[0];
    assert!(EXAMPLE.lines().nth(rule.place().line - 1).unwrap().contains("name: production"));
    let words = [Binding::Commit, Binding::Delta, Binding::Change].map(Binding::as_str);
    assert_eq!(words, ["commit", "delta", "change"]);
}

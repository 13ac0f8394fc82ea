//! Documents named by environment, through the policy of the working tree.

use crate::bench::{Bench, DOCUMENT};

const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/], branch: release}
  empty: {paths: [secrets/empty/]}
policies:
  - {name: all, environments: \"*\", approvers: {users: [ann, bob, cy]}}
admins: {approvers: {users: [ann, bob, cy]}}
";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write(".countersign/policy.yaml", POLICY);
    bench.write("secrets/production/README.md", "# not a document\n");
    bench.write("secrets/staging/x", "");
    std::fs::remove_file(bench.path("secrets/staging/x")).expect("removed");
    bench.sealed("secrets/production/payments.yaml", DOCUMENT);
    bench.sealed("secrets/staging/only.yaml", DOCUMENT);
    bench
}

#[test]
fn the_only_document_of_an_environment_needs_no_path() {
    let bench = bench();
    assert_eq!(bench.run(&["get", "-e", "production", "db.password"]).fine(), "hunter2");
    assert_eq!(bench.run(&["get", "db.password", "-e", "staging"]).fine(), "hunter2");
    let told = bench.feed(&["set", "DB_PASSWORD", "-", "-e", "production"], "new").ends(0);
    assert_eq!(told, "added DB_PASSWORD in secrets/production/payments.yaml\n");
    bench.run(&["unset", "-e", "production", "DB_PASSWORD"]).fine();
    assert!(bench.run(&["decrypt", "-e", "production"]).fine().contains("hunter2"));
    assert!(bench.run(&["list", "-e", "staging"]).fine().contains("db.password"));
}

#[test]
fn several_documents_are_told_apart_by_the_end_of_their_path() {
    let bench = bench();
    bench.sealed("secrets/production/web.yaml", "a: web\n");
    let told = bench.run(&["get", "-e", "production", "a"]).ends(2);
    assert!(told.contains("has 2 documents"), "{told}");
    assert!(
        told.contains("pick one with `-p`: `secrets/production/payments.yaml`, `secrets/production/web.yaml`"),
        "{told}"
    );
    for path in ["web", "web.yaml", "production/web", "secrets/production/web.yaml"] {
        assert_eq!(bench.run(&["get", "-e", "production", "-p", path, "a"]).fine(), "web", "{path}");
    }
    let told = bench.run(&["get", "-e", "production", "-p", "nope", "a"]).ends(100);
    assert!(told.contains("it has `secrets/production/payments.yaml`"), "{told}");
    let text = bench.run(&["list", "-e", "production"]).fine();
    assert!(text.contains("secrets/production/payments.yaml · 5 keys · 1 reader"), "{text}");
    assert!(text.contains("secrets/production/web.yaml · 1 key · 1 reader"), "{text}");
    bench.write("secrets/production/plain.yaml", "a: leaked\n");
    let ran = bench.run(&["list", "-e", "production"]);
    assert!(ran.out.contains("web.yaml · 1 key"), "{}", ran.out);
    let told = ran.ends(1);
    assert!(told.contains("`secrets/production/plain.yaml`: this document is not sealed"), "{told}");
}

#[test]
fn what_names_nothing_is_said_with_what_there_is() {
    let bench = bench();
    let told = bench.run(&["get", "-e", "prod", "a"]).ends(2);
    assert!(told.contains("its environments are `production`, `staging`, `empty`"), "{told}");
    bench.run(&["get", "-e", "empty", "a"]).ends(100);
    bench.run(&["get", "-e", "production", "a.yaml", "a"]).ends(2);
    bench.run(&["get", "-p", "x", "a.yaml", "a"]).ends(2);
    bench.write(".countersign/policy.yaml", "version: 9\n");
    let told = bench.run(&["get", "-e", "production", "a"]).ends(12);
    assert!(told.contains("`countersign check` shows every fault of it"), "{told}");
    let bench = Bench::new();
    bench.run(&["get", "-e", "production", "a"]).ends(61);
}

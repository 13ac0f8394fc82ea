//! Nothing secret is found anywhere it should not be: canaries are planted, then everything is searched.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::ledger::Envelope;
use github_sim::{Fault, Push};

use crate::harness::{CANARY, Post, Secrets, Tree, WEBHOOK_SECRET, World};

/// A secret as it stands, in hex, and in base64 at each of the three places within a group of four.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_vec(), hex::encode(secret).into_bytes(), hex::encode_upper(secret).into_bytes()];
    for skip in 0..3.min(secret.len()) {
        let whole = &secret[skip..skip + (secret.len() - skip) / 3 * 3];
        let encoded = STANDARD.encode(whole);
        forms.push(encoded.replace('+', "-").replace('/', "_").into_bytes());
        forms.push(encoded.into_bytes());
    }
    forms.retain(|form| form.len() >= 8);
    forms.sort();
    forms.dedup();
    forms
}

/// Every needle has at least so many bytes.
const START: usize = 4;

struct Search {
    needles: Vec<(String, Vec<u8>)>,
    found: Vec<String>,
    looked_at: usize,
}

impl Search {
    fn plant(&mut self, name: &str, secret: &[u8]) {
        self.needles.extend(forms(secret).into_iter().map(|form| (name.to_owned(), form)));
    }

    fn look(&mut self, place: &str, bytes: &[u8]) {
        self.looked_at += bytes.len();
        let mut by_start: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (at, (_, needle)) in self.needles.iter().enumerate() {
            by_start.entry(&needle[..START]).or_default().push(at);
        }
        let mut found: BTreeSet<usize> = BTreeSet::new();
        for at in 0..bytes.len().saturating_sub(START - 1) {
            let starting = by_start.get(&bytes[at..at + START]).into_iter().flatten();
            found.extend(starting.copied().filter(|needle| bytes[at..].starts_with(&self.needles[*needle].1)));
        }
        self.found.extend(found.into_iter().map(|needle| format!("{} in {place}", self.needles[needle].0)));
    }

    fn look_below(&mut self, dir: &Path, except: &[&str]) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                self.look_below(&path, except);
            } else if !except.contains(&name.as_str()) {
                self.look(&path.display().to_string(), &std::fs::read(&path).unwrap());
            }
        }
    }
}

fn lines_of(pem: &str) -> impl Iterator<Item = &str> {
    pem.lines().filter(|line| !line.starts_with("-----") && line.len() >= 16)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_no_key_and_no_token_is_found_anywhere() {
    let mut world = World::without_server(crate::harness::POLICY).await;
    world.set("COUNTERSIGN_LOG", "trace");
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    for operation in ["graphql/query", "checks/update", "git/upload-pack", "git/receive-pack"] {
        world.sim.fault(Fault::operation(operation).fail(500));
    }
    let pull = world.by_rita("rita/db", "production");
    let plain = format!("db:\n  password: {CANARY}-plain\n");
    let leak = world.change_of("leak", Push::to("leak").from("main").file("secrets/production/new.yaml", plain));
    let half = Secrets::sealed("staging", 1).replacen("ENC[", &format!("{CANARY}-half"), 1);
    let half = world.change_of("half", Push::to("half").from("main").file("secrets/staging/db.yaml", half));
    for pull in [leak, half] {
        world.until_check(pull, "failure");
    }
    world.post(Post {
        signature: Some(format!("sha256={}", "0".repeat(64))),
        ..Post::signed("00000000-0000-4000-8000-000000000001", "push", b"{}".as_slice())
    });
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until_quiet();
    let (_, metrics) = world.get(&format!("{}/metrics", world.admin()));
    let (_, page) = world.get(world.admin());
    world.kill();
    world.set("COUNTERSIGN_WEBHOOK_SECRET", &format!("{WEBHOOK_SECRET} another-one"));
    world.start();
    world.end();

    let mut search = Search { needles: Vec::new(), found: Vec::new(), looked_at: 0 };
    search.plant("a value", CANARY.as_bytes());
    search.plant("the webhook secret", WEBHOOK_SECRET.as_bytes());
    search.needles.push(("a token".to_owned(), b"ghs_".to_vec()));
    search.plant("git credentials", b"x-access-token:ghs");
    search.needles.push(("a signed App token".to_owned(), b"eyJ0eXAi".to_vec()));
    for file in ["app.pem", "signing.pem"] {
        let pem = std::fs::read_to_string(world.path(file)).unwrap();
        for line in lines_of(&pem) {
            search.plant(&format!("a line of {file}"), line.as_bytes());
            search.plant(&format!("key bytes of {file}"), &STANDARD.decode(line).unwrap());
        }
    }
    assert!(search.needles.len() > 50);
    search.look("metrics", metrics.as_bytes());
    search.look("the admin page", page.as_bytes());
    let dir = world.path("app.pem").parent().unwrap().to_owned();
    search.look_below(&dir, &["app.pem", "signing.pem"]);
    for number in [pull, leak, half] {
        let shown = world.repo.pull_json(number);
        search.look("a pull request", shown["title"].to_string().as_bytes());
        search.look("a pull request", shown["body"].to_string().as_bytes());
        for (_, comment) in world.repo.comments(number) {
            search.look("a comment", comment.as_bytes());
        }
        search.look("a check", world.check(number).unwrap().to_string().as_bytes());
    }
    let tree = Tree::clone(&world, &world.zoe);
    for commit in tree.git(&["rev-list", "origin/countersign/ledger"]).lines() {
        let entry = tree.show(&format!("{commit}:entry.json")).unwrap();
        search.look("the ledger", Envelope::parse(&entry).unwrap().payload());
        search.look("the ledger", &entry);
        search.look("the ledger's commits", tree.git(&["cat-file", "-p", commit]).as_bytes());
    }
    assert!(search.looked_at > 100_000, "{} bytes looked at", search.looked_at);
    assert!(search.found.is_empty(), "{:#?}", search.found);
    // the search itself finds what is there
    search.look("a probe", STANDARD.encode(format!("x{CANARY}y")).as_bytes());
    search.look("a probe", hex::encode(WEBHOOK_SECRET).as_bytes());
    assert_eq!(search.found.len(), 2, "{:#?}", search.found);
}

//! What a person, and an auditor, would look at when the play is over.

use std::collections::BTreeSet;

use countersign_core::domain::{Oid, RefName, RepoId, Sequence};
use countersign_core::ledger::{self, Entry, Ledger, RawLink, SigningKey, Trust};
use github_sim::Push;

use super::{Secrets, Tree, World};

impl World {
    /// Pushes files on top of `main` to a branch and waits for the pull request.
    #[track_caller]
    pub(crate) fn change_of(&self, branch: &str, push: Push) -> u64 {
        self.push(&self.rita, push);
        self.pull_of(branch)
    }

    /// The same with a sealed change of an environment by rita.
    #[track_caller]
    pub(crate) fn by_rita(&self, branch: &str, environment: &str) -> u64 {
        self.change(&self.rita, branch, environment)
    }

    /// The whole ledger, read from a fresh clone and verified under the server's own key.
    #[track_caller]
    pub(crate) fn ledger(&self) -> Ledger {
        let tree = Tree::clone(self, &self.zoe);
        let commits = tree.git(&["rev-list", "--reverse", "--first-parent", "origin/countersign/ledger"]);
        let links = commits.lines().map(|commit| RawLink {
            commit: Oid::parse(commit).expect("an id"),
            envelope: tree.show(&format!("{commit}:entry.json")),
        });
        let pem = std::fs::read_to_string(self.path("signing.pem")).expect("a key");
        let trust = Trust::pinned([SigningKey::from_pem(&pem).expect("a key").fingerprint()]);
        let reference = RefName::parse("refs/heads/countersign/ledger").expect("a name");
        ledger::verify(links.collect::<Vec<_>>(), Some(RepoId::new(self.repo.id)), &reference, &trust)
    }

    /// Commits that the ledger says were merged, each with its decision.
    #[track_caller]
    pub(crate) fn merges(&self) -> Vec<(Sequence, String)> {
        let ledger = self.ledger();
        assert!(ledger.is_valid(), "{:#?}", ledger.problems());
        let merged = ledger.entries().iter().filter_map(|entry| match &entry.entry {
            Entry::Merge(merge) => Some((merge.decision, merge.commit.as_str().to_owned())),
            Entry::Adopted(_)
            | Entry::Policy(_)
            | Entry::Key(_)
            | Entry::Push(_)
            | Entry::Vote(_)
            | Entry::Decision(_)
            | Entry::PutBack(_)
            | Entry::Bypass(_)
            | Entry::Ratification(_)
            | Entry::Revocation(_)
            | Entry::Sync(_) => None,
        });
        merged.collect()
    }

    /// Every check run of our name on a commit, older ones too.
    fn check_runs(&self, head: &str) -> usize {
        let path =
            format!("/repos/{}/commits/{head}/check-runs?filter=all&check_name=countersign", self.repo.full_name());
        self.api(&path)["check_runs"].as_array().map_or(0, Vec::len)
    }

    /// The end of every play: nothing the stand-in complains about; one comment and one check per pull request; a good ledger with
    /// one merge per merged pull request; what stands on `main` is sealed.
    #[track_caller]
    pub(crate) fn end(&self) {
        self.until_quiet();
        self.no_violations();
        let mut merged = 0;
        for pull in (1..30).take_while(|number| self.repo.pull_json(*number).is_object()) {
            let shown = self.repo.pull_json(pull);
            let head = shown["head"]["sha"].as_str().expect("a head").to_owned();
            assert!(self.check_runs(&head) <= 1, "one check on #{pull}");
            self.comment(pull);
            if shown["merged"] == true {
                merged += 1;
            }
        }
        if self.ledger_tip().is_some() {
            self.nothing_is_told_twice();
            let merges = self.merges();
            let decisions: BTreeSet<_> = merges.iter().map(|(decision, _)| *decision).collect();
            assert_eq!(decisions.len(), merges.len(), "no decision is carried out twice: {merges:?}");
            let log = self.api(&format!("/repos/{}/pulls?state=all", self.repo.full_name()));
            assert_eq!(merges.len(), merged, "every merge is in the ledger, once: {merges:?} {log:#}");
        }
    }

    /// No push and no vote stands in the ledger twice.
    #[track_caller]
    fn nothing_is_told_twice(&self) {
        let mut told = BTreeSet::new();
        for entry in self.ledger().entries() {
            let about = if let Entry::Push(push) = &entry.entry {
                format!("push {} {}", push.reference, push.after)
            } else if let Entry::Vote(vote) = &entry.entry {
                format!("vote {:?} {:?}", vote.source, vote.kind)
            } else if let Entry::Decision(made) = &entry.entry {
                // a bypass that was asked for again is another decision
                let asked: Vec<_> =
                    made.bypass.iter().flat_map(|bypass| bypass.by.iter().map(|word| &word.via)).collect();
                format!("decision {} {} {} {} {asked:?}", made.pull, made.head, made.base_tip, made.policy_digest)
            } else {
                continue;
            };
            assert!(told.insert(about.clone()), "told twice: {about}");
        }
    }

    /// A file on `main`, as text.
    pub(crate) fn on_main(&self, path: &str) -> Option<String> {
        self.repo.file("main", path).and_then(|bytes| String::from_utf8(bytes).ok())
    }

    /// Whether `main` holds a version of an environment's file.
    pub(crate) fn main_has(&self, environment: &str, version: u32) -> bool {
        let path = format!("secrets/{environment}/db.yaml");
        self.on_main(&path).as_deref() == Some(Secrets::sealed(environment, version).as_str())
    }
}

impl Tree {
    /// An object's bytes, if it is there.
    pub(crate) fn show(&self, name: &str) -> Option<Vec<u8>> {
        let run = std::process::Command::new("git")
            .arg("show")
            .arg(name)
            .current_dir(self.path())
            .output()
            .expect("git runs");
        run.status.success().then_some(run.stdout)
    }
}

/// What the sticky comment says of votes.
impl World {
    /// Logins in the column "counted" of a policy's row.
    pub(crate) fn counted(&self, pull: u64, policy: &str) -> Vec<String> {
        let comment = self.comment(pull);
        let rows =
            comment.lines().map(|line| line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect::<Vec<_>>());
        let row = rows.into_iter().find(|cells| cells.len() == 4 && cells[0].trim_end_matches(" \\(soft\\)") == policy);
        let names = row.map(|cells| cells[2].to_owned()).unwrap_or_default();
        names.split(", ").filter(|name| !name.is_empty() && *name != "–").map(str::to_owned).collect()
    }

    /// Waits until exactly these are counted for a policy.
    #[track_caller]
    pub(crate) fn until_counted(&self, pull: u64, policy: &str, logins: &[&str]) {
        self.until(&format!("{logins:?} counted for {policy}"), |world| world.counted(pull, policy) == logins);
    }

    /// Waits until somebody's approval is shown as not counted for a reason.
    #[track_caller]
    pub(crate) fn until_uncounted(&self, pull: u64, login: &str, code: &str) {
        self.until(&format!("{login} not counted: {code}"), |world| {
            let comment = world.comment(pull);
            let line = comment.lines().find(|line| line.starts_with("Not counted: ")).unwrap_or_default();
            line.split(" · ").any(|one| one.contains(&format!("**{login}**")) && one.contains(&format!("(`{code}`)")))
        });
    }

    /// Waits until a pull request is merged.
    #[track_caller]
    pub(crate) fn until_merged(&self, pull: u64) {
        self.until(&format!("#{pull} is merged"), |world| world.merged(pull));
    }
}

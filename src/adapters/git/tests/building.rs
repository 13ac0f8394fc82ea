//! Merge commits: some entries whole, the rest merged as Git does.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use countersign_core::domain::{EntryMode, Oid, RepoPath, TreeEntry};
use git2::Repository;
use tempfile::TempDir;

use super::super::clone::BareClone;
use super::super::{build, read};
use super::world::{Work, World, git};
use crate::engine::ports::{Composition, MergeCommit, RepoError};

type Taken = BTreeMap<RepoPath, Option<TreeEntry>>;

struct Bench {
    _dir: TempDir,
    work: Work,
    git: Repository,
}

impl Bench {
    /// One commit with `files`, and a branch `head` on it.
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let work = Work::new(dir.path().join("work"));
        work.commit(files);
        work.git(&["branch", "head"]);
        let git = Repository::open_bare(work.at.join(".git")).unwrap();
        Self { _dir: dir, work, git }
    }

    /// Commits `base` on main and `head` on head, removing what is `None`.
    fn diverge(&self, base: &[(&str, Option<&str>)], head: &[(&str, Option<&str>)]) -> (Oid, Oid) {
        let [base, head] = [("main", base), ("head", head)].map(|(branch, changes)| {
            self.work.git(&["checkout", "-q", branch]);
            for (path, _) in changes.iter().filter(|(_, content)| content.is_none()) {
                self.work.git(&["rm", "-q", "-r", path]);
            }
            let written: Vec<_> = changes.iter().filter_map(|(path, content)| Some((*path, (*content)?))).collect();
            self.work.commit(&written)
        });
        (base, head)
    }

    fn merge(&self, (base_tip, head): &(Oid, Oid), taken: Taken) -> Result<Oid, RepoError> {
        let merge = MergeCommit {
            base_tip: base_tip.clone(),
            head: head.clone(),
            taken,
            identity: ("bot[bot]".to_owned(), "1+bot[bot]@users.noreply.github.com".to_owned()),
            at: World::at(0),
            message: "secrets: merged\n\nApproved-by: ann\n".to_owned(),
        };
        build::merge_commit(&self.git, &merge)
    }

    fn files(&self, commit: &Oid) -> Vec<(String, String)> {
        let entries = read::entries(&self.git, commit).unwrap();
        let text = |entry: &TreeEntry| read::blob(&self.git, &entry.oid, 10_000).unwrap().unwrap();
        let text = |entry: &TreeEntry| String::from_utf8(text(entry)).unwrap();
        entries.iter().map(|(path, entry)| (path.to_string(), text(entry))).collect()
    }

    fn entry(&self, commit: &Oid, path: &str) -> Option<TreeEntry> {
        read::entries(&self.git, commit).unwrap().remove(&RepoPath::new(path))
    }
}

fn files(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn taken_entries_are_whole_and_the_rest_is_merged() {
    let bench =
        Bench::new(&[("s/p.yaml", "0"), ("s/q.yaml", "q"), ("code", "1\n2\n3\n4\n5\n"), ("old", "o"), ("x/y", "y")]);
    let tips = bench.diverge(
        &[("s/p.yaml", Some("base")), ("code", Some("one\n2\n3\n4\n5\n")), ("x/y", None)],
        &[("s/p.yaml", Some("head")), ("code", Some("1\n2\n3\n4\nfive\n")), ("old", None), ("s/q.yaml", Some("r"))],
    );
    let taken = Taken::from([
        (RepoPath::new("s/p.yaml"), bench.entry(&tips.1, "s/p.yaml")),
        (RepoPath::new("s/q.yaml"), None),
        (RepoPath::new("s/never.yaml"), None),
        (RepoPath::new("n/e/w"), bench.entry(&tips.1, "s/p.yaml")),
    ]);
    let merged = bench.merge(&tips, taken.clone()).unwrap();
    let expected = [("code", "one\n2\n3\n4\nfive\n"), ("n/e/w", "head"), ("s/p.yaml", "head")];
    assert_eq!(bench.files(&merged), files(&expected));
    assert_eq!(bench.merge(&tips, taken).unwrap(), merged, "equal input, equal commit");

    let shown = bench.work.git(&["show", "-s", "--format=%P%n%an %ae %at%n%cn %ce %ct%n%B", merged.as_str()]);
    let who = "bot[bot] 1+bot[bot]@users.noreply.github.com 1700000000";
    assert_eq!(shown, format!("{} {}\n{who}\n{who}\nsecrets: merged\n\nApproved-by: ann", tips.0, tips.1));
    bench.work.git(&["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn without_taken_entries_the_tree_is_the_one_git_makes() {
    let bench =
        Bench::new(&[("a", "1\n2\n3\n4\n5\n"), ("d/e/f", "f"), ("gone", "g"), ("moved", "long enough to be found\n")]);
    let tips = bench.diverge(
        &[("a", Some("0\n2\n3\n4\n5\n")), ("d/new", Some("n")), ("gone", None)],
        &[("a", Some("1\n2\n3\n4\n6\n")), ("d/e/f", Some("F")), ("d/e/g", Some("g")), ("same", Some("s"))],
    );
    let merged = bench.merge(&tips, Taken::new()).unwrap();
    bench.work.git(&["checkout", "-q", "main"]);
    let theirs = bench.work.merge("head");
    assert!(read::delta(&bench.git, &merged, &theirs).unwrap().is_empty());
}

#[test]
fn conflicts_count_only_outside_the_taken_entries() {
    let binary = "\0binary";
    let bench = Bench::new(&[("s", "0"), ("t", "0"), ("u", "0"), ("bin", binary)]);
    let tips = bench.diverge(
        &[("s", Some("1")), ("t", Some("1")), ("u", None), ("bin", Some("\0one")), ("add", Some("1"))],
        &[("s", Some("2")), ("t", Some("2")), ("u", Some("2")), ("bin", Some("\0two")), ("add", Some("2"))],
    );
    let taken = Taken::from([(RepoPath::new("s"), bench.entry(&tips.1, "s"))]);
    let error = bench.merge(&tips, taken.clone()).unwrap_err();
    assert_eq!(error, RepoError::Conflict(["add", "bin", "t", "u"].map(RepoPath::new).to_vec()));

    let mut all = taken;
    for path in ["add", "bin", "t", "u"] {
        all.insert(RepoPath::new(path), bench.entry(&tips.1, path));
    }
    let merged = bench.merge(&tips, all).unwrap();
    assert!(read::delta(&bench.git, &merged, &tips.1).unwrap().is_empty());
}

#[test]
fn settings_of_the_machine_do_not_change_a_merge() {
    let bench = Bench::new(&[("a", "0")]);
    let tips = bench.diverge(&[("a", Some("1"))], &[("a", Some("2"))]);
    let clone = BareClone::at(bench.work.at.with_file_name("clone.git"));
    clone.ensure().unwrap();
    let ours = bench.work.at.with_file_name("clone.git");
    let attributes = bench.work.at.with_file_name("attributes");
    std::fs::write(&attributes, "* merge=union\n").unwrap();
    git(&ours, &["config", "merge.default", "union"]);
    git(&ours, &["config", "core.attributesFile", attributes.to_str().unwrap()]);
    git(&ours, &["fetch", "-q", bench.work.at.to_str().unwrap(), "main:refs/x/main", "head:refs/x/head"]);
    let bench = Bench { git: clone.open().unwrap(), ..bench };
    assert_eq!(bench.merge(&tips, Taken::new()).unwrap_err(), RepoError::Conflict(vec![RepoPath::new("a")]));
    std::fs::remove_file(ours.join("info/attributes")).unwrap();
    let bench = Bench { git: clone.open().unwrap(), ..bench };
    assert!(bench.merge(&tips, Taken::new()).is_ok(), "the settings would have changed it");
}

#[test]
fn a_rename_is_not_guessed() {
    let long = "the same long text on both sides\n".repeat(20);
    let bench = Bench::new(&[("a", &long)]);
    let edited = format!("{long}and more\n");
    let tips = bench.diverge(&[("a", Some(&edited))], &[("a", None), ("b", Some(&long))]);
    assert_eq!(bench.merge(&tips, Taken::new()).unwrap_err(), RepoError::Conflict(vec![RepoPath::new("a")]));
}

#[test]
fn a_file_and_a_directory_of_the_same_name_conflict() {
    let bench = Bench::new(&[("keep", "k"), ("s/x", "x")]);
    let tips = bench.diverge(&[("p", Some("file"))], &[("p/q", Some("below"))]);
    let RepoError::Conflict(paths) = bench.merge(&tips, Taken::new()).unwrap_err() else { panic!("no conflict") };
    assert!(!paths.is_empty());
    let entry = bench.entry(&tips.1, "p/q");
    for path in ["p/q", "keep/below", "s"] {
        let taken = Taken::from([(RepoPath::new("p/q"), None), (RepoPath::new(path), entry.clone())]);
        assert_eq!(bench.merge(&tips, taken).unwrap_err(), RepoError::Conflict(vec![RepoPath::new(path)]), "{path}");
    }
    let taken = Taken::from([
        (RepoPath::new("p"), None),
        (RepoPath::new("p/q"), entry.clone()),
        (RepoPath::new("s"), entry.clone()),
        (RepoPath::new("s/x"), None),
    ]);
    let merged = bench.merge(&tips, taken).unwrap();
    assert_eq!(bench.files(&merged), files(&[("keep", "k"), ("p/q", "below"), ("s", "below")]));
}

#[test]
fn what_cannot_be_merged_is_said() {
    let bench = Bench::new(&[("a", "0")]);
    let tips = bench.diverge(&[("b", Some("1"))], &[("c", Some("1"))]);
    let nowhere = Oid::parse(&"1".repeat(40)).unwrap();
    let absent = Taken::from([(RepoPath::new("s"), Some(TreeEntry { mode: EntryMode::File, oid: nowhere.clone() }))]);
    assert!(bench.merge(&tips, absent).is_err());
    assert_eq!(bench.merge(&(nowhere.clone(), tips.1.clone()), Taken::new()).unwrap_err(), RepoError::Missing(nowhere));
    for path in [".git/config", "a/../b", "", "x//y"] {
        let taken = Taken::from([(RepoPath::new(path), bench.entry(&tips.1, "c"))]);
        assert!(bench.merge(&tips, taken).is_err(), "{path}");
    }
    bench.work.git(&["checkout", "-q", "--orphan", "alone"]);
    let alone = bench.work.commit(&[("z", "z")]);
    assert!(matches!(bench.merge(&(tips.0, alone), Taken::new()), Err(RepoError::Later(_))));
}

#[test]
fn a_composed_commit_has_one_parent_and_what_stands_in_the_way_of_an_entry_goes() {
    let bench = Bench::new(&[("s/p.yaml", "approved"), ("keep", "k"), ("s/q/r.yaml", "deep"), ("f", "file")]);
    let approved = read::entries(&bench.git, &read::ours(bench.git.refname_to_id("refs/heads/main").unwrap())).unwrap();
    let entry = |path: &str| approved.get(&RepoPath::new(path)).cloned();
    // somebody made a file of the directory, and a directory of the file
    bench.work.git(&["rm", "-q", "-r", "s", "f"]);
    let pushed = bench.work.commit(&[("s", "a file"), ("f/x", "x"), ("keep", "changed")]);
    let placed: Taken =
        ["s/p.yaml", "s/q/r.yaml", "f"].map(|path| (RepoPath::new(path), entry(path))).into_iter().collect();
    let composition = Composition {
        parent: pushed.clone(),
        placed,
        author: ("Rita".to_owned(), "rita@x.io".to_owned()),
        committer: ("bot[bot]".to_owned(), "1+bot[bot]@users.noreply.github.com".to_owned()),
        at: World::at(0),
        message: "Put back\n".to_owned(),
    };
    let made = build::compose(&bench.git, &composition).unwrap();
    assert_eq!(made, build::compose(&bench.git, &composition).unwrap(), "equal input, equal commit");
    let expected = files(&[("f", "file"), ("keep", "changed"), ("s/p.yaml", "approved"), ("s/q/r.yaml", "deep")]);
    assert_eq!(bench.files(&made), expected);
    let commit = &read::commits(&bench.git, &pushed, &made).unwrap()[0];
    assert_eq!((&commit.parents[..], commit.author_name.as_str()), (&[pushed.clone()][..], "Rita"));
    assert_eq!(commit.committer_email, "1+bot[bot]@users.noreply.github.com");
    let gone: Taken = [(RepoPath::new("f/x"), None), (RepoPath::new("s"), None)].into();
    let emptied = build::compose(&bench.git, &Composition { placed: gone, ..composition }).unwrap();
    assert_eq!(bench.files(&emptied), files(&[("keep", "changed")]));
}

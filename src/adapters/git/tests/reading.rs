//! History and trees, honest and forged.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;

use countersign_core::domain::{Delta, EntryMode, Oid, RepoPath};
use countersign_core::facts::MergeBase;
use git2::{ObjectType, Repository};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::super::LocalRepo;
use super::super::clone::{BareClone, Part};
use super::super::read::{self, Walk, ours};
use super::world::{Work, git, oid};
use crate::engine::ports::RepoError;

fn bench() -> (TempDir, Work, Repository) {
    let dir = TempDir::new().unwrap();
    let work = Work::new(dir.path().join("work"));
    let git = Repository::open_bare(work.at.join(".git")).unwrap();
    (dir, work, git)
}

#[test]
fn merge_bases_are_none_one_or_many() {
    let (_dir, work, git) = bench();
    let root = work.commit(&[("root", "")]);
    work.git(&["branch", "other"]);
    let left = work.commit(&[("left", "")]);
    work.git(&["checkout", "-q", "other"]);
    let right = work.commit(&[("right", "")]);
    assert_eq!(read::merge_base(&git, &left, &right).unwrap(), MergeBase::One(root.clone()));
    assert_eq!(read::merge_base(&git, &root, &right).unwrap(), MergeBase::One(root));

    let one = work.merge(left.as_str());
    work.git(&["checkout", "-q", "main"]);
    let other = work.merge(right.as_str());
    assert_eq!(read::merge_base(&git, &one, &other).unwrap(), MergeBase::Many);
    let commits = read::commits(&git, &left, &one).unwrap();
    let mut seen: Vec<_> = commits.into_iter().map(|commit| commit.oid).collect();
    seen.sort();
    let mut expected = vec![one.clone(), right];
    expected.sort();
    assert_eq!(seen, expected, "through all parents");

    work.git(&["checkout", "-q", "--orphan", "alone"]);
    let alone = work.commit(&[("alone", "")]);
    assert_eq!(read::merge_base(&git, &one, &alone).unwrap(), MergeBase::None);
    let nowhere = oid(&"1".repeat(40));
    assert_eq!(read::merge_base(&git, &one, &nowhere).unwrap_err(), RepoError::Missing(nowhere.clone()));
    assert_eq!(read::reaches(&git, &one, &nowhere).unwrap_err(), RepoError::Missing(nowhere.clone()));
    assert_eq!(read::commits(&git, &nowhere, &one).unwrap_err(), RepoError::Missing(nowhere));
}

/// Every kind of change at once, from one commit to the next.
fn varied(work: &Work) -> (Oid, Oid) {
    let from = work.commit(&[
        ("same/deep/file", "s"),
        ("edited", "1"),
        ("removed/a", "1"),
        ("removed/b", "1"),
        ("tool", "t"),
        ("becomes-link", "l"),
        ("becomes-dir", "d"),
        ("becomes-file/x", "d"),
        ("moved", "a text long enough to look like a rename\n"),
    ]);
    for gone in ["removed", "becomes-link", "becomes-dir", "becomes-file", "moved"] {
        work.git(&["rm", "-q", "-r", gone]);
    }
    std::os::unix::fs::symlink("edited", work.at.join("becomes-link")).unwrap();
    std::fs::set_permissions(work.at.join("tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
    use std::os::unix::ffi::OsStrExt as _;
    std::fs::write(work.at.join(std::ffi::OsStr::from_bytes(b"\xff\"\n\t")), "odd").unwrap();
    work.git(&["add", "."]);
    work.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},sub/module", "2".repeat(40))]);
    let files = [
        ("edited", "2"),
        ("becomes-dir/x/y", "d"),
        ("becomes-file", "f"),
        ("moved-here", "a text long enough to look like a rename\n"),
    ];
    for (path, content) in files {
        let path = work.at.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    work.git(&["add", "becomes-dir", "becomes-file", "moved-here", "edited"]);
    work.git(&["commit", "-q", "-m", "everything"]);
    (from, work.head())
}

#[test]
fn a_delta_is_what_git_prints_without_rename_detection() {
    let (_dir, work, git) = bench();
    let (from, to) = varied(&work);
    // Settings of the machine that would hide things from a diff of libgit2.
    work.git(&["config", "diff.ignoreSubmodules", "all"]);
    work.git(&["config", "core.ignoreCase", "true"]);
    work.git(&["config", "diff.renames", "copies"]);
    let delta = read::delta(&git, &from, &to).unwrap();
    let side = |mode: Option<EntryMode>, oid: Option<&Oid>| {
        format!("{:06o} {}", mode.map_or(0, EntryMode::bits), oid.map_or_else(|| "0".repeat(40), ToString::to_string))
    };
    let shown: Vec<_> = delta
        .entries()
        .iter()
        .map(|entry| {
            let old = side(entry.old.as_ref().map(|old| old.mode), entry.old.as_ref().map(|old| &old.oid));
            let new = side(entry.new.as_ref().map(|new| new.mode), entry.new.as_ref().map(|new| &new.oid));
            let ([old_mode, old], [new_mode, new]) = (two(&old), two(&new));
            (entry.path.as_bytes().to_vec(), format!(":{old_mode} {new_mode} {old} {new}"))
        })
        .collect();
    let arguments = [
        "diff-tree",
        "-r",
        "-z",
        "--no-renames",
        "--no-abbrev",
        "--ignore-submodules=none",
        from.as_str(),
        to.as_str(),
    ];
    let output = super::world::command(&work.at, &arguments).output().unwrap();
    assert!(output.status.success());
    let fields: Vec<_> = output.stdout.split(|byte| *byte == 0).filter(|field| !field.is_empty()).collect();
    let mut expected: Vec<_> = fields
        .chunks(2)
        .map(|pair| {
            let text = String::from_utf8(pair[0].to_vec()).unwrap();
            (pair[1].to_vec(), text.rsplit_once(' ').unwrap().0.to_owned())
        })
        .collect();
    expected.sort();
    assert!(expected.len() > 10);
    assert_eq!(shown, expected);
    assert_eq!(read::delta(&git, &from, &from).unwrap(), Delta::default());
}

fn two(text: &str) -> [String; 2] {
    let (one, other) = text.split_once(' ').unwrap();
    [one.to_owned(), other.to_owned()]
}

#[test]
fn a_blob_is_measured_before_it_is_read() {
    let (_dir, work, git) = bench();
    let commit = work.commit(&[("big", &"x".repeat(1_000_000)), ("small", "s")]);
    let entries = read::entries(&git, &commit).unwrap();
    let [big, small] = ["big", "small"].map(|path| entries[&RepoPath::new(path)].oid.clone());
    assert_eq!(read::blob(&git, &big, 999_999).unwrap(), None);
    assert_eq!(read::blob(&git, &big, 1_000_000).unwrap().unwrap().len(), 1_000_000);
    assert_eq!(read::blob(&git, &small, 1).unwrap(), Some(b"s".to_vec()));
    for no_blob in [commit, oid(&"1".repeat(40)), oid(&"1".repeat(64))] {
        assert_eq!(read::blob(&git, &no_blob, 10).unwrap_err(), RepoError::Missing(no_blob));
    }
}

/// Writes a tree byte by byte, as no Git would.
fn raw_tree(git: &Repository, entries: &[(&str, &[u8], git2::Oid)]) -> git2::Oid {
    let mut bytes = Vec::new();
    for (mode, name, oid) in entries {
        bytes.extend_from_slice(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(oid.as_bytes());
    }
    git.odb().unwrap().write(ObjectType::Tree, &bytes).unwrap()
}

fn raw_commit(git: &Repository, tree: git2::Oid) -> Oid {
    let text = format!("tree {tree}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nforged\n");
    ours(git.odb().unwrap().write(ObjectType::Commit, text.as_bytes()).unwrap())
}

#[test]
fn a_forged_tree_hides_nothing() {
    let (_dir, work, git) = bench();
    let honest = work.commit(&[("a", "1")]);
    let (one, other) = (git.blob(b"one").unwrap(), git.blob(b"other").unwrap());
    let forged = [
        raw_tree(&git, &[("100644", b"a", one), ("100644", b"a", other)]),
        raw_tree(&git, &[("100644", b"a", one), ("40000", b"a", raw_tree(&git, &[("100644", b"b", other)]))]),
        raw_tree(&git, &[("100644", b"x/y", one)]),
        raw_tree(&git, &[("140000", b"socket", one)]),
    ];
    for tree in forged {
        let commit = raw_commit(&git, tree);
        assert!(matches!(read::entries(&git, &commit), Err(RepoError::Later(_))));
        assert!(read::delta(&git, &honest, &commit).is_err());
    }
    let unsorted =
        raw_commit(&git, raw_tree(&git, &[("100644", b"z", one), ("100664", b"a", other), ("100600", b"..", one)]));
    assert_eq!(read::entries(&git, &unsorted).unwrap().len(), 3, "odd but plain to see");
}

#[test]
fn trees_made_to_exhaust_us_are_given_up() {
    let (_dir, _work, git) = bench();
    let mut deep = raw_tree(&git, &[("100644", b"f", git.blob(b"").unwrap())]);
    for _ in 0..600 {
        deep = raw_tree(&git, &[("40000", b"d", deep)]);
    }
    assert!(matches!(read::entries(&git, &raw_commit(&git, deep)), Err(RepoError::Later(_))));
    let mut wide = raw_tree(&git, &[]);
    for _ in 0..12 {
        let names: Vec<_> = (0..10u8).map(|n| vec![b'a' + n]).collect();
        wide = raw_tree(&git, &names.iter().map(|name| ("40000", &name[..], wide)).collect::<Vec<_>>());
    }
    assert!(matches!(Walk::new(&git, 10_000).compare(None, Some(wide)), Err(RepoError::Later(_))));
}

#[test]
fn a_chain_shows_commits_without_an_entry() {
    let (_dir, work, git) = bench();
    let one = work.commit(&[("entry.json", "1")]);
    work.git(&["rm", "-q", "entry.json"]);
    let junk = work.commit(&[("entry.json/x", "a directory")]);
    work.git(&["rm", "-q", "-r", "entry.json"]);
    let three = work.commit(&[("entry.json", "3")]);
    let chain = read::chain(&git, &three, None).unwrap();
    let expected = vec![(one, Some(b"1".to_vec())), (junk, None), (three.clone(), Some(b"3".to_vec()))];
    assert_eq!(chain, expected);
    assert_eq!(read::chain(&git, &three, Some(&oid(&"1".repeat(40)))).unwrap(), expected);
}

#[test]
fn a_pack_that_lacks_something_is_not_taken_in() {
    let (dir, work, source) = bench();
    let tip = work.commit(&[("a", "1"), ("d/b", "2")]);
    let commit = source.find_commit(git2::Oid::from_str(tip.as_str()).unwrap()).unwrap();
    let clone = BareClone::at(dir.path().join("clone.git"));
    clone.ensure().unwrap();
    let take_in = |objects: &[git2::Oid]| {
        let mut builder = source.packbuilder().unwrap();
        for object in objects {
            builder.insert_object(*object, None).unwrap();
        }
        let mut pack = git2::Buf::new();
        builder.write_buf(&mut pack).unwrap();
        let (sender, receiver) = mpsc::channel(4);
        sender.try_send(Part::Bytes(pack.to_vec())).unwrap();
        sender.try_send(Part::End).unwrap();
        clone.take_in(receiver, std::slice::from_ref(&tip))
    };
    let tree = commit.tree().unwrap();
    let mut all = vec![commit.id(), tree.id(), tree.get_name("a").unwrap().id(), tree.get_name("d").unwrap().id()];
    for some in 0..=all.len() {
        assert!(matches!(take_in(&all[..some]), Err(RepoError::Missing(_) | RepoError::Later(_))), "{some}");
        assert!(!clone.lacking(std::slice::from_ref(&tip)).unwrap().wants.is_empty());
    }
    all.push(tree.get_path(std::path::Path::new("d/b")).unwrap().id());
    take_in(&all).unwrap();
    assert!(clone.lacking(std::slice::from_ref(&tip)).unwrap().wants.is_empty());
    assert_eq!(read::entries(&clone.open().unwrap(), &tip).unwrap().len(), 2);
}

#[test]
fn a_users_clone_is_read_from_anywhere_inside_it() {
    let (dir, work, _) = bench();
    let one = work.commit(&[("sub/a", "1")]);
    let two = work.commit(&[("sub/a", "2")]);
    let local = LocalRepo::open(work.at.join("sub")).unwrap();
    assert_eq!(local.resolve("HEAD").unwrap(), two);
    assert_eq!(local.resolve("main^").unwrap(), one);
    assert!(matches!(local.resolve("nothing"), Err(RepoError::Unreachable(_))));
    assert_eq!(local.reference(&super::world::branch("main")).unwrap(), Some(two.clone()));
    assert_eq!(local.reference(&super::world::branch("absent")).unwrap(), None);
    assert_eq!(local.delta(&one, &two).unwrap().entries().len(), 1);
    assert_eq!(local.merge_base(&one, &two).unwrap(), MergeBase::One(one));
    assert_eq!(local.entries(&two).unwrap().into_keys().collect::<Vec<_>>(), [RepoPath::new("sub/a")]);
    assert!(LocalRepo::open(dir.path()).is_err());

    git(dir.path(), &["clone", "-q", "--depth", "1", &format!("file://{}", work.at.display()), "shallow"]);
    let shallow = LocalRepo::open(dir.path().join("shallow")).unwrap();
    assert_eq!(shallow.entries(&two).unwrap().len(), 1);
    let error = shallow.chain(&two, None).unwrap_err();
    assert!(matches!(&error, RepoError::Unreachable(text) if text.contains("--unshallow")), "{error}");
}

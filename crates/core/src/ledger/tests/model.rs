//! Approved state and coverage against a model that keeps every state there ever was.

use proptest::prelude::*;

use super::*;

const PATHS: [&str; 4] = [POLICY_PATH, "secrets/production/a", "secrets/production/b", "secrets/staging/c"];

type Tree = BTreeMap<RepoPath, TreeEntry>;

/// What is put at each of the paths: an object, or nothing.
type Change = Vec<(usize, Option<u64>)>;

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop::collection::vec((1_usize..4, prop::option::of(1_u64..3)), 1..3);
    prop::collection::vec(change, 0..8)
}

fn production(path: &RepoPath) -> bool {
    !path.as_bytes().starts_with(b"secrets/staging/")
}

fn seen(tree: &Tree) -> Tree {
    tree.iter().filter(|(path, _)| production(path)).map(|(path, entry)| (path.clone(), entry.clone())).collect()
}

/// Writes the changes; every entry that touched production with what was approved after it.
fn written(changes: &[Change]) -> (Book, Vec<(Sequence, Tree)>) {
    let mut book = Book::empty();
    let mut tree = Tree::from([(RepoPath::new(POLICY_PATH), file(0x10))]);
    let adopted = book.write(adopted("main", &key(1), &[(POLICY_PATH, 0x10)]), &key(1));
    book.write(policy(POLICY_TEXT, 0x10, None), &key(1));
    let mut states = vec![(adopted, tree.clone())];
    for (number, change) in changes.iter().enumerate() {
        let mut after = tree.clone();
        for (path, object) in change {
            match object {
                Some(object) => after.insert(RepoPath::new(PATHS[*path]), file(*object)),
                None => after.remove(&RepoPath::new(PATHS[*path])),
            };
        }
        let delta = Delta::new(PATHS.iter().map(|path| RepoPath::new(path)).map(|path| DeltaEntry {
            old: tree.get(&path).cloned(),
            new: after.get(&path).cloned(),
            path,
        }));
        if delta.is_empty() {
            continue;
        }
        let touches = delta.entries().iter().any(|entry| production(&entry.path));
        let merged = book.change(number as u64 + 1, delta, &key(1));
        tree = after;
        if touches {
            states.push((merged, tree.clone()));
        }
    }
    assert_eq!(book.state.approved(&branch("main")), &tree);
    (book, states)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn covered_is_exactly_what_was_approved_once_and_the_newest_entry_is_named(
        changes in changes(), asked in prop::collection::vec(prop::option::of(1_u64..3), 3),
    ) {
        let (book, states) = written(&changes);
        let ledger = book.ledger();
        prop_assert!(ledger.is_valid());
        let mut trees: Vec<Tree> = states.iter().map(|(_, tree)| tree.clone()).collect();
        let objects = asked.iter().zip(&PATHS[1..]);
        let mut other: Tree = objects.filter_map(|(object, path)| Some((RepoPath::new(path), file((*object)?)))).collect();
        other.insert(RepoPath::new(POLICY_PATH), file(0x10));
        trees.push(other);
        for tree in trees {
            let newest = states.iter().rev().find(|(_, state)| seen(state) == seen(&tree)).map(|(entry, _)| *entry);
            let current = seen(&tree) == seen(book.state.approved(&branch("main")));
            let coverage = ledger.covers_paths(&branch("main"), &tree, production);
            prop_assert_eq!(coverage.covered().map(|covered| covered.entry), newest);
            prop_assert_eq!(coverage.covered().is_some_and(|covered| covered.current), current);
        }
    }
}

//! Many patterns asked at once: whose patterns concern a path.
//!
//! Gives the answer of [`Glob::concerns`] for every pattern without asking every pattern: they lie in a tree by their written-out
//! first components. A path that is not ASCII is asked pattern by pattern. Nothing here knows what the owners are.

use super::glob::{Glob, Globs, Subject};

/// Patterns of many owners. Owners are numbers, given by whoever builds it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct GlobIndex {
    globs: Vec<(Glob, usize)>,
    nodes: Vec<Node>,
}

/// A place in the tree: what is written out up to here.
#[derive(Debug, Clone, Default, PartialEq)]
struct Node {
    /// The next component, folded, in order, its first bytes before it.
    children: Vec<(u64, Vec<u8>, usize)>,
    /// Patterns whose written-out part ends here, by number.
    here: Vec<usize>,
}

impl Node {
    /// Where the child of that name is, or would be.
    fn child(&self, name: &[u8]) -> Result<usize, usize> {
        let sought = (head(name), name);
        let at = self.children.partition_point(|(head, known, _)| (*head, known.as_slice()) < sought);
        match self.children.get(at) {
            Some((_, known, _)) if known == name => Ok(at),
            Some(_) | None => Err(at),
        }
    }
}

/// The first bytes of a name as a number that orders as they do: most names are told apart by it.
fn head(name: &[u8]) -> u64 {
    let mut head = [0; 8];
    head.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(head)
}

impl GlobIndex {
    /// Builds the tree; owners in rising order.
    pub(super) fn new<'g>(lists: impl IntoIterator<Item = (usize, &'g Globs)>) -> Self {
        let mut index = Self { globs: Vec::new(), nodes: vec![Node::default()] };
        for (owner, globs) in lists {
            for glob in globs {
                index.add(glob, owner);
            }
        }
        index
    }

    fn add(&mut self, glob: &Glob, owner: usize) {
        let mut at = 0;
        for component in glob.literal_prefix() {
            at = match self.nodes[at].child(component.as_bytes()) {
                Ok(known) => self.nodes[at].children[known].2,
                Err(place) => {
                    let next = self.nodes.len();
                    self.nodes.push(Node::default());
                    self.nodes[at].children.insert(place, (head(component.as_bytes()), component.into_bytes(), next));
                    next
                }
            };
        }
        self.nodes[at].here.push(self.globs.len());
        self.globs.push((glob.clone(), owner));
    }

    /// Whether any pattern concerns the path.
    pub(super) fn any(&self, subject: &Subject<'_>) -> bool {
        let mut any = false;
        self.visit(subject, &mut |_| any = true);
        any
    }

    /// As [`GlobIndex::owners`], of those that are asked about; most paths have one, which needs no list.
    pub(super) fn owners_among(
        &self,
        subject: &Subject<'_>,
        asked: impl Fn(usize) -> bool,
    ) -> (Option<usize>, Vec<usize>) {
        let (mut first, mut more) = (None, Vec::new());
        self.visit(subject, &mut |owner| {
            if asked(owner) && first != Some(owner) {
                match first {
                    None => first = Some(owner),
                    Some(_) => more.push(owner),
                }
            }
        });
        (first, distinct(more))
    }

    /// Owners of a pattern that concerns the path, each once, in rising order.
    pub(super) fn owners(&self, subject: &Subject<'_>) -> Vec<usize> {
        let mut found = Vec::new();
        self.visit(subject, &mut |owner| found.push(owner));
        distinct(found)
    }

    /// Names the owner of each pattern that concerns the path.
    fn visit(&self, subject: &Subject<'_>, found: &mut impl FnMut(usize)) {
        let Some(count) = subject.ascii_components() else {
            return self
                .globs
                .iter()
                .filter(|(glob, _)| glob.concerns_subject(subject))
                .for_each(|(_, owner)| found(*owner));
        };
        let Some(mut node) = self.nodes.first() else { return };
        for depth in 0..=count {
            if depth == count {
                return self.below(node, found);
            }
            for (glob, owner) in node.here.iter().filter_map(|at| self.globs.get(*at)) {
                if glob.concerns_beyond(subject, depth) {
                    found(*owner);
                }
            }
            if node.children.is_empty() {
                return;
            }
            match node.child(subject.folded_ascii(depth)) {
                Ok(at) => node = &self.nodes[node.children[at].2],
                Err(_) => return,
            }
        }
    }

    /// The path ends where these patterns have a directory or itself: all of them concern it.
    fn below(&self, node: &Node, found: &mut impl FnMut(usize)) {
        node.here.iter().filter_map(|at| self.globs.get(*at)).for_each(|(_, owner)| found(*owner));
        for (.., next) in &node.children {
            self.below(&self.nodes[*next], found);
        }
    }
}

fn distinct(mut owners: Vec<usize>) -> Vec<usize> {
    if owners.len() > 1 {
        owners.sort_unstable();
        owners.dedup();
    }
    owners
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::RepoPath;

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_tree_answers_as_each_pattern_does(
            patterns in proptest::collection::vec("(\\*\\*/)?[abA?*]{1,2}(/([abB*]{1,2}|\\*\\*|\\[aB\\])){0,3}/?", 1..8),
            path in "[abAB]{1,2}(/[abcABé.]{1,2}){0,4}",
        ) {
            let globs: Vec<Glob> = patterns.iter().filter_map(|pattern| Glob::parse(pattern).ok()).collect();
            let lists: Vec<Globs> = globs.iter().map(|glob| Globs::new(vec![glob.clone()])).collect();
            let index = GlobIndex::new(lists.iter().enumerate());
            let path = RepoPath::new(&path);
            let expected: Vec<usize> = (0..globs.len()).filter(|at| globs[*at].concerns(&path)).collect();
            proptest::prop_assert_eq!(index.owners(&Subject::new(&path)), expected, "{:?} {}", patterns, path);
        }
    }

    #[test]
    fn an_owner_is_named_once_and_in_order() {
        let globs = |texts: &[&str]| Globs::new(texts.iter().map(|text| Glob::parse(text).unwrap()).collect());
        let (first, second) = (globs(&["a/", "**/x"]), globs(&["a/b/"]));
        let index = GlobIndex::new([(0, &first), (4, &second)]);
        let owners = |path: &str| index.owners(&Subject::new(&RepoPath::new(path)));
        assert_eq!(owners("a/b/x"), [0, 4]);
        assert_eq!(owners("a"), [0, 4]);
        assert_eq!(owners("c/x"), [0]);
        assert!(owners("c").is_empty());
        assert!(GlobIndex::default().owners(&Subject::new(&RepoPath::new("c"))).is_empty());
    }
}

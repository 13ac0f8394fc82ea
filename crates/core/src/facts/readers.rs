//! Who can open a document.
//!
//! Says nothing about who should.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names of recipients. Cheap to clone; clones are seen to be equal without a look at their names, so the facts of a change hold
/// each set once ([`Readers::among`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Readers(Arc<BTreeSet<String>>);

impl Readers {
    /// One more.
    pub fn insert(&mut self, name: String) {
        Arc::make_mut(&mut self.0).insert(name);
    }

    /// The same set as it is known already, or this one, which is then known.
    #[must_use]
    pub fn among(self, known: &mut BTreeSet<Self>) -> Self {
        match known.get(&self) {
            Some(same) => same.clone(),
            None => {
                known.insert(self.clone());
                self
            }
        }
    }
}

impl Deref for Readers {
    type Target = BTreeSet<String>;

    fn deref(&self) -> &BTreeSet<String> {
        &self.0
    }
}

impl From<BTreeSet<String>> for Readers {
    fn from(names: BTreeSet<String>) -> Self {
        Self(Arc::new(names))
    }
}

impl<const N: usize> From<[String; N]> for Readers {
    fn from(names: [String; N]) -> Self {
        BTreeSet::from(names).into()
    }
}

impl Serialize for Readers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Readers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeSet::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Readers;

    #[test]
    fn equal_sets_become_one_and_a_change_of_one_leaves_the_other() {
        let mut known = BTreeSet::new();
        let set = || Readers::from(["age1one".to_owned(), "age1two".to_owned()]);
        let (one, mut two) = (set().among(&mut known), set().among(&mut known));
        assert!(std::ptr::eq(&*one, &*two));
        two.insert("age1three".to_owned());
        assert!(one == set() && one != two && two.len() == 3 && known.len() == 1);
    }

    #[test]
    fn it_is_written_as_a_list() {
        let set = Readers::from(["b".to_owned(), "a".to_owned()]);
        let text = serde_json::to_string(&set).unwrap_or_default();
        assert_eq!(text, r#"["a","b"]"#);
        assert_eq!(serde_json::from_str::<Readers>(&text).ok(), Some(set));
    }
}

//! The keys of a document that changed.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::KeyChange;

/// Keys that changed, in document order. Cheap to clone: facts, decision and texts hold the same list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChanges(Arc<Vec<KeyChange>>);

impl Deref for KeyChanges {
    type Target = Vec<KeyChange>;

    fn deref(&self) -> &Vec<KeyChange> {
        &self.0
    }
}

impl DerefMut for KeyChanges {
    fn deref_mut(&mut self) -> &mut Vec<KeyChange> {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<KeyChange>> for KeyChanges {
    fn from(keys: Vec<KeyChange>) -> Self {
        Self(Arc::new(keys))
    }
}

impl FromIterator<KeyChange> for KeyChanges {
    fn from_iter<I: IntoIterator<Item = KeyChange>>(keys: I) -> Self {
        Vec::from_iter(keys).into()
    }
}

impl<'k> IntoIterator for &'k KeyChanges {
    type Item = &'k KeyChange;
    type IntoIter = std::slice::Iter<'k, KeyChange>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for KeyChanges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KeyChanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::KeyChangeKind;

    #[test]
    fn a_change_of_one_list_leaves_the_other_and_both_are_written_as_lists() {
        let one: KeyChanges = vec![KeyChange { key: "a".to_owned(), change: KeyChangeKind::Added }].into();
        let mut two = one.clone();
        two.clear();
        assert!(one.len() == 1 && two.is_empty() && two == KeyChanges::default());
        assert_eq!((&one).into_iter().map(|key| key.key.as_str()).collect::<Vec<_>>(), ["a"]);
        let text = serde_json::to_string(&one).unwrap_or_default();
        assert_eq!(text, r#"[{"key":"a","change":"added"}]"#);
        assert_eq!(serde_json::from_str::<KeyChanges>(&text).ok(), Some(one));
    }
}

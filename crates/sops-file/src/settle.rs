//! After a change: comments that have come to stand in another container, and values that a marker comment now
//! covers, are sealed as their place wants it (SOPS reference 3.2, 5.2).
//!
//! Never takes a seal off: a change that would need it is refused.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::draft::read_back;
use crate::error::SealError;
use crate::opened::OpenedDocument;
use crate::path::KeyPath;
use crate::plain::Plain;
use crate::seal::seal_value;
use crate::setter::{StandIn, changed_path};
use crate::splice::apply;
use crate::tree::{Comment, Scalar};
use crate::walk::{Leaf, Visit, is_comment_element, walk};
use crate::yaml::edit::{replace_scalar, step};
use crate::yaml::homes::Homes;

/// What the comments of the old version were, by their text in the file.
#[derive(Default)]
struct Before<'d> {
    sealed: BTreeMap<&'d str, &'d Plain>,
    /// In the clear because the settings wanted it so.
    plain: Vec<&'d str>,
}

impl OpenedDocument {
    /// Settles changed text that this document is to become. For what was set at `new`, in the first document,
    /// stand-ins keep the place.
    pub(crate) fn settled(
        &self,
        text: &str,
        new: Option<(&KeyPath, &StandIn<'_>)>,
    ) -> Result<Zeroizing<String>, SealError> {
        let draft = read_back(text, self.sealed.format)?;
        let (before, homes, step) = (self.comments_before(), Homes::of(&draft.tree), step(&draft.tree));
        let selection = draft.selection();
        let new =
            new.and_then(|(path, stand_in)| Some((changed_path(&draft.tree.documents.first()?.root, path), stand_in)));
        let mut patches = Vec::new();
        walk(&draft.tree, &selection, &mut |visit| {
            match &visit.leaf {
                Leaf::Empty(_) => {}
                Leaf::Comment(comment) => {
                    if let Some(value) = self.misplaced(&visit, comment, &before) {
                        let token = seal_value(&self.key, &value, visit.aad)?;
                        if selection.marks_plain(&token) {
                            return Err(SealError::CommentExpression);
                        }
                        patches.extend(draft.tree.replace_comment(text, comment, &token));
                    }
                }
                Leaf::Scalar(node, scalar) => {
                    // A comment among the elements of a list has the position of the element behind it.
                    let is_here = visit.document == 0 && !is_comment_element(node);
                    let new = new.as_ref().filter(|(path, _)| is_here && path.covers(&visit.key_path()));
                    let meant = new.and_then(|(_, stand_in)| stand_in.meant_by(&scalar.value));
                    if new.is_none() && self.is_bared(&visit, scalar) {
                        return Err(SealError::Metadata {
                            what: "without that entry, a value that is sealed would have to stand in the clear",
                        });
                    }
                    let unsealed = (scalar.envelope.is_none() && !scalar.value.is_empty()).then_some(&scalar.value);
                    let token = match meant.or(unsealed) {
                        Some(value) if visit.seals => Some(Plain::text(seal_value(&self.key, value, visit.aad)?)),
                        Some(_) | None => meant.map(Plain::duplicate),
                    };
                    if let Some(token) = token {
                        patches.extend(replace_scalar(text, node, scalar, homes.at(scalar.leaf), &token, step));
                    }
                }
            }
            Ok::<(), SealError>(())
        })?;
        Ok(apply(text, patches))
    }

    fn comments_before(&self) -> Before<'_> {
        let mut before = Before::default();
        let outcome: Result<(), std::convert::Infallible> =
            walk(&self.sealed.tree, &self.sealed.selection(), &mut |visit| {
                if let Leaf::Comment(comment) = visit.leaf {
                    match self.opened_leaf(comment.leaf) {
                        Some(value) => _ = before.sealed.insert(comment.text.as_str(), value),
                        None if !visit.seals => before.plain.push(comment.text.as_str()),
                        None => {}
                    }
                }
                Ok(())
            });
        match outcome {
            Ok(()) => before,
            Err(never) => match never {},
        }
    }

    /// What a comment says that is not sealed, or not for its place, though it was in order before.
    fn misplaced(&self, visit: &Visit<'_, '_>, comment: &Comment, before: &Before<'_>) -> Option<Plain> {
        if !visit.seals || comment.text.is_empty() {
            return None;
        }
        match &comment.envelope {
            Some(envelope) if self.key.open(envelope, visit.aad.as_bytes()).is_ok() => None,
            Some(_) => before.sealed.get(comment.text.as_str()).map(|value| value.duplicate()),
            None => before
                .plain
                .contains(&comment.text.as_str())
                .then(|| Plain::Comment(Zeroizing::new(comment.text.to_string()))),
        }
    }

    /// Whether a sealed value stands where the settings now want it in the clear.
    fn is_bared(&self, visit: &Visit<'_, '_>, scalar: &Scalar) -> bool {
        let envelope = scalar.envelope.as_ref().filter(|_| !visit.seals);
        envelope.is_some_and(|envelope| self.key.open(envelope, visit.aad.as_bytes()).is_ok())
    }
}

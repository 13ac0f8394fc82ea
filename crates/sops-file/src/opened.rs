//! An opened document: every value in the clear, the MAC checked (SOPS reference 16.5).
//!
//! Never writes anything; [`crate::edit`] changes it, [`crate::render`] prints it. No `Debug`, no `Clone`.

use subtle::ConstantTimeEq as _;

use crate::access::Shares;
use crate::cipher::DataKey;
use crate::convert::value_of;
use crate::envelope::Envelope;
use crate::error::OpenError;
use crate::identity::Identities;
use crate::mac::Mac;
use crate::path::{KeyPath, Step};
use crate::plain::Plain;
use crate::sealed::SealedDocument;
use crate::tree::{Comment, Document, Node, Scalar};
use crate::value::Value;
use crate::walk::{Leaf, Visit, is_comment_element, walk};

/// How strictly to open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Open although the MAC is missing or wrong; [`OpenedDocument::is_verified`] then says so.
    pub ignore_mac: bool,
}

/// A document with its data key and all its values.
pub struct OpenedDocument {
    pub(crate) sealed: SealedDocument,
    pub(crate) key: DataKey,
    /// By number of the leaf; none for what stands in the clear anyway.
    pub(crate) values: Vec<Option<Plain>>,
    pub(crate) verified: bool,
    pub(crate) changed: bool,
    /// Whether stanzas were added or taken out since.
    pub(crate) recipients_changed: bool,
    /// The shares of the key groups that were opened.
    pub(crate) shares: Shares,
}

/// Opens a sealed document.
///
/// # Errors
/// [`OpenError`]; its `exit_code` is the one of sops.
pub fn open(
    sealed: &SealedDocument,
    identities: &Identities,
    options: OpenOptions,
) -> Result<OpenedDocument, OpenError> {
    let (key, shares) = identities.data_key(sealed.metadata()).map_err(OpenError::Key)?;
    Ok(OpenedDocument { shares, ..open_with(sealed, key, options)? })
}

/// Opens with a data key that is known already (a cache, another version of the same file).
///
/// # Errors
/// As [`open`], except for the retrieval of the key.
pub fn open_with(sealed: &SealedDocument, key: DataKey, options: OpenOptions) -> Result<OpenedDocument, OpenError> {
    let (values, mac) = open_values(sealed, &key)?;
    let verified = match check_mac(sealed, &key, mac) {
        Ok(()) => true,
        Err(fault) if !options.ignore_mac => return Err(fault),
        Err(_) => false,
    };
    Ok(OpenedDocument {
        sealed: sealed.clone(),
        key,
        values,
        verified,
        changed: false,
        recipients_changed: false,
        shares: Vec::new(),
    })
}

pub(crate) fn open_values(sealed: &SealedDocument, key: &DataKey) -> Result<(Vec<Option<Plain>>, Mac), OpenError> {
    let mut values: Vec<Option<Plain>> = std::iter::repeat_with(|| None).take(sealed.tree.leaves).collect();
    let mut mac = Mac::new(sealed.metadata());
    walk(&sealed.tree, &sealed.selection(), &mut |visit: Visit<'_, '_>| {
        match visit.leaf {
            Leaf::Empty(_) => {}
            Leaf::Scalar(node, scalar) => {
                let opened = if visit.seals { open_scalar(&visit, node, scalar, key)? } else { None };
                mac.take(opened.as_ref().unwrap_or(&scalar.value), visit.seals);
                values[scalar.leaf] = opened;
            }
            Leaf::Comment(comment) => {
                if visit.seals
                    && let Some(value) = open_comment(&visit, comment, &sealed.tree.documents[visit.document], key)
                {
                    // A comment sealed as another type is hashed, as sops does (vector `strcomment`).
                    if !matches!(value, Plain::Comment(_)) {
                        mac.take(&value, true);
                    }
                    values[comment.leaf] = Some(value);
                }
            }
        }
        Ok(())
    })?;
    Ok((values, mac))
}

fn open_scalar(visit: &Visit<'_, '_>, node: &Node, scalar: &Scalar, key: &DataKey) -> Result<Option<Plain>, OpenError> {
    if scalar.value.is_empty() {
        return Ok(None);
    }
    let place = node.place;
    let Some(envelope) = &scalar.envelope else {
        let damaged = scalar.value.as_text().is_some_and(Envelope::looks_like);
        let path = visit.key_path();
        return Err(if damaged { OpenError::Value { path, place } } else { OpenError::InTheClear { path, place } });
    };
    let bytes =
        key.open(envelope, visit.aad.as_bytes()).map_err(|_| OpenError::Value { path: visit.key_path(), place })?;
    let value = Plain::typed(envelope.kind(), bytes).map_err(|_| OpenError::Type { path: visit.key_path(), place })?;
    Ok(Some(value))
}

/// Tries the container the comment stands in, then those around it and the others of the document: readers
/// differ in where they attach a comment (reference 10.5). What does not open stays as it is.
fn open_comment(visit: &Visit<'_, '_>, comment: &Comment, document: &Document, key: &DataKey) -> Option<Plain> {
    let envelope = comment.envelope.as_ref()?;
    let typed = |bytes| Plain::typed(envelope.kind(), bytes).ok();
    if let Ok(bytes) = key.open(envelope, visit.aad.as_bytes()) {
        return typed(bytes);
    }
    let mut places = Vec::new();
    container_places(&document.root, "", &mut places);
    let bytes = places.iter().take(64).find_map(|aad| key.open(envelope, aad.as_bytes()).ok())?;
    typed(bytes)
}

fn container_places(node: &Node, aad: &str, places: &mut Vec<String>) {
    if node.layout().is_none() || places.len() > 64 {
        return;
    }
    places.push(if aad.is_empty() { ":".to_owned() } else { aad.to_owned() });
    for entry in node.entries() {
        let below = if node.is_list() { aad.to_owned() } else { format!("{aad}{}:", entry.key) };
        container_places(&entry.node, &below, places);
    }
}

fn check_mac(sealed: &SealedDocument, key: &DataKey, mac: Mac) -> Result<(), OpenError> {
    let metadata = sealed.metadata();
    let text = metadata.mac().ok_or(OpenError::MacMissing)?;
    let envelope = Envelope::parse(text).map_err(|_| OpenError::MacMismatch)?;
    let stored = key.open(&envelope, metadata.mac_aad().as_bytes()).map_err(|_| OpenError::MacMismatch)?;
    let is_right = bool::from(mac.finish().as_bytes().ct_eq(&stored));
    if is_right { Ok(()) } else { Err(OpenError::MacMismatch) }
}

impl OpenedDocument {
    /// The sealed document this was opened from, with the changes made since.
    #[must_use]
    pub fn sealed(&self) -> &SealedDocument {
        &self.sealed
    }

    /// Whether the MAC was right when it was opened.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified
    }

    /// Whether it was changed since; [`OpenedDocument::reseal`] then gives other bytes than were opened.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.changed || self.recipients_changed
    }

    /// Opens another version of this document under the data key at hand: no identity is needed, and none is tried.
    ///
    /// # Errors
    /// As [`open`], except for the retrieval of the key.
    pub fn open_version(&self, sealed: &SealedDocument, options: OpenOptions) -> Result<Self, OpenError> {
        let key = DataKey::from_bytes(self.key.expose()).ok_or(OpenError::Key(crate::KeyError::BadKey))?;
        open_with(sealed, key, options)
    }

    /// Whether both have the same data key.
    #[must_use]
    pub fn has_same_data_key(&self, other: &Self) -> bool {
        bool::from(self.key.expose().ct_eq(other.key.expose()))
    }

    /// The scalar at `path`, in the first document that has it.
    #[must_use]
    pub fn get(&self, path: &KeyPath) -> Option<&Plain> {
        (0..self.sealed.tree.documents.len()).find_map(|document| self.value_in(document, path))
    }

    /// The scalar at `path` of one document, counted from 0.
    #[must_use]
    pub fn value_in(&self, document: usize, path: &KeyPath) -> Option<&Plain> {
        let node = find(&self.sealed.tree.documents.get(document)?.root, path.steps())?;
        node.scalar().map(|scalar| self.value_of(scalar))
    }

    /// What stands at `path` of the first document that has it, containers and all; comments are left out.
    #[must_use]
    pub fn value(&self, path: &KeyPath) -> Option<Value> {
        let documents = self.sealed.tree.documents.iter();
        let node = documents.filter_map(|document| find(&document.root, path.steps())).next()?;
        Some(value_of(node, &|scalar| self.value_of(scalar).duplicate()))
    }

    /// Whether `path` leads to anything, container or scalar.
    #[must_use]
    pub fn contains(&self, path: &KeyPath) -> bool {
        self.sealed.tree.documents.iter().any(|document| find(&document.root, path.steps()).is_some())
    }

    /// Every scalar with its path in file order: document number, path, value. Comments are left out.
    #[must_use]
    pub fn values(&self) -> Vec<(usize, KeyPath, &Plain)> {
        let mut values = Vec::new();
        let outcome: Result<(), std::convert::Infallible> =
            walk(&self.sealed.tree, &self.sealed.selection(), &mut |visit| {
                if let Leaf::Scalar(node, scalar) = visit.leaf {
                    let comment = is_comment_element(node) && matches!(visit.path.last(), Some(Step::Index(_)));
                    if !comment {
                        values.push((visit.document, visit.key_path(), self.value_of(scalar)));
                    }
                }
                Ok(())
            });
        match outcome {
            Ok(()) => values,
            Err(never) => match never {},
        }
    }

    /// How many comments look sealed but did not open. They stay as they are, as with sops.
    #[must_use]
    pub fn unopened_comments(&self) -> usize {
        let mut count = 0;
        let outcome: Result<(), std::convert::Infallible> =
            walk(&self.sealed.tree, &self.sealed.selection(), &mut |visit| {
                if let Leaf::Comment(comment) = visit.leaf {
                    let sealed = Envelope::looks_like(&comment.text);
                    count += usize::from(sealed && self.values[comment.leaf].is_none());
                }
                Ok(())
            });
        match outcome {
            Ok(()) => count,
            Err(never) => match never {},
        }
    }

    pub(crate) fn value_of<'d>(&'d self, scalar: &'d Scalar) -> &'d Plain {
        self.values[scalar.leaf].as_ref().unwrap_or(&scalar.value)
    }

    /// The hash over the values as they are now, without opening them again.
    pub(crate) fn hashed(&self) -> Mac {
        let mut mac = Mac::new(self.sealed.metadata());
        let outcome: Result<(), std::convert::Infallible> =
            walk(&self.sealed.tree, &self.sealed.selection(), &mut |visit| {
                match visit.leaf {
                    Leaf::Empty(_) => {}
                    Leaf::Scalar(_, scalar) => mac.take(self.value_of(scalar), visit.seals),
                    Leaf::Comment(comment) => {
                        let value = self.opened_leaf(comment.leaf).filter(|_| visit.seals);
                        // As in `open_values`; `take` leaves comments out.
                        value.into_iter().for_each(|value| mac.take(value, true));
                    }
                }
                Ok(())
            });
        match outcome {
            Ok(()) => mac,
            Err(never) => match never {},
        }
    }

    pub(crate) fn opened_leaf(&self, leaf: usize) -> Option<&Plain> {
        self.values.get(leaf).and_then(Option::as_ref)
    }
}

/// Follows a path; list positions skip comments.
pub(crate) fn find<'t>(node: &'t Node, steps: &[Step]) -> Option<&'t Node> {
    let Some((step, rest)) = steps.split_first() else {
        return Some(node);
    };
    let next = match step {
        Step::Key(key) => node.get(key)?,
        Step::Index(index) if node.is_list() => {
            node.entries().filter(|entry| !is_comment_element(&entry.node)).nth(*index)?
        }
        Step::Index(_) => return None,
    };
    find(&next.node, rest)
}

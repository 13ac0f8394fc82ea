//! A plain document on its way to being sealed: its values replaced where they stand, the metadata behind them
//! (SOPS reference 10.8, 16).
//!
//! Never decides for whom; never lets anything out itself.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::cipher::DataKey;
use crate::error::SealError;
use crate::format::Format;
use crate::mac::Mac;
use crate::opened::OpenedDocument;
use crate::plain::Plain;
use crate::seal::seal_value;
use crate::sealed::{SealedDocument, read_tree, text_of};
use crate::selection::Selection;
use crate::splice::{Patch, apply, line_break, with_breaks};
use crate::tree::{Child, Kind, Scalar, Tree};
use crate::value::Value;
use crate::walk::{Leaf, Visit, walk};
use crate::yaml::edit::{Home, replace_scalar, step};
use crate::yaml::homes::Homes;
use crate::yaml::write::{self, Empty, Indent, Texts};
use crate::{dotenv, ini, json};

pub(crate) fn read_back(text: &str, format: Format) -> Result<SealedDocument, SealError> {
    SealedDocument::parse(text.as_bytes(), format).map_err(|_| SealError::ReadBack("it cannot be read"))
}

/// The metadata that go behind the values.
pub(crate) enum Appended<'a> {
    New(&'a Value),
    /// The text of an older version, as it stood there.
    Kept(&'a str),
}

/// A plain document on its way to being sealed.
pub(crate) struct Draft {
    text: Zeroizing<String>,
    tree: Tree,
    step: usize,
    /// One step in JSON that has no step of its own.
    unit: String,
}

/// One step of indent in JSON.
fn unit(indent: Option<usize>) -> String {
    indent.map_or_else(|| "\t".to_owned(), |step| " ".repeat(step))
}

/// Sealed texts of an older version, to be used again for equal values in equal places (reference 16.3).
#[derive(Default)]
pub(crate) struct Reuse {
    /// By document, additional data and key path.
    pub(crate) known: BTreeMap<(usize, crate::KeyPath), Vec<(Plain, String)>>,
}

impl Reuse {
    fn find(&self, visit: &Visit<'_, '_>, value: &Plain) -> Option<&str> {
        let old = self.known.get(&(visit.document, visit.key_path()))?;
        old.iter().find(|(old, _)| old.is_same(value)).map(|(_, token)| token.as_str())
    }
}

impl Draft {
    pub(crate) fn read(plain: &[u8], format: Format, indent: Option<usize>) -> Result<Self, SealError> {
        if format == Format::Binary {
            return Self::binary(plain, unit(indent));
        }
        let mut text = Zeroizing::new(text_of(plain)?.to_owned());
        let mut tree = read_tree(&text, format)?;
        if tree.documents.is_empty() {
            return Err(SealError::Empty);
        }
        if tree.documents.iter().any(|document| document.sops.is_some()) {
            return Err(SealError::AlreadySealed);
        }
        // As in sops, another number acts as 2.
        let step = indent.map_or_else(|| step(&tree), |step| if (2..=9).contains(&step) { step } else { 2 });
        if tree.needs_rewriting {
            let texts = Texts { opened: None };
            text = Zeroizing::new(write::tree(&tree, &texts, step, Empty::Nothing));
            tree = read_tree(&text, format)?;
        }
        Ok(Self { text, tree, step, unit: unit(indent) })
    }

    /// A plain document that is to take the place of a sealed one, and is indented like it.
    pub(crate) fn like(sealed: &SealedDocument, plain: &[u8]) -> Result<Self, SealError> {
        match sealed.format {
            Format::Yaml => Self::read(plain, sealed.format, Some(step(&sealed.tree))),
            Format::Json | Format::Dotenv | Format::Ini => {
                let unit = json::edit::unit(&sealed.text).to_owned();
                Ok(Self { unit, ..Self::read(plain, sealed.format, None)? })
            }
            Format::Binary => Self::binary(plain, json::edit::unit(&sealed.text).to_owned()),
        }
    }

    /// A sealed document without its metadata, aliases written out.
    pub(crate) fn written_out(sealed: &SealedDocument) -> Result<Self, SealError> {
        let step = step(&sealed.tree);
        let text = Zeroizing::new(write::tree(&sealed.tree, &Texts { opened: None }, step, Empty::Nothing));
        let tree = read_tree(&text, sealed.format)?;
        Ok(Self { text, tree, step, unit: unit(None) })
    }

    /// Any bytes become the one value of a JSON document (reference 14).
    fn binary(plain: &[u8], unit: String) -> Result<Self, SealError> {
        if SealedDocument::parse(plain, Format::Binary).is_ok() {
            return Err(SealError::AlreadySealed);
        }
        let text = Zeroizing::new(format!("{{\n{unit}\"data\": \"\"\n}}\n"));
        let mut tree = read_tree(&text, Format::Binary)?;
        let value = match std::str::from_utf8(plain) {
            Ok(text) => Plain::text(text),
            Err(_) => Plain::Bytes(Zeroizing::new(plain.to_vec())),
        };
        if let Some(Kind::Map(children, _)) = tree.documents.first_mut().map(|document| &mut document.root.kind)
            && let Some(Child::Entry(entry)) = children.first_mut()
        {
            entry.node.kind = Kind::Scalar(Scalar::new(value, None));
        }
        Ok(Self { text, tree, step: 4, unit })
    }

    /// The patches that seal every value the selection wants sealed, and the text of the MAC. Comments come later:
    /// which container they are in may depend on the values around them ([`sealed_comments`]).
    pub(crate) fn sealed_values(
        &self,
        selection: &Selection,
        mac_only_encrypted: bool,
        key: &DataKey,
        reuse: &Reuse,
    ) -> Result<(Vec<Patch>, String), SealError> {
        let (mut patches, mut mac) = (Vec::new(), Mac::with(mac_only_encrypted));
        let homes = Homes::of(&self.tree);
        walk(&self.tree, selection, &mut |visit| {
            match &visit.leaf {
                Leaf::Empty(_) => {}
                Leaf::Scalar(node, scalar) => {
                    mac.take(&scalar.value, visit.seals);
                    if visit.seals && !scalar.value.is_empty() {
                        let token = match reuse.find(&visit, &scalar.value) {
                            Some(token) => token.to_owned(),
                            None => seal_value(key, &scalar.value, visit.aad)?,
                        };
                        let home = homes.at(scalar.leaf);
                        patches.extend(replace_scalar(&self.text, node, scalar, home, &Plain::text(token), self.step));
                    }
                }
                Leaf::Comment(_) => {}
            }
            Ok::<(), SealError>(())
        })?;
        Ok((patches, mac.finish()))
    }

    /// Applies the patches and appends the metadata to every document.
    pub(crate) fn with_metadata(&self, mut patches: Vec<Patch>, metadata: &Appended<'_>) -> Zeroizing<String> {
        let newline = line_break(&self.text);
        for document in &self.tree.documents {
            let column = match Home::of(&document.root) {
                Home::Block { column, .. } => column,
                Home::Flow => 0,
                Home::Json => {
                    patches.extend(match metadata {
                        Appended::New(value) => {
                            json::edit::append_in(&self.text, &document.root, ("sops", value), &self.unit)
                        }
                        Appended::Kept(text) => {
                            json::edit::append_text(&self.text, &document.root, &self.unit, &|_| (*text).to_owned())
                        }
                    });
                    continue;
                }
                Home::Ini | Home::Metadata => {
                    let section = match metadata {
                        Appended::New(value) => ini::write::metadata_section(value, newline),
                        Appended::Kept(text) => (*text).to_owned(),
                    };
                    patches.push(ini::edit::append_section(&self.text, document.end, &section));
                    continue;
                }
                Home::Lines => {
                    let lead = if self.text.is_empty() || self.text.ends_with('\n') { "" } else { newline };
                    let lines = match metadata {
                        Appended::New(value) => dotenv::metadata_lines(value),
                        Appended::Kept(text) => (*text).to_owned(),
                    };
                    patches.push(Patch::insert(document.end, format!("{lead}{lines}")));
                    continue;
                }
            };
            let before = &self.text[..document.end];
            let first = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
            let text = match metadata {
                Appended::New(value) => {
                    with_breaks(&self.text, write::entry(Some("sops"), value, Indent { column, step: self.step }))
                }
                Appended::Kept(text) => (*text).to_owned(),
            };
            patches.push(Patch::insert(document.end, format!("{first}{}{text}{newline}", " ".repeat(column))));
        }
        apply(&self.text, patches)
    }

    /// Whether the opened document holds exactly the values of this draft, in order, under the same paths.
    pub(crate) fn compare(&self, opened: &OpenedDocument) -> Result<(), SealError> {
        let selection = Selection::default_suffix();
        let mut wanted = Vec::new();
        walk(&self.tree, &selection, &mut |visit| {
            if let Leaf::Scalar(_, scalar) = visit.leaf {
                wanted.push((visit.document, visit.key_path(), &scalar.value));
            }
            Ok::<(), SealError>(())
        })?;
        let found = opened.values();
        let same = wanted.len() == found.len()
            && wanted
                .iter()
                .zip(&found)
                .all(|(wanted, found)| wanted.0 == found.0 && wanted.1 == found.1 && wanted.2.is_same(found.2));
        if same { Ok(()) } else { Err(SealError::ReadBack("its values differ")) }
    }
}

/// Seals the comments of a document whose values are sealed already.
pub(crate) fn sealed_comments(
    text: &str,
    format: Format,
    key: &DataKey,
    reuse: &Reuse,
) -> Result<Zeroizing<String>, SealError> {
    let sealed = read_back(text, format)?;
    let selection = sealed.selection();
    let mut patches = Vec::new();
    walk(&sealed.tree, &selection, &mut |visit| {
        if let Leaf::Comment(comment) = &visit.leaf
            && visit.seals
            && !comment.text.is_empty()
        {
            let value = Plain::Comment(comment.text.clone());
            let token = match reuse.find(&visit, &value) {
                Some(token) => token.to_owned(),
                None => seal_value(key, &value, visit.aad)?,
            };
            if selection.marks_plain(&token) {
                return Err(SealError::CommentExpression);
            }
            patches.extend(sealed.tree.replace_comment(text, comment, &token));
        }
        Ok::<(), SealError>(())
    })?;
    Ok(apply(text, patches))
}

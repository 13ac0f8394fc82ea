//! Changes to an opened document: set, unset, replaced as a whole (SOPS reference 16.6, 17).
//!
//! Every change edits the sealed text at once and reads it again; what is not named keeps its bytes. Never
//! stores anything: the caller writes the bytes that [`OpenedDocument::reseal`] returns.

use zeroize::Zeroizing;

use crate::convert::value_of;
use crate::dotenv;
use crate::draft::{Appended, Draft, Reuse, read_back, sealed_comments};
use crate::error::SealError;
use crate::flat;
use crate::format::Format;
use crate::metadata_edit::{Change, change};
use crate::opened::{OpenedDocument, find, open_values};
use crate::path::{KeyPath, Step};
use crate::plain::Plain;
use crate::sealed::SealedDocument;
use crate::setter::{Setter, StandIn, changed_path, child};
use crate::splice::apply;
use crate::tree::{Document, Entry, child_end};
use crate::value::Value;
use crate::walk::{Leaf, walk};
use crate::yaml::edit::{remove, step};

impl OpenedDocument {
    /// Stores a value under a path of the first document, making containers on the way; a list position at or
    /// past the end appends. Returns false, and changes nothing, when the value is there already.
    ///
    /// ```
    /// # use sops_file::*;
    /// # let me = Identities::generate();
    /// # let now: Timestamp = "2026-11-25T12:00:00Z".parse()?;
    /// # let sealed = seal(b"a: 1\n", Format::Yaml, &SealOptions::to(me.recipients()), now)?;
    /// # let document = SealedDocument::parse(&sealed, Format::Yaml)?;
    /// let mut opened = open(&document, &me, OpenOptions::default())?;
    /// opened.set(&"servers[0].password".parse()?, &Value::text("hunter2"))?;
    /// opened.set(&"port".parse()?, &Value::from_json("5432")?)?;
    /// let bytes = opened.reseal(now)?;
    /// # let again = open(&SealedDocument::parse(&bytes, Format::Yaml)?, &me, OpenOptions::default())?;
    /// # assert_eq!(again.to_plain()?.as_slice(), b"a: 1\nservers:\n    - password: hunter2\nport: 5432\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SealError::WrongContainer`] when the path goes through a scalar; [`SealError::Shared`] when another value is an
    /// alias of what would change.
    pub fn set(&mut self, path: &KeyPath, value: &Value) -> Result<bool, SealError> {
        self.must_have_keys()?;
        self.must_fit(path, value)?;
        let shares = self.sealed.tree.needs_rewriting;
        self.set_in_place(path, value).map_err(|fault| shared(shares, path, fault))
    }

    fn set_in_place(&mut self, path: &KeyPath, value: &Value) -> Result<bool, SealError> {
        let (document, source) = (self.first_document()?, &self.sealed.text);
        if let Some(node) = find(&document.root, path.steps())
            && let (Some(old), Value::Scalar(new)) = (node.scalar(), value)
            && self.value_of(old).is_same(new)
        {
            return Ok(false);
        }
        let stand_in = StandIn::of(value);
        let setter = Setter { source, document, step: step(&self.sealed.tree) };
        let text = apply(source, setter.patches(path, &stand_in.value)?);
        let text = self.settled(&text, Some((path, &stand_in)))?;
        let (elsewhere, was_sealed) = (self.elsewhere(Some(path)), self.sealed_by_comment(path));
        let (sealed, values) = self.read(&text)?;
        let before = (std::mem::replace(&mut self.sealed, sealed), std::mem::replace(&mut self.values, values));
        let real = changed_path(&self.first_document()?.root, path);
        let is_sealed = self.sealed_by_comment(&real);
        if was_sealed.lost(is_sealed) {
            (self.sealed, self.values) = before;
            return Err(SealError::Metadata {
                what: "without the comment that marks it, that value would stand in the clear",
            });
        }
        if self.holds(&real, value) && elsewhere.is_none_or(|elsewhere| elsewhere == self.all_but(Some(&real))) {
            self.changed = true;
            return Ok(true);
        }
        (self.sealed, self.values) = before;
        Err(SealError::ReadBack("the value cannot be written in this format"))
    }

    /// What stands at a path when a comment, which a change can take away, decides over it.
    fn sealed_by_comment(&self, path: &KeyPath) -> ByComment {
        let (selection, mut found) = (self.sealed.selection(), ByComment::default());
        if !selection.goes_by_comments() {
            return found;
        }
        let outcome: Result<(), std::convert::Infallible> = walk(&self.sealed.tree, &selection, &mut |visit| {
            if let Leaf::Scalar(_, scalar) = &visit.leaf
                && visit.document == 0
                && !scalar.value.is_empty()
                && path.covers(&visit.key_path())
            {
                *if visit.seals { &mut found.sealed } else { &mut found.clear } = true;
            }
            Ok(())
        });
        match outcome {
            Ok(()) => found,
            Err(never) => match never {},
        }
    }

    /// In a file with aliases one token may stand for several values: what is outside a path, to be compared.
    pub(crate) fn elsewhere(&self, path: Option<&KeyPath>) -> Option<Elsewhere> {
        self.sealed.tree.needs_rewriting.then(|| self.all_but(path))
    }

    fn all_but(&self, path: Option<&KeyPath>) -> Elsewhere {
        let is_named = |document: usize, at: &KeyPath| document == 0 && path.is_some_and(|path| path.covers(at));
        let values = self.values().into_iter().filter(|(document, at, _)| !is_named(*document, at));
        let keys = |at: &KeyPath| at.steps().iter().filter(|step| matches!(step, Step::Key(_))).cloned().collect();
        values.map(|(document, at, value)| (document, keys(&at), value.bytes())).collect()
    }

    /// Removes what stands under a path of the first document.
    ///
    /// # Errors
    /// [`SealError::NoSuchKey`]; [`SealError::Shared`] when another value is an alias of what would go.
    pub fn unset(&mut self, path: &KeyPath) -> Result<(), SealError> {
        self.must_have_keys()?;
        let document = self.first_document()?;
        let missing = || SealError::NoSuchKey(path.clone());
        let (last, above) = path.steps().split_last().ok_or_else(missing)?;
        let container = find(&document.root, above).ok_or_else(missing)?;
        let entry = child(container, last).ok_or_else(missing)?;
        let patches = remove(&self.sealed.text, container, entry, document.sops.as_ref().filter(|_| above.is_empty()));
        let shares = self.sealed.tree.needs_rewriting;
        let text = self.settled(&apply(&self.sealed.text, patches), None);
        let text = text.map_err(|fault| shared(shares, path, fault))?;
        let elsewhere = self.elsewhere(Some(path));
        self.take_if_same(&text, elsewhere).map_err(|fault| shared(shares, path, fault))
    }

    /// Takes changed text in which everything that is named here must be as it was.
    pub(crate) fn take_if_same(&mut self, text: &str, elsewhere: Option<Elsewhere>) -> Result<(), SealError> {
        let before = (self.sealed.clone(), self.changed);
        let values = std::mem::take(&mut self.values);
        let outcome = self.take_text(text);
        if outcome.is_ok() && elsewhere.is_none_or(|elsewhere| elsewhere == self.all_but(None)) {
            return Ok(());
        }
        (self.sealed, self.changed) = before;
        self.values = values;
        outcome.and(Err(SealError::ReadBack("a value changed that was not named")))
    }

    /// Writes aliases out and the top level as lines, as sops does whenever it writes.
    pub(crate) fn write_out(&mut self) -> Result<(), SealError> {
        if !self.sealed.tree.needs_rewriting {
            return Ok(());
        }
        let metadata = self.metadata_value()?;
        let text = Draft::written_out(&self.sealed)?.with_metadata(Vec::new(), &Appended::New(&metadata));
        let all = self.elsewhere(None);
        self.take_if_same(&text, all)
    }

    fn metadata_value(&self) -> Result<Value, SealError> {
        let sops = self.first_document()?.sops.as_ref();
        let sops = sops.ok_or(SealError::Metadata { what: "the metadata are missing" })?;
        Ok(value_of(&sops.node, &|scalar| scalar.value.duplicate()))
    }

    /// Takes an edited plain document in place of this one: equal values in equal places keep their sealed text,
    /// the metadata stay. The layout becomes that of `plain`.
    ///
    /// # Errors
    /// As for [`crate::seal`].
    pub fn replace_with(&mut self, plain: &[u8]) -> Result<(), SealError> {
        let draft = Draft::like(&self.sealed, plain)?;
        let selection = self.sealed.selection();
        let only_sealed = self.sealed.metadata().mac_only_encrypted();
        let (patches, _) = draft.sealed_values(&selection, only_sealed, &self.key, &self.reuse())?;
        let sops = self.first_document()?.sops.as_ref();
        let sops = sops.ok_or(SealError::Metadata { what: "the metadata are missing" })?;
        let metadata = match self.sealed.format {
            Format::Dotenv => dotenv::kept_lines(&self.sealed.text),
            Format::Yaml | Format::Json | Format::Binary | Format::Ini => {
                self.sealed.text[sops.start..entry_text_end(sops)].to_owned()
            }
        };
        // Brackets and anchors of the metadata do not fit everywhere.
        let anew = if self.sealed.tree.needs_rewriting { Some(self.metadata_value()?) } else { None };
        let text = draft.with_metadata(patches, &anew.as_ref().map_or(Appended::Kept(&metadata), Appended::New));
        let text = sealed_comments(&text, self.sealed.format, &self.key, &self.reuse())?;
        self.take_text(&text)?;
        draft.compare(self)
    }

    /// What is sealed now, to be used again.
    fn reuse(&self) -> Reuse {
        let mut reuse = Reuse::default();
        let outcome: Result<(), std::convert::Infallible> =
            walk(&self.sealed.tree, &self.sealed.selection(), &mut |visit| {
                let (leaf, envelope) = match &visit.leaf {
                    Leaf::Scalar(_, scalar) => (scalar.leaf, &scalar.envelope),
                    Leaf::Comment(comment) => (comment.leaf, &comment.envelope),
                    Leaf::Empty(_) => return Ok(()),
                };
                // A nonce of another length makes sops crash when it seals again (reference 16.2).
                if let (Some(value), Some(envelope)) = (self.opened_leaf(leaf), envelope)
                    && envelope.iv().len() == 32
                    && self.key.open(envelope, visit.aad.as_bytes()).is_ok()
                {
                    let place = (visit.document, visit.key_path());
                    reuse.known.entry(place).or_default().push((value.duplicate(), envelope.to_string()));
                }
                Ok(())
            });
        match outcome {
            Ok(()) => reuse,
            Err(never) => match never {},
        }
    }

    fn must_have_keys(&self) -> Result<(), SealError> {
        match self.sealed.format {
            Format::Binary => Err(SealError::Metadata { what: "a binary document has no keys" }),
            Format::Yaml | Format::Json | Format::Dotenv | Format::Ini => Ok(()),
        }
    }

    /// The metadata are no value. A dotenv document holds scalars at its top level, and its keys have no quotes.
    fn must_fit(&self, path: &KeyPath, value: &Value) -> Result<(), SealError> {
        if path.steps().first() == Some(&Step::Key("sops".to_owned())) && self.sealed.format != Format::Dotenv {
            return Err(SealError::Metadata { what: "`sops` is the name of the metadata" });
        }
        if self.sealed.format != Format::Dotenv {
            return Ok(());
        }
        match (path.steps(), value) {
            ([Step::Key(key)], Value::Scalar(_)) if dotenv::is_key(key) => Ok(()),
            (_, Value::Scalar(_) | Value::Map(_) | Value::List(_)) => Err(SealError::WrongContainer(path.clone())),
        }
    }

    fn first_document(&self) -> Result<&Document, SealError> {
        self.sealed.tree.documents.first().ok_or(SealError::Empty)
    }

    /// Whether the first document holds this value at this path, as far as its format can tell.
    fn holds(&self, path: &KeyPath, value: &Value) -> bool {
        match value {
            Value::Map(entries) => entries.iter().all(|(key, value)| self.holds(&path.key(key), value)),
            Value::List(elements) => {
                elements.iter().enumerate().all(|(index, value)| self.holds(&path.index(index), value))
            }
            Value::Scalar(wanted) => self.value_in(0, path).is_some_and(|found| {
                let is_text = matches!(self.sealed.format, Format::Dotenv | Format::Ini);
                // A number without its point, and anything in a store of texts, may come back as another type.
                let is_zero = |value: &Plain| matches!(value.bytes().as_slice(), b"0" | b"-0");
                found.bytes() == wanted.bytes()
                    || (is_text && flat::text(found) == flat::text(wanted))
                    || (is_zero(found) && is_zero(wanted))
            }),
        }
    }

    fn read(&self, text: &str) -> Result<(SealedDocument, Vec<Option<Plain>>), SealError> {
        let sealed = read_back(text, self.sealed.format)?;
        let (values, _) = open_values(&sealed, &self.key).map_err(|_| SealError::ReadBack("it does not open"))?;
        Ok((sealed, values))
    }

    /// Reads changed text and opens it under the data key at hand.
    pub(crate) fn take_text(&mut self, text: &str) -> Result<(), SealError> {
        (self.sealed, self.values) = self.read(text)?;
        self.changed = true;
        Ok(())
    }

    /// Says which version of sops the file follows.
    pub(crate) fn set_version(&mut self, version: &str) -> Result<(), SealError> {
        let value = Value::text(version);
        let field = Change::Field { map: KeyPath::root(), name: "version", value };
        let text = change(&self.sealed, &[field])?;
        self.take_text(&text)
    }
}

/// Whether there are sealed values at a path, and values in the clear.
#[derive(Clone, Copy, Default)]
struct ByComment {
    sealed: bool,
    clear: bool,
}

impl ByComment {
    /// Whether what was sealed is in the clear now.
    fn lost(self, now: Self) -> bool {
        self.sealed && now.clear && !(self.clear && now.sealed)
    }
}

/// What stands outside a path: document, keys on the way (positions in lists move), value.
pub(crate) type Elsewhere = Vec<(usize, Vec<Step>, Zeroizing<Vec<u8>>)>;

/// What did not read back in a file with aliases changed something else, too.
fn shared(shares: bool, path: &KeyPath, fault: SealError) -> SealError {
    if shares && matches!(fault, SealError::ReadBack(_)) { SealError::Shared(path.clone()) } else { fault }
}

fn entry_text_end(entry: &Entry) -> usize {
    let below = entry.node.children().last().map_or(0, child_end);
    below.max(entry.node.span.end)
}

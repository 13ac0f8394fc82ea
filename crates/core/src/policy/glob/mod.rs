//! Path patterns of the policy file: one dialect, read component by component.
//!
//! A pattern starts at the root, is case-sensitive and works on NFC text. What a pattern matches it covers, and if that is a
//! directory, everything below. [`Glob::concerns`] asks the fail-closed question (also another letter case, another
//! normalisation, or something standing where a directory of the pattern should be); nothing here looks at a file system.
//! The table of cases is `docs/globs.md`.

mod read;

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

use crate::domain::RepoPath;

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobFault {
    /// What is wrong, as the end of "the pattern …".
    pub what: &'static str,
    /// What to do next.
    pub help: &'static str,
}

/// One pattern.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    exact: Pattern,
    folded: Pattern,
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

#[derive(Debug, Clone)]
struct Pattern {
    parts: Vec<Part>,
    /// The pattern ended in `/`: what is below it, not a file of that name.
    directory: bool,
    /// ASCII letters that the name begins with, where the pattern ends in `**/name`.
    begins: Vec<u8>,
    /// The first of them as a bit ([`first_bit`]); none where any letter will do.
    first: u64,
}

#[derive(Debug, Clone)]
enum Part {
    /// `**`: any number of directories; as the last part at least one component.
    AnyDepth,
    /// One component.
    Name(Vec<Atom>),
}

#[derive(Debug, Clone)]
enum Atom {
    Char(char),
    /// `?`.
    One,
    /// `*`.
    Many,
    /// `[…]`; `both_cases`: letter case is ignored, in favour of matching.
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
        both_cases: bool,
    },
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When the text is no pattern of the dialect.
    pub fn parse(text: &str) -> Result<Self, GlobFault> {
        read::check_text(text)?;
        let text: String = text.nfc().collect();
        let (body, directory) = match text.strip_suffix('/') {
            Some(body) => (body, true),
            None => (text.as_str(), false),
        };
        let mut parts = Vec::new();
        for component in body.split('/') {
            let part = read::component(component)?;
            let repeated = matches!((parts.last(), &part), (Some(Part::AnyDepth), Part::AnyDepth));
            if !repeated {
                parts.push(part);
            }
        }
        let folded = Pattern::new(parts.iter().map(Part::folded).collect(), directory);
        Ok(Self { text, exact: Pattern::new(parts, directory), folded })
    }

    /// The pattern as written (in NFC).
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern covers exactly this path, byte for byte.
    #[must_use]
    pub fn covers(&self, path: &RepoPath) -> bool {
        self.covers_subject(&Subject::new(path))
    }

    /// Whether the path must be treated as covered: it is, it would be on a file system that folds case or normalises, or it
    /// stands where the pattern has a directory.
    #[must_use]
    pub fn concerns(&self, path: &RepoPath) -> bool {
        self.concerns_subject(&Subject::new(path))
    }

    fn covers_subject(&self, subject: &Subject<'_>) -> bool {
        match subject {
            Subject::Ascii(ascii) => {
                let name = |at| ascii.exact(at);
                self.exact.may_begin(0, ascii, name) && self.exact.covers(0, ascii.count, name, self.exact.directory)
            }
            Subject::Text { exact, .. } => {
                self.exact.covers(0, exact.len(), |at| exact[at].as_slice(), self.exact.directory)
            }
        }
    }

    pub(super) fn concerns_subject(&self, subject: &Subject<'_>) -> bool {
        match subject {
            // what is covered as written is covered in lower case: ASCII letters have no other folding
            Subject::Ascii(ascii) => {
                let (count, name) = (ascii.count, |at| ascii.folded(at));
                self.folded.covers(0, count, name, false) || self.folded.is_above(count, name)
            }
            Subject::Text { folded, .. } => {
                let (count, name) = (folded.len(), |at: usize| folded[at].as_slice());
                self.covers_subject(subject)
                    || self.folded.covers(0, count, name, false)
                    || self.folded.is_above(count, name)
            }
        }
    }

    /// As [`Glob::concerns`], for an ASCII path known to begin with the written-out part of the pattern, which has `depth`
    /// components, and to go on after it.
    #[inline]
    pub(super) fn concerns_beyond(&self, subject: &Subject<'_>, depth: usize) -> bool {
        match subject {
            Subject::Ascii(_) if depth == self.folded.parts.len() => true,
            Subject::Ascii(ascii) => {
                let name = |at| ascii.folded(at);
                self.folded.may_begin(depth, ascii, name) && self.folded.covers(depth, ascii.count, name, false)
            }
            Subject::Text { .. } => self.concerns_subject(subject),
        }
    }

    /// The folded components before the first wildcard.
    pub(super) fn literal_prefix(&self) -> Vec<String> {
        self.folded.literal_prefix()
    }

    /// Whether no part of the pattern is a wildcard.
    pub(super) fn is_literal(&self) -> bool {
        self.literal_prefix().len() == self.folded.parts.len()
    }

    /// Whether it can be seen from the patterns alone that no path is covered by both.
    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        let (one, two) = (self.literal_prefix(), other.literal_prefix());
        one.iter().zip(&two).any(|(a, b)| a != b)
    }

    /// Whether it can be seen from the patterns alone that everything `other` covers is covered here.
    pub(super) fn includes(&self, other: &Self) -> bool {
        if self.text == other.text || matches!(self.exact.parts.as_slice(), [Part::AnyDepth]) {
            return true;
        }
        let Some(mine) = self.exact.as_literal() else { return false };
        let only_directories = !self.exact.directory || other.exact.directory || other.exact.parts.len() > mine.len();
        only_directories && other.exact.literal_prefix().starts_with(&mine)
    }
}

impl Pattern {
    fn new(parts: Vec<Part>, directory: bool) -> Self {
        let letter = |atom: &Atom| match atom {
            Atom::Char(own) => u8::try_from(*own).ok().filter(u8::is_ascii),
            Atom::One | Atom::Many | Atom::Set { .. } => None,
        };
        let begins = match parts.as_slice() {
            [.., Part::AnyDepth, Part::Name(atoms)] => atoms.iter().map_while(letter).collect(),
            _ => Vec::new(),
        };
        let first = begins.first().map_or(0, |first| first_bit(*first));
        Self { parts, directory, begins, first }
    }

    /// False only where the pattern ends in a name at any depth, and no component begins as it does.
    fn may_begin<'n>(&self, from: usize, ascii: &Ascii<'_>, name: impl Fn(usize) -> &'n [u8]) -> bool {
        self.begins.is_empty()
            || ascii.firsts & self.first != 0 && (from..ascii.count).any(|at| begins(name(at), &self.begins))
    }

    /// Whether the pattern matches the path, or a directory the path lies in; the first `from` parts are known to match the first
    /// `from` components.
    fn covers<'n, C: Copy + Into<char> + 'n>(
        &self,
        from: usize,
        count: usize,
        name: impl Fn(usize) -> &'n [C],
        only_below: bool,
    ) -> bool {
        // a name at any depth, as most patterns with a wildcard are
        if let Some([Part::AnyDepth, Part::Name(atoms)]) = self.parts.get(from..) {
            let last = if only_below { count.saturating_sub(1) } else { count };
            return (from..last).any(|at| matches_name(atoms, name(at)));
        }
        if self.parts.len() < 64 {
            self.walk::<u64, C>(from, count, name, only_below)
        } else {
            self.walk::<Many, C>(from, count, name, only_below)
        }
    }

    fn walk<'n, S: States, C: Copy + Into<char> + 'n>(
        &self,
        from: usize,
        count: usize,
        name: impl Fn(usize) -> &'n [C],
        only_below: bool,
    ) -> bool {
        let end = self.parts.len();
        let mut active = S::default();
        active.set(from);
        for index in from..count {
            let mut next = S::default();
            let mut any = false;
            for at in from..end {
                if !active.has(at) {
                    continue;
                }
                match &self.parts[at] {
                    Part::AnyDepth => {
                        next.set(at);
                        any = true;
                        if at + 1 == end {
                            next.set(end);
                        } else {
                            active.set(at + 1);
                        }
                    }
                    Part::Name(atoms) => {
                        if matches_name(atoms, name(index)) {
                            next.set(at + 1);
                            any = true;
                        }
                    }
                }
            }
            active = next;
            if active.has(end) && (!only_below || index + 1 < count) {
                return true;
            }
            if !any {
                return false;
            }
        }
        false
    }

    /// Whether the path stands where the pattern has a directory that is written out.
    fn is_above<'n, C: Copy + Into<char> + 'n>(&self, count: usize, name: impl Fn(usize) -> &'n [C]) -> bool {
        count < self.parts.len()
            && self.parts.iter().take(count).enumerate().all(|(at, part)| match part {
                Part::AnyDepth => false,
                Part::Name(atoms) => {
                    let name = name(at);
                    atoms.len() == name.len()
                        && atoms
                            .iter()
                            .zip(name)
                            .all(|(atom, c)| matches!(atom, Atom::Char(own) if *own == (*c).into()))
                }
            })
    }

    fn literal_prefix(&self) -> Vec<String> {
        self.parts.iter().map_while(Part::literal).collect()
    }

    fn as_literal(&self) -> Option<Vec<String>> {
        self.parts.iter().map(Part::literal).collect()
    }
}

impl Part {
    fn literal(&self) -> Option<String> {
        match self {
            Self::AnyDepth => None,
            Self::Name(atoms) => {
                atoms.iter().map(|atom| if let Atom::Char(c) = atom { Some(*c) } else { None }).collect()
            }
        }
    }

    fn folded(&self) -> Self {
        let Self::Name(atoms) = self else { return Self::AnyDepth };
        let mut folded = Vec::with_capacity(atoms.len());
        let mut run = String::new();
        let flush = |run: &mut String, folded: &mut Vec<Atom>| {
            folded.extend(fold(run).chars().map(Atom::Char));
            run.clear();
        };
        for atom in atoms {
            match atom {
                Atom::Char(c) => run.push(*c),
                Atom::One | Atom::Many => {
                    flush(&mut run, &mut folded);
                    folded.push(atom.clone());
                }
                Atom::Set { negated, ranges, .. } => {
                    flush(&mut run, &mut folded);
                    folded.push(Atom::Set { negated: *negated, ranges: ranges.clone(), both_cases: true });
                }
            }
        }
        flush(&mut run, &mut folded);
        Self::Name(folded)
    }
}

/// The folded form of a text, as paths are folded.
fn fold(text: &str) -> String {
    String::from_utf8_lossy(&RepoPath::new(text).folded()).into_owned()
}

impl Atom {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::One | Self::Many => true,
            Self::Set { negated, ranges, both_cases } => {
                let holds = |c: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated;
                holds(c) || (*both_cases && c.to_uppercase().chain(c.to_lowercase()).any(holds))
            }
        }
    }
}

/// Which parts of a pattern may come next.
trait States: Default {
    fn set(&mut self, at: usize);
    fn has(&self, at: usize) -> bool;
}

impl States for u64 {
    fn set(&mut self, at: usize) {
        *self |= 1 << at;
    }

    fn has(&self, at: usize) -> bool {
        *self & (1 << at) != 0
    }
}

/// For patterns of 64 parts and more; one of 500 characters has at most 250.
#[derive(Default)]
struct Many([u64; 4]);

impl States for Many {
    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }
}

/// Matches one component; goes back to the last `*` only, so the work is at most the product of the lengths.
fn matches_name<C: Copy + Into<char>>(atoms: &[Atom], name: &[C]) -> bool {
    // most names fail at their first letter
    if let (Some(Atom::Char(first)), Some(c)) = (atoms.first(), name.first())
        && *first != (*c).into()
    {
        return false;
    }
    let (mut atom, mut at) = (0, 0);
    let mut last_many: Option<(usize, usize)> = None;
    while at < name.len() {
        match atoms.get(atom) {
            Some(Atom::Many) => {
                last_many = Some((atom, at));
                atom += 1;
            }
            Some(other) if other.matches(name[at].into()) => {
                atom += 1;
                at += 1;
            }
            Some(_) | None => match last_many {
                Some((many, from)) => {
                    last_many = Some((many, from + 1));
                    atom = many + 1;
                    at = from + 1;
                }
                None => return false,
            },
        }
    }
    atoms[atom..].iter().all(|rest| matches!(rest, Atom::Many))
}

/// A path, taken apart once for many patterns.
#[derive(Debug)]
pub(super) enum Subject<'p> {
    /// Only ASCII, as nearly all are.
    Ascii(Ascii<'p>),
    /// Any other, or no text at all.
    Text { exact: Vec<Vec<char>>, folded: Vec<Vec<char>> },
}

/// An ASCII path: its bytes, the same in lower case, and where each component begins and ends.
#[derive(Debug)]
pub(super) struct Ascii<'p> {
    bytes: &'p [u8],
    lower: Cow<'p, [u8]>,
    ends: [u16; MAX_COMPONENTS + 1],
    count: usize,
    /// The first letters of the components, letter case aside: one bit each, shared by letters that are 64 apart.
    firsts: u64,
}

/// Deeper paths are asked the slow way.
const MAX_COMPONENTS: usize = 32;

impl Ascii<'_> {
    fn exact(&self, at: usize) -> &[u8] {
        &self.bytes[self.span(at)]
    }

    fn folded(&self, at: usize) -> &[u8] {
        &self.lower[self.span(at)]
    }

    /// `ends` holds where each component begins; the one after the last begins behind the end.
    fn span(&self, at: usize) -> std::ops::Range<usize> {
        usize::from(self.ends[at])..usize::from(self.ends[at + 1]) - 1
    }
}

/// As `starts_with`, for beginnings too short to be worth a call.
fn begins(name: &[u8], with: &[u8]) -> bool {
    name.len() >= with.len() && name.iter().zip(with).all(|(one, other)| one == other)
}

fn first_bit(letter: u8) -> u64 {
    1 << (letter.to_ascii_lowercase() & 63)
}

impl<'p> Subject<'p> {
    pub(super) fn new(path: &'p RepoPath) -> Self {
        let bytes = path.as_bytes();
        let slow = || Self::Text { exact: components(bytes), folded: components(&path.folded()) };
        if !bytes.is_ascii() || bytes.len() >= usize::from(u16::MAX) {
            return slow();
        }
        let (mut ends, mut count) = ([0; MAX_COMPONENTS + 1], 0);
        let mut upper = false;
        let mut firsts = bytes.first().map_or(0, |first| first_bit(*first));
        for (at, byte) in bytes.iter().enumerate() {
            upper |= byte.is_ascii_uppercase();
            if *byte == b'/' {
                count += 1;
                if count == MAX_COMPONENTS {
                    return slow();
                }
                ends[count] = at as u16 + 1;
                firsts |= bytes.get(at + 1).map_or(0, |first| first_bit(*first));
            }
        }
        count += 1;
        ends[count] = bytes.len() as u16 + 1;
        let lower = if upper { Cow::Owned(bytes.to_ascii_lowercase()) } else { Cow::Borrowed(bytes) };
        Self::Ascii(Ascii { bytes, lower, ends, count, firsts })
    }

    /// The number of components of an ASCII path.
    pub(super) fn ascii_components(&self) -> Option<usize> {
        match self {
            Self::Ascii(ascii) => Some(ascii.count),
            Self::Text { .. } => None,
        }
    }

    /// One component of an ASCII path in lower case; empty for others.
    pub(super) fn folded_ascii(&self, at: usize) -> &[u8] {
        match self {
            Self::Ascii(ascii) => ascii.folded(at),
            Self::Text { .. } => &[],
        }
    }
}

fn components(bytes: &[u8]) -> Vec<Vec<char>> {
    bytes.split(|byte| *byte == b'/').map(|part| String::from_utf8_lossy(part).chars().collect()).collect()
}

/// A list of patterns; covers what any of them covers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Globs(Vec<Glob>);

impl Globs {
    /// Takes patterns that were read.
    #[must_use]
    pub fn new(globs: Vec<Glob>) -> Self {
        Self(globs)
    }

    /// The patterns, as written.
    pub fn iter(&self) -> std::slice::Iter<'_, Glob> {
        self.0.iter()
    }

    /// As [`Glob::covers`], for any of them.
    #[must_use]
    pub fn covers(&self, path: &RepoPath) -> bool {
        self.covers_subject(&Subject::new(path))
    }

    pub(super) fn covers_subject(&self, subject: &Subject<'_>) -> bool {
        self.0.iter().any(|glob| glob.covers_subject(subject))
    }
}

impl<'a> IntoIterator for &'a Globs {
    type Item = &'a Glob;
    type IntoIter = std::slice::Iter<'a, Glob>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

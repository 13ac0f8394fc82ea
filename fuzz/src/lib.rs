//! What every fuzz target asks of a reader, beyond not panicking: what was read and written reads back the same,
//! and no message repeats what was in a document.
//!
//! Never touches a file or the network. A broken promise is a panic, which the fuzzer keeps as a finding.

use std::sync::LazyLock;

use jiff::Timestamp;
use sops_file::diff::keyless;
use sops_file::{
    Format, Identities, KeyPath, OpenError, OpenOptions, OpenedDocument, SealError, SealOptions, SealedDocument, Value,
    open, seal,
};

/// Who opens the fixtures, which are part of the corpus. A public test key.
const IDENTITY: &str = include_str!("../../crates/sops-file/tests/fixtures/identities/id1.txt");

/// What is put into a document that was refused: it must not come back in the message.
pub const CANARY: &str = "hunter2canary";

/// Larger inputs only cost time.
pub const MAX: usize = 64 << 10;

/// The reader of everything that is sealed here.
#[must_use]
pub fn identities() -> Identities {
    Identities::parse(IDENTITY).expect("the fixture is an identity")
}

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().expect("a time")
}

fn hash(data: &[u8]) -> u64 {
    data.iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The input with the canary somewhere in it; where depends on nothing but the input.
#[must_use]
pub fn with_canary(data: &[u8]) -> Vec<u8> {
    let mut at = usize::try_from(hash(data) % (data.len() as u64 + 1)).unwrap_or(0);
    if let Ok(text) = std::str::from_utf8(data) {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
    }
    [&data[..at], CANARY.as_bytes(), &data[at..]].concat()
}

/// Fails when any of the texts repeats the canary.
pub fn says_nothing(texts: &[&str]) {
    for text in texts {
        assert!(!text.contains(CANARY), "a message repeats its input: {text}");
    }
}

/// Everything that can be done with a document of this format.
pub fn document(data: &[u8], format: Format) {
    if data.len() > MAX {
        return;
    }
    match SealedDocument::parse(data, format) {
        Ok(sealed) => opened_or_refused(&sealed),
        Err(_) => {
            if let Err(fault) = SealedDocument::parse(&with_canary(data), format) {
                says_nothing(&[&fault.to_string(), &format!("{fault:?}"), fault.help()]);
            }
        }
    }
    match seal(data, format, &options(), now()) {
        Ok(sealed) => round(data, &sealed, format),
        Err(fault) => {
            must_not_be_our_fault(&fault);
            if let Err(fault) = seal(&with_canary(data), format, &options(), now()) {
                must_not_be_our_fault(&fault);
                says_nothing(&[&fault.to_string(), &format!("{fault:?}"), fault.help()]);
            }
        }
    }
}

fn options() -> SealOptions {
    SealOptions::to(identities().recipients())
}

/// `ReadBack` is the net below the writer. That it caught something is a finding of long runs (`COUNTERSIGN_FUZZ_STRICT=1`); for
/// everybody else it is a refusal that lost nothing.
fn must_not_be_our_fault(fault: &SealError) {
    static STRICT: LazyLock<bool> =
        LazyLock::new(|| std::env::var_os("COUNTERSIGN_FUZZ_STRICT").is_some_and(|value| value == "1"));
    assert!(!*STRICT || !matches!(fault, SealError::ReadBack(_)), "{fault}");
}

fn opened_or_refused(sealed: &SealedDocument) {
    let leaves = sealed.leaves();
    let _ = sealed.comments();
    assert!(keyless(Some(sealed), Some(sealed)).is_empty(), "a document differs from itself");
    match open(sealed, &identities(), OpenOptions { ignore_mac: true }) {
        Ok(opened) => {
            let _ = opened.to_plain();
            let diff = sops_file::diff::opened(Some(&opened), Some(&opened));
            assert!(diff.is_empty(), "an opened document differs from itself");
        }
        Err(fault) => {
            // Keys are public and part of the message, values are not.
            let named = match &fault {
                OpenError::Value { path, .. } | OpenError::Type { path, .. } | OpenError::InTheClear { path, .. } => {
                    path.to_string()
                }
                OpenError::Key(_) | OpenError::MacMissing | OpenError::MacMismatch => String::new(),
            };
            let message = fault.to_string().replace(&named, "");
            for leaf in leaves.iter().filter(|leaf| leaf.token().len() >= 16) {
                assert!(!message.contains(leaf.token()), "a message repeats a value");
            }
        }
    }
}

/// What was sealed here opens here, prints, and can be changed.
fn round(plain: &[u8], sealed: &[u8], format: Format) {
    let opened = reopen(sealed, format);
    if format == Format::Binary {
        let printed = opened.to_plain().expect("a binary document prints");
        assert!(printed.as_slice() == plain, "a binary document prints as it was");
        return;
    }
    // One of the three for each input: opening a data key costs more than all the rest.
    match hash(plain) % 3 {
        0 => rotated(sealed, &opened, format),
        1 => changed(sealed, format),
        _ => {
            let printed = opened.to_plain().expect("an opened document prints");
            let again = seal(&printed, format, &options(), now()).expect("what was printed can be sealed again");
            must_be_same(&opened, &reopen(&again, format), "printed and read again");
        }
    }
}

fn rotated(sealed: &[u8], before: &OpenedDocument, format: Format) {
    let mut opened = reopen(sealed, format);
    let rotated = opened.rotate().inspect_err(must_not_be_our_fault);
    let in_two_steps = rotated.map(|()| opened.reseal(now()).expect("a rotated document is sealed"));
    let at_once = reopen(sealed, format).rotate_and_reseal(now()).inspect_err(must_not_be_our_fault);
    assert_eq!(in_two_steps.is_ok(), at_once.is_ok(), "rotated in two steps and at once");
    for bytes in [in_two_steps, at_once].into_iter().flatten() {
        must_be_same(before, &reopen(&bytes, format), "rotated");
    }
}

/// Sets a key, takes it out again: nothing else may have changed, and one value in every place may be replaced.
fn changed(sealed: &[u8], format: Format) {
    let before = reopen(sealed, format);
    let fresh = match format {
        Format::Ini => KeyPath::root().key("DEFAULT").key("fuzz-new"),
        Format::Yaml | Format::Json | Format::Dotenv | Format::Binary => KeyPath::root().key("fuzz-new"),
    };
    if !before.contains(&fresh) {
        let mut opened = reopen(sealed, format);
        if set(&mut opened, &fresh, "two\nlines: # x") {
            let bytes = opened.reseal(now()).expect("a changed document is sealed");
            let mut opened = reopen(&bytes, format);
            let value = opened.get(&fresh).and_then(sops_file::Plain::as_text);
            assert!(value == Some("two\nlines: # x"), "what was set is there");
            opened.unset(&fresh).inspect_err(must_not_be_our_fault).expect("what was set can be taken out");
            let bytes = opened.reseal(now()).expect("a changed document is sealed");
            must_be_same(&before, &reopen(&bytes, format), "set and unset");
        }
    }
    let first = before.values().first().map(|(document, path, _)| (*document, path.clone()));
    if let Some((0, path)) = first {
        let mut opened = reopen(sealed, format);
        if set(&mut opened, &path, " new") {
            let bytes = opened.reseal(now()).expect("a changed document is sealed");
            let after = reopen(&bytes, format);
            assert!(after.values().len() == before.values().len(), "one value was replaced");
        }
    }
}

fn set(opened: &mut OpenedDocument, path: &KeyPath, text: &str) -> bool {
    opened.set(path, &Value::text(text)).inspect_err(must_not_be_our_fault).unwrap_or(false)
}

fn reopen(sealed: &[u8], format: Format) -> OpenedDocument {
    let sealed = SealedDocument::parse(sealed, format).expect("what was written can be read");
    open(&sealed, &identities(), OpenOptions::default()).expect("what was sealed opens, with its MAC")
}

fn must_be_same(one: &OpenedDocument, other: &OpenedDocument, what: &str) {
    let (one, other) = (one.values(), other.values());
    assert!(one.len() == other.len(), "{what}: {} values became {}", one.len(), other.len());
    for (a, b) in one.iter().zip(&other) {
        // In the clear, a float without fraction looks like an integer, and the zero below zero like any other.
        let (one, other) = (a.2.bytes(), b.2.bytes());
        let same = *one == *other || (one.as_slice() == b"-0" && other.as_slice() == b"0");
        assert!(a.0 == b.0 && a.1 == b.1 && same, "{what}: the value at `{}` is another", a.1);
    }
}

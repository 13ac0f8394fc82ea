//! A ledger written once and kept: whatever changes in the code, it stays readable, byte for byte.

use super::*;

const KEPT: &str = include_str!("kept-ledger.jsonl");

#[test]
fn a_ledger_written_by_the_first_version_is_valid_for_ever() {
    let links = KEPT
        .split_inclusive('\n')
        .enumerate()
        .map(|(index, line)| RawLink { commit: oid(0x1001 + index as u64), envelope: Some(line.as_bytes().to_vec()) });
    let ledger = read(links.collect());
    assert_eq!(ledger.problems(), []);
    assert_eq!(ledger.state(), &Book::full().state);
}

#[test]
fn writing_it_again_gives_the_same_bytes() {
    let written: Vec<_> = Book::write_full().links.into_iter().flat_map(|link| link.envelope.unwrap()).collect();
    let written = String::from_utf8(written).unwrap();
    assert!(
        written == KEPT,
        "the text of entries changed: older ledgers would no longer verify; write a new version of the kind instead"
    );
}

#[test]
fn a_statement_reads_as_documented() {
    let payloads: Vec<_> = Book::full()
        .links
        .iter()
        .map(|link| {
            let bytes = statement(link).to_bytes().unwrap();
            serde_json::to_string_pretty(&serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()).unwrap()
        })
        .collect();
    insta::assert_snapshot!(payloads.join("\n"));
}

//! What the real sops made of one document on two sides.

use std::fs;
use std::path::Path;

use sops_file::merge::{Outcome, Scope, merge};
use sops_file::{Format, Identities, OpenOptions, OpenedDocument, SealedDocument, open};

use crate::desk::at;

fn opened(folder: &Path, name: &str, me: &Identities) -> OpenedDocument {
    let bytes = fs::read(folder.join(name)).unwrap();
    open(&SealedDocument::parse(&bytes, Format::Yaml).unwrap(), me, OpenOptions::default()).unwrap()
}

#[test]
fn every_vector_merges_as_it_says() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let me = Identities::parse(&fs::read_to_string(fixtures.join("identities/id1.txt")).unwrap()).unwrap();
    let mut seen = 0;
    for folder in fs::read_dir(fixtures.join("merge")).unwrap() {
        let folder = folder.unwrap().path();
        let info: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(folder.join("info.json")).unwrap()).unwrap();
        let versions = ["base.yaml", "ours.yaml", "theirs.yaml"].map(|name| opened(&folder, name, &me));
        for (ours, theirs) in [(1, 2), (2, 1)] {
            let outcome = merge(&versions[0], &versions[ours], &versions[theirs], Scope::Everything, at(9)).unwrap();
            match (&info["expected"], outcome) {
                (serde_json::Value::String(text), Outcome::Conflicts(conflicts)) => {
                    assert_eq!(text, "conflict at [\"app\"][\"db_password\"]");
                    assert_eq!(conflicts.len(), 1);
                    assert_eq!(conflicts[0].key.to_string(), "app.db_password");
                }
                (wanted @ serde_json::Value::Object(_), Outcome::Merged(bytes)) => {
                    let sealed = SealedDocument::parse(&bytes, Format::Yaml).unwrap();
                    let merged = open(&sealed, &me, OpenOptions::default()).unwrap();
                    let json = merged.to_plain_as(Format::Json).unwrap();
                    let found: serde_json::Value = serde_json::from_slice(&json).unwrap();
                    assert_eq!(&found, wanted, "{}", folder.display());
                    let before: Vec<_> = versions[1].sealed().metadata().recipients().map(|r| r.label()).collect();
                    let after: Vec<_> = sealed.metadata().recipients().map(|r| r.label()).collect();
                    assert_eq!(before, after, "{}", folder.display());
                }
                (wanted, outcome) => panic!("{}: {wanted} and {outcome:?}", folder.display()),
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 5);
}

//! The same rules in the other formats.

use sops_file::{Format, Identities, OpenOptions, SealOptions, SealedDocument, open, seal};

use crate::desk::{Desk, at, plain};

fn both_ways(format: Format, base: &str, ours: &str, theirs: &str, wanted: &str) {
    let desk = Desk::new(format, base);
    let (ours, theirs) = (desk.edited(1, ours), desk.edited(2, theirs));
    assert_eq!(plain(&desk.merged(&ours, &theirs)), wanted);
    assert_eq!(plain(&desk.merged(&theirs, &ours)), wanted, "the other way round");
}

#[test]
fn json_keeps_its_commas() {
    let base = "{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": \"x\",\n\t\t\"d\": [\n\t\t\t\"one\",\n\t\t\t\"two\"\n\t\t]\n\t},\n\t\"e\": {}\n}\n";
    let cases = [
        (
            base.replace("\"a\": 1", "\"a\": 2"),
            base.replace("\"x\"", "\"y\""),
            base.replace("\"a\": 1", "\"a\": 2").replace("\"x\"", "\"y\""),
        ),
        (
            base.replace("\t\"a\": 1,\n", ""),
            base.replace("\"e\": {}", "\"e\": {},\n\t\"f\": true"),
            base.replace("\t\"a\": 1,\n", "").replace("\"e\": {}", "\"e\": {},\n\t\"f\": true"),
        ),
        (
            base.replace("\t\"a\": 1,\n", "\t\"z\": 0,\n\t\"a\": 1,\n"),
            base.replace("\t\"a\": 1,\n", ""),
            base.replace("\t\"a\": 1,\n", "\t\"z\": 0,\n"),
        ),
        (
            base.replace("\"one\",\n\t\t\t\"two\"", "\"one\""),
            base.replace("\"one\"", "\"zero\",\n\t\t\t\"one\""),
            base.replace("\"one\",\n\t\t\t\"two\"", "\"zero\",\n\t\t\t\"one\""),
        ),
        (
            base.replace(",\n\t\"e\": {}", ""),
            base.replace("\"x\"", "\"y\""),
            base.replace(",\n\t\"e\": {}", "").replace("\"x\"", "\"y\""),
        ),
    ];
    for (ours, theirs, wanted) in cases {
        both_ways(Format::Json, base, &ours, &theirs, &wanted);
    }
    let base = "{\n\t\"only\": {\n\t\t\"a\": 1\n\t},\n\t\"b\": 2\n}\n";
    both_ways(
        Format::Json,
        base,
        &base.replace("\"a\": 1", "\"c\": 1"),
        &base.replace(": 2", ": 3"),
        &base.replace("\"a\": 1", "\"c\": 1").replace(": 2", ": 3"),
    );
}

#[test]
fn dotenv_is_merged_by_line() {
    let base = "# top\nA=1\nB=2\n\n# about c\nC=3\n";
    both_ways(
        Format::Dotenv,
        base,
        &base.replace("A=1", "A=one"),
        &base.replace("C=3\n", "C=3\nD=4\n"),
        &base.replace("A=1", "A=one").replace("C=3\n", "C=3\nD=4\n"),
    );
    both_ways(
        Format::Dotenv,
        base,
        &base.replace("# about c\nC=3\n", ""),
        &base.replace("B=2\n", "N=0\nB=2\n"),
        &base.replace("# about c\nC=3\n", "").replace("B=2\n", "N=0\nB=2\n"),
    );
    both_ways(
        Format::Dotenv,
        base,
        &base.replace("# about c\n", "# more\n# about c\n"),
        &base.replace("C=3", "C=4"),
        &base.replace("# about c\n", "# more\n# about c\n").replace("C=3", "C=4"),
    );
}

#[test]
fn ini_is_merged_by_section_and_key() {
    let base = "; top\nroot = 0\n\n[db]\n; who\nuser = app\npass = x\n\n[web]\nport = 80\n";
    let cases = [
        ("user = app", "user = root", "port = 80", "port = 81"),
        ("pass = x\n", "pass = x\nnew = y\n", "[web]\nport = 80\n", "[web]\nport = 80\n\n[more]\na = 1\n"),
        ("; who\nuser = app\n", "", "root = 0\n", "root = 0\nroot2 = 1\n"),
        ("[db]\n; who\nuser = app\npass = x\n\n", "", "port = 80", "port = 81"),
        ("; who\n", "; who else\n", "user = app", "user = root"),
        ("pass = x\n", "pass = x\n\n[mid]\nq = 1\n", "port = 80", "port = 81"),
    ];
    for (from, to, other_from, other_to) in cases {
        let (ours, theirs) = (base.replace(from, to), base.replace(other_from, other_to));
        both_ways(Format::Ini, base, &ours, &theirs, &theirs.replace(from, to));
    }
}

#[test]
fn a_binary_document_is_one_value() {
    let me = Identities::generate();
    let sealed = seal(b"\x00one", Format::Binary, &SealOptions::to(me.recipients()), at(0)).unwrap();
    let base = open(&SealedDocument::parse(&sealed, Format::Binary).unwrap(), &me, OpenOptions::default()).unwrap();
    let desk = Desk { me, format: Format::Binary, base };
    let ours = desk.side(1, |it| it.replace_with(b"\x00two").unwrap());
    let same = desk.side(2, |it| it.rotate().unwrap());
    assert_eq!(desk.merged(&ours, &same).to_plain().unwrap().as_slice(), b"\x00two");
    let theirs = desk.side(3, |it| it.replace_with(b"\x00three").unwrap());
    assert_eq!(desk.conflicts(&ours, &theirs), ["`data` was changed on both sides"]);
}

//! Rules as people write them.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{CreationRules, RulesError};
use crate::format::Format;
use crate::metadata::KeyKind;

const A: &str = "age1jayv3uzllh238l9rc3qjmlzvsvj2943pafwulddd0rmcn4dk3dyqkuts8h";
const B: &str = "age1f9xcrgtw0lwqlnvsgelwgte6krfmusjagnuuglyhj3m5mvx69c7qnltxsq";

fn parse(text: &str) -> Result<CreationRules, RulesError> {
    CreationRules::parse(text.replace("<A>", A).replace("<B>", B).as_bytes())
}

#[test]
fn the_first_rule_that_fits_wins() {
    let rules = parse("creation_rules:\n  - path_regex: ^secrets/prod/\n    age: <A>, <B>\n    encrypted_regex: ^data$\n  - path_regex: \\.yaml$\n    age:\n      - <B>\n    mac_only_encrypted: true\nstores:\n  yaml:\n    indent: 2\n").unwrap();
    let groups = |path: &str| rules.rule_for(path).map(|rule| rule.unwrap().options().unwrap().groups);
    assert_eq!(groups("secrets/prod/a.yaml").unwrap(), [[A, B]]);
    assert_eq!(groups("other/a.yaml").unwrap(), [[B]]);
    assert_eq!(groups("other/a.json").unwrap_err(), RulesError::NoRule);
    assert_eq!(rules.yaml_indent(), Some(2));
    let stores = parse("stores: {json: {indent: 3}, json_binary: {indent: -1}, dotenv: {}}\n").unwrap();
    let indents = [Format::Yaml, Format::Json, Format::Binary, Format::Ini].map(|format| stores.indent(format));
    assert_eq!(indents, [None, Some(3), None, None]);
    let rule = rules.rule_for("x.yaml").unwrap().unwrap();
    assert!(rule.options().unwrap().mac_only_encrypted && rule.selection().is_none());
}

#[test]
fn groups_are_merged_and_anchors_followed() {
    let rules = parse("keys:\n  - &a <A>\n  - &b <B>\ncreation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - merge:\n          - age: [*a]\n        age: [*b, *a]\n      - age: [*b]\n        kms:\n          - arn: arn:x\n            role: r\n").unwrap();
    let rule = &rules.rules()[0];
    let names: Vec<Vec<_>> =
        rule.groups().iter().map(|group| group.iter().map(|key| key.name.as_str()).collect()).collect();
    assert_eq!(names, [vec![A, B], vec![B, "arn:x/r"]]);
    assert_eq!(rule.groups()[1][1].kind, KeyKind::Kms);
    assert_eq!(rule.options().unwrap_err().exit_code(), 111);
    assert_eq!(rules.unknown_fields()[0].0, "keys");
}

#[test]
fn what_is_wrong_is_refused_and_what_has_no_effect_is_told() {
    let rule = |fields: &str| parse(&format!("creation_rules:\n  - age: <A>\n    {fields}\n"));
    for fields in
        ["path_regex: (", "encrypted_regex: '['", "encrypted_regex: a\n    encrypted_suffix: b", "shamir_threshold: x"]
    {
        let fault = rule(fields).unwrap_err();
        assert_eq!((fault.exit_code(), matches!(fault, RulesError::Rule { .. })), (5, true), "{fields}");
    }
    let misspelt = rule("encrypted-regex: ^data$").unwrap();
    assert_eq!(misspelt.unknown_fields()[0].0, "encrypted-regex");
    assert!(parse("stores: {}\n").unwrap().rule_for("x").unwrap().is_none());
    assert_eq!(parse("creation_rules: []\n").unwrap().rule_for("x").unwrap_err(), RulesError::NoRule);
    assert!(parse("a: [\n").is_err());
}

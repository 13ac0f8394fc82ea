//! The published schema accepts what the reader accepts, and refuses what it refuses.

use super::*;

const STARTER: &str = include_str!("../../../../../templates/starter/policy.yaml");
const DOCUMENTATION: &str = include_str!("../../../../../docs/policy.md");

fn value(text: &str) -> serde_json::Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The example blocks of the documentation.
fn examples() -> Vec<&'static str> {
    DOCUMENTATION.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Whether an example is a whole policy, no part of one and no cases.
fn is_whole(text: &str) -> bool {
    text.contains("\npolicies:")
}

#[test]
fn the_schema_is_draft_7_and_names_every_field() {
    let schema = json_schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(jsonschema::meta::is_valid(&schema));
    assert_eq!(schema["required"], serde_json::json!(["version", "environments", "policies"]));
    let fields: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let known: Vec<&str> = raw::RawPolicy::FIELDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(fields, known);
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema).unwrap());
}

#[test]
fn the_schema_accepts_the_examples() {
    let validator = jsonschema::draft7::new(&json_schema()).unwrap();
    let full = include_str!("later.yaml");
    for text in [EXAMPLE, STARTER, full].into_iter().chain(examples().into_iter().filter(|text| is_whole(text))) {
        if let Err(error) = validator.validate(&value(text)) {
            panic!("{error} at {}:\n{text}", error.instance_path());
        }
    }
}

#[test]
fn the_schema_refuses_what_it_can_see() {
    let validator = jsonschema::draft7::new(&json_schema()).unwrap();
    let changes = [
        ("required_approvals: 2\n    self", "required_approvals: 0\n    self"),
        ("required_approvals: 2\n    self", "required_approvals: 51\n    self"),
        ("required_approvals: 2\n    self", "required_approval: 2\n    self"),
        ("mode: enforce", "mode: enforced"),
        ("version: 1", "version: 2"),
        ("paths: [\"secrets/production/\"]", "paths: []"),
        ("environments: \"*\"", "environments: all"),
        ("- name: production", "- name: Production"),
    ];
    for (from, to) in changes {
        assert!(EXAMPLE.contains(from), "{from}");
        let text = EXAMPLE.replacen(from, to, 1);
        assert!(!validator.is_valid(&value(&text)), "{to}");
        assert!(parse(&text).is_err(), "{to}");
    }
}

#[test]
fn fields_of_a_later_release_are_typed_and_refused_by_name_alone() {
    let text = include_str!("later.yaml");
    let faults = parse(text).unwrap_err();
    let list: Vec<String> = faults.iter().map(|fault| fault.render("policy.yaml", text)).collect();
    assert!(faults.iter().all(|fault| fault.code == Code::NotSupported), "{}", list.concat());
    assert_eq!(faults.len(), 2, "{}", list.concat());
}

#[test]
fn the_starter_is_a_policy_without_findings() {
    assert_eq!(lint(&policy(STARTER)), []);
}

#[test]
fn the_documentation_knows_every_field() {
    let schema = json_schema();
    let mut shapes = vec![("Policy".to_owned(), &schema)];
    shapes.extend(schema["definitions"].as_object().unwrap().iter().map(|(name, shape)| (name.clone(), shape)));
    for (name, shape) in shapes {
        for field in shape["properties"].as_object().into_iter().flat_map(|fields| fields.keys()) {
            assert!(DOCUMENTATION.contains(&format!("`{field}`")), "{name}.{field}");
        }
    }
}

#[test]
fn the_complete_example_of_the_documentation_is_a_policy() {
    let whole: Vec<_> = examples().into_iter().filter(|text| is_whole(text)).collect();
    assert!(!whole.is_empty());
    for text in whole {
        policy(text);
    }
    let cases: Vec<_> = examples().into_iter().filter(|text| text.contains("\ncases:")).collect();
    assert!(!cases.is_empty());
    for text in cases {
        let read = read_cases(text);
        assert!(read.is_ok_and(|(_, cases)| !cases.is_empty()), "{text}");
    }
}

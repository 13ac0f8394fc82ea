//! The workflows people copy: they say what the action understands, and keep its rules about keys.

use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn examples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| (name.clone(), read(&format!("docs/examples/{name}")))).collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Keys of the map below a line, one level deep.
fn below(text: &str, head: &str) -> BTreeSet<String> {
    let mut lines = text.lines().skip_while(|line| line.trim_end() != head);
    let Some(first) = lines.next() else { return BTreeSet::new() };
    let inside: Vec<&str> = lines
        .take_while(|line| line.trim().is_empty() || indent(line) > indent(first))
        .filter(|l| !l.trim().is_empty())
        .collect();
    let level = inside.iter().map(|line| indent(line)).min().unwrap_or(0);
    let keys = inside.iter().filter(|line| indent(line) == level);
    keys.filter_map(|line| Some(line.trim().split_once(':')?.0.to_owned())).collect()
}

/// The steps that use the action, each as its own text.
fn steps(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let begins =
        lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("- uses: acme/countersign@"));
    begins
        .map(|(at, first)| {
            let rest = lines[at + 1..].iter().take_while(|line| line.trim().is_empty() || indent(line) > indent(first));
            rest.copied().collect::<Vec<_>>().join("\n")
        })
        .collect()
}

#[test]
fn every_example_says_what_the_action_understands() {
    let inputs = below(&read("action.yml"), "inputs:");
    assert!(inputs.contains("signing-key") && inputs.contains("fallback"), "{inputs:?}");
    let mut seen = BTreeSet::new();
    for (name, text) in examples() {
        let steps = steps(&text);
        assert!(!steps.is_empty(), "{name} uses the action");
        for step in steps {
            let with = below(&step, "        with:");
            assert!(with.is_subset(&inputs), "{name}: {:?}", with.difference(&inputs));
            let command = step.lines().find_map(|line| line.trim().strip_prefix("command: ")).unwrap();
            seen.insert(command.to_owned());
        }
        assert!(text.lines().any(|line| line == "permissions: {}"), "{name} gives each job what it needs, and no more");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["check", "gate", "run", "sync", "verify"]);
}

#[test]
fn no_example_hands_a_key_to_a_job_that_others_can_write() {
    const WITH_KEYS: [&str; 5] = ["pull_request_target", "issue_comment", "schedule", "workflow_run", "push"];
    let mut keys = 0;
    for (name, text) in examples() {
        if !text.contains("signing-key:") && !text.contains("age-key:") {
            continue;
        }
        keys += 1;
        let events = below(&text, "on:");
        let events: Vec<&str> = events.iter().map(|event| event.split(' ').next().unwrap_or_default()).collect();
        if text.contains("order:") {
            // anybody with write starts it: the order says whether the key is used
            assert!(events == ["workflow_dispatch"] && !text.contains("signing-key:"), "{name}: {events:?}");
        } else {
            assert!(!events.is_empty() && events.iter().all(|event| WITH_KEYS.contains(event)), "{name}: {events:?}");
        }
        assert!(text.lines().any(|line| line.trim_start().starts_with("environment: ")), "{name}: keys live in one");
    }
    assert_eq!(keys, 3);
}

#[test]
fn nothing_of_a_workflow_is_ever_part_of_the_script() {
    let action = read("action.yml");
    let runs: Vec<&str> = action.lines().filter(|line| line.trim_start().starts_with("run:")).collect();
    assert_eq!(runs.len(), 1);
    assert!(!runs[0].contains("${{") && !read("action/run.sh").contains("${{"));
    // and each input reaches it under a name of its own
    for input in below(&action, "inputs:") {
        assert!(action.contains(&format!("${{{{ inputs.{input} }}}}")), "`{input}` is handed on");
    }
}

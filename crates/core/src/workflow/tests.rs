//! One workflow a rule, and beside it one that is fine.

use super::lint;

fn codes(text: &str) -> Vec<(String, usize, usize)> {
    let found = lint(text).into_iter();
    found
        .map(|finding| {
            let place = finding.place.unwrap_or_default();
            assert!(finding.help.is_some(), "{}", finding.message);
            (finding.code.to_string(), place.line, place.column)
        })
        .collect()
}

fn workflow(on: &str, steps: &str) -> String {
    format!("name: x\non: {on}\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n{steps}")
}

#[test]
fn a_key_has_no_place_where_pull_requests_run_code() {
    let with = "      - uses: acme/countersign@v1\n        with:\n          age-key: ${{ secrets.AGE }}\n";
    let env = "      - run: make\n        env:\n          SOPS_AGE_KEY: ${{ secrets.AGE }}\n";
    for step in [with, env] {
        for on in ["pull_request", "[push, pull_request]", "{push: {}, pull_request_review: {types: [submitted]}}"] {
            assert_eq!(
                codes(&workflow(on, step)).first().map(|found| found.0.as_str()),
                Some("CS0303"),
                "{on}\n{step}"
            );
        }
        assert_eq!(codes(&workflow("push", step)), []);
    }
    let place = codes(&workflow("pull_request", with));
    assert_eq!(place, [("CS0303".to_owned(), 9, 20)]);
}

#[test]
fn what_a_pull_request_proposes_does_not_run_beside_secrets() {
    let head = "      - uses: actions/checkout@v5\n        with: {ref: \"${{ github.event.pull_request.head.sha }}\"}\n      - run: make\n        env: {TOKEN: \"${{ secrets.TOKEN }}\"}\n";
    assert_eq!(codes(&workflow("pull_request_target", head)), [("CS0302".to_owned(), 8, 21)]);
    assert_eq!(codes(&workflow("pull_request", head)), []);
    assert_eq!(codes(&workflow("pull_request_target", &head.replace("secrets.TOKEN", "secrets.GITHUB_TOKEN"))), []);
    let by_hand = head.replace(
        "uses: actions/checkout@v5\n        with: {ref: \"${{ github.event.pull_request.head.sha }}\"}",
        "run: gh pr checkout 7",
    );
    assert_eq!(codes(&workflow("issue_comment", &by_hand))[0].0, "CS0302");
    let sha = "${{ github.event.pull_request.head.sha }}";
    let scripts = [
        (format!("git fetch origin {sha}"), true),
        (format!("git checkout {sha}"), true),
        (format!("echo built {sha}"), false),
        ("git fetch origin main && git checkout main".to_owned(), false),
    ];
    for (script, found) in scripts {
        let steps = format!("      - run: \"{script}\"\n        env: {{TOKEN: \"${{{{ secrets.TOKEN }}}}\"}}\n");
        let told = codes(&workflow("pull_request_target", &steps)).iter().any(|(code, ..)| code == "CS0302");
        assert_eq!(told, found, "{script}");
    }
    // another action is handed a `ref`, and a checkout something of ours
    for (from, to) in [("actions/checkout@v5", "acme/deploy@v5"), (sha, "main")] {
        assert_eq!(codes(&workflow("pull_request_target", &head.replace(from, to))), [], "{to}");
    }
}

#[test]
fn nothing_secret_goes_into_the_script_or_the_log() {
    let run = |line: &str| {
        let steps = format!(
            "      - run: |\n          {line}\n          true\n        env: {{TOKEN: \"${{{{ secrets.TOKEN }}}}\"}}\n"
        );
        codes(&workflow("push", &steps))
            .into_iter()
            .map(|(code, line, column)| format!("{code} {line}:{column}"))
            .collect::<Vec<_>>()
    };
    for line in
        ["echo \"$TOKEN\"", "printf '%s' ${TOKEN}", "sops -d secrets/a.yaml", "countersign export -e production"]
    {
        assert_eq!(run(line), ["CS0305 8:11"], "{line}");
    }
    for line in [
        "echo \"$TOKEN\" | docker login --password-stdin",
        "echo \"::add-mask::$TOKEN\"",
        "sops -d secrets/a.yaml > plain.yaml",
        "export DB=$(countersign get -e production db)",
        "# sops -d secrets/a.yaml",
        "echo \"$OTHER\"",
        "countersign decrypt -o plain.yaml secrets/a.yaml",
    ] {
        assert_eq!(run(line), [] as [&str; 0], "{line}");
    }
    assert_eq!(run("curl -H \"${{ secrets.TOKEN }}\" https://x.example"), ["CS0304 8:11"]);
    assert_eq!(run("use '${{ toJSON(secrets) }}'"), ["CS0304 8:11"]);
    for line in ["set -x", "set -euxo pipefail", "set -o xtrace", "bash -x deploy.sh"] {
        assert_eq!(run(line), ["CS0306 8:11"], "{line}");
    }
    for line in
        ["set -euo pipefail", "set six", "set -- six", "set --extra", "bash fix.sh", "sh --extra x.sh", "make -x"]
    {
        assert_eq!(run(line), [] as [&str; 0], "{line}");
    }
}

#[test]
fn a_shell_that_prints_each_command_is_told_where_there_is_something_to_hide() {
    let steps = |shell: &str| {
        format!("      - run: make\n        shell: {shell}\n        env: {{TOKEN: \"${{{{ secrets.TOKEN }}}}\"}}\n")
    };
    let traced = |shell: &str| codes(&workflow("push", &steps(shell))).iter().any(|(code, ..)| code == "CS0306");
    for shell in ["bash -x {0}", "bash -ex {0}", "bash -o xtrace {0}"] {
        assert!(traced(shell), "{shell}");
    }
    for shell in ["bash", "bash -e {0}", "bash --noprofile --extra {0}", "xonsh {0}", "bash fix.sh"] {
        assert!(!traced(shell), "{shell}");
    }
}

#[test]
fn what_was_opened_is_not_uploaded() {
    let steps = |path: &str| {
        format!(
            "      - run: sops -d secrets/a.yaml > out/plain.yaml\n      - uses: actions/upload-artifact@v5\n        with:\n          path: {path}\n"
        )
    };
    for path in ["out/plain.yaml", "out", "./out/", "\"out/**\"", "."] {
        assert_eq!(codes(&workflow("push", &steps(path))), [("CS0307".to_owned(), 10, 17)], "{path}");
    }
    assert_eq!(codes(&workflow("push", &steps("dist"))), []);
    for nowhere in ["/dev/null", "$OUT", ""] {
        let steps = steps("\"**\"").replace("out/plain.yaml", nowhere);
        assert_eq!(codes(&workflow("push", &steps)), [], "{nowhere:?} is no file of the workspace");
    }
}

#[test]
fn a_workflow_that_cannot_be_read_is_said_to_be_one() {
    assert_eq!(codes("jobs: [\n"), [("CS0301".to_owned(), 0, 0)]);
    assert_eq!(codes("- a\n"), [("CS0301".to_owned(), 0, 0)]);
    assert_eq!(codes(&workflow("push", "      - run: make\n")), []);
}

//! `export`: every form is read back by what it is written for, with values that quoting gets wrong.

use std::process::Command;

use crate::bench::Bench;

/// Values that a careless form would change.
const TRICKY: [&str; 16] = [
    "plain",
    "",
    "a b",
    "it's",
    "\"quoted\" 'twice'",
    "$HOME ${HOME} $(echo x) `echo y`",
    "%{if true}x%{endif} $${x}",
    "back\\slash\\n\\",
    "two\nlines\n",
    "\n\nfirst",
    " around ",
    "#hash ;semi !bang",
    "a=b:c",
    "tab\there",
    "é😀\u{feff}",
    "~ * ? & | < >",
];

fn bench() -> Bench {
    let bench = Bench::new();
    let entries: Vec<_> =
        TRICKY.iter().enumerate().map(|(at, value)| format!("\"K{at}\": {}", serde_json::json!(value))).collect();
    bench.write("plain.json", &format!("{{{}}}", entries.join(", ")));
    bench.run(&["encrypt", "--age", &bench.recipient(), "-o", "a.json", "plain.json"]).fine();
    std::fs::remove_file(bench.path("plain.json")).expect("removed");
    bench
}

/// Whether a program is here; without it the test says so and passes, unless everything is required.
fn is_here(program: &str, argument: &str) -> bool {
    let here = Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success());
    if !here {
        eprintln!("SKIPPED: there is no `{program}`; nothing was read back with it");
    }
    here
}

#[track_caller]
fn same(printed: &str) {
    let values: Vec<_> = printed.split('\u{1}').collect();
    for (at, want) in TRICKY.iter().enumerate() {
        assert_eq!(values.get(at), Some(want), "K{at} of {printed:?}");
    }
}

#[test]
fn a_shell_reads_back_exactly_the_values() {
    let bench = bench();
    let names: Vec<_> = (0..TRICKY.len()).map(|at| format!("\"$K{at}\"")).collect();
    for (format, shell) in [("env", "sh"), ("env-export", "sh"), ("env", "bash")] {
        if !is_here(shell, "-c") && shell == "bash" {
            continue;
        }
        let text = bench.run(&["export", "-f", format, "a.json"]).fine();
        bench.write("vars", &text);
        let script = format!(". ./vars; printf '%s\\001' {}", names.join(" "));
        same(&bench.program(shell, &["-c", &script], "").fine());
    }
    let script = format!("eval \"$(cat)\"; export -p | grep -c ' K[0-9]*='; printf '%s\\001' {}", names.join(" "));
    let text = bench.run(&["export", "-f", "env-export", "a.json"]).fine();
    let printed = bench.program("sh", &["-c", &script], &text).fine();
    assert!(printed.starts_with("16\n"), "{printed:?}");
}

#[test]
fn json_and_yaml_keep_values_types_and_structure() {
    let bench = bench();
    let text = bench.run(&["export", "-f", "json", "a.json"]).fine();
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for (at, want) in TRICKY.iter().enumerate() {
        assert_eq!(json[format!("K{at}")], **want);
    }
    if is_here("python3", "--version") {
        let script = "import json,sys; d=json.load(sys.stdin); sys.stdout.write(''.join(d['K%d'%i]+'\\1' for i in range(len(d))))";
        bench.write("p.py", script);
        same(&bench.program("python3", &["-X", "utf8", "p.py"], &text).fine());
    }
    if is_here("node", "--version") {
        let script = "const d=JSON.parse(require('fs').readFileSync(0,'utf8')); process.stdout.write(Object.values(d).map(v=>v+'\\u0001').join(''))";
        same(&bench.program("node", &["-e", script], &text).fine());
    }
    let yaml = bench.run(&["export", "-f", "yaml", "a.json"]).fine();
    bench.write("again.yaml", &yaml);
    bench.run(&["encrypt", "-i", "--age", &bench.recipient(), "again.yaml"]).fine();
    for (at, want) in TRICKY.iter().enumerate() {
        assert_eq!(bench.run(&["get", "again.yaml", &format!("K{at}")]).fine(), *want);
    }
    bench.sealed("t.yaml", "n: {a: 1, b: [true, null, 1.5]}\nd: x\n");
    let json: serde_json::Value =
        serde_json::from_str(&bench.run(&["export", "-f", "json", "t.yaml"]).fine()).expect("JSON");
    assert_eq!(json, serde_json::json!({"n": {"a": 1, "b": [true, null, 1.5]}, "d": "x"}));
}

#[test]
fn properties_are_those_that_java_loads() {
    let bench = bench();
    let text = bench.run(&["export", "-f", "properties", "a.json"]).fine();
    assert!(text.is_ascii(), "{text}");
    bench.sealed("n.yaml", "db:\n    pass word: x\n    hosts: [a, b]\n");
    let nested = bench.run(&["export", "-f", "properties", "n.yaml"]).fine();
    assert_eq!(nested, "db.pass\\ word=x\ndb.hosts[0]=a\ndb.hosts[1]=b\n");
    if !is_here("java", "--version") {
        return;
    }
    bench.write("a.properties", &text);
    bench.write(
        "P.java",
        "import java.util.*; import java.io.*; import java.nio.charset.*; public class P { public static void main(String[] a) throws Exception { \
         Properties p = new Properties(); p.load(new FileInputStream(\"a.properties\")); \
         PrintStream out = new PrintStream(System.out, true, \"UTF-8\"); \
         for (int i = 0; i < p.size(); i++) { out.print(p.getProperty(\"K\" + i)); out.print('\\u0001'); } } }",
    );
    same(&bench.program("java", &["P.java"], "").fine());
}

#[test]
fn terraform_reads_the_values_and_no_template() {
    let bench = bench();
    let text = bench.run(&["export", "-f", "tfvars", "a.json"]).fine();
    assert!(text.contains("K6 = \"%%{if true}x%%{endif} $$${x}\"\n"), "{text}");
    if !is_here("terraform", "-version") {
        return;
    }
    bench.write("tf/terraform.tfvars", &text);
    let declared: String = (0..TRICKY.len()).map(|at| format!("variable \"K{at}\" {{ type = string }}\n")).collect();
    bench.write("tf/main.tf", &declared);
    let names: Vec<_> = (0..TRICKY.len()).map(|at| format!("var.K{at}")).collect();
    let question = format!("jsonencode([{}])\n", names.join(","));
    let ran = bench.program("terraform", &["-chdir=tf", "console"], &question);
    let printed: String = serde_json::from_str(ran.fine().trim()).expect("a text");
    let values: Vec<String> = serde_json::from_str(&printed).expect("a list");
    assert_eq!(values, TRICKY);
}

#[test]
fn a_kubernetes_secret_holds_the_bytes() {
    use base64::Engine as _;
    let bench = bench();
    let text = bench.run(&["export", "-f", "k8s-secret", "--name", "app", "--namespace", "prod", "a.json"]).fine();
    assert!(
        text.starts_with("apiVersion: v1\nkind: Secret\nmetadata:\n    name: app\n    namespace: prod\n"),
        "{text}"
    );
    for (at, want) in TRICKY.iter().enumerate() {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("K{at}: "))).unwrap_or_default();
        let bytes = base64::engine::general_purpose::STANDARD.decode(line.trim_matches('"')).expect("base64");
        assert_eq!(bytes, want.as_bytes(), "K{at}");
    }
    let yaml = "import sys,yaml,base64; d=yaml.safe_load(sys.stdin)['data']; sys.stdout.write(''.join(base64.b64decode(d['K%d'%i]).decode()+'\\1' for i in range(len(d))))";
    if is_here("python3", "--version") && bench.program("python3", &["-c", "import yaml"], "").code == 0 {
        same(&bench.program("python3", &["-X", "utf8", "-c", yaml], &text).fine());
    }
    // the name of the document, where it is a name
    let text = bench.run(&["export", "-f", "k8s-secret", "a.json"]).fine();
    assert!(text.contains("    name: a\n"), "{text}");
    bench.run(&["export", "-f", "k8s-secret", "--name", "Not One", "a.json"]).ends(2);
}

/// What the runner of GitHub Actions does with the file.
fn runner(text: &str) -> Vec<(String, String)> {
    let (mut found, mut lines) = (Vec::new(), text.split('\n'));
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        let (name, delimiter) = line.split_once("<<").expect("a block");
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        found.push((name.to_owned(), value.join("\n")));
    }
    found
}

#[test]
fn no_value_ends_its_own_block_for_github() {
    let bench = bench();
    let text = bench.run(&["export", "-f", "github-env", "a.json"]).fine();
    let read: Vec<_> = runner(&text).into_iter().map(|(_, value)| value).collect();
    assert_eq!(read, TRICKY);
    let again = bench.run(&["export", "-f", "github-env", "a.json"]).fine();
    assert_ne!(text, again, "the delimiter is not random");
    for name in ["GITHUB_TOKEN", "runner_temp", "NODE_OPTIONS", "a-b"] {
        bench.sealed("g.yaml", &format!("{name}: hidden-value\n"));
        let told = bench.run(&["export", "-f", "github-env", "g.yaml"]).ends(1);
        assert!(told.contains(&format!("`{name}`")) && !told.contains("hidden-value"), "{told}");
    }
}

#[test]
fn what_a_form_cannot_hold_is_refused_by_name_before_anything_is_printed() {
    let bench = Bench::new();
    bench.sealed("n.yaml", "ok: 1\ndb: {password: hidden-value}\n");
    bench.sealed("odd.yaml", "ok: 1\nmy-key: hidden-value\n");
    bench.sealed("a.yaml", "x: {y: hidden-value}\nx_y: other\n");
    for (arguments, name) in [
        (["-f", "env", "n.yaml"].as_slice(), "db"),
        (&["-f", "env", "odd.yaml"], "my-key"),
        (&["-f", "env-export", "odd.yaml"], "my-key"),
        (&["-f", "env", "--flatten", "a.yaml"], "x_y"),
        (&["-f", "tfvars", "--prefix", "1", "odd.yaml"], "1ok"),
        (&["-f", "env", "--only", "nothing", "odd.yaml"], "nothing"),
    ] {
        let ran = bench.run(&[&["export"], arguments].concat());
        assert_eq!(ran.out, "", "{arguments:?}");
        let told = ran.ends(1);
        assert!(told.contains(&format!("`{name}`")) && !told.contains("hidden-value"), "{arguments:?}: {told}");
    }
}

#[test]
fn keys_are_chosen_prefixed_and_flattened() {
    let bench = Bench::new();
    bench.sealed("n.yaml", "ok: 1\ndb: {password: p, port: 5432}\nmy-key: x\n");
    let export = |arguments: &[&str]| bench.run(&[&["export", "-f", "env", "n.yaml"], arguments].concat()).fine();
    assert_eq!(export(&["--only", "ok,db.password"]), "ok=1\ndb_password=p\n");
    assert_eq!(export(&["--only", "db", "--prefix", "APP_"]), "APP_db_password=p\nAPP_db_port=5432\n");
    bench.sealed("m.yaml", "other: 2\n");
    let both = bench.run(&["export", "-f", "json", "--only", "ok,other", "n.yaml", "m.yaml"]).fine();
    assert_eq!(both, "{\n\t\"ok\": 1,\n\t\"other\": 2\n}\n");
    let told = bench.run(&["export", "-f", "json", "m.yaml", "m.yaml"]).fine();
    assert_eq!(told, "{\n\t\"other\": 2\n}\n", "one file named twice is one file");
    bench.write("copy.yaml", &bench.read("m.yaml"));
    let told = bench.run(&["export", "-f", "json", "m.yaml", "copy.yaml"]).ends(1);
    assert!(told.contains("`other` stands in `copy.yaml` and before that"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_file_of_values_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = bench();
    bench.write("vars", "readable to everybody");
    std::fs::set_permissions(bench.path("vars"), std::fs::Permissions::from_mode(0o644)).expect("set");
    bench.run(&["export", "-f", "env", "-o", "vars", "a.json"]).fine();
    let mode = std::fs::metadata(bench.path("vars")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // a stream is written to, whatever it is
    let printed = bench.run(&["export", "-f", "env", "--only", "K0", "-o", "/dev/stdout", "a.json"]).fine();
    assert_eq!(printed, "K0=plain\n");
}

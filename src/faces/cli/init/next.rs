//! What comes next, as commands to be copied.

use std::path::Path;

use super::answers::Answers;
use super::found::Found;
use super::git;
use super::keys::Keys;
use super::write::Writer;
use crate::faces::cli::args::Gate;
use crate::faces::exit::printable;

/// One thing to do.
pub(super) struct Next {
    pub(super) why: String,
    pub(super) commands: Vec<String>,
}

fn next(why: impl Into<String>, commands: Vec<String>) -> Next {
    Next { why: why.into(), commands }
}

/// Everything that is still to be done, in order.
pub(super) fn commands(answers: &Answers, found: &Found, keys: &Keys, writer: &Writer) -> Vec<Next> {
    let mut list = Vec::new();
    if let Some((environment, _)) = answers.environments.first() {
        let set = format!("countersign set -e {environment} DB_PASSWORD");
        list.push(next("seal a first value; it is asked for and not shown", vec![set]));
    }
    let files = uncommitted(found, writer);
    if !files.is_empty() {
        let mut commands = Vec::new();
        if found.name.is_none() {
            commands.push("git remote add origin https://github.com/OWNER/NAME.git".to_owned());
        }
        commands.push(format!("git add {}", files.iter().map(|name| word(name)).collect::<Vec<_>>().join(" ")));
        commands.push("git commit -m \"Keep secrets with countersign\"".to_owned());
        commands.push(format!("git push -u origin HEAD:{}", word(&found.branch)));
        list.push(next(format!("bring it to `{}`", found.branch), commands));
    }
    let name = found.name.as_ref().map_or_else(|| "OWNER/NAME".to_owned(), ToString::to_string);
    let pem = shown(keys.ledger_file());
    match answers.gate {
        Gate::Action => {
            let place = format!("repos/{name}/environments/countersign");
            list.push(next(
                format!("give the workflow its key, in an environment that only `{}` may use", found.branch),
                vec![
                    format!("gh api -X PUT {place} -F 'deployment_branch_policy[protected_branches]=false' -F 'deployment_branch_policy[custom_branch_policies]=true'"),
                    format!("gh api -X POST {place}/deployment-branch-policies -f name={}", word(&found.branch)),
                    format!("gh secret set COUNTERSIGN_SIGNING_KEY --env countersign < {pem}"),
                    format!("gh variable set COUNTERSIGN_TRUST --body {}", keys.fingerprint()),
                    format!(
                        "gh api -X PUT repos/{name}/actions/permissions/workflow -F can_approve_pull_request_reviews=true -f default_workflow_permissions=read"
                    ),
                ],
            ));
            list.push(next(
                "take in what stands there now as approved, once",
                vec![format!(
                    "GH_TOKEN=\"$(gh auth token)\" COUNTERSIGN_SIGNING_KEY_FILE={pem} countersign adopt --for-action --repo {name} \"$(git rev-parse HEAD)\""
                )],
            ));
        }
        Gate::Server => {
            list.push(next(
                "run the server; README.md, \"Start with a real repository\", says what the App needs",
                vec![format!("export COUNTERSIGN_SIGNING_KEY_FILE={pem}"), "countersign serve".to_owned()],
            ));
            list.push(next(
                "take in what stands there now as approved, once, with the settings of the server",
                vec![format!("countersign adopt --repo {name} \"$(git rev-parse HEAD)\"")],
            ));
        }
    }
    list.push(next("from then on, ask for each change", vec!["countersign propose".to_owned()]));
    list
}

/// Our files that git does not know yet.
fn uncommitted(found: &Found, writer: &Writer) -> Vec<String> {
    let names: Vec<&str> = writer.names.iter().map(String::as_str).collect();
    let arguments = [&["ls-files", "--others", "--exclude-standard", "-z", "--"], names.as_slice()].concat();
    let listed = git(&found.root, &arguments).unwrap_or_default();
    let mut files: Vec<String> = listed.split('\0').filter(|name| !name.is_empty()).map(top).collect();
    files.sort();
    files.dedup();
    files
}

/// The name to add: a folder of ours whole, everything else as it is.
fn top(name: &str) -> String {
    if name.starts_with(".countersign/") { ".countersign".to_owned() } else { name.to_owned() }
}

/// A word of a shell.
fn word(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

fn shown(path: &Path) -> String {
    word(&path.display().to_string())
}

/// The same for people.
pub(super) fn lines(list: &[Next]) -> String {
    let mut text = String::from("\nnext:\n");
    for (number, step) in list.iter().enumerate() {
        text += &printable(&format!("{}. {}\n", number + 1, step.why));
        for command in &step.commands {
            text += &printable(&format!("     {command}\n"));
        }
    }
    text
}

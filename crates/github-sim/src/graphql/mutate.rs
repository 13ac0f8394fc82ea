//! Mutations: each checks the caller, changes the state and yields its payload.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Fault;
use super::node::{Node, Out};
use super::query::{find, sees, text};
use crate::access::{Actor, Level, Role, Who};
use crate::error::Refusal;
use crate::git::{self, ZERO};
use crate::state::State;
use crate::state::landed::RefChange;
use crate::state::merge::MergeWish;
use crate::state::rules::Via;

/// Runs one mutation.
pub(super) fn run(st: &mut State, who: &Who, name: &str, input: &Value) -> Result<Node, Fault> {
    let (payload, fields) = match name {
        "updateRefs" => ("UpdateRefsPayload", update_refs(st, who, input)?),
        "createCommitOnBranch" => ("CreateCommitOnBranchPayload", commit_on_branch(st, who, input)?),
        "mergePullRequest" => ("MergePullRequestPayload", merge(st, who, input)?),
        "markPullRequestReadyForReview" => ("MarkPullRequestReadyForReviewPayload", draft(st, who, input, false)?),
        "convertPullRequestToDraft" => ("ConvertPullRequestToDraftPayload", draft(st, who, input, true)?),
        "dismissPullRequestReview" => ("DismissPullRequestReviewPayload", dismiss(st, who, input)?),
        "addComment" => ("AddCommentPayload", comment(st, who, input)?),
        _ => return Err(Fault::Undefined),
    };
    let mut fields = fields;
    fields.push(("clientMutationId", input["clientMutationId"].clone().into()));
    Ok(Node::Plain(payload, fields))
}

type Fields = Vec<(&'static str, Out)>;

/// Who acts, if they may write on a repository: an App by permission, a person by role.
fn actor(st: &State, who: &Who, repo: u64, permission: &str, role: Role) -> Result<Actor, Fault> {
    match who {
        Who::Installation(access) => {
            let held = access.permissions.get(permission) >= Some(&Level::Write);
            if !held || !access.repos.contains(&repo) {
                return Err(Fault::forbidden());
            }
            Ok(Actor { account: access.bot, app: Some(access.app) })
        }
        Who::User(person) => {
            if st.role_of(st.repo(repo)?, *person) < Some(role) {
                return Err(Fault::Because(
                    "FORBIDDEN",
                    format!("{} does not have the correct permissions to execute this", st.login(*person)),
                ));
            }
            Ok(Actor::person(*person))
        }
        Who::Nobody | Who::App(_) => Err(Fault::forbidden()),
    }
}

fn named(st: &State, who: &Who, input: &Value, key: &str) -> Result<Node, Fault> {
    let id = text(input, key).unwrap_or_default();
    find(st, who, id).ok_or_else(|| Fault::not_found(format!("a node with the global id of '{id}'")))
}

fn pull_of(st: &State, who: &Who, input: &Value) -> Result<(u64, u64), Fault> {
    let Node::Pull(repo, number) = named(st, who, input, "pullRequestId")? else {
        return Err(Fault::not_found("a PullRequest with that id"));
    };
    Ok((repo, number))
}

fn unprocessable(text: impl Into<String>) -> Fault {
    Fault::Because("UNPROCESSABLE", text.into())
}

/// Moves several references or none.
fn update_refs(st: &mut State, who: &Who, input: &Value) -> Result<Fields, Fault> {
    let Node::Repository(repo) = named(st, who, input, "repositoryId")? else {
        return Err(Fault::not_found("a Repository with that id"));
    };
    let actor = actor(st, who, repo, "contents", Role::Write)?;
    let opened = git::open(&st.repo(repo)?.dir)?;
    let mut changes = Vec::new();
    for wanted in input["refUpdates"].as_array().into_iter().flatten() {
        changes.push(ref_change(&opened, wanted)?);
    }
    for change in &changes {
        let faults = st.rule_faults(repo, actor, change, Via::Push)?;
        if !faults.is_empty() {
            let list = faults.join("\n");
            return Err(unprocessable(format!("Repository rule violations found\n\n{list}")));
        }
    }
    let side = |sha: &str| git::oid(sha).filter(|id| !id.is_zero());
    for (done, change) in changes.iter().enumerate() {
        let (before, after) = (side(&change.before), side(&change.after));
        if !git::swap(&opened, &change.refname, before, after)? {
            for undone in changes[..done].iter().rev() {
                git::swap(&opened, &undone.refname, side(&undone.after), side(&undone.before))?;
            }
            return Err(stale(&change.refname));
        }
    }
    st.landed(repo, actor, &changes)?;
    Ok(Vec::new())
}

fn stale(refname: &str) -> Fault {
    Fault::Because("STALE_DATA", format!("Reference update failed: {refname} does not point at the expected object"))
}

fn ref_change(opened: &git2::Repository, wanted: &Value) -> Result<RefChange, Fault> {
    let refname = text(wanted, "name").unwrap_or_default().to_owned();
    if !refname.starts_with("refs/") || !git2::Reference::is_valid_name(&refname) {
        return Err(unprocessable(format!("{refname} is not a valid reference name")));
    }
    let now = git::tip(opened, &refname).map_or_else(|| ZERO.to_owned(), |id| id.to_string());
    if text(wanted, "beforeOid").is_some_and(|expected| expected != now) {
        return Err(stale(&refname));
    }
    let after = text(wanted, "afterOid").unwrap_or_default().to_owned();
    let after_id = git::oid(&after).ok_or_else(|| unprocessable(format!("{after} is not an object id")))?;
    if !after_id.is_zero() && opened.find_object(after_id, None).is_err() {
        return Err(unprocessable(format!("{after} does not exist")));
    }
    let force = wanted["force"].as_bool().unwrap_or(false);
    if let Some(before) = git::oid(&now)
        && !before.is_zero()
        && !after_id.is_zero()
        && !force
        && !git::is_ancestor(opened, before, after_id)
    {
        return Err(unprocessable(format!("{refname}: update is not a fast forward")));
    }
    Ok(RefChange { refname, before: now, after })
}

/// Writes files as one commit on a branch that has not moved.
fn commit_on_branch(st: &mut State, who: &Who, input: &Value) -> Result<Fields, Fault> {
    let (repo, branch) = branch_of(st, who, &input["branch"])?;
    let actor = actor(st, who, repo, "contents", Role::Write)?;
    let opened = git::open(&st.repo(repo)?.dir)?;
    let refname = format!("refs/heads/{branch}");
    let tip = git::tip(&opened, &refname).ok_or_else(|| Fault::not_found(format!("a branch named '{branch}'")))?;
    let expected = text(input, "expectedHeadOid").unwrap_or_default();
    if expected != tip.to_string() {
        return Err(Fault::Because(
            "STALE_DATA",
            format!("Expected branch to point to \"{expected}\" but it did not. Pull and try again."),
        ));
    }
    let mut edits: Vec<git::Edit> = Vec::new();
    let changes = &input["fileChanges"];
    for file in changes["additions"].as_array().into_iter().flatten() {
        let path = text(file, "path").unwrap_or_default().to_owned();
        let content = STANDARD
            .decode(text(file, "contents").unwrap_or_default())
            .map_err(|_| unprocessable("contents is not valid Base64"))?;
        edits.push((path, Some(content)));
    }
    for file in changes["deletions"].as_array().into_iter().flatten() {
        edits.push((text(file, "path").unwrap_or_default().to_owned(), None));
    }
    let tree = git::edited_tree(&opened, Some(tip), &edits)?;
    let message = &input["message"];
    let headline = text(message, "headline").unwrap_or_default();
    let full = match text(message, "body") {
        Some(body) if !body.is_empty() => format!("{headline}\n\n{body}"),
        Some(_) | None => headline.to_owned(),
    };
    let author = st.ident_of(actor.account);
    let committer = git::web_flow(st.now());
    let new = git::write_commit(&opened, &author, &committer, &full, tree, &[tip])?;
    let change = RefChange { refname: refname.clone(), before: tip.to_string(), after: new.to_string() };
    st.move_ref(repo, actor, change)?;
    Ok(vec![("commit", Out::One(Node::Commit(repo, new))), ("ref", Out::One(Node::Ref(repo, refname)))])
}

fn branch_of(st: &State, who: &Who, branch: &Value) -> Result<(u64, String), Fault> {
    if text(branch, "id").is_some() {
        let Node::Ref(repo, name) = named(st, who, branch, "id")? else {
            return Err(Fault::not_found("a Ref with that id"));
        };
        return Ok((repo, name.trim_start_matches("refs/heads/").to_owned()));
    }
    let full = text(branch, "repositoryNameWithOwner").unwrap_or_default();
    let found = full
        .split_once('/')
        .and_then(|(owner, name)| st.repo_named(owner, name))
        .map(|repo| repo.id)
        .filter(|id| sees(st, who, *id));
    let repo = found.ok_or_else(|| Fault::not_found(format!("a Repository with the name '{full}'")))?;
    let name = text(branch, "branchName").unwrap_or_default();
    Ok((repo, name.trim_start_matches("refs/heads/").to_owned()))
}

fn merge(st: &mut State, who: &Who, input: &Value) -> Result<Fields, Fault> {
    let (repo, number) = pull_of(st, who, input)?;
    let actor = actor(st, who, repo, "contents", Role::Write)?;
    let owned = |key: &str| text(input, key).map(str::to_owned);
    let wish = MergeWish {
        method: crate::rest::merge_method(text(input, "mergeMethod"))?,
        expected_head: owned("expectedHeadOid"),
        title: owned("commitHeadline"),
        message: owned("commitBody"),
    };
    st.merge_pull(repo, number, actor, &wish)?;
    Ok(vec![("pullRequest", Out::One(Node::Pull(repo, number))), ("actor", Out::One(Node::Account(actor.account)))])
}

fn draft(st: &mut State, who: &Who, input: &Value, on: bool) -> Result<Fields, Fault> {
    let (repo, number) = pull_of(st, who, input)?;
    let actor = actor(st, who, repo, "pull_requests", Role::Read)?;
    st.set_draft(repo, number, actor, on)?;
    Ok(vec![("pullRequest", Out::One(Node::Pull(repo, number)))])
}

fn dismiss(st: &mut State, who: &Who, input: &Value) -> Result<Fields, Fault> {
    let Node::Review(repo, number, id) = named(st, who, input, "pullRequestReviewId")? else {
        return Err(Fault::not_found("a PullRequestReview with that id"));
    };
    let actor = actor(st, who, repo, "pull_requests", Role::Write)?;
    if text(input, "message").is_none() {
        return Err(Refusal::missing("message").into());
    }
    st.dismiss_review(repo, number, id, actor)?;
    Ok(vec![("pullRequestReview", Out::One(Node::Review(repo, number, id)))])
}

fn comment(st: &mut State, who: &Who, input: &Value) -> Result<Fields, Fault> {
    let Node::Pull(repo, number) = named(st, who, input, "subjectId")? else {
        return Err(Fault::not_found("a node with that subjectId"));
    };
    let actor = actor(st, who, repo, "pull_requests", Role::Read)?;
    let body = text(input, "body").unwrap_or_default();
    let id = st.write_comment(repo, number, actor, body)?;
    let edge = Node::Plain("Edge", vec![("node", Out::One(Node::Comment(repo, id)))]);
    Ok(vec![("commentEdge", Out::One(edge)), ("subject", Out::One(Node::Pull(repo, number)))])
}

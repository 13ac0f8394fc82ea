//! Fields of git objects.

use git2::{ObjectType, Oid, Repository};

use super::Fault;
use super::args::Args;
use super::node::{Node, Out};
use super::walk::Walk;
use crate::clock::stamp;
use crate::git;

/// GitHub cuts the text of a blob here.
const LONGEST_TEXT: usize = 512 * 1024;

/// The node of an object; a tag's target is what it tags.
pub(super) fn node_of(opened: &Repository, repo: u64, id: Oid) -> Option<Node> {
    let object = opened.find_object(id, None).ok()?;
    match object.kind()? {
        ObjectType::Commit => Some(Node::Commit(repo, id)),
        ObjectType::Tree => Some(Node::Tree(repo, id)),
        ObjectType::Blob => Some(Node::Blob(repo, id)),
        ObjectType::Tag => {
            let target = object.peel_to_commit().ok()?.id();
            Some(Node::Commit(repo, target))
        }
        ObjectType::Any => None,
    }
}

fn coauthors(message: &str) -> Vec<(String, String)> {
    message
        .lines()
        .filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            if !key.trim().eq_ignore_ascii_case("co-authored-by") {
                return None;
            }
            let (name, email) = value.trim().split_once('<')?;
            Some((name.trim().to_owned(), email.trim_end_matches('>').trim().to_owned()))
        })
        .collect()
}

impl Walk<'_> {
    /// `object(expression:)` or `object(oid:)`.
    pub(super) fn object_at(&self, repo: u64, args: &Args) -> Result<Out, Fault> {
        let opened = git::open(&self.st.repo(repo)?.dir)?;
        if let Some(id) = args.text("oid").and_then(git::oid) {
            return Ok(Out::maybe(node_of(&opened, repo, id)));
        }
        let expression = args.text("expression").unwrap_or_default();
        let found = match expression.split_once(':') {
            Some((commit, path)) => git::commit_at(&opened, commit)
                .and_then(|commit| git::entry_at(&opened, commit, path.trim_end_matches('/')))
                .map(|(id, ..)| id),
            None => opened
                .revparse_single(expression)
                .ok()
                .map(|object| object.id())
                .or_else(|| git::commit_at(&opened, expression)),
        };
        Ok(Out::maybe(found.and_then(|id| node_of(&opened, repo, id))))
    }

    fn git_actor(&self, name: &str, email: &str, date: Option<String>) -> Node {
        let user = self.st.account_by_email(email).map(|a| Node::Account(a.id));
        Node::Plain(
            "GitActor",
            vec![("name", name.into()), ("email", email.into()), ("date", date.into()), ("user", Out::maybe(user))],
        )
    }

    fn signed(&self, signature: &git2::Signature<'_>) -> Node {
        let at = jiff::Timestamp::from_second(signature.when().seconds()).unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.git_actor(&text(signature.name_bytes()), &text(signature.email_bytes()), Some(stamp(at)))
    }

    pub(super) fn commit(&self, repo: u64, id: Oid, name: &str, args: &Args) -> Result<Out, Fault> {
        let here = self.st.repo(repo)?;
        let opened = git::open(&here.dir)?;
        let commit = opened.find_commit(id).map_err(git::broken)?;
        let message = String::from_utf8_lossy(commit.message_bytes()).trim_end().to_owned();
        let (headline, body) = message.split_once('\n').unwrap_or((&message, ""));
        let sha = id.to_string();
        let at = |seconds: i64| stamp(jiff::Timestamp::from_second(seconds).unwrap_or_default());
        Ok(match name {
            "id" => format!("C_{repo}_{sha}").into(),
            "oid" => sha.into(),
            "abbreviatedOid" => sha[..7].into(),
            "url" | "commitUrl" => format!("{}/commit/{sha}", self.face.repo_page(repo)).into(),
            "message" => message.into(),
            "messageHeadline" => headline.into(),
            "messageBody" => body.trim_start().into(),
            "committedDate" => at(commit.committer().when().seconds()).into(),
            "authoredDate" => at(commit.author().when().seconds()).into(),
            "tree" => Out::One(Node::Tree(repo, commit.tree_id())),
            "parents" => Out::Page(commit.parent_ids().map(|p| Node::Commit(repo, p)).collect()),
            "author" => Out::One(self.signed(&commit.author())),
            "committer" => Out::One(self.signed(&commit.committer())),
            "authors" => {
                let mut all = vec![self.signed(&commit.author())];
                for (name, email) in coauthors(&message) {
                    all.push(self.git_actor(&name, &email, None));
                }
                Out::Page(all)
            }
            "committedViaWeb" => (commit.committer().email_bytes() == b"noreply@github.com").into(),
            "signature" => Out::null(),
            "repository" => Out::One(Node::Repository(repo)),
            "file" => {
                let path = args.text("path").unwrap_or_default();
                Out::maybe(self.entry(repo, &opened, id, path))
            }
            "history" => {
                let all = git::between(&opened, None, id, 10_000)?;
                Out::Page(all.into_iter().map(|id| Node::Commit(repo, id)).collect())
            }
            "associatedPullRequests" => {
                self.need(repo, "pull_requests")?;
                let fits = here.pulls.values().filter(|pull| {
                    pull.merged.as_ref().is_some_and(|merged| merged.commit == sha)
                        || self.face.pull_range(repo, pull).0.contains(&id)
                });
                Out::Page(fits.map(|pull| Node::Pull(repo, pull.number)).collect())
            }
            "statusCheckRollup" => self.rollup(repo, &sha)?,
            "status" => self.status(repo, &sha)?,
            "checkSuites" => self.suites(repo, &sha, args)?,
            _ => return Err(Fault::Undefined),
        })
    }

    fn entry(&self, repo: u64, opened: &Repository, commit: Oid, path: &str) -> Option<Node> {
        let (id, mode, kind) = git::entry_at(opened, commit, path)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        Some(entry_node(opened, repo, name, path, (id, mode, kind)))
    }

    pub(super) fn tree(&self, repo: u64, id: Oid, name: &str) -> Result<Out, Fault> {
        let opened = git::open(&self.st.repo(repo)?.dir)?;
        Ok(match name {
            "id" => format!("TREE_{repo}_{id}").into(),
            "oid" => id.to_string().into(),
            "abbreviatedOid" => id.to_string()[..7].into(),
            "repository" => Out::One(Node::Repository(repo)),
            "entries" => {
                let tree = opened.find_tree(id).map_err(git::broken)?;
                Out::Many(
                    tree.iter()
                        .map(|entry| {
                            let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                            let kind = entry.kind().unwrap_or(ObjectType::Commit);
                            entry_node(&opened, repo, &name, &name, (entry.id(), entry.filemode(), kind))
                        })
                        .collect(),
                )
            }
            _ => return Err(Fault::Undefined),
        })
    }

    pub(super) fn blob(&self, repo: u64, id: Oid, name: &str) -> Result<Out, Fault> {
        let opened = git::open(&self.st.repo(repo)?.dir)?;
        let blob = opened.find_blob(id).map_err(git::broken)?;
        Ok(match name {
            "id" => format!("B_{repo}_{id}").into(),
            "oid" => id.to_string().into(),
            "abbreviatedOid" => id.to_string()[..7].into(),
            "byteSize" => blob.size().into(),
            "isBinary" => blob.is_binary().into(),
            "isTruncated" => (blob.size() > LONGEST_TEXT).into(),
            "repository" => Out::One(Node::Repository(repo)),
            "text" if blob.is_binary() => Out::null(),
            "text" => {
                let end = blob.size().min(LONGEST_TEXT);
                String::from_utf8_lossy(&blob.content()[..end]).into_owned().into()
            }
            _ => return Err(Fault::Undefined),
        })
    }
}

fn entry_node(opened: &Repository, repo: u64, name: &str, path: &str, entry: (Oid, i32, ObjectType)) -> Node {
    let (id, mode, kind) = entry;
    let size = opened.find_blob(id).map_or(0, |blob| blob.size());
    Node::Plain(
        "TreeEntry",
        vec![
            ("name", name.into()),
            ("path", path.into()),
            ("mode", mode.into()),
            ("type", kind.str().into()),
            ("oid", id.to_string().into()),
            ("size", size.into()),
            ("object", Out::maybe(node_of(opened, repo, id))),
        ],
    )
}

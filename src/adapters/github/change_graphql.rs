//! A pull request by one GraphQL query, and one more for each further page of a list.
//!
//! Anything missing in an answer makes GraphQL unusable for this read,
//! never a shorter answer.

use countersign_core::domain::{
    Account, CommentId, InvalidId, Login, Oid, PrNumber, RefName, ReviewId, TeamSlug, Timestamp,
};
use countersign_core::effect::COMMENT_MARKER;
use countersign_core::event::command;
use countersign_core::facts::question::{
    ChangeRead, CommentRead, CommentText, CommitPeopleRead, Moment, MomentRead, ReviewRead,
};
use http::Method;
use serde_json::json;

use super::client::Call;
use super::fault::{Fault, clean};
use super::graphql::{
    CommentWire, CommitWire, Envelope, GitCommitWire, HeaderWire, MOMENTS, MomentWire, Page, PullWire, RequestWire,
    ReviewWire, SignatureWire, first_query, next_query,
};
use super::lane::Sort;
use super::people::{self, CommitNames};
use super::reads::another_repository;
use super::transport::GRAPHQL;
use super::wire::vote_kind;
use super::{GitHub, reading};
use crate::engine::ports::{ForgeErrorKind, RepoRef};

const OPERATION: &str = "graphql.change";
/// Pages of one list: 100 entries each.
const PAGES: usize = 100;

/// Why GraphQL gave no change.
pub(super) enum GraphFault {
    /// To be passed on: rate limit, credentials, another repository.
    Final(Fault),
    /// Not found: REST says in which way.
    Missing,
    /// GraphQL cannot be used.
    Unusable(String),
}

type Graph<T> = Result<T, GraphFault>;

/// The lists, all pages.
struct Lists {
    reviews: Vec<ReviewWire>,
    commits: Vec<CommitWire>,
    requests: Vec<RequestWire>,
    moments: Vec<MomentWire>,
}

/// What one query brought.
struct Asked {
    /// Login of the repository's owner.
    owner: String,
    pull: PullWire,
    /// GitHub's clock.
    read_at: Option<Timestamp>,
}

fn unusable(words: impl Into<String>) -> GraphFault {
    GraphFault::Unusable(words.into())
}

impl GitHub {
    pub(super) async fn change_by_graphql(&self, repo: &RepoRef, number: PrNumber) -> Graph<ChangeRead> {
        let me = self.own_account(Some(repo)).await.map_err(GraphFault::Final)?;
        let Asked { owner, pull, read_at } = self.graph(repo, number, &first_query(), None).await?;
        let header = pull.header.ok_or_else(|| unusable("the pull request is incomplete"))?;
        let (Some(reviews), Some(commits), Some(requests), Some(comments), Some(moments)) =
            (pull.reviews, pull.commits, pull.review_requests, pull.comments, pull.timeline_items)
        else {
            return Err(unusable("a list is missing"));
        };
        let lists = Lists {
            reviews: self.rest(repo, number, "reviews", reviews, |pull| pull.reviews).await?,
            commits: self.rest(repo, number, "commits", commits, |pull| pull.commits).await?,
            requests: self.rest(repo, number, "reviewRequests", requests, |pull| pull.review_requests).await?,
            moments: self.rest(repo, number, MOMENTS, moments, |pull| pull.timeline_items).await?,
        };
        let comments = self.rest(repo, number, "comments", comments, |pull| pull.comments).await?;
        let our_comment = ours(&comments, &me)?;
        let comments = comments.into_iter().filter(|comment| command::may_hold_one(&comment.body));
        let comments = comments.map(|wire| comment(number, wire)).collect::<Graph<_>>()?;
        let read = self.assemble(repo, &owner, header, lists, (comments, our_comment))?;
        Ok(ChangeRead { read_at, ..read })
    }

    /// A whole list, from its first page on.
    async fn rest<T>(
        &self,
        repo: &RepoRef,
        number: PrNumber,
        name: &str,
        first: Page<T>,
        pick: fn(PullWire) -> Option<Page<T>>,
    ) -> Graph<Vec<T>> {
        let mut entries = Vec::new();
        let mut after = take_page(first, &mut entries)?;
        for _ in 0..PAGES {
            let Some(cursor) = after else { return Ok(entries) };
            after = take_page(self.next(repo, number, name, &cursor, pick).await?, &mut entries)?;
        }
        Err(unusable("a list does not end"))
    }

    async fn next<T>(
        &self,
        repo: &RepoRef,
        number: PrNumber,
        name: &str,
        cursor: &str,
        pick: fn(PullWire) -> Option<Page<T>>,
    ) -> Graph<Page<T>> {
        let Asked { pull, .. } = self.graph(repo, number, &next_query(name), Some(cursor)).await?;
        pick(pull).ok_or_else(|| unusable("a page is missing"))
    }

    /// One query.
    async fn graph(&self, repo: &RepoRef, number: PrNumber, query: &str, after: Option<&str>) -> Graph<Asked> {
        let name = self.present_name(repo);
        let mut variables = json!({ "owner": name.owner(), "name": name.name(), "number": number.get() });
        if let Some(after) = after {
            variables["after"] = json!(after);
        }
        let call = Call {
            operation: OPERATION,
            method: Method::POST,
            path: GRAPHQL.to_owned(),
            body: Some(json!({ "query": query, "variables": variables })),
            auth: reading(repo),
            sort: Sort::Read,
        };
        let reply = self.client.send(&call).await.map_err(|fault| match fault.kind {
            ForgeErrorKind::Wait(_) | ForgeErrorKind::Credentials => GraphFault::Final(fault),
            ForgeErrorKind::Later
            | ForgeErrorKind::Forbidden
            | ForgeErrorKind::NotFound
            | ForgeErrorKind::Refused
            | ForgeErrorKind::Garbled => GraphFault::Unusable(fault.message),
        })?;
        let envelope: Envelope = reply.json().map_err(|fault| unusable(fault.message))?;
        if envelope.errors.iter().any(|error| error.is("RATE_LIMITED")) {
            let until = self.client.hold(call.auth, &reply.raw);
            let fault = Fault::new(ForgeErrorKind::Wait(until), OPERATION, "the GraphQL rate limit is used up");
            return Err(GraphFault::Final(fault));
        }
        if !envelope.errors.is_empty() {
            if envelope.errors.iter().all(|error| error.is("NOT_FOUND")) {
                return Err(GraphFault::Missing);
            }
            let words: Vec<String> = envelope.errors.into_iter().filter_map(|error| error.message).collect();
            return Err(unusable(clean(&words.join("; "))));
        }
        let repository = envelope.data.and_then(|data| data.repository).ok_or(GraphFault::Missing)?;
        if repository.database_id != repo.id.get() {
            return Err(GraphFault::Final(another_repository(OPERATION, repo, repository.database_id)));
        }
        let pull = repository.pull_request.ok_or(GraphFault::Missing)?;
        Ok(Asked { owner: repository.owner.login, pull, read_at: reply.raw.date() })
    }

    fn assemble(
        &self,
        repo: &RepoRef,
        owner: &str,
        header: HeaderWire,
        lists: Lists,
        (comments, our_comment): (Vec<CommentText>, Option<CommentRead>),
    ) -> Graph<ChangeRead> {
        let wrong = |fault: InvalidId| unusable(fault.to_string());
        let is_ours = header.head_repository.is_some_and(|head| head.database_id == repo.id.get());
        let commits = lists.commits.into_iter().map(|wire| commit_names(wire.commit)).collect::<Graph<_>>()?;
        let reviewers = || lists.requests.iter().filter_map(|request| request.requested_reviewer.as_ref());
        Ok(ChangeRead {
            number: PrNumber::new(header.number),
            open: header.state.eq_ignore_ascii_case("open"),
            merged: header.state.eq_ignore_ascii_case("merged"),
            draft: header.is_draft,
            head_ref: is_ours.then(|| RefName::branch(&header.head_ref_name).ok()).flatten(),
            head: Oid::parse(&header.head_ref_oid).map_err(wrong)?,
            base: RefName::branch(&header.base_ref_name).map_err(wrong)?,
            author: header.author.as_ref().and_then(|author| author.account("")),
            comments,
            moments: lists.moments.into_iter().filter_map(|wire| moment(wire).transpose()).collect::<Graph<_>>()?,
            reviews: lists.reviews.into_iter().map(review).collect::<Graph<_>>()?,
            commits: people::complete(commits, &self.client.address.noreply_domain()),
            requested_users: reviewers()
                .filter(|reviewer| reviewer.slug.is_none())
                .filter_map(|reviewer| Login::parse(&reviewer.actor.rest_login()?).ok())
                .collect(),
            requested_teams: reviewers()
                .filter_map(|reviewer| TeamSlug::parse(&format!("{owner}/{}", reviewer.slug.as_ref()?)).ok())
                .collect(),
            our_comment,
            updated: header.updated_at.as_deref().and_then(|at| Timestamp::parse(at).ok()),
            read_at: None,
            url: header.url,
            title: header.title,
            body: header.body,
        })
    }
}

/// Takes the entries of a page; the cursor of the next one.
fn take_page<T>(page: Page<T>, into: &mut Vec<T>) -> Graph<Option<String>> {
    for node in page.nodes {
        into.push(node.ok_or_else(|| unusable("an entry is missing"))?);
    }
    match (page.page_info.has_next_page, page.page_info.end_cursor) {
        (false, _) => Ok(None),
        (true, Some(cursor)) => Ok(Some(cursor)),
        (true, None) => Err(unusable("a page has no cursor")),
    }
}

fn review(wire: ReviewWire) -> Graph<ReviewRead> {
    let id = wire.full_database_id.get().ok_or_else(|| unusable("a review has no number"))?;
    let commit = wire.commit.map(|commit| Oid::parse(&commit.oid)).transpose();
    let submitted_at = wire.submitted_at.as_deref().map(Timestamp::parse).transpose();
    Ok(ReviewRead {
        id: ReviewId::new(id),
        author: wire.author.as_ref().and_then(|author| author.account("")),
        kind: vote_kind(&wire.state),
        commit: commit.map_err(|fault| unusable(fault.to_string()))?,
        submitted_at: submitted_at.map_err(|fault| unusable(fault.to_string()))?,
        may_push: wire.author_can_push_to_repository,
    })
}

/// Our sticky comment: the oldest of ours with the marker.
fn ours(comments: &[CommentWire], me: &Account) -> Graph<Option<CommentRead>> {
    let is_ours = |comment: &&CommentWire| {
        let author = comment.author.as_ref().and_then(|author| author.account(""));
        author.is_some_and(|author| author.id == me.id) && comment.body.contains(COMMENT_MARKER)
    };
    let Some(comment) = comments.iter().find(is_ours) else { return Ok(None) };
    let id = comment.full_database_id.get().ok_or_else(|| unusable("a comment has no number"))?;
    Ok(Some(CommentRead { id: CommentId::new(id), body: comment.body.clone() }))
}

/// A comment with all that decides whether it counts (R14), but for the App it may have been written through.
fn comment(change: PrNumber, wire: CommentWire) -> Graph<CommentText> {
    let id = wire.full_database_id.get().ok_or_else(|| unusable("a comment has no number"))?;
    Ok(CommentText {
        id: CommentId::new(id),
        change,
        author: wire.author.as_ref().and_then(|author| author.account("")),
        body: wire.body,
        at: Timestamp::parse(&wire.created_at).map_err(|fault| unusable(fault.to_string()))?,
        edited: wire.last_edited_at.is_some(),
        editor: wire.editor.as_ref().and_then(|editor| editor.account("")),
        hidden: Some(wire.is_minimized),
        through_an_app: None,
    })
}

/// One entry of the timeline; `None` for kinds that were not asked for.
fn moment(wire: MomentWire) -> Graph<Option<MomentRead>> {
    let what = match wire.kind.as_str() {
        "ReviewDismissedEvent" => {
            // a review that is gone carries no vote
            let Some(review) = wire.review.and_then(|review| review.full_database_id.get()) else { return Ok(None) };
            Moment::Dismissed {
                review: ReviewId::new(review),
                said: wire.previous_review_state.as_deref().and_then(vote_kind),
                by: wire.actor.as_ref().and_then(|actor| actor.account("")),
            }
        }
        "BaseRefChangedEvent" => {
            Moment::Retargeted { from: wire.previous_ref_name.as_deref().and_then(|name| RefName::branch(name).ok()) }
        }
        _ => return Ok(None),
    };
    let at = wire.created_at.as_deref().map(Timestamp::parse).ok_or_else(|| unusable("a moment has no time"))?;
    Ok(Some(MomentRead { at: at.map_err(|fault| unusable(fault.to_string()))?, what }))
}

fn commit_names(wire: GitCommitWire) -> Graph<CommitNames> {
    let mut authors = Vec::new();
    if take_page(wire.authors, &mut authors)?.is_some() {
        return Err(unusable("a commit has more than 100 authors"));
    }
    let named = |signature: SignatureWire| {
        let account = signature.user.as_ref().and_then(|user| user.account("User"));
        (signature.email.unwrap_or_default().to_lowercase(), account)
    };
    let commit = Oid::parse(&wire.oid).map_err(|fault| unusable(fault.to_string()))?;
    let people = CommitPeopleRead {
        commit,
        authors: authors.into_iter().map(named).collect(),
        committer: wire.committer.map(named),
    };
    Ok(CommitNames { people, message: wire.message })
}

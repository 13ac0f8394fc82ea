//! Fields of pull requests, reviews and comments.

use super::Fault;
use super::args::Args;
use super::node::{Node, Out};
use super::repository::state_of;
use super::walk::Walk;
use crate::clock::{stamp, stamp_opt};
use crate::git;
use crate::state::pulls::Pull;
use crate::state::reviews::{Review, ReviewState};

impl Walk<'_> {
    pub(super) fn pull(&self, repo: u64, number: u64, name: &str, args: &Args) -> Result<Out, Fault> {
        let pull = self.st.pull(repo, number)?;
        let page = format!("{}/pull/{number}", self.face.repo_page(repo));
        Ok(match name {
            "id" => format!("PR_{}", pull.id).into(),
            "databaseId" => pull.id.into(),
            "fullDatabaseId" => pull.id.to_string().into(),
            "number" => number.into(),
            "title" => pull.title.as_str().into(),
            "body" | "bodyText" => pull.body.clone().unwrap_or_default().into(),
            "url" | "permalink" => page.into(),
            "state" => state_of(pull).into(),
            "closed" => (!pull.open).into(),
            "merged" => pull.merged.is_some().into(),
            "isDraft" => pull.draft.into(),
            "locked" | "isInMergeQueue" | "isMergeQueueEnabled" | "maintainerCanModify" => false.into(),
            "mergeQueueEntry" | "autoMergeRequest" => Out::null(),
            "isCrossRepository" => (pull.head_repo != repo).into(),
            "createdAt" => stamp(pull.created_at).into(),
            "updatedAt" => stamp(pull.updated_at).into(),
            "closedAt" => stamp_opt(pull.closed_at).into(),
            "mergedAt" => stamp_opt(pull.merged.as_ref().map(|m| m.at)).into(),
            "mergedBy" => Out::maybe(pull.merged.as_ref().map(|m| Node::Account(m.by))),
            "mergeCommit" => match &pull.merged {
                Some(merged) => commit(repo, &merged.commit),
                None => Out::null(),
            },
            "author" => self.actor(pull.author.account),
            "authorAssociation" => self.face.association(repo, pull.author.account).into(),
            "repository" | "baseRepository" => Out::One(Node::Repository(repo)),
            "headRepository" => Out::maybe(self.head_repo(pull).map(Node::Repository)),
            "headRepositoryOwner" => {
                let owner = self.st.repos.get(&pull.head_repo).map(|r| r.owner);
                Out::maybe(owner.map(Node::Account))
            }
            "headRefName" => pull.head_ref.as_str().into(),
            "headRefOid" => pull.head_sha.as_str().into(),
            "baseRefName" => pull.base_ref.as_str().into(),
            "baseRefOid" => pull.base_sha.as_str().into(),
            "headRef" => self.branch(pull.head_repo, &pull.head_ref)?,
            "baseRef" => self.branch(repo, &pull.base_ref)?,
            "viewerDidAuthor" => false.into(),
            _ => return self.pull_more(repo, pull, name, args),
        })
    }

    fn pull_more(&self, repo: u64, pull: &Pull, name: &str, args: &Args) -> Result<Out, Fault> {
        let number = pull.number;
        Ok(match name {
            "mergeable" => match self.st.mergeable(repo, number)? {
                None => "UNKNOWN",
                Some(true) => "MERGEABLE",
                Some(false) => "CONFLICTING",
            }
            .into(),
            "mergeStateStatus" => match self.st.mergeable(repo, number)? {
                None => "UNKNOWN",
                Some(false) => "DIRTY",
                Some(true) if pull.draft => "DRAFT",
                Some(true) => "CLEAN",
            }
            .into(),
            "reviewDecision" => self.review_decision(repo, pull).into(),
            "changedFiles" => self.face.pull_range(repo, pull).1.len().into(),
            "additions" | "deletions" => self.face.pull_full(repo, number)[name].clone().into(),
            "files" => Out::Page(self.changed_files(repo, pull)),
            "commits" => Out::Page(self.pull_commits(repo, pull)),
            "reviews" => {
                let states = args.texts("states");
                let fits = pull.reviews.iter().filter(|review| {
                    review.state != ReviewState::Pending
                        && states.as_ref().is_none_or(|states| states.iter().any(|s| s == review.state.name()))
                });
                Out::Page(fits.map(|r| Node::Review(repo, number, r.id)).collect())
            }
            "latestOpinionatedReviews" | "latestReviews" => {
                let writers = args.flag("writersOnly").unwrap_or(false);
                let all = self.st.opinions(pull);
                let fits = all.into_iter().filter(|(person, _)| !writers || self.st.is_writer(repo, *person));
                Out::Page(fits.map(|(_, r)| Node::Review(repo, number, r.id)).collect())
            }
            "comments" => {
                let all = self.st.repo(repo)?.comments.values();
                let fits = all.filter(|comment| comment.number == number);
                Out::Page(fits.map(|comment| Node::Comment(repo, comment.id)).collect())
            }
            "labels" => {
                let label = |name: &String| {
                    let id = self.face.label(repo, name)["node_id"].clone();
                    Node::Plain("Label", vec![("name", name.as_str().into()), ("id", id.into())])
                };
                Out::Page(pull.labels.iter().map(label).collect())
            }
            "reviewRequests" => Out::Page(self.requests(pull)),
            "timelineItems" => Out::Page(self.timeline(repo, pull, args)),
            "potentialMergeCommit" => Out::null(),
            "statusCheckRollup" => self.rollup(repo, &pull.head_sha)?,
            _ => return Err(Fault::Undefined),
        })
    }

    fn head_repo(&self, pull: &Pull) -> Option<u64> {
        self.st.repos.get(&pull.head_repo).map(|repo| repo.id)
    }

    fn actor(&self, id: u64) -> Out {
        Out::maybe(self.st.accounts.get(&id).map(|account| Node::Account(account.id)))
    }

    fn branch(&self, repo: u64, name: &str) -> Result<Out, Fault> {
        if !self.st.repos.contains_key(&repo) {
            return Ok(Out::null());
        }
        let tip = self.st.branch_tip(repo, name)?;
        Ok(Out::maybe(tip.map(|_| Node::Ref(repo, format!("refs/heads/{name}")))))
    }

    /// GitHub's own judgement; null where no review is required.
    fn review_decision(&self, repo: u64, pull: &Pull) -> Option<&'static str> {
        let here = self.st.repo(repo).ok()?;
        let refname = format!("refs/heads/{}", pull.base_ref);
        let rules = self.st.rules_for(here, &refname);
        let classic = here.protections.get(&pull.base_ref);
        let needed = rules
            .iter()
            .filter(|rule| rule.kind == "pull_request")
            .filter_map(|rule| rule.parameters["required_approving_review_count"].as_u64())
            .chain(
                classic
                    .and_then(|put| put["required_pull_request_reviews"]["required_approving_review_count"].as_u64()),
            )
            .max()
            .filter(|needed| *needed > 0)?;
        let mut approved = 0;
        for (person, review) in self.st.opinions(pull) {
            if !self.st.is_writer(repo, person) {
                continue;
            }
            match review.state {
                ReviewState::ChangesRequested => return Some("CHANGES_REQUESTED"),
                ReviewState::Approved => approved += 1,
                ReviewState::Commented | ReviewState::Dismissed | ReviewState::Pending => {}
            }
        }
        Some(if approved >= needed { "APPROVED" } else { "REVIEW_REQUIRED" })
    }

    fn changed_files(&self, repo: u64, pull: &Pull) -> Vec<Node> {
        let most = self.st.caps.pull_files;
        let files = self.face.pull_range(repo, pull).1;
        let shown = files.iter().take(most).map(|file| {
            let kind = match file.status {
                "added" => "ADDED",
                "removed" => "DELETED",
                "renamed" => "RENAMED",
                "copied" => "COPIED",
                "changed" => "CHANGED",
                _ => "MODIFIED",
            };
            Node::Plain(
                "PullRequestChangedFile",
                vec![
                    ("path", file.path.as_str().into()),
                    ("changeType", kind.into()),
                    ("additions", file.additions.into()),
                    ("deletions", file.deletions.into()),
                    ("viewerViewedState", "UNVIEWED".into()),
                ],
            )
        });
        shown.collect()
    }

    fn pull_commits(&self, repo: u64, pull: &Pull) -> Vec<Node> {
        let most = self.st.caps.pull_commits;
        let commits = self.face.pull_range(repo, pull).0;
        let shown = commits.iter().take(most).map(|id| {
            let page = format!("{}/pull/{}/commits/{id}", self.face.repo_page(repo), pull.number);
            Node::Plain(
                "PullRequestCommit",
                vec![
                    ("id", format!("PRC_{}_{id}", pull.id).into()),
                    ("url", page.into()),
                    ("commit", Out::One(Node::Commit(repo, *id))),
                ],
            )
        });
        shown.collect()
    }

    fn requests(&self, pull: &Pull) -> Vec<Node> {
        let request = |node: Node| {
            Node::Plain("ReviewRequest", vec![("requestedReviewer", Out::One(node)), ("asCodeOwner", false.into())])
        };
        let people = pull.requested_people.iter().map(|id| Node::Account(*id));
        let teams = pull.requested_teams.iter().map(|id| Node::Team(*id));
        people.chain(teams).map(request).collect()
    }

    /// Moments of the timeline, by type if asked.
    fn timeline(&self, repo: u64, pull: &Pull, args: &Args) -> Vec<Node> {
        let wanted = args.texts("itemTypes");
        let shown = pull.timeline.iter().filter_map(|moment| {
            let (typename, word) = match moment.event {
                "closed" => ("ClosedEvent", "CLOSED_EVENT"),
                "reopened" => ("ReopenedEvent", "REOPENED_EVENT"),
                "merged" => ("MergedEvent", "MERGED_EVENT"),
                "review_dismissed" => ("ReviewDismissedEvent", "REVIEW_DISMISSED_EVENT"),
                "base_ref_changed" => ("BaseRefChangedEvent", "BASE_REF_CHANGED_EVENT"),
                _ => return None,
            };
            if wanted.as_ref().is_some_and(|wanted| !wanted.iter().any(|w| w == word)) {
                return None;
            }
            let mut fields: Vec<(&'static str, Out)> = vec![
                ("id", format!("EV_{}", moment.id).into()),
                ("createdAt", stamp(moment.at).into()),
                ("actor", self.actor(moment.actor)),
            ];
            if let Some((review, said)) = moment.dismissed {
                fields.push(("previousReviewState", said.name().into()));
                fields.push(("review", Out::One(Node::Review(repo, pull.number, review))));
            }
            if let Some(from) = &moment.from {
                fields.push(("previousRefName", from.as_str().into()));
                fields.push(("currentRefName", pull.base_ref.as_str().into()));
            }
            Some(Node::Plain(typename, fields))
        });
        shown.collect()
    }

    pub(super) fn review(&self, repo: u64, number: u64, id: u64, name: &str) -> Result<Out, Fault> {
        let review: &Review = self.st.review(repo, number, id)?;
        let page = format!("{}/pull/{number}#pullrequestreview-{id}", self.face.repo_page(repo));
        let submitted = stamp_opt(review.submitted_at);
        Ok(match name {
            "id" => format!("PRR_{id}").into(),
            "databaseId" => id.into(),
            "fullDatabaseId" => id.to_string().into(),
            "state" => review.state.name().into(),
            "body" | "bodyText" => review.body.as_str().into(),
            "url" => page.into(),
            "submittedAt" | "createdAt" | "publishedAt" => submitted.into(),
            "updatedAt" => stamp_opt(review.edited_at.or(review.submitted_at)).into(),
            "lastEditedAt" => stamp_opt(review.edited_at).into(),
            "editor" => match review.edited_at {
                Some(_) => self.actor(review.author.account),
                None => Out::null(),
            },
            "author" => self.actor(review.author.account),
            "authorAssociation" => self.face.association(repo, review.author.account).into(),
            "authorCanPushToRepository" => self.st.is_writer(repo, review.author.account).into(),
            "commit" => commit(repo, &review.commit),
            "pullRequest" => Out::One(Node::Pull(repo, number)),
            "isMinimized" => false.into(),
            "onBehalfOf" => Out::Page(Vec::new()),
            "comments" => Out::Page(Vec::new()),
            _ => return Err(Fault::Undefined),
        })
    }

    pub(super) fn comment(&self, repo: u64, id: u64, name: &str) -> Result<Out, Fault> {
        let comment = self.st.comment(repo, id)?;
        let number = comment.number;
        let edited = comment.edited.map(|(_, at)| at);
        Ok(match name {
            "id" => format!("IC_{id}").into(),
            "databaseId" => id.into(),
            "fullDatabaseId" => id.to_string().into(),
            "body" | "bodyText" => comment.body.as_str().into(),
            "url" => {
                let page = self.face.repo_page(repo);
                format!("{page}/pull/{number}#issuecomment-{id}").into()
            }
            "createdAt" | "publishedAt" => stamp(comment.created_at).into(),
            "updatedAt" => stamp(comment.updated_at).into(),
            "lastEditedAt" => stamp_opt(edited).into(),
            "includesCreatedEdit" => edited.is_some().into(),
            "editor" => match comment.edited {
                Some((actor, _)) => self.actor(actor.account),
                None => Out::null(),
            },
            "author" => self.actor(comment.author.account),
            "authorAssociation" => self.face.association(repo, comment.author.account).into(),
            "isMinimized" => comment.minimized.is_some().into(),
            "minimizedReason" => match &comment.minimized {
                Some(reason) => reason.as_str().into(),
                None => Out::null(),
            },
            "viewerDidAuthor" => false.into(),
            "pullRequest" => Out::One(Node::Pull(repo, number)),
            "repository" => Out::One(Node::Repository(repo)),
            "reactions" => {
                let reaction = |content: &str, by: u64| {
                    let word = match content {
                        "+1" => "THUMBS_UP".to_owned(),
                        "-1" => "THUMBS_DOWN".to_owned(),
                        other => other.to_uppercase(),
                    };
                    Node::Plain("Reaction", vec![("content", word.into()), ("user", self.actor(by))])
                };
                let all = comment.reactions.iter();
                Out::Page(all.map(|(_, by, content, _)| reaction(content, by.account)).collect())
            }
            _ => return Err(Fault::Undefined),
        })
    }
}

fn commit(repo: u64, sha: &str) -> Out {
    Out::maybe(git::oid(sha).map(|id| Node::Commit(repo, id)))
}

//! The queries we send to GraphQL and the shape of what comes back.
//!
//! The queries are checked against GitHub's published schema; nothing here sends or decides.

use serde::Deserialize;

use super::wire::ActorWire;

const HEADER: &str = "number url title body state isDraft updatedAt headRefName headRefOid baseRefName \
    headRepository { databaseId } author { ...who }";
const WHO: &str = "fragment who on Actor { __typename login ... on User { databaseId } ... on Bot { databaseId } \
    ... on Mannequin { databaseId } ... on Organization { databaseId } }";

/// The lists of a pull request: name and fields of an entry.
const LISTS: [(&str, &str); 5] = [
    (
        MOMENTS,
        "__typename ... on ReviewDismissedEvent { createdAt actor { ...who } previousReviewState review { fullDatabaseId } } \
         ... on BaseRefChangedEvent { createdAt previousRefName }",
    ),
    ("reviews", "fullDatabaseId state submittedAt authorCanPushToRepository author { ...who } commit { oid }"),
    (
        "commits",
        "commit { oid message authors(first: 100) { pageInfo { hasNextPage endCursor } nodes { email user { databaseId login } } } \
         committer { email user { databaseId login } } }",
    ),
    (
        "reviewRequests",
        "requestedReviewer { __typename ... on User { login } ... on Bot { login } ... on Mannequin { login } \
         ... on Team { slug } }",
    ),
    ("comments", "fullDatabaseId body createdAt lastEditedAt isMinimized editor { ...who } author { ...who }"),
];

/// Name of the list of what happened.
pub(super) const MOMENTS: &str = "timelineItems";

fn list(name: &str, fields: &str, after: &str) -> String {
    let kinds = if name == MOMENTS { ", itemTypes: [REVIEW_DISMISSED_EVENT, BASE_REF_CHANGED_EVENT]" } else { "" };
    format!("{name}(first: 100{after}{kinds}) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ {fields} }} }}")
}

fn document(variables: &str, fields: &str) -> String {
    // GraphQL refuses a fragment that is not used.
    let fragment = if fields.contains("...who") { WHO } else { "" };
    format!(
        "query Change($owner: String!, $name: String!, $number: Int!{variables}) {{ \
         repository(owner: $owner, name: $name) {{ databaseId owner {{ login }} \
         pullRequest(number: $number) {{ {fields} }} }} rateLimit {{ cost remaining }} }} {fragment}"
    )
}

pub(super) fn first_query() -> String {
    let lists: Vec<String> = LISTS.iter().map(|(name, fields)| list(name, fields, "")).collect();
    document("", &format!("{HEADER} {}", lists.join(" ")))
}

pub(super) fn next_query(name: &str) -> String {
    let fields = LISTS.iter().find(|(known, _)| *known == name).map_or("", |(_, fields)| fields);
    document(", $after: String!", &list(name, fields, ", after: $after"))
}

#[derive(Deserialize)]
pub(super) struct Envelope {
    pub(super) data: Option<Data>,
    #[serde(default)]
    pub(super) errors: Vec<ErrorWire>,
}

#[derive(Deserialize)]
pub(super) struct ErrorWire {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Data {
    pub(super) repository: Option<RepositoryWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RepositoryWire {
    pub(super) database_id: u64,
    pub(super) owner: OwnerWire,
    pub(super) pull_request: Option<PullWire>,
}

#[derive(Deserialize)]
pub(super) struct OwnerWire {
    pub(super) login: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PullWire {
    #[serde(flatten)]
    pub(super) header: Option<HeaderWire>,
    pub(super) reviews: Option<Page<ReviewWire>>,
    pub(super) commits: Option<Page<CommitWire>>,
    pub(super) review_requests: Option<Page<RequestWire>>,
    pub(super) comments: Option<Page<CommentWire>>,
    pub(super) timeline_items: Option<Page<MomentWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeaderWire {
    pub(super) number: u64,
    pub(super) url: String,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) state: String,
    pub(super) is_draft: bool,
    pub(super) updated_at: Option<String>,
    pub(super) head_ref_name: String,
    pub(super) head_ref_oid: String,
    pub(super) base_ref_name: String,
    pub(super) head_repository: Option<IdWire>,
    pub(super) author: Option<ActorWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IdWire {
    pub(super) database_id: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    pub(super) page_info: PageInfo,
    pub(super) nodes: Vec<Option<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

/// A 64-bit number: a string by the schema; some servers send a number.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum BigInt {
    Text(String),
    Number(u64),
}

impl BigInt {
    pub(super) fn get(&self) -> Option<u64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => Some(*number),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReviewWire {
    pub(super) full_database_id: BigInt,
    pub(super) state: String,
    pub(super) submitted_at: Option<String>,
    pub(super) author_can_push_to_repository: Option<bool>,
    pub(super) author: Option<ActorWire>,
    pub(super) commit: Option<OidWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MomentWire {
    #[serde(rename = "__typename")]
    pub(super) kind: String,
    pub(super) created_at: Option<String>,
    pub(super) actor: Option<ActorWire>,
    pub(super) previous_review_state: Option<String>,
    pub(super) review: Option<NumberWire>,
    pub(super) previous_ref_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NumberWire {
    pub(super) full_database_id: BigInt,
}

#[derive(Deserialize)]
pub(super) struct OidWire {
    pub(super) oid: String,
}

#[derive(Deserialize)]
pub(super) struct CommitWire {
    pub(super) commit: GitCommitWire,
}

#[derive(Deserialize)]
pub(super) struct GitCommitWire {
    pub(super) oid: String,
    pub(super) message: String,
    pub(super) authors: Page<SignatureWire>,
    pub(super) committer: Option<SignatureWire>,
}

#[derive(Deserialize)]
pub(super) struct SignatureWire {
    pub(super) email: Option<String>,
    pub(super) user: Option<ActorWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestWire {
    pub(super) requested_reviewer: Option<ReviewerWire>,
}

#[derive(Deserialize)]
pub(super) struct ReviewerWire {
    pub(super) slug: Option<String>,
    #[serde(flatten)]
    pub(super) actor: ActorWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommentWire {
    pub(super) full_database_id: BigInt,
    pub(super) body: String,
    pub(super) created_at: String,
    pub(super) last_edited_at: Option<String>,
    pub(super) is_minimized: bool,
    pub(super) editor: Option<ActorWire>,
    pub(super) author: Option<ActorWire>,
}

impl ErrorWire {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(kind))
    }
}

#[cfg(test)]
pub(super) fn queries() -> Vec<String> {
    std::iter::once(first_query()).chain(LISTS.iter().map(|(name, _)| next_query(name))).collect()
}

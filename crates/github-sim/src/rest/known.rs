//! Operations GitHub has and the stand-in has not: 501 instead of 404, so that a gap here is not taken
//! for a fault of the caller.

/// Method, path, GitHub's operation id.
const KNOWN: &[(&str, &str, &str)] = &[
    ("PUT", "/repos/*/*/pulls/*/merge-async", "pulls/merge-async"),
    ("GET", "/repos/*/*/pulls/*/merge-async/*", "pulls/get-merge-async-result"),
    ("PUT", "/repos/*/*/pulls/*/update-branch", "pulls/update-branch"),
    ("GET", "/repos/*/*/pulls/*/comments", "pulls/list-review-comments"),
    ("GET", "/repos/*/*/environments", "repos/get-all-environments"),
    ("GET", "/repos/*/*/environments/*", "repos/get-environment"),
    ("PUT", "/repos/*/*/environments/*", "repos/create-or-update-environment"),
    ("GET", "/repos/*/*/environments/*/deployment_protection_rules", "repos/get-all-deployment-protection-rules"),
    ("GET", "/repos/*/*/actions/runs/*/approvals", "actions/get-reviews-for-run"),
    ("GET", "/repos/*/*/actions/secrets", "actions/list-repo-secrets"),
    ("GET", "/repos/*/*/actions/secrets/public-key", "actions/get-repo-public-key"),
    ("PUT", "/repos/*/*/actions/secrets/*", "actions/create-or-update-repo-secret"),
    ("DELETE", "/repos/*/*/actions/secrets/*", "actions/delete-repo-secret"),
    ("POST", "/app-manifests/*/conversions", "apps/create-from-manifest"),
    ("GET", "/repos/*/*/hooks", "repos/list-webhooks"),
    ("GET", "/repos/*/*/tags", "repos/list-tags"),
    ("GET", "/repos/*/*/releases", "repos/list-releases"),
    ("GET", "/repos/*/*/issues", "issues/list-for-repo"),
    ("POST", "/repos/*/*/issues", "issues/create"),
    ("PATCH", "/repos/*/*/issues/*", "issues/update"),
    ("GET", "/repos/*/*/rulesets/rule-suites", "repos/get-repo-rule-suites"),
    ("GET", "/orgs/*", "orgs/get"),
    ("GET", "/", "meta/root"),
    ("GET", "/zen", "meta/get-zen"),
    ("GET", "/orgs/*/repos", "repos/list-for-org"),
];

/// GitHub's operation for a method and a path the stand-in does not serve.
pub(crate) fn operation(method: &str, path: &str) -> Option<&'static str> {
    KNOWN
        .iter()
        .find(|(known, pattern, _)| *known == method && crate::state::rules::matches(pattern, path))
        .map(|(_, _, id)| *id)
}

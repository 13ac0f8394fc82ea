//! Broken policies as data: each fault with its exact code, line and column, and what a person reads.

use super::*;

/// A policy without a fault; the cases change one thing in it.
const BASE: &str = include_str!("base.yaml");

struct Case {
    title: &'static str,
    from: &'static str,
    to: &'static str,
    /// Every fault of the text, in order: code, line, column.
    faults: &'static [(&'static str, usize, usize)],
}

const fn case(
    title: &'static str,
    from: &'static str,
    to: &'static str,
    faults: &'static [(&'static str, usize, usize)],
) -> Case {
    Case { title, from, to, faults }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    // the text
    case("no YAML", "[production]", "[production", &[("CS0101", 8, 14)]),
    case("a tab as indentation", "    paths", "\tpaths", &[("CS0101", 4, 2)]),
    case("a second document", "admins:", "---\nadmins:", &[("CS0101", 10, 1)]),
    case("a tag", "name: production", "name: !!str production", &[("CS0101", 6, 11)]),
    case("a merge key", "    required", "    <<: {}\n    required", &[("CS0101", 9, 5)]),
    case("an unknown alias", "[ann, bob]", "*people", &[("CS0101", 8, 24)]),
    case("a list instead of a mapping", "{approvers: {teams: [acme/platform]}, required_approvals: 2}", "[acme/platform]", &[("CS0104", 10, 9)]),
    case("another version", "version: 1", "version: 2", &[("CS0103", 1, 10)]),
    // fields
    case("a mistyped field", "required_approvals: 2\nadmins", "required_approval: 2\nadmins", &[("CS0107", 9, 5)]),
    case("a field with no near name", "    required_approvals: 2\nadmins", "    colour: red\nadmins", &[("CS0107", 9, 5)]),
    case("a field in camel case", "required_approvals: 2\nadmins", "requiredApprovals: 2\nadmins", &[("CS0107", 9, 5)]),
    case("a missing field", "    paths: [\"secrets/production/\"]", "    branch: main", &[("CS0105", 4, 5)]),
    case("no policies", "policies:\n  - name: production\n    environments: [production]\n    approvers: {users: [ann, bob], teams: [acme/security]}\n    required_approvals: 2\n", "", &[("CS0105", 1, 1)]),
    case("a duplicate key", "    environments: [production]", "    environments: [production]\n    name: other", &[("CS0106", 8, 5)]),
    case("a policy twice as a key", "admins:", "version: 1\nadmins:", &[("CS0106", 10, 1)]),
    case("text for a list", "users: [ann, bob]", "users: ann", &[("CS0104", 8, 24)]),
    case("text for a number", "required_approvals: 2\nadmins", "required_approvals: two\nadmins", &[("CS0104", 9, 25)]),
    case("a quoted number", "required_approvals: 2\nadmins", "required_approvals: \"2\"\nadmins", &[("CS0104", 9, 25)]),
    case("a number for a name", "name: production", "name: 2024", &[("CS0104", 6, 11)]),
    case("nothing for a list", "environments: [production]", "environments:", &[("CS0104", 7, 17)]),
    case("a word for a switch", "    required_approvals: 2\nadmins", "    self_approval: yes\nadmins", &[("CS0104", 9, 20)]),
    case("an unknown word", "    required_approvals: 2\nadmins", "    enforcement: hart\nadmins", &[("CS0108", 9, 18)]),
    // numbers and limits
    case("no approvals", "required_approvals: 2\nadmins", "required_approvals: 0\nadmins", &[("CS0109", 9, 25)]),
    case("too many approvals", "required_approvals: 2\nadmins", "required_approvals: 51\nadmins", &[("CS0109", 9, 25)]),
    case("a negative number", "required_approvals: 2\nadmins", "required_approvals: -1\nadmins", &[("CS0104", 9, 25)]),
    // names
    case("a name with capitals", "- name: production", "- name: Production", &[("CS0110", 6, 11)]),
    case("an environment with an underscore", "  production:\n", "  pre_production:\n", &[("CS0110", 3, 3), ("CS0112", 7, 20)]),
    case("two policies of one name", "admins:", "  - {name: production, environments: \"*\", approvers: {teams: [acme/x]}}\nadmins:", &[("CS0111", 10, 12)]),
    case("a team among users", "users: [ann, bob]", "users: [ann, acme/ops]", &[("CS0110", 8, 30)]),
    case("a login with an at sign", "users: [ann, bob]", "users: [ann, '@bob']", &[("CS0110", 8, 30)]),
    case("a user among teams", "teams: [acme/security]", "teams: [security]", &[("CS0110", 8, 44)]),
    case("a team in capitals", "teams: [acme/security]", "teams: [acme/Security]", &[("CS0110", 8, 44)]),
    case("a bot as approver", "users: [ann, bob]", "users: [ann, 'renovate[bot]']", &[("CS0121", 8, 30)]),
    case("a person twice", "users: [ann, bob]", "users: [ann, Ann]", &[("CS0111", 8, 30)]),
    case("a full reference as branch", "    paths", "    branch: refs/heads/main\n    paths", &[("CS0110", 4, 13)]),
    case("a pattern as branch", "    paths", "    branch: release/*\n    paths", &[("CS0110", 4, 13)]),
    case("our own branch", "    paths", "    branch: countersign/ledger\n    paths", &[("CS0110", 4, 13)]),
    // references and people
    case("an unknown environment", "environments: [production]", "environments: [prodution]", &[("CS0112", 7, 20)]),
    case("a star in a list", "environments: [production]", "environments: ['*']", &[("CS0112", 7, 20)]),
    case("a bare environment", "environments: [production]", "environments: production", &[("CS0108", 7, 19)]),
    case("no environment at all", "environments: [production]", "environments: []", &[("CS0115", 7, 5)]),
    case("no environments in the file", "  production:\n    paths: [\"secrets/production/\"]", "  {}", &[("CS0115", 2, 1)]),
    case("nobody", "{users: [ann, bob], teams: [acme/security]}", "{users: [], teams: []}", &[("CS0115", 8, 5)]),
    case("nobody at all", "{users: [ann, bob], teams: [acme/security]}", "{}", &[("CS0115", 8, 5)]),
    case("no approvers", "    approvers: {users: [ann, bob], teams: [acme/security]}\n", "", &[("CS0105", 6, 11)]),
    case("approvers and groups", "    required_approvals: 2\nadmins", "    groups: [{name: a, approvers: {teams: [acme/a]}}]\nadmins", &[("CS0116", 8, 5)]),
    case("empty groups", "    approvers: {users: [ann, bob], teams: [acme/security]}\n    required_approvals: 2", "    groups: []", &[("CS0115", 8, 5)]),
    case("two groups of one name", "    approvers: {users: [ann, bob], teams: [acme/security]}\n    required_approvals: 2", "    groups:\n      - {name: a, approvers: {teams: [acme/a]}}\n      - {name: a, approvers: {teams: [acme/b]}}", &[("CS0111", 10, 16)]),
    case("more approvals than people", ", teams: [acme/security]}\n    required_approvals: 2", "}\n    required_approvals: 3", &[("CS0118", 9, 25)]),
    case("groups that share one person", "    approvers: {users: [ann, bob], teams: [acme/security]}\n    required_approvals: 2", "    groups:\n      - {name: a, approvers: {users: [ann]}}\n      - {name: b, approvers: {users: [Ann]}}", &[("CS0118", 8, 5)]),
    case("fewer admins than the strictest policy needs", "{approvers: {teams: [acme/platform]}, required_approvals: 2}", "{approvers: {users: [ann]}}", &[("CS0118", 10, 1)]),
    case("nobody who could change the file", "policies:\n  - name: production\n    environments: [production]\n    approvers: {users: [ann, bob], teams: [acme/security]}\n    required_approvals: 2\nadmins: {approvers: {teams: [acme/platform]}, required_approvals: 2}\n", "policies: []\n", &[("CS0118", 0, 0)]),
    // patterns
    case("an absolute pattern", "\"secrets/production/\"", "/secrets/production/", &[("CS0113", 4, 13)]),
    case("a pattern with an open set", "\"secrets/production/\"", "'secrets/[ab/'", &[("CS0113", 4, 13)]),
    case("a pattern with braces", "\"secrets/production/\"", "'secrets/{a,b}/'", &[("CS0113", 4, 13)]),
    case("a negated pattern", "\"secrets/production/\"", "'!secrets/'", &[("CS0113", 4, 13)]),
    case("no pattern", "[\"secrets/production/\"]", "[]", &[("CS0115", 4, 5)]),
    case("a pattern twice", "\"secrets/production/\"", "a/, a/", &[("CS0111", 4, 17)]),
    case("a path in two environments", "policies:", "  payments:\n    paths: [\"secrets/Production/payments/\"]\npolicies:", &[("CS0119", 6, 13)]),
    // later releases
    case("a switch of later", "    paths", "    value_checks: true\n    paths", &[("CS0120", 4, 19)]),
    case("a span in weeks", "    paths", "    approval_ttl: 2w\n    paths", &[("CS0110", 4, 19)]),
    case("a span of seconds", "    paths", "    approval_ttl: 30s\n    paths", &[("CS0110", 4, 19)]),
    case("targets of later", "    paths", "    syncs:\n      - {name: cluster, flux: {url_from: A, token_from: B}, run_in: runner}\n    paths", &[("CS0120", 5, 69)]),
    case("a soft policy without bypass", "    required_approvals: 2\nadmins", "    enforcement: soft\nadmins", &[("CS0117", 9, 18)]),
    case("a bypass by nobody", "    required_approvals: 2\nadmins", "    enforcement: soft\n    bypass: {users: []}\nadmins", &[("CS0115", 10, 5)]),
    case("a bypass of odd numbers", "    required_approvals: 2\nadmins", "    enforcement: soft\n    bypass: {users: [ann, 'x[bot]'], min_reason: 0, ratify_within: 30s}\nadmins", &[("CS0121", 10, 27), ("CS0109", 10, 50), ("CS0110", 10, 68)]),
    case("a hard policy with bypass", "    required_approvals: 2\nadmins", "    bypass: {users: [ann]}\nadmins", &[("CS0116", 9, 5)]),
    case("lists of later", "admins:", "access:\n  - {name: on-call, environments: [production], approvers: {teams: [acme/security]}, max_duration: 8h}\nnotifications:\n  - {on: ['*'], email: {to: [approvers]}}\nadmins:", &[("CS0120", 10, 1)]),
    case("nowhere to tell", "admins:", "notifications:\n  - {on: ['*']}\nadmins:", &[("CS0105", 11, 5)]),
    case("told about nothing known", "admins:", "notifications:\n  - {on: [change.open], email: {to: [approvers]}}\nadmins:", &[("CS0108", 11, 11)]),
    case("two channels", "admins:", "notifications:\n  - {on: ['*'], teams: {webhook_url_from: T}, webhook: {url_from: A, secret_from: B}}\nadmins:", &[("CS0116", 11, 47)]),
    case("an address where an alias belongs", "admins:", "notifications:\n  - {on: ['*'], teams: {webhook_url_from: 'https://canary'}}\nadmins:", &[("CS0124", 11, 43)]),
    case("two ways into Slack", "admins:", "notifications:\n  - {on: ['*'], slack: {webhook_url_from: A, token_from: B, channel: c}}\nadmins:", &[("CS0116", 11, 46)]),
    case("a token without a channel", "admins:", "notifications:\n  - {on: ['*'], slack: {token_from: B}}\nadmins:", &[("CS0117", 11, 24)]),
    case("mail to nobody", "admins:", "notifications:\n  - {on: ['*'], email: {to: [approver, \"a@b\", 'x y@example.com']}}\nadmins:", &[("CS0108", 11, 30), ("CS0110", 11, 40), ("CS0110", 11, 47)]),
    case("everybody's bot", "admins:", "machines:\n  - {id: 41898282, login: 'x[bot]', environments: '*', keys: ['TLS_*']}\n  - {id: 2, login: 'github-actions[bot]', environments: '*', keys: ['TLS_*']}\nadmins:", &[("CS0116", 11, 27), ("CS0116", 12, 20)]),
    case("a bot that approves", "admins:", "machines:\n  - {id: 2, login: Ann, environments: '*', keys: ['TLS_*']}\nadmins:", &[("CS0116", 11, 20)]),
    case("a bot twice, without keys", "admins:", "machines:\n  - {id: 2, login: x, environments: '*', keys: ['']}\n  - {id: 2, login: x, environments: [produktion], keys: []}\nadmins:", &[("CS0113", 11, 49), ("CS0111", 12, 10), ("CS0112", 12, 38), ("CS0115", 12, 51)]),
    case("the same person as oneself", "admins:", "people:\n  ann: {same_person: Ann}\nadmins:", &[("CS0116", 11, 22)]),
    // people
    case("an identity instead of a recipient", "admins:", "people:\n  ann: {recipients: [AGE-SECRET-KEY-1CANARY]}\nadmins:", &[("CS0110", 11, 22)]),
    case("another kind of recipient, and no address", "admins:", "people:\n  ann: {email: ann, recipients: ['arn:aws:kms:x']}\nadmins:", &[("CS0110", 11, 16), ("CS0110", 11, 34)]),
    case("one recipient for two", "admins:", "people:\n  ann: {recipients: [age1qqqqqqqq]}\n  bob: {recipients: [age1qqqqqqqq]}\nadmins:", &[("CS0111", 12, 22)]),
    // targets
    case("a sync without a target", "    paths", "    syncs:\n      - {name: hook}\n    paths", &[("CS0105", 5, 9)]),
    case("a sync with two targets", "    paths", "    syncs:\n      - {name: hook, branch: {ref: a}, dispatch: {event: b}}\n    paths", &[("CS0116", 5, 40)]),
    case("two targets of one name", "    paths", "    syncs:\n      - {name: hook, branch: {ref: a}}\n      - {name: hook, branch: {ref: b}}\n    paths", &[("CS0111", 6, 16)]),
    case("an address instead of an alias", "    paths", "    syncs:\n      - {name: hook, webhook: {url_from: 'https://CANARY.example', secret_from: whsec_CANARY}}\n    paths", &[("CS0124", 5, 42), ("CS0124", 5, 81)]),
    case("an unknown first target", "    paths", "    syncs:\n      - {name: hook, branch: {ref: a}}\n      - {name: next, branch: {ref: b}, after: [hok, other]}\n    paths", &[("CS0122", 6, 48), ("CS0122", 6, 53)]),
    case("targets in a circle", "    paths", "    syncs:\n      - {name: one, branch: {ref: a}, after: [two]}\n      - {name: two, branch: {ref: b}, after: [one]}\n      - {name: three, branch: {ref: c}, after: [three]}\n    paths", &[("CS0123", 5, 9)]),
    case("a governed branch as a target", "    paths", "    branch: main\n    syncs:\n      - {name: one, branch: {ref: main}}\n    paths", &[("CS0125", 6, 9)]),
    case("our own branch as a target", "    paths", "    syncs:\n      - {name: one, branch: {ref: countersign/ledger}}\n    paths", &[("CS0110", 5, 35)]),
    case("one branch for two targets", "    paths", "    syncs:\n      - {name: one, branch: {ref: a}}\n      - {name: two, branch: {ref: a}}\n    paths", &[("CS0125", 6, 9)]),
    case("a dispatch of nothing, and of both", "    paths", "    syncs:\n      - {name: one, dispatch: {ref: a}}\n      - {name: two, dispatch: {workflow: a.yml, event: b}}\n    paths", &[("CS0105", 5, 31), ("CS0116", 6, 56)]),
    case("a workflow elsewhere, and an event with a branch", "    paths", "    syncs:\n      - {name: one, dispatch: {workflow: .github/workflows/a.yml}}\n      - {name: two, dispatch: {event: a, ref: b}}\n      - {name: three, dispatch: {event: 'a b'}}\n    paths", &[("CS0110", 5, 42), ("CS0116", 6, 42), ("CS0110", 7, 41)]),
    case("an address of Argo CD that could hold a secret", "    paths", "    syncs:\n      - {name: one, argocd: {url: 'https://x:CANARY@argo.example', application: pay, token_from: CANARY-1}}\n      - {name: two, argocd: {url: 'https://argo.example?token=CANARY', application: pay, token_from: A}}\n    paths", &[("CS0126", 5, 35), ("CS0124", 5, 98), ("CS0126", 6, 35)]),
    case("an application in capitals", "    paths", "    syncs:\n      - {name: one, argocd: {url: 'https://argo.example', application: Pay, token_from: A}}\n    paths", &[("CS0110", 5, 72)]),
    case("a receiver of Flux by its address, and one without a pattern", "    paths", "    syncs:\n      - {name: one, flux: {url_from: 'https://CANARY', token_from: A}}\n      - {name: two, flux: {url_from: A, token_from: B, verify: {context: ''}}}\n    paths", &[("CS0124", 5, 38), ("CS0110", 6, 74)]),
    case("a key-value store that is half named", "    paths", "    syncs:\n      - {name: one, vault: {address: 'https://v.example', mount: ../sys, path: /a, token_from: A, keys: []}, run_in: server}\n      - {name: two, vault: {address: 'https://v.example', mount: kv, path: a, token_from: A}}\n    paths", &[("CS0110", 5, 66), ("CS0110", 5, 80), ("CS0115", 5, 99)]),
    case("a key-value store whose address could hold a secret", "    paths", "    syncs:\n      - {name: one, vault: {address: 'https://x:CANARY@v.example', mount: kv, path: a, token_from: A}, run_in: server}\n    paths", &[("CS0126", 5, 38)]),
    case("Secrets of a cluster that cannot be", "    paths", "    syncs:\n      - {name: one, kubernetes: {namespace: a.b, secret: App, keys: []}, run_in: server}\n      - {name: two, kubernetes: {namespace: a-, secret: a..b}, run_in: server}\n      - {name: three, kubernetes: {namespace: a, secret: b}, run_in: server, runner: {workflow: a.yml}}\n      - {name: four, kubernetes: {namespace: a, secret: c, cluster: c}, run_in: server}\n      - {name: five, kubernetes: {secret: b}, run_in: server}\n    paths", &[("CS0110", 5, 45), ("CS0110", 5, 58), ("CS0115", 5, 63), ("CS0110", 6, 45), ("CS0110", 6, 57), ("CS0116", 7, 78), ("CS0107", 8, 60), ("CS0105", 9, 34)]),
    case("one Secret for two targets", "    paths", "    syncs:\n      - {name: one, kubernetes: {namespace: a, secret: b.c}, run_in: server}\n      - {name: two, kubernetes: {namespace: a, secret: b.c, keys: ['A_*']}, run_in: server}\n      - {name: three, kubernetes: {namespace: b, secret: b.c}, run_in: server}\n    paths", &[("CS0111", 6, 9)]),
    case("ExternalSecrets that cannot be", "    paths", "    syncs:\n      - {name: one, external_secrets: {namespace: a.b, names: [App, b-]}}\n      - {name: two, external_secrets: {namespace: a, names: []}}\n      - {name: three, external_secrets: {namespace: a}}\n      - {name: four, external_secrets: {namespace: a, names: [b, b]}}\n      - {name: five, external_secrets: {namespace: a, names: [c], keys: [d]}, run_in: runner, adopt: true}\n    paths", &[("CS0110", 5, 51), ("CS0110", 5, 64), ("CS0110", 5, 69), ("CS0115", 6, 54), ("CS0105", 7, 41), ("CS0111", 8, 66), ("CS0107", 9, 67), ("CS0120", 9, 87), ("CS0120", 9, 102)]),
    case("one ExternalSecret for two targets", "    paths", "    syncs:\n      - {name: one, external_secrets: {namespace: a, names: [b, c]}}\n      - {name: two, external_secrets: {namespace: a, names: [d, b]}}\n      - {name: three, external_secrets: {namespace: b, names: [b]}}\n    paths", &[("CS0111", 6, 9)]),
    case("ExternalSecrets without end", "    paths", "    syncs:\n      - {name: one, external_secrets: {namespace: a, names: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u]}}\n    paths", &[("CS0114", 5, 54)]),
    case("one secret for two targets", "    paths", "    syncs:\n      - {name: one, vault: {address: 'https://v.example', mount: kv, path: a, token_from: A}, run_in: server}\n      - {name: two, vault: {address: 'https://v.example', mount: kv, path: a, token_from: B, keys: ['A_*']}, run_in: server}\n    paths", &[("CS0111", 6, 9)]),
    case("an environment of GitHub twice, and one that cannot be", "    paths", "    syncs:\n      - {name: one, github_environment: {environment: Prod}, run_in: server}\n      - {name: two, github_environment: {environment: prod, keys: ['A_*']}, run_in: server}\n      - {name: three, github_environment: {environment: a/b}, run_in: server}\n      - {name: four, github_environment: {environment: c}}\n    paths", &[("CS0111", 6, 9), ("CS0110", 7, 57)]),
    case("a job and the server, and a job of no workflow", "    paths", "    syncs:\n      - {name: one, github_environment: {environment: a}, run_in: server, runner: {workflow: a.yml}}\n      - {name: two, github_environment: {environment: b}, runner: {workflow: ../a.yml}}\n      - {name: three, branch: {ref: x}, runner: {workflow: a.yml}}\n    paths", &[("CS0116", 5, 75), ("CS0110", 6, 78), ("CS0120", 7, 41)]),
    // just at a limit, and one wrong part of a text that is fine otherwise
    case("a number that is none", "name: production", "name: +.5", &[("CS0104", 6, 11)]),
    case("a number in base eight", "name: production", "name: 0o17", &[("CS0104", 6, 11)]),
    case("a number that is no whole one", "required_approvals: 2\nadmins", "required_approvals: 1.5\nadmins", &[("CS0104", 9, 25)]),
    case("a soft policy whose bypass cannot be read", "    required_approvals: 2\nadmins", "    enforcement: soft\n    bypass: nobody\nadmins", &[("CS0104", 10, 13)]),
    case("a bypass under a word that cannot be read", "    required_approvals: 2\nadmins", "    enforcement: sof\n    bypass: {users: [ann]}\nadmins", &[("CS0108", 9, 18)]),
    case("a mail address as approver", "users: [ann, bob]", "users: [ann, bob@example.com]", &[("CS0110", 8, 30)]),
    case("a name as approver", "users: [ann, bob]", "users: [ann, 'Bob B']", &[("CS0110", 8, 30)]),
    case("a team with an at sign", "teams: [acme/security]", "teams: ['@acme/security']", &[("CS0110", 8, 44)]),
    case("an admin too few, of a strict rule of their own", "{approvers: {teams: [acme/platform]}, required_approvals: 2}", "{approvers: {users: [ann, bob]}, required_approvals: 3}", &[("CS0118", 10, 1)]),
    case("told about nothing", "admins:", "notifications:\n  - {on: [], email: {to: [approvers]}}\nadmins:", &[("CS0115", 11, 6)]),
    case("told about something unreadable", "admins:", "notifications:\n  - {on: [7], email: {to: [approvers]}}\nadmins:", &[("CS0104", 11, 11)]),
    case("mail to an empty list", "admins:", "notifications:\n  - {on: ['*'], email: {to: []}}\nadmins:", &[("CS0115", 11, 25)]),
    case("mail to something unreadable", "admins:", "notifications:\n  - {on: ['*'], email: {to: [7]}}\nadmins:", &[("CS0104", 11, 30)]),
    case("a channel of each kind that cannot be read", "admins:", "notifications:\n  - {on: ['*'], slack: x}\n  - {on: ['*'], teams: x}\n  - {on: ['*'], email: x}\n  - {on: ['*'], webhook: x}\nadmins:", &[("CS0104", 11, 24), ("CS0104", 12, 24), ("CS0104", 13, 24), ("CS0104", 14, 26)]),
    case("Slack without a way in", "admins:", "notifications:\n  - {on: ['*'], slack: {}}\n  - {on: ['*'], slack: {webhook_url_from: 7}}\n  - {on: ['*'], slack: {token_from: 7}}\nadmins:", &[("CS0105", 11, 24), ("CS0104", 12, 43), ("CS0104", 13, 37)]),
    case("channels of Slack that are none", "admins:", "notifications:\n  - {on: ['*'], slack: {token_from: B, channel: '#'}}\n  - {on: ['*'], slack: {token_from: B, channel: 'a b'}}\n  - {on: ['*'], slack: {token_from: B, channel: 'a.b'}}\nadmins:", &[("CS0110", 11, 49), ("CS0110", 12, 49), ("CS0110", 13, 49)]),
    case("mail addresses with one odd part", "admins:", "people:\n  ann: {email: 'a@x..y'}\n  bob: {email: 'a@x_y.z'}\nadmins:", &[("CS0110", 11, 16), ("CS0110", 12, 16)]),
    case("recipients that are too short, or in capitals", "admins:", "people:\n  ann: {recipients: [age1qqq, age1QQQQQQQQ]}\nadmins:", &[("CS0110", 11, 22), ("CS0110", 11, 31)]),
    case("an application with an odd label", "    paths", "    syncs:\n      - {name: one, argocd: {url: 'https://a.example', application: pay-, token_from: A}}\n      - {name: two, argocd: {url: 'https://a.example', application: p_y, token_from: A}}\n    paths", &[("CS0110", 5, 69), ("CS0110", 6, 69)]),
    case("an address of Argo CD that climbs", "    paths", "    syncs:\n      - {name: one, argocd: {url: 'https://a.example/../x', application: pay, token_from: A}}\n      - {name: two, argocd: {url: 'https://a.example/./x', application: pay, token_from: A}}\n    paths", &[("CS0126", 5, 35), ("CS0126", 6, 35)]),
    case("a receiver of Flux whose look cannot be read", "    paths", "    syncs:\n      - {name: one, flux: {url_from: A, token_from: B, verify: x}}\n    paths", &[("CS0104", 5, 64)]),
    case("workflow files with one odd part", "    paths", "    syncs:\n      - {name: one, dispatch: {workflow: 'a b.yml'}}\n      - {name: two, dispatch: {workflow: deploy.txt}}\n      - {name: three, dispatch: {workflow: .yml}}\n    paths", &[("CS0110", 5, 42), ("CS0110", 6, 42), ("CS0110", 7, 44)]),
    case("a dispatch that cannot be read", "    paths", "    syncs:\n      - {name: one, dispatch: {workflow: 7}}\n      - {name: two, dispatch: {event: 7}}\n    paths", &[("CS0104", 5, 42), ("CS0104", 6, 39)]),
    case("a first target twice", "    paths", "    syncs:\n      - {name: one, branch: {ref: a}}\n      - {name: two, branch: {ref: b}, after: [one, one]}\n    paths", &[("CS0111", 6, 52)]),
    case("a target without a name before others", "    paths", "    syncs:\n      - {branch: {ref: a}}\n      - {name: two, branch: {ref: b}, after: [one]}\n    paths", &[("CS0105", 5, 9)]),
    // all at once
    case("many faults are reported in one run", "required_approvals: 2\nadmins: {approvers: {teams: [acme/platform]}", "required_approval: 99\n  - {name: X, environments: [stagin], approvers: {users: []}}\nadmins: {approvers: {teams: [platform]}, colour: red", &[("CS0107", 9, 5), ("CS0110", 10, 12), ("CS0112", 10, 30), ("CS0115", 10, 39), ("CS0110", 11, 30), ("CS0107", 11, 42)]),
];

fn faults(case: &Case) -> (String, Vec<Diagnostic>) {
    assert!(BASE.contains(case.from), "{}: the text to change is not in the base", case.title);
    let text = BASE.replacen(case.from, case.to, 1);
    let faults = parse(&text).expect_err(case.title);
    (text, faults)
}

#[test]
fn the_base_of_the_cases_has_no_fault() {
    policy(BASE);
}

#[test]
fn every_fault_is_found_at_its_place() {
    for case in CASES {
        let (_, faults) = faults(case);
        let found: Vec<_> = faults
            .iter()
            .map(|fault| {
                let place = fault.place.unwrap_or_default();
                (fault.code.as_str(), place.line, place.column)
            })
            .collect();
        assert_eq!(found, case.faults, "{}", case.title);
    }
}

#[test]
fn every_fault_is_an_error_with_help() {
    for case in CASES {
        for fault in faults(case).1 {
            assert_eq!(fault.severity, Severity::Error, "{}", case.title);
            assert!(fault.help.is_some(), "{}: {}", case.title, fault.message);
            assert!(!fault.message.ends_with('.'), "{}: {}", case.title, fault.message);
        }
    }
}

#[test]
fn a_person_reads_it_like_this() {
    let mut all = String::new();
    for case in CASES {
        let (text, faults) = faults(case);
        all.push_str(&format!("# {}\n", case.title));
        for fault in faults {
            all.push_str(&fault.render(".countersign/policy.yaml", &text));
        }
        all.push('\n');
    }
    assert!(!all.contains("CANARY"), "an identity was repeated");
    insta::assert_snapshot!(all);
}

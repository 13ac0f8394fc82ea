//! What each command ends with, and an example of it: one list for help, man pages and `docs/cli.md`.
//!
//! A command without an entry does not get past the tests.

/// One command.
pub(super) struct Entry {
    /// Its words after `countersign`.
    pub(super) name: &'static str,
    /// What it may end with.
    pub(super) exits: &'static [u8],
    /// A whole line.
    pub(super) example: &'static str,
}

/// Every number and what it stands for.
pub(super) const EXITS: [(u8, &str); 24] = [
    (0, "fine"),
    (1, "failed"),
    (2, "wrong usage, or input that cannot be read"),
    (4, "the format cannot hold it"),
    (7, "the value is no JSON"),
    (8, "flags contradict each other"),
    (10, "pending or unknown"),
    (11, "refused, rejected, stale, blocked, unreachable, or a conflict"),
    (12, "findings"),
    (13, "a target differs"),
    (14, "not verified, or trust is not pinned"),
    (25, "a value does not open"),
    (51, "the MAC is wrong"),
    (52, "the MAC is missing"),
    (61, "no creation rule"),
    (85, "interrupted"),
    (91, "no key path"),
    (92, "no document in the file"),
    (100, "no such file"),
    (111, "no recipient to seal for"),
    (128, "no identity opens it"),
    (200, "nothing to do"),
    (201, "no editor, or it failed"),
    (203, "sealed already"),
];

const OPENS: &[u8] = &[0, 1, 2, 12, 25, 51, 52, 61, 91, 100, 128];
const WRITES: &[u8] = &[0, 1, 2, 12, 25, 51, 52, 61, 85, 100, 111, 128];
const ASKS: &[u8] = &[0, 1, 2, 11, 12, 14, 25, 51, 52, 100, 128, 200];
const OPERATES: &[u8] = &[0, 1, 2];

const fn entry(name: &'static str, exits: &'static [u8], example: &'static str) -> Entry {
    Entry { name, exits, example }
}

pub(super) const ENTRIES: [Entry; 40] = [
    entry("get", OPENS, "countersign get -e production db.password"),
    entry("list", &[0, 1, 2, 12, 61, 100], "countersign list secrets/production"),
    entry("set", &[0, 1, 2, 7, 12, 25, 51, 52, 61, 91, 100, 128, 200], "countersign set -e production DB_PASSWORD"),
    entry(
        "unset",
        &[0, 1, 2, 12, 25, 51, 52, 61, 91, 100, 128, 200],
        "countersign unset secrets/production/app.yaml OLD_TOKEN",
    ),
    entry("edit", &[0, 1, 2, 12, 25, 51, 52, 61, 100, 111, 128, 200, 201], "countersign edit -e production -p app"),
    entry("diff", &[0, 1, 2, 100, 128], "countersign diff main HEAD -- secrets/production"),
    entry(
        "merge",
        &[0, 1, 2, 11, 25, 51, 100, 128],
        "countersign merge base.yaml ours.yaml theirs.yaml -o merged.yaml",
    ),
    entry("run", OPENS, "countersign run -e production -- ./server --port 8080"),
    entry(
        "export",
        &[0, 1, 2, 4, 12, 25, 51, 52, 61, 100, 128],
        "countersign export -e production -f k8s-secret --name app",
    ),
    entry("encrypt", &[0, 1, 2, 4, 8, 61, 85, 92, 100, 111, 203], "countersign encrypt -i secrets/production/app.yaml"),
    entry(
        "decrypt",
        &[0, 1, 2, 4, 8, 25, 51, 52, 85, 91, 100, 128],
        "countersign decrypt --extract db.port secrets/production/app.yaml",
    ),
    entry("rotate", WRITES, "countersign rotate -i secrets/production"),
    entry("updatekeys", WRITES, "countersign updatekeys --rotate -e production"),
    entry("recipients", WRITES, "countersign recipients --remove age1qy… -e production"),
    entry("propose", &[0, 1, 2, 11, 12, 200], "countersign propose -t \"Rotate the token\" secrets/production"),
    entry("promote", ASKS, "countersign promote --from staging --to production db.password"),
    entry("rollback", ASKS, "countersign rollback -e production --to L-12"),
    entry("init", &[0, 1, 2, 11, 12, 128], "countersign init --approver alice,bob --approver acme/security"),
    entry("check", &[0, 1, 2, 12], "countersign check --format github"),
    entry("schema", &[0, 1], "countersign schema"),
    entry(
        "policy diff",
        &[0, 1, 2, 12, 100],
        "countersign policy diff main:.countersign/policy.yaml .countersign/policy.yaml",
    ),
    entry("policy test", &[0, 1, 2, 12], "countersign policy test"),
    entry("explain", &[0, 1, 2, 10, 11], "countersign explain --pr 42 --as bob --with-review approve"),
    entry("status", &[0, 1, 2, 10, 11], "countersign status --watch --interval 1m"),
    entry("verify", &[0, 1, 2, 14], "countersign verify --trust sha256:2bde17… HEAD"),
    entry("ledger show", &[0, 1, 2, 14], "countersign ledger show L-12"),
    entry("ledger export", &[0, 1, 2, 14], "countersign ledger export -o ledger.jsonl"),
    entry("keygen", &[0, 1, 2], "countersign keygen -o ledger.pem"),
    entry("adopt", OPERATES, "countersign adopt --repo acme/app 3f2a91c0d4e5b6a7988776655443322110ffeedd"),
    entry("revoke-value", OPERATES, "countersign revoke-value secrets/production/db.yaml db.password --at 3f2a91c"),
    entry("sync", &[0, 1, 2, 10, 13, 14], "countersign sync --plan -e production"),
    entry("serve", OPERATES, "countersign serve --config countersign.toml"),
    entry("migrate", &[0, 1, 2, 10], "countersign migrate --dry-run"),
    entry("backup", &[0, 1, 2, 100], "countersign backup /var/backups/countersign.db"),
    entry("action", &[0, 1, 2, 10, 11, 12, 14, 128], "countersign action"),
    entry("doctor", &[0, 1, 2, 12], "countersign doctor --repo acme/app"),
    entry("config", OPERATES, "countersign config --config countersign.toml"),
    entry("demo", &[0, 1], "countersign demo --keep-running"),
    entry("completions", &[0, 1, 2], "countersign completions zsh"),
    entry("man", &[0, 1, 2], "countersign man ~/.local/share/man/man1"),
];

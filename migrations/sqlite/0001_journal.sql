-- The journal: inbox, work table, sightings, what we wrote, remembered ledger heads.
-- Instants are seconds since 1970 in UTC. GitHub's numbers are kept as they are.

-- Deliveries that arrived: enough to recognise a repetition. The body only when it could not be parsed.
CREATE TABLE deliveries (
    id          TEXT    NOT NULL PRIMARY KEY,
    event       TEXT    NOT NULL,
    body_digest TEXT    NOT NULL,
    arrived_at  INTEGER NOT NULL,
    unparsable  BLOB
) STRICT;

CREATE INDEX deliveries_by_arrival ON deliveries (arrived_at);

-- Subjects to look at. A row exists as long as somebody wants a look, or one is being taken.
CREATE TABLE work (
    subject     TEXT    NOT NULL PRIMARY KEY,
    due_at      INTEGER NOT NULL,
    -- While leased: the earliest look asked for since the claim.
    later_at    INTEGER,
    asked       INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    fence       INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    last_error  TEXT,
    CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
    CHECK (later_at IS NULL OR lease_until IS NOT NULL)
) STRICT;

CREATE INDEX work_by_due ON work (due_at, subject);

-- The last fence given out. One counter for all subjects, so that it outlives the rows of the work table.
CREATE TABLE fence (
    only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    last INTEGER NOT NULL
) STRICT;

INSERT INTO fence (only, last) VALUES (1, 0);

-- Who moved which reference.
CREATE TABLE pushes (
    arrival    INTEGER NOT NULL PRIMARY KEY,
    repo       INTEGER NOT NULL,
    reference  TEXT    NOT NULL,
    before_oid TEXT    NOT NULL,
    after_oid  TEXT    NOT NULL,
    -- JSON of the account.
    actor      TEXT,
    at         INTEGER NOT NULL,
    delivery   TEXT
) STRICT;

CREATE UNIQUE INDEX pushes_once
    ON pushes (repo, reference, at, before_oid, after_oid, ifnull(actor, ''), ifnull(delivery, ''));

-- What reviews said when they were first seen, and who dismissed them.
CREATE TABLE reviews (
    arrival    INTEGER NOT NULL PRIMARY KEY,
    repo       INTEGER NOT NULL,
    change     INTEGER NOT NULL,
    review     INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    commit_oid TEXT,
    -- Base of the pull request then.
    base       TEXT,
    -- JSON of the account.
    sender     TEXT,
    at         INTEGER NOT NULL,
    delivery   TEXT
) STRICT;

CREATE UNIQUE INDEX reviews_once
    ON reviews (repo, change, review, kind, ifnull(commit_oid, ''), ifnull(sender, ''), at, ifnull(delivery, ''));

-- Repositories that can be reached, and through which installation.
CREATE TABLE repositories (
    repo         INTEGER NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    installation INTEGER NOT NULL
) STRICT;

-- What we last wrote on a pull request, as JSON.
CREATE TABLE presences (
    repo     INTEGER NOT NULL,
    change   INTEGER NOT NULL,
    presence TEXT    NOT NULL,
    PRIMARY KEY (repo, change)
) STRICT;

-- The newest ledger head this server has seen. Never goes back: worth a backup.
CREATE TABLE ledger_heads (
    repo       INTEGER NOT NULL PRIMARY KEY,
    sequence   INTEGER NOT NULL,
    commit_oid TEXT    NOT NULL
) STRICT;

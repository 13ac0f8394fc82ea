-- The journal: inbox, work table, sightings, what we wrote, remembered ledger heads. The same tables as in SQLite.
-- Instants are seconds since 1970 in UTC. GitHub's numbers are kept as they are.

-- Deliveries that arrived: enough to recognise a repetition. The body only when it could not be parsed.
CREATE TABLE deliveries (
    id          TEXT   NOT NULL PRIMARY KEY,
    event       TEXT   NOT NULL,
    body_digest TEXT   NOT NULL,
    arrived_at  BIGINT NOT NULL,
    unparsable  BYTEA
);

CREATE INDEX deliveries_by_arrival ON deliveries (arrived_at);

-- Subjects to look at. A row exists as long as somebody wants a look, or one is being taken.
CREATE TABLE work (
    subject     TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    due_at      BIGINT NOT NULL,
    -- While leased: the earliest look asked for since the claim.
    later_at    BIGINT,
    asked       BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    fence       BIGINT NOT NULL DEFAULT 0,
    attempts    BIGINT NOT NULL DEFAULT 0,
    last_error  TEXT,
    CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
    CHECK (later_at IS NULL OR lease_until IS NOT NULL)
);

CREATE INDEX work_by_due ON work (due_at, subject);

-- The fences given out. One sequence for all subjects, so that it outlives the rows of the work table.
CREATE SEQUENCE fence AS BIGINT;

-- Who moved which reference.
CREATE TABLE pushes (
    arrival    BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repo       BIGINT NOT NULL,
    reference  TEXT   NOT NULL,
    before_oid TEXT   NOT NULL,
    after_oid  TEXT   NOT NULL,
    -- JSON of the account.
    actor      TEXT,
    at         BIGINT NOT NULL,
    delivery   TEXT
);

CREATE UNIQUE INDEX pushes_once
    ON pushes (repo, reference, at, before_oid, after_oid, coalesce(actor, ''), coalesce(delivery, ''));

-- What reviews said when they were first seen, and who dismissed them.
CREATE TABLE reviews (
    arrival    BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repo       BIGINT NOT NULL,
    change     BIGINT NOT NULL,
    review     BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    commit_oid TEXT,
    -- Base of the pull request then.
    base       TEXT,
    -- JSON of the account.
    sender     TEXT,
    at         BIGINT NOT NULL,
    delivery   TEXT
);

CREATE UNIQUE INDEX reviews_once ON reviews
    (repo, change, review, kind, coalesce(commit_oid, ''), coalesce(sender, ''), at, coalesce(delivery, ''));

-- Repositories that can be reached, and through which installation.
CREATE TABLE repositories (
    repo         BIGINT NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    installation BIGINT NOT NULL
);

-- What we last wrote on a pull request, as JSON.
CREATE TABLE presences (
    repo     BIGINT NOT NULL,
    change   BIGINT NOT NULL,
    presence TEXT   NOT NULL,
    PRIMARY KEY (repo, change)
);

-- The newest ledger head this server has seen. Never goes back: worth a backup.
CREATE TABLE ledger_heads (
    repo       BIGINT NOT NULL PRIMARY KEY,
    sequence   BIGINT NOT NULL,
    commit_oid TEXT   NOT NULL
);

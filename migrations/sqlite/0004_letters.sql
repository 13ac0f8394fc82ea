-- What people were told, each once; and the letters that say so, one per recipient. Letters hold names and numbers, never a value.
CREATE TABLE told (
    repo INTEGER NOT NULL,
    key  TEXT    NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (repo, key)
) STRICT;

CREATE TABLE letters (
    arrival     INTEGER NOT NULL PRIMARY KEY,
    repo        INTEGER NOT NULL,
    id          TEXT NOT NULL,
    destination TEXT NOT NULL,
    thread      TEXT NOT NULL,
    -- JSON.
    letter      TEXT NOT NULL,
    -- waiting, begun, sent, given-up
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL,
    ended_at    INTEGER,
    reason      TEXT
) STRICT;

CREATE UNIQUE INDEX letters_once ON letters (repo, id);
CREATE INDEX letters_by_destination ON letters (repo, destination, arrival);
CREATE INDEX letters_by_state ON letters (state, arrival);

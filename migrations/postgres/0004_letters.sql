-- What people were told, each once; and the letters that say so, one per recipient. Letters hold names and numbers, never a value.
CREATE TABLE told (
    repo BIGINT NOT NULL,
    key  TEXT   NOT NULL,
    at   BIGINT NOT NULL,
    PRIMARY KEY (repo, key)
);

CREATE TABLE letters (
    arrival     BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repo        BIGINT NOT NULL,
    id          TEXT NOT NULL,
    destination TEXT NOT NULL,
    thread      TEXT NOT NULL,
    -- JSON.
    letter      TEXT NOT NULL,
    -- waiting, begun, sent, given-up
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      BIGINT NOT NULL,
    ended_at    BIGINT,
    reason      TEXT
);

CREATE UNIQUE INDEX letters_once ON letters (repo, id);
CREATE INDEX letters_by_destination ON letters (repo, destination, arrival);
CREATE INDEX letters_by_state ON letters (state, arrival);

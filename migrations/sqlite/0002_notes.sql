-- What a kind of turn remembers under a key of its own, as JSON: runs of sync targets, requests for them, commands that were answered.
CREATE TABLE notes (
    repo INTEGER NOT NULL,
    key  TEXT    NOT NULL,
    note TEXT    NOT NULL,
    PRIMARY KEY (repo, key)
) STRICT;

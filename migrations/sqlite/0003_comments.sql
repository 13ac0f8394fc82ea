-- What comments said that held a command, when they were written; and who edited or deleted them. No text, no free words.
CREATE TABLE comments (
    arrival  INTEGER NOT NULL PRIMARY KEY,
    repo     INTEGER NOT NULL,
    change   INTEGER NOT NULL,
    comment  INTEGER NOT NULL,
    -- JSON: what was told.
    told     TEXT    NOT NULL,
    -- JSON of the account.
    sender   TEXT,
    at       INTEGER NOT NULL,
    delivery TEXT
) STRICT;

CREATE UNIQUE INDEX comments_once
    ON comments (repo, change, comment, told, ifnull(sender, ''), at, ifnull(delivery, ''));

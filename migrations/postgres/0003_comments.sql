-- What comments said that held a command, when they were written; and who edited or deleted them. No text, no free words.
CREATE TABLE comments (
    arrival  BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repo     BIGINT NOT NULL,
    change   BIGINT NOT NULL,
    comment  BIGINT NOT NULL,
    -- JSON: what was told.
    told     TEXT   NOT NULL,
    -- JSON of the account.
    sender   TEXT,
    at       BIGINT NOT NULL,
    delivery TEXT
);

CREATE UNIQUE INDEX comments_once
    ON comments (repo, change, comment, told, coalesce(sender, ''), at, coalesce(delivery, ''));

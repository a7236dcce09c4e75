-- +goose Up
CREATE TABLE ledger_heads (
    org  TEXT   NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);

CREATE TABLE ledger (
    org     TEXT   NOT NULL,
    seq     BIGINT NOT NULL, -- from 1, without a gap
    at      BIGINT NOT NULL, -- microseconds of the epoch
    kind    TEXT   NOT NULL,
    subject TEXT   NOT NULL, -- the run, delivery or object that it is about
    body    TEXT   NOT NULL, -- JSON, as it was hashed
    hash    TEXT   NOT NULL, -- of the entry and of the hash before it
    PRIMARY KEY (org, seq)
);

CREATE INDEX ledger_subjects ON ledger (org, kind, subject, seq);

CREATE TABLE ledger_checkpoints (
    org  TEXT   NOT NULL,
    seq  BIGINT NOT NULL,
    body TEXT   NOT NULL, -- JSON, signed
    PRIMARY KEY (org, seq)
);

-- Who holds which lock, for people; the locks themselves end with their processes.
CREATE TABLE lock_holders (
    name   TEXT   NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    since  BIGINT NOT NULL -- microseconds of the epoch
);

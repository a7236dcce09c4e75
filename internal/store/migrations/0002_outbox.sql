-- +goose Up
CREATE TABLE endpoints (
    org    TEXT   NOT NULL,
    name   TEXT   NOT NULL, -- strategy/name
    state  TEXT   NOT NULL, -- active, disabled
    reason TEXT   NOT NULL,
    since  BIGINT NOT NULL, -- microseconds of the epoch
    PRIMARY KEY (org, name)
);

CREATE TABLE deliveries (
    id          TEXT   NOT NULL PRIMARY KEY, -- the webhook-id
    org         TEXT   NOT NULL,
    endpoint    TEXT   NOT NULL,
    object      TEXT   NOT NULL,
    seq         BIGINT NOT NULL, -- of the ledger's entry about the event: the order of the line
    event       TEXT   NOT NULL,
    body        TEXT   NOT NULL, -- as it is sent
    state       TEXT   NOT NULL, -- open, delivered, dead
    head        BIGINT NOT NULL, -- 1: the first open one of its endpoint and object
    attempts    BIGINT NOT NULL,
    created     BIGINT NOT NULL, -- microseconds of the epoch, like the times below
    next_at     BIGINT NOT NULL,
    lease       BIGINT NOT NULL, -- until when a worker has it
    last_at     BIGINT NOT NULL,
    last_status BIGINT NOT NULL,
    last_words  TEXT   NOT NULL
);

CREATE INDEX deliveries_due ON deliveries (org, endpoint, next_at) WHERE head = 1;
CREATE INDEX deliveries_lines ON deliveries (org, endpoint, object, seq) WHERE state = 'open';
CREATE INDEX deliveries_states ON deliveries (org, state, seq);

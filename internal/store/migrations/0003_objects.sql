-- +goose Up
CREATE TABLE objects (
    org     TEXT   NOT NULL,
    object  TEXT   NOT NULL, -- kind:id
    version BIGINT NOT NULL, -- counts its changes since it is watched
    state   TEXT   NOT NULL, -- JSON as it was last seen; empty: it is not there
    members TEXT   NOT NULL, -- JSON of a queue's members
    seen_at BIGINT NOT NULL, -- microseconds of the epoch
    PRIMARY KEY (org, object)
);

-- +goose Up
-- Before PostgreSQL has statistics of a table, it looks for the first open one
-- of a line in the index of states, and walks over all that an endpoint that is
-- dead has left open. So that one has the ended ones alone.
DROP INDEX deliveries_states;
CREATE INDEX deliveries_ended ON deliveries (org, state, seq) WHERE state <> 'open';

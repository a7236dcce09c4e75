-- +goose Up
-- What is watched is known by itself, so that its end is seen also where it comes
-- while nobody watches.
ALTER TABLE objects ADD COLUMN name     TEXT NOT NULL DEFAULT ''; -- by which a strategy names it
ALTER TABLE objects ADD COLUMN domain   TEXT NOT NULL DEFAULT ''; -- of an email route
ALTER TABLE objects ADD COLUMN strategy TEXT NOT NULL DEFAULT '';

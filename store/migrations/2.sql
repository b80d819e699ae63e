-- What was taken of a rate lately, by all nodes: until when it is used up, in
-- microseconds of Unix time. The key is blind. It is kept out of the log of the
-- server: nothing waits for the disk, and after a crash there are none.
CREATE UNLOGGED TABLE counters (
    key bytea PRIMARY KEY CHECK (length(key) = 32),
    until bigint NOT NULL
);
CREATE INDEX counters_until ON counters (until);

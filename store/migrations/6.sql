-- Numbers stand beside what else is searched, so that one index leads from a span of them
-- to the records, and each fact that can be asked for alone has an index in the order of
-- the answer. A span of time is asked of those that have not ended, without the rows. What
-- is there lacks the numbers, and is filled anew.
TRUNCATE search, search_filled;
ALTER TABLE search ADD COLUMN number text COLLATE "C" NOT NULL;
CREATE INDEX search_number ON search (number, record);
CREATE INDEX search_version ON search (version, record) WHERE version <> '';
CREATE INDEX search_course_version ON search (course, version, record) WHERE version <> '';
CREATE INDEX search_key ON search (key_id, record);
DROP INDEX search_awarded;
CREATE INDEX search_awarded ON search (awarded, record) INCLUDE (ends);

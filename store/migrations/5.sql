-- Beginnings of names of up to twelve letters are looked for, not of eight: what is there
-- lacks them, and is filled anew.
TRUNCATE search, search_filled;

-- A course in a span of time, and the sequences of a span of numbers, without the rows.
CREATE INDEX search_course_awarded ON search (course, awarded);
ALTER TABLE records DROP CONSTRAINT records_number_key, ADD CONSTRAINT records_number_key UNIQUE (number) INCLUDE (sequence);

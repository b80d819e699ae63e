-- Texts are compared byte by byte (COLLATE "C"), as keys of bbolt are: no two that
-- somebody sees as different are the same, and the order is the same everywhere.
-- The values of columns named doc are sealed as in bbolt (values.go): SHA-256,
-- then JSON. What stands beside them in columns of its own is what constraints
-- need; it is compared with doc when it is read.

CREATE TABLE meta ( -- "store": identity; "epoch": the last restoration
    name text COLLATE "C" PRIMARY KEY,
    doc bytea NOT NULL
);

CREATE TABLE lists (
    id text COLLATE "C" PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('revocation', 'suspension')),
    closed boolean NOT NULL,
    sequence bigint NOT NULL CHECK (sequence >= 0),
    doc bytea NOT NULL,
    published bytea,
    UNIQUE (id, purpose),
    CHECK ((sequence = 0) = (published IS NULL))
);

-- How many indexes of a list were given out: the sum of a row for each node, so
-- that no row is waited for by everybody.
CREATE TABLE used (
    list text COLLATE "C" NOT NULL REFERENCES lists,
    node text COLLATE "C" NOT NULL,
    n bigint NOT NULL CHECK (n >= 0),
    PRIMARY KEY (list, node)
);

-- Order of reservation. Half of each page is kept free, so that sealing a record
-- writes it anew on the same page and touches none of the indexes.
CREATE SEQUENCE record_sequence;
CREATE TABLE records (
    sequence bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    key bytea NOT NULL UNIQUE CHECK (length(key) = 32), -- blind, as link and external: see index
    public text COLLATE "C" NOT NULL UNIQUE,
    link text COLLATE "C" UNIQUE, -- null: erased
    number text COLLATE "C" NOT NULL UNIQUE,
    external text COLLATE "C" UNIQUE,
    state text NOT NULL CHECK (state IN ('reserved', 'issued', 'suspended', 'revoked')),
    doc bytea NOT NULL
) WITH (fillfactor = 50);

-- What is reserved and not yet sealed.
CREATE TABLE pending (
    record bigint PRIMARY KEY REFERENCES records
);

-- Payloads and tokens are packed already (envelope.go).
CREATE TABLE payloads (
    record bigint NOT NULL REFERENCES records,
    profile text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (record, profile)
);
CREATE TABLE tokens (
    record bigint NOT NULL,
    profile text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (record, profile),
    FOREIGN KEY (record, profile) REFERENCES payloads
);

-- Deflated already: PostgreSQL would try in vain.
ALTER TABLE payloads ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE tokens ALTER COLUMN body SET STORAGE EXTERNAL;

-- An index of a list is used once in the life of the list.
CREATE TABLE entries (
    list text COLLATE "C" NOT NULL,
    place int NOT NULL CHECK (place >= 0 AND place < 131072),
    purpose text NOT NULL,
    record bigint NOT NULL REFERENCES records,
    PRIMARY KEY (list, place),
    FOREIGN KEY (list, purpose) REFERENCES lists (id, purpose)
);

-- The bits that are set, one row for each: two nodes that revoke at once write
-- different rows, and neither can write over what the other wrote. kept: no record
-- calls for it (Restore).
CREATE TABLE bits (
    list text COLLATE "C" NOT NULL,
    place int NOT NULL CHECK (place >= 0 AND place < 131072),
    purpose text NOT NULL,
    kept boolean NOT NULL,
    PRIMARY KEY (list, place),
    FOREIGN KEY (list, purpose) REFERENCES lists (id, purpose)
);

CREATE TABLE series (
    name text COLLATE "C" PRIMARY KEY,
    last bigint NOT NULL CHECK (last >= 0)
);

-- A version of a course: in the catalogue, or only named by records (doc is null).
-- Its row is what reserving and putting take in turns.
CREATE TABLE courses (
    id text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    number int CHECK (number > 0),
    doc bytea,
    text bytea,
    PRIMARY KEY (id, version),
    UNIQUE (id, number),
    CHECK ((number IS NULL) = (doc IS NULL) AND (number IS NULL) = (text IS NULL))
);
CREATE TABLE awarded (
    id text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (id, version, sha256),
    FOREIGN KEY (id, version) REFERENCES courses
);

CREATE TABLE documents (
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL CHECK (revision > 0),
    doc bytea NOT NULL, -- SHA-256, head, body: see putDocument
    PRIMARY KEY (kind, id)
);

-- The audit logs, of which each node has one that is open: whoever writes takes its
-- row first, so that the entries have no gap.
CREATE TABLE logs (
    name text COLLATE "C" PRIMARY KEY,
    node text COLLATE "C" NOT NULL,
    open boolean NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    doc bytea NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX logs_open ON logs (node) WHERE open;
CREATE TABLE log_entries (
    log text COLLATE "C" NOT NULL REFERENCES logs,
    place bigint NOT NULL CHECK (place >= 0),
    doc bytea NOT NULL,
    PRIMARY KEY (log, place)
);
CREATE TABLE log_hashes ( -- place: of the first hash of those that follow each other
    log text COLLATE "C" NOT NULL REFERENCES logs,
    place bigint NOT NULL CHECK (place >= 0),
    doc bytea NOT NULL,
    PRIMARY KEY (log, place)
);
CREATE TABLE log_heads (
    log text COLLATE "C" NOT NULL REFERENCES logs,
    size bigint NOT NULL CHECK (size > 0),
    doc bytea NOT NULL,
    PRIMARY KEY (log, size)
);

-- What the program promises, the database holds it to, whoever writes.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: %', TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER final BEFORE UPDATE ON records FOR EACH ROW
    WHEN (OLD.state = 'revoked' AND NEW.state <> 'revoked' OR OLD.state <> 'reserved' AND NEW.state = 'reserved')
    EXECUTE FUNCTION refuse('what is revoked stays so, and what is sealed is not unsealed');
CREATE TRIGGER fixed BEFORE UPDATE ON records FOR EACH ROW
    WHEN ((OLD.sequence, OLD.id, OLD.key, OLD.public, OLD.number, OLD.external) IS DISTINCT FROM (NEW.sequence, NEW.id, NEW.key, NEW.public, NEW.number, NEW.external)
        OR NEW.link IS NOT NULL AND NEW.link IS DISTINCT FROM OLD.link)
    EXECUTE FUNCTION refuse('what was reserved does not change');
CREATE TRIGGER fixed BEFORE UPDATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION refuse('a place in a list belongs to one record for ever');
CREATE TRIGGER final BEFORE DELETE ON bits FOR EACH ROW WHEN (OLD.purpose = 'revocation')
    EXECUTE FUNCTION refuse('no bit of a revocation list is cleared');
CREATE TRIGGER fixed BEFORE UPDATE ON bits FOR EACH ROW
    WHEN ((OLD.list, OLD.place, OLD.purpose) IS DISTINCT FROM (NEW.list, NEW.place, NEW.purpose))
    EXECUTE FUNCTION refuse('no bit of a list is moved');
CREATE TRIGGER forward BEFORE UPDATE ON lists FOR EACH ROW
    WHEN (NEW.sequence < OLD.sequence OR OLD.closed AND NOT NEW.closed OR NEW.id <> OLD.id OR NEW.purpose <> OLD.purpose)
    EXECUTE FUNCTION refuse('a publication is not taken back, and a closed list is not opened');
CREATE TRIGGER forward BEFORE UPDATE ON series FOR EACH ROW WHEN (NEW.last < OLD.last) EXECUTE FUNCTION refuse('no number is given out twice');

CREATE TRIGGER forward BEFORE UPDATE ON logs FOR EACH ROW
    WHEN (NEW.size < OLD.size OR NEW.open AND NOT OLD.open OR NEW.name <> OLD.name OR NEW.node <> OLD.node)
    EXECUTE FUNCTION refuse('a log only grows, until it is closed');
CREATE TRIGGER fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON log_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse('what was logged does not change');
CREATE TRIGGER fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON log_hashes FOR EACH STATEMENT EXECUTE FUNCTION refuse('what was logged does not change');
CREATE TRIGGER fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON log_heads FOR EACH STATEMENT EXECUTE FUNCTION refuse('a head that was signed does not change');
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON records FOR EACH STATEMENT EXECUTE FUNCTION refuse('nothing is deleted here');
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION refuse('nothing is deleted here');
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON lists FOR EACH STATEMENT EXECUTE FUNCTION refuse('nothing is deleted here');
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON series FOR EACH STATEMENT EXECUTE FUNCTION refuse('nothing is deleted here');
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON awarded FOR EACH STATEMENT EXECUTE FUNCTION refuse('nothing is deleted here');
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON meta FOR EACH STATEMENT EXECUTE FUNCTION refuse('nothing is deleted here');
CREATE TRIGGER fixed BEFORE UPDATE OR DELETE ON documents FOR EACH ROW WHEN (OLD.kind IN ('payload-base', 'payload-base-copy'))
    EXECUTE FUNCTION refuse('payloads rest on what they have in common');
CREATE TRIGGER kept BEFORE TRUNCATE ON documents FOR EACH STATEMENT EXECUTE FUNCTION refuse('nothing is deleted here');
CREATE TRIGGER kept BEFORE TRUNCATE ON bits FOR EACH STATEMENT EXECUTE FUNCTION refuse('nothing is deleted here');
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON logs FOR EACH STATEMENT EXECUTE FUNCTION refuse('nothing is deleted here');

-- Records that are neither reserved nor issued, by state. Not an index of records,
-- which sealing would then have to touch.
CREATE TABLE states (
    record bigint NOT NULL REFERENCES records,
    state text COLLATE "C" NOT NULL,
    PRIMARY KEY (state, record)
);

-- What Search goes by. It is made of the records and holds no truth of its own, so it
-- is kept out of the log of the server, and with that out of backups, archives and
-- replicas: an erasure must reach it everywhere. After a crash it is empty, and
-- search_filled with it, until it is filled again. tokens: see searchTokens.
CREATE UNLOGGED TABLE search (
    record bigint PRIMARY KEY REFERENCES records,
    awarded text COLLATE "C" NOT NULL,
    ends bigint NOT NULL, -- Unix time, 0: never
    course text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    batch text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    tokens bigint[] NOT NULL
);
CREATE INDEX search_tokens ON search USING gin (tokens);
CREATE INDEX search_awarded ON search (awarded, record);
CREATE INDEX search_course ON search (course, record);
CREATE INDEX search_batch ON search (batch, record) WHERE batch <> '';
CREATE INDEX search_ends ON search (ends, record) WHERE ends <> 0;
CREATE UNLOGGED TABLE search_filled (
    one boolean PRIMARY KEY CHECK (one)
);

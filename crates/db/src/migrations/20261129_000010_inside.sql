-- The key ring (spec/secrets-v1.md, section 4): one row, which every change of a key replaces.
CREATE TABLE key_ring (
    id $BIGINT PRIMARY KEY CHECK (id = 1),
    number $BIGINT NOT NULL,
    ring $BYTES NOT NULL
)$STRICT;

-- Secrets of other systems that belong to the servers, each a value of the key ring.
CREATE TABLE secrets (
    name $TEXT PRIMARY KEY,
    value $BYTES NOT NULL
)$STRICT;

-- What is sealed under the master key (spec/secrets-v1.md, section 6).
CREATE TABLE under_master (
    name $TEXT PRIMARY KEY,
    value $BYTES NOT NULL
)$STRICT;

-- Authenticator apps: the secret is a value of the key ring. One that was not confirmed is asked for by nobody.
CREATE TABLE totp (
    user_id $TEXT PRIMARY KEY REFERENCES users (id),
    secret $BYTES NOT NULL,
    -- The step of the last code that was taken.
    last_step $BIGINT,
    confirmed $BIGINT,
    made $BIGINT NOT NULL
)$STRICT;

-- Recovery codes that were not used, as hashes.
CREATE TABLE recovery_codes (
    user_id $TEXT NOT NULL REFERENCES users (id),
    hash $BYTES NOT NULL,
    PRIMARY KEY (user_id, hash)
)$STRICT;

-- Sign-ins that wait for a second factor.
CREATE TABLE second_attempts (
    id_hash $BYTES PRIMARY KEY,
    user_id $TEXT NOT NULL,
    program $TEXT NOT NULL,
    tries $BIGINT NOT NULL,
    made $BIGINT NOT NULL
)$STRICT;
CREATE INDEX second_attempts_by_age ON second_attempts (made);

-- How often somebody failed: buckets of networks, and failures of accounts. The first row is for everybody, and its
-- lock is that of the table.
CREATE TABLE throttles (
    id $TEXT PRIMARY KEY,
    kind $TEXT NOT NULL,
    count $BIGINT NOT NULL,
    -- Of a bucket, when it will be empty; of failures, when the last one was.
    at $BIGINT NOT NULL,
    -- From when on nothing is lost when it is forgotten.
    forget $BIGINT NOT NULL
)$STRICT;
CREATE INDEX throttles_by_end ON throttles (kind, forget);
INSERT INTO throttles (id, kind, count, at, forget) VALUES ('everywhere', 'everywhere', 0, 0, 0);

-- From where accounts were signed in to.
CREATE TABLE familiar (
    user_id $TEXT NOT NULL REFERENCES users (id),
    network $TEXT NOT NULL,
    last $BIGINT NOT NULL,
    PRIMARY KEY (user_id, network)
)$STRICT;
CREATE INDEX familiar_by_age ON familiar (last);

-- What the servers do by themselves, and which node does it now.
CREATE TABLE jobs (
    name $TEXT PRIMARY KEY,
    node $TEXT NOT NULL,
    -- Until when nobody else begins it.
    claimed $BIGINT,
    began $BIGINT,
    ended $BIGINT,
    -- What it did the last time.
    done $BIGINT NOT NULL,
    failed $TEXT
)$STRICT;

-- Signed heads of the audit log.
CREATE TABLE checkpoints (
    seq $BIGINT PRIMARY KEY,
    at $BIGINT NOT NULL,
    value $BYTES NOT NULL
)$STRICT;

-- What the server knows of itself: one row.
CREATE TABLE server (
    id $BIGINT PRIMARY KEY CHECK (id = 1),
    server_id $TEXT NOT NULL,
    epoch $BIGINT NOT NULL,
    -- Counts the changes of organisations; a node that knows the tree of this version need not read it.
    tree_version $BIGINT NOT NULL,
    -- The head of the audit log: which log it is, and the number and hash of its last entry.
    audit_log $TEXT NOT NULL,
    audit_seq $BIGINT NOT NULL,
    audit_hash $BYTES NOT NULL,
    made $BIGINT NOT NULL
)$STRICT;

CREATE TABLE organisations (
    id $TEXT PRIMARY KEY,
    parent_id $TEXT REFERENCES organisations (id),
    -- The parent, or `-` for a root: a name is unique among siblings, and no two nulls are the same.
    place $TEXT NOT NULL,
    name $TEXT NOT NULL,
    name_key $TEXT NOT NULL,
    state $TEXT NOT NULL CHECK (state IN ('active', 'inactive', 'blocked')),
    state_since $BIGINT,
    made $BIGINT NOT NULL,
    version $BIGINT NOT NULL,
    UNIQUE (place, name_key)
)$STRICT;
CREATE INDEX organisations_by_name ON organisations (name_key, id);

CREATE TABLE users (
    id $TEXT PRIMARY KEY,
    organisation_id $TEXT NOT NULL REFERENCES organisations (id),
    name $TEXT NOT NULL,
    name_key $TEXT NOT NULL UNIQUE,
    person_name $TEXT,
    email $TEXT,
    -- The keys of its names and address, to search in.
    search $TEXT NOT NULL,
    origin $TEXT NOT NULL CHECK (origin IN ('internal', 'external')),
    state $TEXT NOT NULL CHECK (state IN ('active', 'inactive', 'blocked')),
    state_since $BIGINT,
    state_by $TEXT,
    suspended_since $BIGINT,
    made $BIGINT NOT NULL,
    version $BIGINT NOT NULL
)$STRICT;
CREATE INDEX users_by_organisation ON users (organisation_id, name_key);

-- What signs in to an account besides a directory; the record never contains the password.
CREATE TABLE credentials (
    user_id $TEXT NOT NULL REFERENCES users (id),
    kind $TEXT NOT NULL,
    record $BYTES NOT NULL,
    made $BIGINT NOT NULL,
    PRIMARY KEY (user_id, kind)
)$STRICT;

CREATE TABLE grants (
    user_id $TEXT NOT NULL REFERENCES users (id),
    name $TEXT NOT NULL,
    -- The organisation, or `-` where there is none.
    place $TEXT NOT NULL,
    made $BIGINT NOT NULL,
    PRIMARY KEY (user_id, name, place)
)$STRICT;
CREATE INDEX grants_by_name ON grants (name, place);

CREATE TABLE groups (
    id $TEXT PRIMARY KEY,
    organisation_id $TEXT NOT NULL REFERENCES organisations (id),
    name $TEXT NOT NULL,
    name_key $TEXT NOT NULL,
    made $BIGINT NOT NULL,
    version $BIGINT NOT NULL,
    UNIQUE (organisation_id, name_key)
)$STRICT;

CREATE TABLE members (
    group_id $TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id $TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
)$STRICT;
CREATE INDEX members_by_user ON members (user_id);

-- One key for each organisation. The secret itself is shown once and not stored.
CREATE TABLE registration_keys (
    organisation_id $TEXT PRIMARY KEY REFERENCES organisations (id),
    secret_hash $BYTES NOT NULL UNIQUE,
    masked $TEXT NOT NULL,
    made $BIGINT NOT NULL,
    expires $BIGINT,
    uses_max $BIGINT,
    uses $BIGINT NOT NULL,
    last_seen $BIGINT NOT NULL,
    closed $BIGINT,
    version $BIGINT NOT NULL
)$STRICT;

CREATE TABLE sessions (
    id $TEXT PRIMARY KEY,
    user_id $TEXT NOT NULL REFERENCES users (id),
    secret_hash $BYTES NOT NULL UNIQUE,
    signed_in $BIGINT NOT NULL,
    began $BIGINT NOT NULL,
    last_used $BIGINT NOT NULL,
    epoch $BIGINT NOT NULL,
    ended $BIGINT,
    address $TEXT NOT NULL,
    program $TEXT NOT NULL
)$STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id, began);

CREATE TABLE tokens (
    id $TEXT PRIMARY KEY,
    user_id $TEXT NOT NULL REFERENCES users (id),
    secret_hash $BYTES NOT NULL UNIQUE,
    name $TEXT NOT NULL,
    -- Names of actions, with spaces between.
    actions $TEXT NOT NULL,
    organisation_id $TEXT,
    made $BIGINT NOT NULL,
    expires $BIGINT NOT NULL,
    last_used $BIGINT,
    epoch $BIGINT NOT NULL,
    revoked $BIGINT
)$STRICT;
CREATE INDEX tokens_by_user ON tokens (user_id, made);

CREATE TABLE computers (
    id $TEXT PRIMARY KEY,
    user_id $TEXT NOT NULL REFERENCES users (id),
    secret_hash $BYTES NOT NULL UNIQUE,
    name $TEXT NOT NULL,
    name_key $TEXT NOT NULL,
    life $TEXT NOT NULL CHECK (life IN ('active', 'deactivated')),
    life_since $BIGINT,
    credential $TEXT NOT NULL CHECK (credential IN ('good', 'signed-out', 'revoked')),
    credential_since $BIGINT,
    operating_system $TEXT NOT NULL,
    program_version $TEXT NOT NULL,
    last_seen $BIGINT,
    made $BIGINT NOT NULL,
    version $BIGINT NOT NULL
)$STRICT;
CREATE INDEX computers_by_user ON computers (user_id);
CREATE INDEX computers_by_name ON computers (name_key, id);

CREATE TABLE links (
    id $TEXT PRIMARY KEY,
    user_id $TEXT NOT NULL REFERENCES users (id),
    secret_hash $BYTES NOT NULL UNIQUE,
    purpose $TEXT NOT NULL CHECK (purpose IN ('set-up', 'invitation', 'reset')),
    made $BIGINT NOT NULL,
    used $BIGINT,
    voided $BIGINT,
    epoch $BIGINT NOT NULL
)$STRICT;
CREATE INDEX links_by_user ON links (user_id);

-- The audit log. Rows are added and never changed.
CREATE TABLE audit (
    seq $BIGINT PRIMARY KEY,
    -- In milliseconds, as the log has it.
    at $BIGINT NOT NULL,
    action $TEXT NOT NULL,
    outcome $TEXT NOT NULL,
    actor_kind $TEXT NOT NULL,
    actor_id $TEXT NOT NULL,
    actor_name $TEXT NOT NULL,
    address $TEXT NOT NULL,
    reason $TEXT NOT NULL,
    subject_kind $TEXT,
    subject_id $TEXT NOT NULL,
    subject_name $TEXT NOT NULL,
    -- Where the subject was, or `-` for the servers.
    place $TEXT NOT NULL,
    -- The user it is about, if one. Who may see an entry is no part of it.
    user_id $TEXT,
    details $TEXT NOT NULL,
    -- The hash of the chain up to this entry.
    hash $BYTES NOT NULL
)$STRICT;
CREATE INDEX audit_by_place ON audit (place, seq);
CREATE INDEX audit_by_user ON audit (user_id, seq);
CREATE INDEX audit_by_actor ON audit (actor_id, seq);

-- Sign-ins and new passwords under way: each is taken away before its end is looked at.
CREATE TABLE attempts (
    id_hash $BYTES PRIMARY KEY,
    -- The account, where there is one with the name that was typed.
    user_id $TEXT,
    state $BYTES NOT NULL,
    made $BIGINT NOT NULL
)$STRICT;
CREATE INDEX attempts_by_age ON attempts (made);

-- Answers to creations, so that the same request sent again creates nothing.
CREATE TABLE answers (
    user_id $TEXT NOT NULL,
    idempotency_key $TEXT NOT NULL,
    request_hash $BYTES NOT NULL,
    status $BIGINT NOT NULL,
    body $TEXT NOT NULL,
    made $BIGINT NOT NULL,
    PRIMARY KEY (user_id, idempotency_key)
)$STRICT;
CREATE INDEX answers_by_age ON answers (made);

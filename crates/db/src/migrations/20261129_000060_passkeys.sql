-- Passkeys: what checks the signatures of authenticators. Nothing in it signs anybody in.
CREATE TABLE passkeys (
    id $TEXT PRIMARY KEY,
    user_id $TEXT NOT NULL REFERENCES users (id),
    -- As the authenticator calls it.
    credential_id $BYTES NOT NULL UNIQUE,
    public_key $BYTES NOT NULL,
    counter $BIGINT NOT NULL,
    -- 1 where it may be copied to other devices of its user.
    may_be_copied $BIGINT NOT NULL,
    name $TEXT NOT NULL,
    made $BIGINT NOT NULL,
    last_used $BIGINT
)$STRICT;
CREATE INDEX passkeys_by_user ON passkeys (user_id, made);

-- Challenges that passkeys are to sign, as hashes: each is taken away before what was signed is looked at.
CREATE TABLE challenges (
    hash $BYTES PRIMARY KEY,
    purpose $TEXT NOT NULL,
    -- The user for whom alone it is, where that is known.
    user_id $TEXT,
    made $BIGINT NOT NULL
)$STRICT;
CREATE INDEX challenges_by_age ON challenges (made);
CREATE INDEX challenges_by_user ON challenges (user_id);

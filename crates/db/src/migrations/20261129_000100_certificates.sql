-- The certificate that an authority gave by ACME: one row. Its key and the account are values of the key ring, in `secrets`.
CREATE TABLE certificates (
    name $TEXT PRIMARY KEY,
    directory $TEXT NOT NULL,
    -- With spaces between.
    domains $TEXT NOT NULL,
    -- PEM; empty where there is none yet.
    chain $TEXT NOT NULL,
    not_before $BIGINT NOT NULL,
    not_after $BIGINT NOT NULL,
    -- How often in a row none was given, and when it is tried again.
    failures $BIGINT NOT NULL,
    next_try $BIGINT
)$STRICT;

-- What an authority asks for while an order is under way: the hash that the certificate of a name must have.
CREATE TABLE acme_challenges (
    domain $TEXT PRIMARY KEY,
    digest $BYTES NOT NULL
)$STRICT;

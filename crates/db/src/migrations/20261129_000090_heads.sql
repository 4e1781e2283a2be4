-- The newest record of each archive at each of its destinations, as its computer presented it, when that was first, and the
-- epoch of the server in which it was. Where a computer presents one that is behind: which, and since when.
CREATE TABLE heads (
    computer_id $TEXT NOT NULL REFERENCES computers (id),
    archive_id $TEXT NOT NULL,
    destination_id $TEXT NOT NULL,
    generation $BIGINT NOT NULL,
    seq $BIGINT NOT NULL,
    hash $BYTES NOT NULL,
    epoch $BIGINT NOT NULL,
    since $BIGINT NOT NULL,
    behind_generation $BIGINT,
    behind_seq $BIGINT,
    behind_hash $BYTES,
    behind_since $BIGINT,
    PRIMARY KEY (computer_id, archive_id, destination_id)
)$STRICT;

-- The hash of all heads that a computer presented last, and of the epoch of the server: where it is the same, nothing is new.
ALTER TABLE computers ADD COLUMN heads_hash $BYTES;

-- How many of its heads are behind.
ALTER TABLE computers ADD COLUMN heads_behind $BIGINT;

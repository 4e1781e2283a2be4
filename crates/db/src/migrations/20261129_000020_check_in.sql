-- What a computer said when it checked in last: the policy that it runs, the epoch of the server that it knew, what its
-- backups do, and when all that had changed was backed up.
ALTER TABLE computers ADD COLUMN policy $TEXT;
ALTER TABLE computers ADD COLUMN epoch $BIGINT;
ALTER TABLE computers ADD COLUMN backup_state $TEXT;
ALTER TABLE computers ADD COLUMN backed_up $BIGINT;

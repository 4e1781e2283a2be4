-- How far the audit log was delivered to each place besides this database.
CREATE TABLE audit_sinks (
    name $TEXT PRIMARY KEY,
    delivered $BIGINT NOT NULL
)$STRICT;

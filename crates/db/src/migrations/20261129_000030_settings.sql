-- The own settings of organisations. An organisation that has none of a group inherits the group.
CREATE TABLE settings (
    organisation_id $TEXT NOT NULL REFERENCES organisations (id),
    name $TEXT NOT NULL,
    value $TEXT NOT NULL,
    locked $BIGINT NOT NULL CHECK (locked IN (0, 1)),
    PRIMARY KEY (organisation_id, name)
)$STRICT;

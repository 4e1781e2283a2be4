-- Since when an organisation requires a second factor of everybody in it and below; none where it says nothing.
ALTER TABLE organisations ADD COLUMN second_factor $BIGINT;

-- When the user of a session showed a second factor; none where the password was all.
ALTER TABLE sessions ADD COLUMN second_factor $BIGINT;

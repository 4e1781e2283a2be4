-- The hash of the sign-in under way whose second step a challenge is for: two of one user do not undo each other.
ALTER TABLE challenges ADD COLUMN attempt $BYTES;
CREATE INDEX challenges_by_attempt ON challenges (attempt);

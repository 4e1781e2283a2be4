-- Since when a passkey signs in after the password only, because that was chosen by a link; none where it signs in by itself.
ALTER TABLE passkeys ADD COLUMN after_password $BIGINT;

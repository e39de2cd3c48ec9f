-- scope: what the token of a console link opens: 0 for the account, else the webhook with this id. Null for other tokens.
ALTER TABLE tokens ADD COLUMN scope INTEGER;

-- Console links that were not used yet, by the hash of their code.
CREATE TABLE console_links (
    hash BLOB PRIMARY KEY,
    account INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    record TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX console_links_of_account ON console_links (account, expires_at);

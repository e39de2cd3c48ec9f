-- Mails that wait: what each is about, when it is due, and until when a step that sends it has claimed it.
CREATE TABLE mail_batches (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    due INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;

-- The `traceparent` that an attempt sent.
ALTER TABLE deliveries ADD COLUMN trace TEXT;

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

-- Event types have a description, the JSON Schema of their payload, an example, and a mode: off, warn or enforce.
ALTER TABLE event_types ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event_types ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE event_types ADD COLUMN schema_mode TEXT NOT NULL DEFAULT 'off';
ALTER TABLE event_types ADD COLUMN description TEXT;
ALTER TABLE event_types ADD COLUMN schema TEXT;
ALTER TABLE event_types ADD COLUMN example TEXT;
UPDATE event_types SET updated_at = created_at;

-- Event types have a description, the JSON Schema of their payload, an example, and a mode: off, warn or enforce.
ALTER TABLE event_types ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event_types ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE event_types ADD COLUMN schema_mode TEXT NOT NULL DEFAULT 'off';
ALTER TABLE event_types ADD COLUMN description TEXT;
ALTER TABLE event_types ADD COLUMN schema TEXT;
ALTER TABLE event_types ADD COLUMN example TEXT;
UPDATE event_types SET updated_at = created_at;

-- Skipped messages are stored per event, up to 1,000 webhooks in a row. id: the delivery id of the first of them. webhooks:
-- ids and reasons. Event, name and time are those of the event.
CREATE TABLE skipped (
    account INTEGER NOT NULL,
    id BLOB NOT NULL,
    event INTEGER NOT NULL,
    custom_url TEXT,
    webhooks BLOB NOT NULL,
    PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE INDEX skipped_of_event ON skipped (event);

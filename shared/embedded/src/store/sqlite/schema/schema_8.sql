-- A webhook may wait for several events: `event` holds all names and patterns, with spaces between them.
ALTER TABLE webhooks ADD COLUMN first_event TEXT AS (substr(event, 1, instr(event || ' ', ' ') - 1)) VIRTUAL;

-- Each name and pattern of a webhook.
DROP INDEX subscriptions;
CREATE TABLE subscriptions (
    account INTEGER NOT NULL,
    event TEXT NOT NULL,
    webhook INTEGER NOT NULL,
    PRIMARY KEY (account, event, webhook)
) WITHOUT ROWID;
INSERT INTO subscriptions (account, event, webhook) SELECT account, event, id FROM webhooks;
CREATE INDEX subscriptions_of_webhook ON subscriptions (webhook);

-- Health of endpoint hosts is kept per account. record: JSON; throttled_at and held_until stand beside it for the
-- queries. What schema 1 kept for all accounts together holds for each account with a webhook there.
CREATE TABLE account_hosts (
    account INTEGER NOT NULL,
    host TEXT NOT NULL,
    hash INTEGER NOT NULL,
    record TEXT NOT NULL,
    throttled_at INTEGER,
    held_until INTEGER,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (account, host)
) WITHOUT ROWID;
INSERT INTO account_hosts (account, host, hash, record, throttled_at, held_until, changed_at)
SELECT DISTINCT w.account, h.host, h.hash,
    json_patch(
        json_object('run', h.run, 'offenders', json_array(), 'held_until', h.held_until),
        json_object('throttle', iif(h.throttled_at IS NULL, NULL,
            json_object('since', h.throttled_at, 'wait', h.wait, 'opens_at', h.opens_at)))),
    h.throttled_at, h.held_until, h.changed_at
FROM hosts h JOIN webhooks w ON w.host_hash = h.hash;
DROP TABLE hosts;
ALTER TABLE account_hosts RENAME TO hosts;

-- The queues are worked off by account, endpoint host and webhook, oldest due first in each. account: number of the
-- account. host: hash of the endpoint host, or a number that stands for a long job. webhook: 0 for the steps of long work.
-- class: 0 for attempts of events and steps, 2 for tests and verify messages. began: when the run began.
CREATE TABLE queued_attempts (
    account INTEGER NOT NULL,
    host INTEGER NOT NULL,
    webhook INTEGER NOT NULL,
    class INTEGER NOT NULL,
    due INTEGER NOT NULL,
    num INTEGER NOT NULL,
    event INTEGER,
    began INTEGER NOT NULL,
    ticket TEXT NOT NULL,
    PRIMARY KEY (account, host, webhook, class, due, num)
) WITHOUT ROWID;
INSERT INTO queued_attempts (account, host, webhook, class, due, num, event, began, ticket)
SELECT coalesce(e.account, w.account, s.num, 0), q.grp, q.webhook, iif(q.class = 2, 2, 0), q.due, q.num, q.event,
    q.began, q.ticket
FROM attempts q
    LEFT JOIN events e ON e.num = q.event
    LEFT JOIN webhooks w ON w.id = q.webhook
    LEFT JOIN accounts s ON s.id = coalesce(q.ticket ->> '$.redelivery.account', q.ticket ->> '$.recovery.account');
DROP TABLE attempts;
ALTER TABLE queued_attempts RENAME TO attempts;

CREATE TABLE queued_events (
    account INTEGER NOT NULL,
    event INTEGER NOT NULL,
    due INTEGER NOT NULL,
    PRIMARY KEY (account, event)
) WITHOUT ROWID;
INSERT INTO queued_events (account, event, due)
SELECT coalesce(e.account, 0), q.event, q.due FROM events_queue q LEFT JOIN events e ON e.num = q.event;
DROP TABLE events_queue;
ALTER TABLE queued_events RENAME TO events_queue;

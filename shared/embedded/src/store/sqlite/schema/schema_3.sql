-- Webhooks, policies and redelivery jobs become one JSON record each. Columns that SQL filters, sorts or joins by are
-- generated from it.

ALTER TABLE webhooks RENAME TO webhooks_1;

-- record: all of the webhook but description and attachments, which a delivery does not need. host_hash: the hash of
-- the endpoint host.
CREATE TABLE webhooks (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    host_hash INTEGER NOT NULL,
    record TEXT NOT NULL,
    description TEXT,
    attachments TEXT NOT NULL,
    event TEXT NOT NULL AS (record ->> 'event') STORED,
    uri TEXT NOT NULL AS (record ->> 'uri') STORED,
    name TEXT NOT NULL AS (record ->> 'name') STORED,
    disabled INTEGER NOT NULL AS (coalesce(record ->> 'disabled', 0)) STORED,
    policy INTEGER AS (record ->> 'policy') STORED,
    source TEXT AS (record ->> 'source') STORED,
    source_id TEXT AS (record ->> 'source_id') STORED,
    created_at INTEGER NOT NULL AS (record ->> 'created_at') STORED,
    updated_at INTEGER NOT NULL AS (record ->> 'updated_at') STORED
);

-- json_patch leaves out what is null. The secrets are written in hexadecimal here; the migration changes them to base64.
INSERT INTO webhooks (id, account, host_hash, record, description, attachments)
SELECT w.id, w.account, w.host_hash,
    json_patch('{}', json_object(
        'id', w.id,
        'account', a.id,
        'event', w.event,
        'uri', w.uri,
        'name', w.name,
        'disabled', json(iif(w.disabled, 'true', 'null')),
        'disabling', json(iif(w.disabled_by IS NULL, 'null', json_object(
            'by', CASE w.disabled_by WHEN 0 THEN 'administrator' WHEN 1 THEN 'failures' ELSE 'gone' END,
            'at', w.disabled_at))),
        'mail_exceptions_to', w.mail_exceptions_to,
        'policy', w.policy,
        'source', w.source,
        'source_id', w.source_id,
        'openid_connect_discovery', json(iif(w.openid_connect_discovery, 'true', 'null')),
        'header_names', json(iif(w.header_names = '', 'null', '["' || replace(w.header_names, ' ', '","') || '"]')),
        'secrets', hex(w.secrets),
        'secrets_version', w.secrets_version,
        'verified', json(iif(w.verified, 'true', 'null')),
        'created_at', w.created_at,
        'updated_at', w.updated_at,
        'version', w.version)),
    w.description, w.attachments
FROM webhooks_1 w JOIN accounts a ON a.num = w.account;

DROP TABLE webhooks_1;
CREATE INDEX webhooks_of_account ON webhooks (account, id);
CREATE INDEX subscriptions ON webhooks (account, event);
CREATE INDEX webhooks_of_host ON webhooks (host_hash, account);
CREATE INDEX webhooks_of_policy ON webhooks (policy) WHERE policy IS NOT NULL;

ALTER TABLE policies RENAME TO policies_1;

-- record: all of the policy with its keys, the private ones sealed, so that a delivery reads them in one step.
CREATE TABLE policies (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    record TEXT NOT NULL,
    name TEXT NOT NULL AS (record ->> 'name') STORED,
    disabled INTEGER NOT NULL AS (coalesce(record ->> 'disabled', 0)) STORED,
    created_at INTEGER NOT NULL AS (record ->> 'created_at') STORED,
    updated_at INTEGER NOT NULL AS (record ->> 'updated_at') STORED
);

INSERT INTO policies (id, account, record)
SELECT p.id, p.account,
    json_patch('{}', json_object(
        'id', p.id,
        'account', a.id,
        'name', p.name,
        'disabled', json(iif(p.disabled, 'true', 'null')),
        'algorithm', p.jwt_alg,
        'audience', p.jwt_audience,
        'expires_in', p.jwt_claim_expires_in,
        'keys', json(p.keys),
        'created_at', p.created_at,
        'updated_at', p.updated_at,
        'version', p.version))
FROM policies_1 p JOIN accounts a ON a.num = p.account;

DROP TABLE policies_1;
CREATE UNIQUE INDEX policies_by_name ON policies (account, name);

ALTER TABLE redeliveries RENAME TO redeliveries_1;

CREATE TABLE redeliveries (
    id BLOB PRIMARY KEY,
    account INTEGER NOT NULL,
    record TEXT NOT NULL,
    webhook INTEGER NOT NULL AS (record ->> 'webhook') STORED,
    wanted TEXT NOT NULL AS (record ->> 'wanted') STORED,
    state TEXT NOT NULL AS (record ->> '$.progress.state') STORED,
    created_at INTEGER NOT NULL AS (record ->> 'created_at') STORED
) WITHOUT ROWID;

INSERT INTO redeliveries (id, account, record)
SELECT r.id, r.account,
    json_patch('{}', json_object(
        'id', lower(format('%s-%s-%s-%s-%s', substr(hex(r.id), 1, 8), substr(hex(r.id), 9, 4), substr(hex(r.id), 13, 4),
            substr(hex(r.id), 17, 4), substr(hex(r.id), 21))),
        'account', a.id,
        'webhook', r.webhook,
        'wanted', json(r.wanted),
        'run', r.run,
        'created_at', r.created_at,
        'matched', r.matched,
        'more', json(iif(r.more, 'true', 'null')),
        'progress', json_object(
            'state', CASE r.state WHEN 0 THEN 'running' WHEN 1 THEN 'done' ELSE 'stopped' END,
            'after', iif(r.after IS NULL, NULL, lower(format('%s-%s-%s-%s-%s', substr(hex(r.after), 1, 8), substr(hex(r.after), 9, 4),
                substr(hex(r.after), 13, 4), substr(hex(r.after), 17, 4), substr(hex(r.after), 21)))),
            'redelivered', r.redelivered,
            'finished_at', r.finished_at)))
FROM redeliveries_1 r JOIN accounts a ON a.num = r.account;

DROP TABLE redeliveries_1;
CREATE UNIQUE INDEX redeliveries_running ON redeliveries (account, webhook, wanted) WHERE state = 'running';
CREATE INDEX redeliveries_of_account ON redeliveries (account);
CREATE INDEX redeliveries_by_age ON redeliveries (created_at);

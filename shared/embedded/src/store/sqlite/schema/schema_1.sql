CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- AUTOINCREMENT: what is left of a deleted account must not fall to a new one.
CREATE TABLE accounts (
    num INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    admin_mails TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    custom_url TEXT,
    disabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    webhooks INTEGER NOT NULL DEFAULT 0,
    patterns INTEGER NOT NULL DEFAULT 0
);

-- Deleted accounts whose events and records are still to be removed. empty_since: when nothing was left.
CREATE TABLE gone_accounts (num INTEGER PRIMARY KEY, empty_since INTEGER);

CREATE TABLE data_keys (
    account INTEGER NOT NULL,
    key INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;

-- A value sealed by the master key: opening it tells whether the key file is the right one.
CREATE TABLE key_check (one INTEGER PRIMARY KEY CHECK (one = 1), sealed BLOB NOT NULL);

CREATE TABLE tokens (
    num INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    hash BLOB NOT NULL UNIQUE,
    account INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    person_name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    parent BLOB
);
CREATE INDEX tokens_of_account ON tokens (account, parent);
CREATE INDEX tokens_by_parent ON tokens (parent) WHERE parent IS NOT NULL;

CREATE TABLE webhooks (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    event TEXT NOT NULL,
    uri TEXT NOT NULL,
    host_hash INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    attachments TEXT NOT NULL DEFAULT '[]',
    disabled INTEGER NOT NULL,
    disabled_by INTEGER,
    disabled_at INTEGER,
    mail_exceptions_to TEXT,
    policy INTEGER,
    source TEXT,
    source_id TEXT,
    openid_connect_discovery INTEGER NOT NULL,
    header_names TEXT NOT NULL,
    secrets BLOB NOT NULL,
    secrets_version INTEGER NOT NULL,
    verified INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE INDEX webhooks_of_account ON webhooks (account, id);
CREATE INDEX subscriptions ON webhooks (account, event);
CREATE INDEX webhooks_of_host ON webhooks (host_hash, account);
CREATE INDEX webhooks_of_policy ON webhooks (policy) WHERE policy IS NOT NULL;

-- keys: all keys of the policy as JSON, private ones sealed, so that a delivery reads them with the rest.
-- Keys that were handed out. size: once the file is there. webhook: the one that has it. secret: sealed, signs the upload and
-- the downloads. gone_at: from when on the file may be removed; null while a webhook has it.
CREATE TABLE attachments (
    num INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    account INTEGER NOT NULL,
    secret BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    name TEXT,
    size INTEGER,
    webhook INTEGER,
    gone_at INTEGER
);
CREATE INDEX attachments_of_account ON attachments (account, size);
CREATE INDEX attachments_of_webhook ON attachments (webhook) WHERE webhook IS NOT NULL;
CREATE INDEX attachments_gone ON attachments (gone_at) WHERE gone_at IS NOT NULL;

CREATE TABLE policies (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    disabled INTEGER NOT NULL,
    jwt_alg TEXT NOT NULL,
    jwt_audience TEXT,
    jwt_claim_expires_in INTEGER,
    keys TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE UNIQUE INDEX policies_by_name ON policies (account, name);

-- Who did what to webhooks (subject 0) and policies (subject 1); stays when the record goes. A person that is null is the
-- service itself.
CREATE TABLE audit (
    num INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    record INTEGER NOT NULL,
    action TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    person_id INTEGER,
    person_name TEXT,
    changes TEXT NOT NULL
);
CREATE INDEX audit_of_record ON audit (account, subject, record, num);

-- AUTOINCREMENT: an id is never given twice.
CREATE TABLE event_types (
    num INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX event_types_by_name ON event_types (account, name);

CREATE TABLE health (
    webhook INTEGER PRIMARY KEY,
    last_error TEXT,
    failures INTEGER NOT NULL,
    first_failure_at INTEGER
);

-- Endpoint hosts that are not in good health. throttled_at, wait (milliseconds) and opens_at are set together.
CREATE TABLE hosts (
    host TEXT PRIMARY KEY,
    hash INTEGER NOT NULL,
    run INTEGER NOT NULL,
    offenders TEXT NOT NULL,
    throttled_at INTEGER,
    wait INTEGER,
    opens_at INTEGER,
    held_until INTEGER,
    changed_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Mails about failures: the last one about a webhook, and what was silenced since; the last one to an address of an
-- account; how many went out for an account on a day.
CREATE TABLE notices (
    webhook INTEGER PRIMARY KEY,
    sent_at INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    dropped INTEGER NOT NULL
);
CREATE TABLE mail_addresses (
    account INTEGER NOT NULL,
    address TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    PRIMARY KEY (account, address)
) WITHOUT ROWID;
CREATE TABLE mail_days (account INTEGER PRIMARY KEY, day INTEGER NOT NULL, sent INTEGER NOT NULL);

-- AUTOINCREMENT: attempts that wait refer to their event by number, also when it went with its account.
CREATE TABLE events (
    num INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    head TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX events_by_id ON events (account, id);

-- matched is null until fan-out is done, then the ids of the webhooks, 8 bytes each.
CREATE TABLE fan_outs (
    event INTEGER PRIMARY KEY,
    lease INTEGER NOT NULL,
    after INTEGER,
    matched BLOB
);

CREATE TABLE events_queue (event INTEGER PRIMARY KEY, due INTEGER NOT NULL);

-- class: 0 for the first attempt of a first run, 1 for retries and redeliveries, which never go in front of them, 2 for
-- tests. began: when the run began.
CREATE TABLE attempts (
    grp INTEGER NOT NULL,
    class INTEGER NOT NULL,
    due INTEGER NOT NULL,
    num INTEGER NOT NULL,
    event INTEGER,
    webhook INTEGER NOT NULL,
    began INTEGER NOT NULL,
    ticket TEXT NOT NULL,
    PRIMARY KEY (grp, class, due, num)
) WITHOUT ROWID;

CREATE TABLE claims (
    message BLOB NOT NULL,
    run INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    final INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (message, run, attempt)
) WITHOUT ROWID;
CREATE INDEX claims_by_lease ON claims (lease);

CREATE TABLE redeliveries (
    id BLOB PRIMARY KEY,
    account INTEGER NOT NULL,
    webhook INTEGER NOT NULL,
    wanted TEXT NOT NULL,
    run INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    matched INTEGER NOT NULL,
    more INTEGER NOT NULL,
    state INTEGER NOT NULL,
    after BLOB,
    redelivered INTEGER NOT NULL,
    finished_at INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX redeliveries_running ON redeliveries (account, webhook, wanted) WHERE state = 0;
CREATE INDEX redeliveries_of_account ON redeliveries (account);
CREATE INDEX redeliveries_by_age ON redeliveries (created_at);

CREATE TABLE deliveries (
    account INTEGER NOT NULL,
    webhook INTEGER NOT NULL,
    id BLOB NOT NULL,
    outcome INTEGER NOT NULL,
    run INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    webhook_name TEXT NOT NULL,
    event INTEGER,
    event_id TEXT,
    event_name TEXT,
    message BLOB,
    custom_url TEXT,
    retry_of BLOB,
    redelivery_of BLOB,
    next_attempt_at INTEGER,
    error_class INTEGER,
    error TEXT,
    status INTEGER,
    response_headers TEXT,
    response_body TEXT,
    uri TEXT,
    sent_at INTEGER,
    header_names TEXT,
    timings TEXT,
    address TEXT,
    jwt TEXT,
    PRIMARY KEY (account, webhook, id)
) WITHOUT ROWID;
CREATE INDEX deliveries_of_event ON deliveries (event) WHERE event IS NOT NULL;
CREATE INDEX deliveries_unsuccessful ON deliveries (account, id) WHERE outcome > 1;
CREATE INDEX deliveries_loose ON deliveries (account, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX deliveries_loose_age ON deliveries (created_at) WHERE event_id IS NOT NULL;
CREATE INDEX deliveries_by_message ON deliveries (account, message) WHERE message IS NOT NULL;

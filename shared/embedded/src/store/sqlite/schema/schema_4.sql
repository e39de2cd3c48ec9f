-- Counts of ended deliveries, per hour since the epoch and webhook; the webhook 0 is the whole account.
CREATE TABLE counts (
    account INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    webhook INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (account, hour, webhook)
) WITHOUT ROWID;
CREATE INDEX counts_by_age ON counts (hour);

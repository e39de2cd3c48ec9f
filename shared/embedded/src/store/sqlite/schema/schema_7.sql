-- When the last mails that say that a webhook was disabled, and that it recovered, were sent; the addressees of a day's mails.
ALTER TABLE notices ADD COLUMN disabled_sent_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notices ADD COLUMN recovered_sent_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mail_days ADD COLUMN addressees INTEGER NOT NULL DEFAULT 0;

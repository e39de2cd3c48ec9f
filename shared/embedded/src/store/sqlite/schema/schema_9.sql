-- The `traceparent` that an attempt sent.
ALTER TABLE deliveries ADD COLUMN trace TEXT;

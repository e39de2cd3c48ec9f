//! Attachments and their upload.

use serde_json::{Value, json};

use super::kinds::{boolean, closed, id, input, text};

/// `<account>/<uuid>`
pub(super) fn attachment_key() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}/[0-9a-f-]{36}$"})
}

pub(super) fn attachments() -> Value {
    let one = closed(
        &["id", "nodeID", "key", "name", "size", "inline", "uri", "created_at"],
        json!({
            "id": id(),
            "nodeID": text(),
            "key": attachment_key(),
            "name": text(),
            "size": {"type": "integer", "minimum": 0},
            "inline": {"type": "boolean"},
            "uri": {"type": "string", "format": "uri", "description": "Downloads it, for 15 minutes."},
            "created_at": {"type": "string", "format": "date-time"},
        }),
    );
    json!({"type": "array", "items": one})
}

pub(super) fn description_attachments() -> Value {
    let mut key = attachment_key();
    key["description"] = json!("What the upload answered.");
    let one = input(
        &["key"],
        json!({
            "key": key,
            "filesize": {"type": ["integer", "string", "null"]},
            "inline": boolean(),
            "_destroy": boolean(),
        }),
    );
    let what = "Attachments to add, to change or, with `_destroy`, to take away; others stay.";
    json!({"type": ["array", "null"], "items": one, "description": what})
}

/// Where to upload a file; the fields of the form are under the name of the provider.
pub(super) fn attachment_storage() -> Value {
    let fields = json!({"type": "object", "additionalProperties": text()});
    closed(
        &["provider", "upload_uri", "allowed_extensions", "size_limit"],
        json!({
            "provider": {"type": "string", "enum": ["local", "s3"]},
            "upload_uri": {"type": "string", "format": "uri"},
            "allowed_extensions": {"type": "array", "items": text()},
            "size_limit": {"type": "integer"},
            "local": fields,
            "s3": fields,
        }),
    )
}

pub(super) fn attachment_upload() -> Value {
    let mut form = input(
        &["key", "x-4me-expiration", "x-4me-signature", "file"],
        json!({
            "Content-Type": text(),
            "key": attachment_key(),
            "x-4me-expiration": text(),
            "x-4me-signature": text(),
            "file": {"type": "string", "format": "binary", "description": "Comes last."},
        }),
    );
    form["additionalProperties"] = text();
    form["description"] = json!("The fields that `GET /attachments/storage` gave, then the file.");
    form
}

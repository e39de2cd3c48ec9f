//! Whether a payload fits the schema of its event type (section 14, *Catalogue*).

use std::sync::Arc;

use crate::errors::{PortError, PortResult};
use crate::ids::AccountId;
use crate::model::{EventType, Payload};
use crate::service::Service;
use crate::values::JsonSchema;
use crate::values::json_schema::SchemaMismatch;

/// Where the payload does not fit; `None` if it does, or if the type has no schema. The schema is read once for each
/// version of the type, as long as the process keeps it.
pub(super) async fn mismatch(
    service: &Service,
    account: &AccountId,
    event_type: &EventType,
    payload: &Payload,
) -> PortResult<Option<SchemaMismatch>> {
    let EventType { id, version, .. } = event_type;
    if let Some(schema) = service.schemas.find(account.as_str(), id.0, *version) {
        return Ok(schema.check(payload.as_raw()).err());
    }
    let documents = service.event_types.event_type_documents(account, *id).await?;
    let Some(text) = documents.schema else { return Ok(None) };
    let schema = JsonSchema::parse(&text);
    let schema = Arc::new(schema.map_err(|error| PortError::unavailable("store", format!("a schema {error}")))?);
    service.schemas.keep(account.as_str(), id.0, *version, &schema);
    Ok(schema.check(payload.as_raw()).err())
}

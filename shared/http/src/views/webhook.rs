//! Webhooks (section 3).

use hookline_core::ids::DeliveryId;
use hookline_core::model::{Attachment, DisabledBy, Policy, Webhook};
use hookline_core::settings::CoreSettings;
use hookline_core::values::endpoint_uri::MASK;
use hookline_core::values::{FieldValue, TimeZone, node_id};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::reference::Reference;
use crate::listing::{Field, FieldType, Record, Resource, Selection};

/// The fields of a webhook.
pub(crate) static WEBHOOK: Resource = Resource {
    name: "Webhook",
    fields: &[
        Field::new("id", FieldType::Integer).sortable().listed(),
        Field::new("nodeID", FieldType::Text).listed(),
        Field::new("event", FieldType::Enumeration).sortable().listed(),
        Field::new("uri", FieldType::Text).sortable().listed(),
        Field::new("name", FieldType::Text).sortable().listed(),
        Field::new("description", FieldType::Text).nullable(),
        Field::new("attachments", FieldType::Object("Attachments")),
        Field::new("disabled", FieldType::Boolean).sortable().listed_when_set(),
        Field::new("mail_exceptions_to", FieldType::Text).nullable(),
        Field::new("webhook_policy", FieldType::Object("Reference")).nullable(),
        Field::new("source", FieldType::Text).nullable().sortable(),
        Field::new("sourceID", FieldType::Text).nullable().sortable(),
        Field::new("last_error", FieldType::Text).nullable().listed_when_set(),
        Field::new("created_at", FieldType::Time).sortable().listed(),
        Field::new("updated_at", FieldType::Time).sortable().listed(),
        Field::new("disabled_by", FieldType::Text).nullable().extension(),
        Field::new("disabled_reason", FieldType::Text).nullable().extension(),
        Field::new("events", FieldType::Object("SubscribedEvents")).extension(),
        Field::new("filter", FieldType::Object("ContentFilter")).nullable().extension(),
        Field::new("openid_connect_discovery", FieldType::Boolean).extension(),
        Field::new("headers", FieldType::Object("MaskedHeaders")).extension(),
        Field::new("verified", FieldType::Boolean).extension(),
        Field::new("last_delivery", FieldType::Object("DeliveryReference")).nullable().extension(),
        // A field of the original, which has no meaning here.
        Field::new("app_offering_references", FieldType::Object("AppOfferingReferences")).extension(),
    ],
    sort: ("id", true),
};

/// What a webhook shows of other records. Each is loaded only if it is shown.
#[derive(Debug, Default)]
pub(crate) struct WebhookContext {
    /// The webhook's policy.
    pub(crate) policy: Option<Policy>,
    /// Links to its attachments, in their order.
    pub(crate) attachment_uris: Vec<String>,
    /// Its newest delivery.
    pub(crate) last_delivery: Option<DeliveryId>,
}

/// A webhook as JSON.
pub(crate) fn view<'a>(
    webhook: &Webhook,
    beside: &WebhookContext,
    selection: &'a Selection,
    settings: &CoreSettings,
    zone: &TimeZone,
) -> Record<'a> {
    let Webhook {
        id,
        account: _,
        events,
        filter,
        uri,
        name,
        description,
        attachments,
        disabled,
        disabling,
        mail_exceptions_to,
        policy: _,
        source,
        source_id,
        openid_connect_discovery,
        header_names,
        secrets: _,
        secrets_version: _,
        verified,
        created_at,
        updated_at,
        version: _,
        last_error,
    } = webhook;
    let mut record = Record::new(selection);
    record.put("id", id);
    record.put("nodeID", node_id::encode(&settings.domain, "Webhook", id));
    record.put("event", events.first().to_string());
    record.put("uri", uri.masked());
    record.put("name", name);
    record.put("description", description);
    let shown = attachments.iter().zip(&beside.attachment_uris);
    record.put("attachments", shown.map(|(own, uri)| attachment(own, uri, settings, zone)).collect::<Vec<_>>());
    record.put("disabled", disabled);
    record.put("mail_exceptions_to", mail_exceptions_to);
    record.put("webhook_policy", beside.policy.as_ref().map(|policy| Reference::policy(settings, policy)));
    record.put("source", source);
    record.put("sourceID", source_id);
    record.put("last_error", last_error);
    record.put("created_at", zone.format(*created_at));
    record.put("updated_at", zone.format(*updated_at));
    let (disabled_by, disabled_reason) = disabling.map(|disabling| disabled_words(disabling.by)).unzip();
    record.put("disabled_by", disabled_by);
    record.put("disabled_reason", disabled_reason);
    record.put("events", events.iter().map(ToString::to_string).collect::<Vec<_>>());
    let filter = filter.as_ref().and_then(|filter| serde_json::from_str::<&RawValue>(filter.as_str()).ok());
    record.put("filter", filter);
    record.put("openid_connect_discovery", openid_connect_discovery);
    record.put("headers", MaskedHeaders(header_names));
    record.put("verified", verified);
    record.put("app_offering_references", [(); 0]);
    record.put("last_delivery", beside.last_delivery.map(|id| json!({ "id": id.uuid() })));
    record
}

/// By whom a webhook was disabled, and why.
fn disabled_words(by: DisabledBy) -> (&'static str, &'static str) {
    match by {
        DisabledBy::Administrator => ("administrator", "An administrator disabled it"),
        DisabledBy::Failures => ("service", "It has failed for days without a success"),
        DisabledBy::Gone => ("service", "Its endpoint wants no more messages"),
    }
}

/// An attachment as JSON.
fn attachment(attachment: &Attachment, uri: &str, settings: &CoreSettings, zone: &TimeZone) -> serde_json::Value {
    let Attachment { id, key, name, size, inline, created_at } = attachment;
    json!({
        "id": id,
        "nodeID": node_id::encode(&settings.domain, "Attachment", id),
        "key": key,
        "name": name,
        "size": size,
        "inline": inline,
        "uri": uri,
        "created_at": zone.format(*created_at),
    })
}

/// A webhook's value for a sort key.
pub(crate) fn sort_value(webhook: &Webhook, field: &str) -> Option<FieldValue> {
    let text = |text: &str| Some(FieldValue::Text(text.to_owned()));
    match field {
        "id" => i64::try_from(webhook.id.0).ok().map(FieldValue::Int),
        "event" => text(&webhook.events.first().to_string()),
        "uri" => text(webhook.uri.masked()),
        "name" => text(&webhook.name),
        "disabled" => Some(FieldValue::Bool(webhook.disabled)),
        "source" => webhook.source.clone().map(FieldValue::Text),
        "sourceID" => webhook.source_id.clone().map(FieldValue::Text),
        "created_at" => Some(FieldValue::Time(webhook.created_at)),
        "updated_at" => Some(FieldValue::Time(webhook.updated_at)),
        _ => None,
    }
}

/// The extra headers: names in their order, values never shown.
struct MaskedHeaders<'a>(&'a [String]);

impl Serialize for MaskedHeaders<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for name in self.0 {
            map.serialize_entry(name, MASK)?;
        }
        map.end()
    }
}

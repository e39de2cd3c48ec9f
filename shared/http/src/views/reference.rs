//! References: how a record names another one.

use hookline_core::ids::WebhookId;
use hookline_core::model::{Person, Policy};
use hookline_core::settings::CoreSettings;
use hookline_core::values::node_id;
use serde::Serialize;

/// A reference to a record: `{"id":3,"name":"…","nodeID":"…"}`, plus `disabled: true` only when disabled.
#[derive(Debug, Serialize)]
pub(crate) struct Reference<'a> {
    id: u64,
    name: &'a str,
    #[serde(rename = "nodeID")]
    node_id: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disabled: bool,
}

impl<'a> Reference<'a> {
    /// A reference to a policy.
    pub(crate) fn policy(settings: &CoreSettings, policy: &'a Policy) -> Self {
        let Policy { id, name, disabled, .. } = policy;
        let node_id = node_id::encode(&settings.domain, "WebhookPolicy", id);
        Self { id: id.0, name: name.as_str(), node_id, disabled: *disabled }
    }

    /// A reference to a webhook.
    pub(crate) fn webhook(settings: &CoreSettings, id: WebhookId, name: &'a str, disabled: bool) -> Self {
        Self { id: id.0, name, node_id: node_id::encode(&settings.domain, "Webhook", id), disabled }
    }

    /// A reference to a person.
    pub(crate) fn person(settings: &CoreSettings, person: &'a Person) -> Self {
        let Person { id, name } = person;
        Self { id: *id, name, node_id: node_id::encode(&settings.domain, "Person", id), disabled: false }
    }
}

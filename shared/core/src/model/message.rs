//! Messages: one event for one webhook, the JSON that is POSTed (section 5), and the work it causes.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::event::{EventHead, Payload};
use crate::ids::{AccountId, MessageId, WebhookId};
use crate::settings::CoreSettings;
use crate::values::node_id;

/// Why a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// An event was published.
    Event,
    /// An administrator tests the webhook: never retried, mailed or counted.
    Test,
    /// The endpoint is asked whether it wants our messages: retried, but never counted.
    Verify,
}

/// One event for one webhook. Its data never changes between attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The webhook that it is for.
    pub webhook: WebhookId,
    /// The webhook's name when the event was fanned out.
    pub webhook_name: String,
    /// The account's `custom_url` at that time.
    pub custom_url: Option<String>,
    /// Why it is sent.
    pub kind: MessageKind,
    /// The event, all but the payload.
    pub event: Arc<EventHead>,
}

impl Message {
    /// The message of an event for a webhook.
    #[must_use]
    pub fn new(event: &Arc<EventHead>, webhook: WebhookId, webhook_name: String, custom_url: Option<String>) -> Self {
        let id = MessageId::derive(&event.account, &event.id, event.accepted_at, webhook);
        Self { id, webhook, webhook_name, custom_url, kind: MessageKind::Event, event: Arc::clone(event) }
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.event.account
    }

    /// The JSON that is POSTed: keys in the order of section 5, the payload as it was published.
    #[must_use]
    pub fn body(&self, settings: &CoreSettings, payload: &Payload) -> Bytes {
        #[derive(Serialize)]
        #[expect(non_snake_case, reason = "the names of the wire")]
        struct Body<'a> {
            webhook_id: WebhookId,
            webhook_nodeID: String,
            account_id: &'a AccountId,
            account: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            custom_url: Option<&'a str>,
            name: &'a str,
            event: &'a str,
            object_id: i64,
            object_nodeID: String,
            person_id: Option<i64>,
            person_nodeID: Option<String>,
            person_name: Option<&'a str>,
            payload: &'a RawValue,
        }
        let EventHead { id: _, account, event, object_id, object_type, person_id, person_name, .. } = &*self.event;
        let body = Body {
            webhook_id: self.webhook,
            webhook_nodeID: node_id::encode(&settings.domain, "Webhook", self.webhook),
            account_id: account,
            account: settings.account_url(account),
            custom_url: self.custom_url.as_deref(),
            name: &self.webhook_name,
            event: event.as_str(),
            object_id: *object_id,
            object_nodeID: node_id::encode(&settings.domain, object_type, object_id),
            person_id: *person_id,
            person_nodeID: person_id.map(|id| node_id::encode(&settings.domain, "Person", id)),
            person_name: person_id.and(person_name.as_deref()),
            payload: payload.as_raw(),
        };
        let mut bytes = Vec::with_capacity(512 + payload.as_bytes().len());
        serde_json::to_writer(&mut bytes, &body).expect("strings, numbers and valid JSON always become JSON");
        bytes.into()
    }
}

//! The file: what it may hold, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hookline_core::model::{EventName, SchemaMode, Subscription, Subscriptions};
use hookline_core::values::{ContentFilter, EndpointUri, JsonSchema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::CommandError;

/// The version of the format.
const VERSION: u32 = 1;

/// The configuration of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Configuration {
    pub(super) version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) event_types: Vec<EventTypeEntry>,
    /// By their local names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) policies: BTreeMap<String, PolicyEntry>,
    #[serde(default)]
    pub(super) webhooks: Vec<WebhookEntry>,
}

/// An own event type: its name, or all that describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum EventTypeEntry {
    Name(String),
    Described(DescribedType),
}

/// An own event type with what describes it. An absent field has its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribedType {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schema_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) example: Option<Value>,
}

impl EventTypeEntry {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Described(DescribedType { name, .. }) => name,
        }
    }

    /// All that describes it.
    pub(super) fn described(&self) -> DescribedType {
        match self {
            Self::Name(name) => DescribedType { name: name.clone(), ..DescribedType::default() },
            Self::Described(described) => described.clone(),
        }
    }
}

impl From<DescribedType> for EventTypeEntry {
    /// A type without a description is written as its name.
    fn from(described: DescribedType) -> Self {
        let bare = DescribedType { name: described.name.clone(), ..DescribedType::default() };
        if described == bare { Self::Name(described.name) } else { Self::Described(described) }
    }
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyEntry {
    pub(super) jwt_alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) jwt_audience: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) jwt_claim_expires_in: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) disabled: bool,
}

/// A webhook. An absent field has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookEntry {
    pub(super) source: String,
    #[serde(rename = "sourceID")]
    pub(super) source_id: String,
    #[serde(default)]
    pub(super) event: String,
    /// All events if there are several; `event` is the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<String>,
    pub(super) uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) disabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mail_exceptions_to: Option<String>,
    /// The local name of its policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) openid_connect_discovery: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) trace: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<Value>,
}

/// What a webhook is known by: `source` and `sourceID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WebhookKey(pub(super) String, pub(super) String);

impl std::fmt::Display for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl WebhookEntry {
    pub(super) fn key(&self) -> WebhookKey {
        WebhookKey(self.source.clone(), self.source_id.clone())
    }

    /// Makes `event` the first of `events`, which are left out if there is only one.
    pub(super) fn normalize_events(&mut self) {
        if let (true, Some(first)) = (self.event.is_empty(), self.events.first()) {
            self.event.clone_from(first);
        }
        if self.events == [self.event.as_str()] {
            self.events.clear();
        }
    }

    /// Its name, by default the event.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.event)
    }
}

impl Configuration {
    pub(super) fn new() -> Self {
        Self { version: VERSION, event_types: Vec::new(), policies: BTreeMap::new(), webhooks: Vec::new() }
    }

    /// Reads a file; `-` is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, CommandError> {
        let text = if path.as_os_str() == "-" {
            std::io::read_to_string(std::io::stdin())
        } else {
            std::fs::read_to_string(path)
        };
        let text = text.map_err(|error| CommandError::Usage(format!("{} cannot be read: {error}", path.display())))?;
        Self::parse(&text).map_err(|reason| CommandError::Usage(format!("{}: {reason}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut read: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        if read.version != VERSION {
            return Err(format!("version {} of the format is unknown; this is version {VERSION}", read.version));
        }
        read.webhooks.iter_mut().for_each(WebhookEntry::normalize_events);
        read.check()?;
        Ok(read)
    }

    /// The file as YAML.
    pub(super) fn to_yaml(&self) -> Result<String, CommandError> {
        serde_saphyr::to_string(self).map_err(CommandError::of)
    }

    /// Refuses what the service would refuse, before anything is changed.
    fn check(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for one in &self.event_types {
            if !names.insert(one.name()) {
                return Err(format!("event type {} is there twice", one.name()));
            }
            check_event_type(&one.described()).map_err(|reason| format!("event type {}: {reason}", one.name()))?;
        }
        let mut keys = BTreeSet::new();
        let mut used = BTreeSet::new();
        for webhook in &self.webhooks {
            let key = webhook.key();
            if key.0.is_empty() || key.1.is_empty() {
                return Err(format!("webhook {key}: source and sourceID must not be empty"));
            }
            if !keys.insert(key.clone()) {
                return Err(format!("webhook {key} is there twice"));
            }
            self.check_webhook(webhook).map_err(|reason| format!("webhook {key}: {reason}"))?;
            used.extend(webhook.policy.as_ref());
        }
        match self.policies.keys().find(|name| !used.contains(name)) {
            Some(name) => Err(format!("policy {name} is used by no webhook")),
            None => Ok(()),
        }
    }

    fn subscription(&self, event: &str) -> Result<Subscription, String> {
        let is_own = EventName::builtin(event).is_none() && EventName::own_type(event).is_some();
        if is_own && !self.event_types.iter().any(|one| one.name() == event) {
            return Err(format!("event {event} is not among the event_types"));
        }
        Subscription::stored(event).ok_or_else(|| format!("event {event:?} is not an event"))
    }

    fn check_webhook(&self, webhook: &WebhookEntry) -> Result<(), String> {
        let event = self.subscription(&webhook.event)?;
        if !webhook.events.is_empty() {
            let all = webhook.events.iter().map(|event| self.subscription(event)).collect::<Result<_, _>>()?;
            let all = Subscriptions::new(all).map_err(|error| format!("events {error}"))?;
            if *all.first() != event {
                return Err("events must begin with the event".to_owned());
            }
        }
        if let Err(error) = EndpointUri::parse(&webhook.uri) {
            return Err(format!("uri {error}"));
        }
        if let Some(filter) = &webhook.filter {
            ContentFilter::parse(&filter.to_string()).map_err(|error| format!("filter {error}"))?;
        }
        match &webhook.policy {
            Some(name) if !self.policies.contains_key(name) => Err(format!("policy {name} is not among the policies")),
            _ => Ok(()),
        }
    }
}

/// What the service would refuse of an event type.
fn check_event_type(described: &DescribedType) -> Result<(), String> {
    let DescribedType { name: _, description: _, schema_mode, schema, example } = described;
    if schema_mode.as_deref().is_some_and(|mode| SchemaMode::parse(mode).is_none()) {
        return Err(format!("schema_mode must be one of {}", SchemaMode::NAMES.join(", ")));
    }
    let Some(schema) = schema else {
        return match schema_mode.as_deref() {
            None | Some("off") => Ok(()),
            Some(_) => Err("schema_mode needs a schema".to_owned()),
        };
    };
    let schema = JsonSchema::parse(&schema.to_string()).map_err(|error| format!("schema {error}"))?;
    let Some(example) = example else { return Ok(()) };
    let example = serde_json::value::to_raw_value(example).map_err(|error| error.to_string())?;
    schema.check(&example).map_err(|mismatch| format!("example {mismatch}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
version: 1
event_types:
  - order.paid
  - name: order.sent
    schema_mode: enforce
    schema: {required: [total], properties: {total: {type: number}}}
    example: {total: 1.5}
policies:
  signed:
    jwt_alg: es256
webhooks:
  - source: terraform
    sourceID: "1"
    event: order.paid
    uri: https://ada:***@hooks.example.com/in?a=1
    policy: signed
    headers: {X-Key: "***"}
    filter: {payload: {status: [open, {anything-but: [closed, 5]}], n: [{numeric: [">", 0.5]}]}}
"#;

    #[test]
    fn a_file_is_written_as_it_is_read() {
        let read = Configuration::parse(GOOD).unwrap();
        assert_eq!(read.webhooks[0].source_id, "1");
        let filter = serde_json::json!({"payload": {"status": ["open", {"anything-but": ["closed", 5]}],
            "n": [{"numeric": [">", 0.5]}]}});
        assert_eq!(read.webhooks[0].filter, Some(filter));
        let several = GOOD.replace("event: order.paid", "events: [order.paid, risk.*]");
        let several = Configuration::parse(&several).unwrap();
        assert_eq!((several.webhooks[0].event.as_str(), several.webhooks[0].events.len()), ("order.paid", 2));
        assert_eq!(Configuration::parse(&several.to_yaml().unwrap()).unwrap(), several);
        let one = Configuration::parse(&GOOD.replace("event: order.paid", "events: [order.paid]")).unwrap();
        assert_eq!(one, read);
        let text = read.to_yaml().unwrap();
        assert_eq!(Configuration::parse(&text).unwrap(), read, "{text}");
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_place() {
        for (good, bad, reason) in [
            ("version: 1", "version: 2", "version 2 of the format is unknown"),
            ("sourceID: \"1\"", "sourceID: \"\"", "must not be empty"),
            ("  - order.paid\n", "", "webhook terraform/1: event order.paid is not among the event_types"),
            ("name: order.sent", "name: order.paid", "event type order.paid is there twice"),
            (
                "schema_mode: enforce",
                "schema_mode: always",
                "event type order.sent: schema_mode must be one of off, warn, enforce",
            ),
            (
                "type: number",
                "type: text",
                "event type order.sent: schema at /properties/total/type: must be one or several of",
            ),
            ("{total: 1.5}", "{total: x}", "event type order.sent: example at /total: must be of type number"),
            ("    example:", "    examples:", "event_types"),
            ("event: order.paid", "event: Order", "event \"Order\" is not an event"),
            ("    event: order.paid\n", "", "event \"\" is not an event"),
            ("event: order.paid", "events: [risk.*, order.lost]", "event order.lost is not among the event_types"),
            (
                "event: order.paid",
                "events: [risk.*, risk.*]",
                "webhook terraform/1: events is invalid: 'risk.*' is repeated",
            ),
            (
                "event: order.paid",
                "event: order.paid\n    events: [risk.*, order.paid]",
                "events must begin with the event",
            ),
            ("    policy: signed\n", "", "policy signed is used by no webhook"),
            ("policy: signed", "policy: lost", "policy lost is not among the policies"),
            ("    uri", "    url", "url"),
            ("https://ada", "ftp://ada", "webhook terraform/1: uri"),
            ("[open,", "{open: 1, x: [", "filter"),
        ] {
            assert!(GOOD.contains(good), "{good}");
            let error = Configuration::parse(&GOOD.replacen(good, bad, 1)).unwrap_err();
            assert!(error.contains(reason) || good.starts_with("[open"), "{bad}: {error}");
        }
        let twice = format!("{GOOD}{}", &GOOD[GOOD.find("  - source").unwrap()..]);
        assert!(Configuration::parse(&twice).unwrap_err().contains("webhook terraform/1 is there twice"));
    }
}

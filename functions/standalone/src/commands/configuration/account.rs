//! The account as it is, read over the API.

use std::collections::BTreeMap;

use hookline_core::rules::request::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::file::{DescribedType, PolicyEntry, WebhookEntry};
use crate::commands::api_client::{ApiClient, reason};
use crate::output::CommandError;

/// How many records one page has.
const PAGE: usize = 100;

/// What the file describes, as the account has it.
pub(super) struct CurrentAccount {
    /// By their names.
    pub(super) event_types: BTreeMap<String, DescribedType>,
    pub(super) policies: BTreeMap<u64, PolicyEntry>,
    pub(super) webhooks: Vec<CurrentWebhook>,
}

/// A webhook of the account.
pub(super) struct CurrentWebhook {
    pub(super) id: u64,
    pub(super) policy: Option<u64>,
    /// Attachments are not part of the file.
    pub(super) has_attachments: bool,
    /// Without its policy; `source` and `sourceID` are empty if it has none.
    pub(super) entry: WebhookEntry,
}

impl CurrentAccount {
    pub(super) async fn read(client: &ApiClient) -> Result<Self, CommandError> {
        let fields = "event,events,uri,name,description,attachments,disabled,mail_exceptions_to,webhook_policy,source,sourceID,\
                      openid_connect_discovery,trace,content_type,headers,filter";
        let webhooks = list(client, &format!("/v1/webhooks?sort=id&fields={fields}")).await?;
        let fields = "jwt_alg,jwt_audience,jwt_claim_expires_in,disabled";
        let policies = list(client, &format!("/v1/webhook_policies?fields={fields}")).await?;
        let types = list(client, "/v1/event_types?fields=name").await?;
        // Lists are without schemas and examples.
        let mut event_types = BTreeMap::new();
        for one in types.iter().filter_map(|one| text(&one["name"])) {
            let path = format!("/v1/event_types/{one}");
            let (status, answer) = client.call(Method::GET, &path, None, true).await?;
            if status != StatusCode::OK {
                return Err(CommandError::of(format!(
                    "{} refused {path} ({status}): {}",
                    client.url(),
                    reason(&answer)
                )));
            }
            event_types.insert(one.clone(), event_type(one, &answer));
        }
        Ok(Self {
            event_types,
            policies: policies.iter().map(policy).collect::<Option<_>>().ok_or_else(unknown)?,
            webhooks: webhooks.iter().map(webhook).collect::<Option<_>>().ok_or_else(unknown)?,
        })
    }
}

fn unknown() -> CommandError {
    CommandError::of("the service answered with a record that this version does not know")
}

/// All records of a list.
async fn list(client: &ApiClient, path: &str) -> Result<Vec<Value>, CommandError> {
    let mut all = Vec::new();
    for page in 1_u32.. {
        let path = format!("{path}&per_page={PAGE}&page={page}");
        let (status, answer) = client.call(Method::GET, &path, None, true).await?;
        let Value::Array(mut records) = answer else {
            return Err(CommandError::of(format!("{} refused {path} ({status}): {}", client.url(), reason(&answer))));
        };
        if status != StatusCode::OK {
            return Err(unknown());
        }
        let is_last = records.len() < PAGE;
        all.append(&mut records);
        if is_last {
            break;
        }
    }
    Ok(all)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn event_type(name: String, record: &Value) -> DescribedType {
    let document = |field: &str| Some(record[field].clone()).filter(|document| !document.is_null());
    DescribedType {
        name,
        description: text(&record["description"]),
        schema_mode: text(&record["schema_mode"]).filter(|mode| mode != "off"),
        schema: document("schema"),
        example: document("example"),
    }
}

fn policy(record: &Value) -> Option<(u64, PolicyEntry)> {
    let entry = PolicyEntry {
        jwt_alg: text(&record["jwt_alg"])?,
        jwt_audience: text(&record["jwt_audience"]),
        jwt_claim_expires_in: record["jwt_claim_expires_in"].as_u64(),
        disabled: record["disabled"] == true,
    };
    Some((record["id"].as_u64()?, entry))
}

fn webhook(record: &Value) -> Option<CurrentWebhook> {
    let event = text(&record["event"])?;
    let events = record["events"].as_array()?;
    let headers = record["headers"].as_object()?;
    let mut entry = WebhookEntry {
        source: text(&record["source"]).unwrap_or_default(),
        source_id: text(&record["sourceID"]).unwrap_or_default(),
        uri: text(&record["uri"])?,
        name: text(&record["name"]).filter(|name| *name != event),
        event,
        events: events.iter().map(text).collect::<Option<_>>()?,
        description: text(&record["description"]),
        disabled: record["disabled"] == true,
        mail_exceptions_to: text(&record["mail_exceptions_to"]),
        policy: None,
        openid_connect_discovery: record["openid_connect_discovery"] == true,
        trace: record["trace"] == true,
        content_type: text(&record["content_type"]).filter(|text| text != CONTENT_TYPE),
        headers: headers.iter().map(|(name, value)| Some((name.clone(), text(value)?))).collect::<Option<_>>()?,
        filter: Some(record["filter"].clone()).filter(|filter| !filter.is_null()),
    };
    entry.normalize_events();
    Some(CurrentWebhook {
        id: record["id"].as_u64()?,
        policy: record["webhook_policy"]["id"].as_u64(),
        has_attachments: record["attachments"].as_array().is_some_and(|all| !all.is_empty()),
        entry,
    })
}

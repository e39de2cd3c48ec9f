//! The items of a webhook: its state, its description, its entry in the list, its subscriptions, and its health, which
//! only deliveries write.

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, PolicyId, WebhookId};
use hookline_core::model::{
    DeliveryTarget, DisabledBy, Disabling, Policy, Sealed, Subscriber, Subscriptions, Webhook, WebhookHealth,
};
use hookline_core::values::{ContentFilter, EndpointUri, FieldValue, MailAddress};

use super::account_item::{from_item as account_from, mails};
use super::attachment_item::{from_attribute, to_attribute};
use crate::store::dynamo::{Item, ItemBuilder, ItemKey, ItemReader, bytes, corrupt, item};
use crate::store::keys;

/// The items that are written with a webhook. The description has an item of its own, if there is any.
pub(in crate::store) struct WebhookItems {
    pub(in crate::store) state: Item,
    pub(in crate::store) text: Option<Item>,
    pub(in crate::store) entry: Item,
    pub(in crate::store) subscriptions: Vec<Item>,
}

pub(in crate::store) fn items(webhook: &Webhook) -> WebhookItems {
    let Webhook {
        id,
        account,
        events,
        filter,
        uri,
        name,
        description,
        disabled,
        disabling,
        mail_exceptions_to,
        policy,
        source,
        source_id,
        openid_connect_discovery,
        header_names,
        secrets,
        secrets_version,
        verified,
        created_at,
        updated_at,
        version,
        last_error: _,
        attachments,
    } = webhook;
    let state = ItemBuilder::at(&keys::of_webhook(account, *id, keys::STATE))
        .number("id", id)
        .text("event", events.to_string())
        .maybe_text("filter", filter.as_ref().map(ContentFilter::as_str))
        .text("uri", uri.masked())
        .text("name", name)
        .flag("disabled", *disabled)
        .maybe("disabled_by", disabling.map(|disabling| item::text(reason_text(disabling.by))))
        .maybe("disabled_at", disabling.map(|disabling| item::time(disabling.at)))
        .maybe_text("mail_exceptions_to", mail_exceptions_to.as_deref())
        .maybe("policy", policy.map(|policy| item::number(policy.0)))
        .maybe_text("source", source.as_deref())
        .maybe_text("source_id", source_id.as_deref())
        .flag("openid_connect_discovery", *openid_connect_discovery)
        .maybe("header_names", (!header_names.is_empty()).then(|| item::text(header_names.join(" "))))
        .set("secrets", bytes(secrets.0.clone()))
        .number("secrets_version", secrets_version)
        .flag("verified", *verified)
        .time("created_at", *created_at)
        .time("updated_at", *updated_at)
        .number("version", version)
        .done();
    let text = (description.is_some() || !attachments.is_empty()).then(|| {
        ItemBuilder::at(&keys::of_webhook(account, *id, keys::TEXT))
            .maybe_text("description", description.as_deref())
            .maybe("attachments", to_attribute(attachments))
            .done()
    });
    let entry = ItemBuilder::at(&keys::webhook_entry(account, *id))
        .number("id", id)
        .text("event", events.to_string())
        .text("uri", uri.masked())
        .text("name", name)
        .flag("disabled", *disabled)
        .maybe_text("source", source.as_deref())
        .maybe_text("source_id", source_id.as_deref())
        .time("created_at", *created_at)
        .time("updated_at", *updated_at)
        .done();
    let subscription = |(key, events): (ItemKey, String)| {
        ItemBuilder::at(&key)
            .number("id", id)
            .text("event", events)
            .text("name", name)
            .maybe_text("filter", filter.as_ref().map(ContentFilter::as_str))
            .number("host_hash", uri.host().hash())
            .flag("disabled", *disabled)
            .maybe("disabled_by", disabling.map(|disabling| item::text(reason_text(disabling.by))))
            .maybe("disabled_at", disabling.map(|disabling| item::time(disabling.at)))
            .flag("verified", *verified)
            .done()
    };
    let subscriptions = subscriptions(account, events, *id).into_iter().map(subscription).collect();
    WebhookItems { state, text, entry, subscriptions }
}

/// The entries of a webhook among the subscriptions: one for each name, and one for all patterns, each with its events.
pub(in crate::store) fn subscriptions(
    account: &AccountId,
    events: &Subscriptions,
    id: WebhookId,
) -> Vec<(ItemKey, String)> {
    let mut entries: Vec<(ItemKey, String)> = Vec::new();
    for event in events.iter() {
        let key = keys::subscription(account, event, id);
        match entries.iter_mut().find(|(other, _)| *other == key) {
            Some((_, events)) => *events = format!("{events} {event}"),
            None => entries.push((key, event.to_string())),
        }
    }
    entries
}

/// The events of a stored webhook, or of one of its entries.
pub(in crate::store) fn events(read: ItemReader<'_>) -> PortResult<Subscriptions> {
    read.parsed("event", Subscriptions::stored)
}

/// Reads a webhook from its state, its health and its description.
pub(in crate::store) fn webhook(
    account: &AccountId,
    state: ItemReader<'_>,
    health: Option<ItemReader<'_>>,
    text: Option<ItemReader<'_>>,
) -> PortResult<Webhook> {
    Ok(Webhook {
        id: state.webhook("id")?,
        account: account.clone(),
        events: events(state)?,
        filter: filter(state)?,
        uri: state.parsed("uri", EndpointUri::stored)?,
        name: state.text("name")?.to_owned(),
        description: text.and_then(|text| text.owned("description")),
        disabled: state.flag("disabled"),
        disabling: disabling(state)?,
        mail_exceptions_to: state.owned("mail_exceptions_to"),
        policy: policy_id(state)?,
        source: state.owned("source"),
        source_id: state.owned("source_id"),
        openid_connect_discovery: state.flag("openid_connect_discovery"),
        header_names: header_names(state),
        secrets: Sealed(state.bytes("secrets")?.to_vec()),
        secrets_version: state.number("secrets_version")?,
        verified: state.flag("verified"),
        created_at: state.time("created_at")?,
        updated_at: state.time("updated_at")?,
        version: state.number("version")?,
        last_error: health.and_then(|health| health.owned("last_error")),
        attachments: from_attribute(text)?,
    })
}

fn filter(read: ItemReader<'_>) -> PortResult<Option<ContentFilter>> {
    let text = read.maybe_text("filter");
    text.map(|text| ContentFilter::parse(text).map_err(|_| corrupt("filter"))).transpose()
}

/// Header names are tokens of RFC 9110 and contain no space.
fn header_names(state: ItemReader<'_>) -> Vec<String> {
    let names = state.maybe_text("header_names").unwrap_or_default();
    names.split_ascii_whitespace().map(str::to_owned).collect()
}

/// The policy of a webhook.
pub(in crate::store) fn policy_id(state: ItemReader<'_>) -> PortResult<Option<PolicyId>> {
    Ok(state.maybe_number("policy")?.map(PolicyId))
}

/// Reads what a delivery needs: parts of the webhook's state and health, of its account, and its policy.
pub(in crate::store) fn target(
    account: &Item,
    state: ItemReader<'_>,
    health: Option<ItemReader<'_>>,
    policy: Option<Policy>,
) -> PortResult<DeliveryTarget> {
    let account = account_from(account)?;
    let own = state.maybe_text("mail_exceptions_to").filter(|text| !text.trim().is_empty());
    let mail_to: Vec<MailAddress> = match own {
        Some(text) => mails(text)?,
        None => account.admin_mails,
    };
    Ok(DeliveryTarget {
        id: state.webhook("id")?,
        name: state.text("name")?.to_owned(),
        uri: state.parsed("uri", EndpointUri::stored)?,
        header_names: header_names(state),
        secrets: Sealed(state.bytes("secrets")?.to_vec()),
        secrets_version: state.number("secrets_version")?,
        disabled: state.flag("disabled") || account.disabled,
        account_disabled: account.disabled,
        verified: state.flag("verified"),
        policy,
        openid_connect_discovery: state.flag("openid_connect_discovery"),
        mail_to,
        account_name: account.name,
        health: health.map(self::health).transpose()?.unwrap_or_default(),
    })
}

/// The stored name of the reason why a webhook is disabled.
pub(in crate::store) fn reason_text(by: DisabledBy) -> &'static str {
    match by {
        DisabledBy::Administrator => "administrator",
        DisabledBy::Failures => "failures",
        DisabledBy::Gone => "gone",
    }
}

/// Why and when a webhook was disabled.
pub(in crate::store) fn disabling(state: ItemReader<'_>) -> PortResult<Option<Disabling>> {
    let Some(at) = state.maybe_time("disabled_at")? else { return Ok(None) };
    let by = state.parsed("disabled_by", |text| DisabledBy::ALL.into_iter().find(|by| reason_text(*by) == text))?;
    Ok(Some(Disabling { by, at }))
}

/// Reads the health of a webhook.
pub(in crate::store) fn health(read: ItemReader<'_>) -> PortResult<WebhookHealth> {
    Ok(WebhookHealth {
        last_error: read.owned("last_error"),
        failures: read.maybe_number("failures")?.unwrap_or_default(),
        first_failure_at: read.maybe_time("first_failure_at")?,
    })
}

/// Reads the entry of a subscription.
pub(in crate::store) fn subscriber(read: ItemReader<'_>) -> PortResult<Subscriber> {
    Ok(Subscriber {
        webhook: read.webhook("id")?,
        name: read.text("name")?.to_owned(),
        subscriptions: events(read)?,
        filter: filter(read)?,
        host_hash: read.number("host_hash")?,
        enabled: !read.flag("disabled"),
        disabling: disabling(read)?,
        verified: read.flag("verified"),
    })
}

/// The value of a field that lists of webhooks can be sorted or filtered by.
pub(in crate::store) fn listed(read: ItemReader<'_>, field: &str) -> PortResult<Option<FieldValue>> {
    Ok(match field {
        "id" => Some(FieldValue::Int(read.number("id")?)),
        "event" => Some(FieldValue::Text(events(read)?.first().to_string())),
        "name" | "uri" | "source" => read.owned(field).map(FieldValue::Text),
        "sourceID" => read.owned("source_id").map(FieldValue::Text),
        "disabled" => Some(FieldValue::Bool(read.flag("disabled"))),
        "created_at" | "updated_at" => Some(FieldValue::Time(read.time(field)?)),
        _ => return Err(corrupt("a list field of webhooks")),
    })
}

/// The id of a webhook from its entry in the list.
pub(in crate::store) fn listed_id(read: ItemReader<'_>) -> PortResult<WebhookId> {
    read.webhook("id")
}

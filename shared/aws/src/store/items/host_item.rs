//! The item of an account's endpoint host that is not healthy.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{HostHealth, Ramp, RampWindow, Throttle};
use hookline_core::values::EndpointHost;

use crate::store::dynamo::{ItemBuilder, ItemReader, corrupt, item, text};
use crate::store::keys;

pub(in crate::store) fn to_item(account: &AccountId, host: &EndpointHost, health: &HostHealth) -> ItemBuilder {
    let HostHealth { run, offenders, throttle, held_until, ramp } = health;
    let mut fields = ItemBuilder::at(&keys::host(account, host))
        .number("run", run)
        .maybe("offenders", ids_text(offenders))
        .maybe("held_until", held_until.map(item::time));
    if let Some(Throttle { since, wait, opens_at, probed }) = throttle {
        fields = fields
            .time("throttled_at", *since)
            .number("wait_ms", wait.as_millis())
            .time("opens_at", *opens_at)
            .maybe("probed", ids_text(probed));
    }
    if let Some(RampWindow { began, length, ramp }) = ramp {
        fields = fields
            .time("ramp_at", *began)
            .number("ramp_ms", length.as_millis())
            .number("permits", ramp.permits())
            .number("permits_taken", ramp.taken());
    }
    fields
}

pub(in crate::store) fn from_item(read: ItemReader<'_>) -> PortResult<HostHealth> {
    let throttle = match read.maybe_time("throttled_at")? {
        Some(since) => Some(Throttle {
            since,
            wait: Duration::from_millis(read.number("wait_ms")?),
            opens_at: read.time("opens_at")?,
            probed: ids(read, "probed")?,
        }),
        None => None,
    };
    let ramp = match read.maybe_time("ramp_at")? {
        Some(began) => Some(RampWindow {
            began,
            length: Duration::from_millis(read.number("ramp_ms")?),
            ramp: Ramp::stored(read.number("permits")?, read.number("permits_taken")?),
        }),
        None => None,
    };
    Ok(HostHealth {
        run: read.number("run")?,
        offenders: ids(read, "offenders")?,
        throttle,
        held_until: read.maybe_time("held_until")?,
        ramp,
    })
}

/// Webhook ids as one attribute, separated by commas; no attribute for an empty list.
fn ids_text(webhooks: &[WebhookId]) -> Option<AttributeValue> {
    let ids: Vec<String> = webhooks.iter().map(|webhook| webhook.0.to_string()).collect();
    (!ids.is_empty()).then(|| text(ids.join(",")))
}

fn ids(read: ItemReader<'_>, attribute: &'static str) -> PortResult<Vec<WebhookId>> {
    let ids = read.maybe_text(attribute).unwrap_or_default();
    let ids = ids.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().ok().map(WebhookId));
    ids.collect::<Option<_>>().ok_or_else(|| corrupt(attribute))
}

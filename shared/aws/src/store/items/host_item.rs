//! The item of an endpoint host that is not healthy.

use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{HostHealth, Throttle};
use hookline_core::values::EndpointHost;

use crate::store::dynamo::{ItemBuilder, ItemReader, corrupt, item, text};
use crate::store::keys;

pub(in crate::store) fn to_item(host: &EndpointHost, health: &HostHealth) -> ItemBuilder {
    let HostHealth { run, offenders, throttle, held_until } = health;
    let offenders: Vec<String> = offenders.iter().map(|(account, webhook)| format!("{account} {webhook}")).collect();
    let mut fields = ItemBuilder::at(&keys::host(host))
        .number("run", run)
        .maybe("offenders", (!offenders.is_empty()).then(|| text(offenders.join(","))))
        .maybe("held_until", held_until.map(item::time));
    if let Some(Throttle { since, wait, opens_at }) = throttle {
        fields = fields.time("throttled_at", *since).number("wait_ms", wait.as_millis()).time("opens_at", *opens_at);
    }
    fields
}

pub(in crate::store) fn from_item(read: ItemReader<'_>) -> PortResult<HostHealth> {
    let throttle = match read.maybe_time("throttled_at")? {
        Some(since) => Some(Throttle {
            since,
            wait: Duration::from_millis(read.number("wait_ms")?),
            opens_at: read.time("opens_at")?,
        }),
        None => None,
    };
    let offender = |text: &str| {
        let (account, webhook) = text.split_once(' ')?;
        Some((AccountId::parse(account)?, WebhookId(webhook.parse().ok()?)))
    };
    let offenders = read.maybe_text("offenders").unwrap_or_default();
    let offenders = offenders.split(',').filter(|text| !text.is_empty()).map(offender).collect::<Option<_>>();
    Ok(HostHealth {
        run: read.number("run")?,
        offenders: offenders.ok_or_else(|| corrupt("offenders"))?,
        throttle,
        held_until: read.maybe_time("held_until")?,
    })
}

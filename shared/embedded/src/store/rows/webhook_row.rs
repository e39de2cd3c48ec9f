//! A webhook as a row: all of it, and the part that a delivery needs.

use hookline_core::ids::{PolicyId, WebhookId};
use hookline_core::model::{
    Attachment, DeliveryTarget, DisabledBy, Disabling, Sealed, Subscription, Webhook, WebhookHealth,
};
use hookline_core::values::{EndpointUri, MailAddress};
use rusqlite::Row;

use super::account_row::mails_from;
use super::policy_row::policy_from;
use super::values::{account_id, time};
use crate::store::sqlite::errors::corrupt;

/// The columns of a webhook `w` of the account `a`, with its health `h`.
pub(crate) const WEBHOOK: &str = "w.id, a.id, w.event, w.uri, w.name, w.description, w.disabled, w.mail_exceptions_to, \
     w.policy, w.source, w.source_id, w.openid_connect_discovery, w.header_names, w.secrets, w.secrets_version, \
     w.verified, w.created_at, w.updated_at, w.version, h.last_error, w.disabled_by, w.disabled_at, \
     w.attachments";

/// The tables of a webhook.
pub(crate) const FROM: &str = "accounts a JOIN webhooks w ON w.account = a.num LEFT JOIN health h ON h.webhook = w.id";

/// A stored subscription.
pub(crate) fn subscription(text: &str) -> rusqlite::Result<Subscription> {
    Subscription::stored(text).ok_or_else(|| corrupt("subscription"))
}

fn uri(text: &str) -> rusqlite::Result<EndpointUri> {
    EndpointUri::stored(text).ok_or_else(|| corrupt("URI"))
}

/// Header names, which are tokens of RFC 9110 and contain no space.
pub(crate) fn names_to(names: &[String]) -> String {
    names.join(" ")
}

/// See [`names_to`].
pub(crate) fn names_from(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Reads the columns of [`WEBHOOK`].
pub(crate) fn webhook_from(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    Ok(Webhook {
        id: WebhookId(row.get::<_, i64>(0)?.cast_unsigned()),
        account: account_id(row.get_ref(1)?.as_str()?)?,
        event: subscription(row.get_ref(2)?.as_str()?)?,
        uri: uri(row.get_ref(3)?.as_str()?)?,
        name: row.get(4)?,
        description: row.get(5)?,
        disabled: row.get(6)?,
        mail_exceptions_to: row.get(7)?,
        policy: row.get::<_, Option<i64>>(8)?.map(|policy| PolicyId(policy.cast_unsigned())),
        source: row.get(9)?,
        source_id: row.get(10)?,
        openid_connect_discovery: row.get(11)?,
        header_names: names_from(row.get_ref(12)?.as_str()?),
        secrets: Sealed(row.get(13)?),
        secrets_version: row.get::<_, i64>(14)?.cast_unsigned(),
        verified: row.get(15)?,
        created_at: time(row.get(16)?)?,
        updated_at: time(row.get(17)?)?,
        version: row.get::<_, i64>(18)?.cast_unsigned(),
        last_error: row.get(19)?,
        disabling: disabling_from(row, 20)?,
        attachments: attachments_from(row.get_ref(22)?.as_str()?)?,
    })
}

/// The number that says who disabled a webhook.
pub(crate) fn disabler_number(by: DisabledBy) -> i64 {
    match by {
        DisabledBy::Administrator => 0,
        DisabledBy::Failures => 1,
        DisabledBy::Gone => 2,
    }
}

/// Who disabled a webhook, and when, from the columns at `at`.
pub(crate) fn disabling_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Disabling>> {
    let Some(by) = row.get::<_, Option<u8>>(at)? else { return Ok(None) };
    let by = *DisabledBy::ALL.get(usize::from(by)).ok_or_else(|| corrupt("disabled_by"))?;
    Ok(Some(Disabling { by, at: time(row.get(at + 1)?)? }))
}

/// The health of a webhook, from the columns at `at`; all null if it is healthy.
pub(crate) fn health_from(row: &Row<'_>, at: usize) -> rusqlite::Result<WebhookHealth> {
    Ok(WebhookHealth {
        last_error: row.get(at)?,
        failures: row.get::<_, Option<u32>>(at + 1)?.unwrap_or_default(),
        first_failure_at: row.get::<_, Option<i64>>(at + 2)?.map(time).transpose()?,
    })
}

/// Reads what a delivery needs of a webhook.
pub(crate) fn target_from(row: &Row<'_>, id: WebhookId) -> rusqlite::Result<DeliveryTarget> {
    let mail_to = match row.get_ref(8)?.as_str_or_null()?.filter(|text| !text.trim().is_empty()) {
        Some(text) => MailAddress::parse_list(text, usize::MAX).ok_or_else(|| corrupt("mail addresses"))?,
        None => mails_from(row.get_ref(9)?.as_str()?)?,
    };
    Ok(DeliveryTarget {
        id,
        name: row.get(0)?,
        uri: uri(row.get_ref(1)?.as_str()?)?,
        header_names: names_from(row.get_ref(2)?.as_str()?),
        secrets: Sealed(row.get(3)?),
        secrets_version: row.get::<_, i64>(4)?.cast_unsigned(),
        disabled: row.get(5)?,
        account_disabled: row.get(14)?,
        verified: row.get(6)?,
        // A reference to a missing policy is an error of the store: no message goes out unsigned.
        policy: row.get::<_, Option<i64>>(15)?.map(|_| policy_from(row, 16)).transpose()?,
        openid_connect_discovery: row.get(7)?,
        mail_to,
        account_name: row.get(10)?,
        health: health_from(row, 11)?,
    })
}

/// The attachments of a webhook as they are stored in its row.
pub(crate) fn attachments_to(attachments: &[Attachment]) -> rusqlite::Result<String> {
    serde_json::to_string(attachments).map_err(|_| corrupt("attachments"))
}

/// See [`attachments_to`].
pub(crate) fn attachments_from(text: &str) -> rusqlite::Result<Vec<Attachment>> {
    serde_json::from_str(text).map_err(|_| corrupt("attachments"))
}

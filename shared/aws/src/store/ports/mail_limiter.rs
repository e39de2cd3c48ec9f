//! The port that limits mails (section 9): per webhook, per address of an account, and per account and
//! day. One transaction takes all three permits. It fails if one of the records changed since it was read.

use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::MailKind;
use hookline_core::ports::{MailLimiter, MailLimits, MailPermit};
use hookline_core::values::MailAddress;
use jiff::Timestamp;

use crate::store::dynamo::{
    Item, ItemBuilder, ItemKey, ItemReader, ReturnItem, Table, Write, item, number, pause, time,
};
use crate::store::keys;

/// When the last mail was sent to an address.
const SENT_AT: &str = "sent_at";
/// How often a permit is requested after a conflict.
const MAX_RACES: u32 = 50;
/// How long the time of a mail to an address is kept beyond the interval, and the number of a day's mails beyond the
/// day.
const REMEMBERED: Duration = Duration::from_hours(24 * 2);

#[async_trait]
impl MailLimiter for Table {
    async fn admit(
        &self,
        account: &AccountId,
        webhooks: &[WebhookId],
        to: &[MailAddress],
        kind: MailKind,
        now: Timestamp,
        limits: MailLimits,
    ) -> PortResult<MailPermit> {
        let about = |webhook: &WebhookId| keys::webhook_mails(account, *webhook);
        let day = keys::mail_day(account, keys::day(now));
        let over = now - limits.interval;
        let of_failures = kind.is_about_failures();
        for race in 0..MAX_RACES {
            let mut wanted: Vec<ItemKey> = to.iter().map(|address| keys::mail_address(account, address)).collect();
            wanted.extend(webhooks.iter().map(about));
            wanted.push(day.clone());
            wanted.sort_by(|a, b| a.pk.cmp(&b.pk).then_with(|| a.sk.cmp(&b.sk)));
            wanted.dedup();
            let found = self.get_all(wanted).await?;
            let may_mail = |key: &ItemKey, name: &str| {
                let sent_at = found.get(key).map(|item| ItemReader(item).maybe_time(name)).transpose()?;
                PortResult::Ok(sent_at.flatten().is_none_or(|sent_at| sent_at <= over))
            };
            let mut rested = Vec::with_capacity(webhooks.len());
            for webhook in webhooks {
                if may_mail(&about(webhook), kind.sent_at())? {
                    rested.push(*webhook);
                }
            }
            let (sent, addressees) =
                (count(found.get(&day), "sent")?.unwrap_or(0), count(found.get(&day), "addressees")?.unwrap_or(0));
            let mut allowed = Vec::new();
            for address in to {
                let is_new = !allowed.iter().any(|other| keys::same_address(other, address));
                let is_rested =
                    || PortResult::Ok(!of_failures || may_mail(&keys::mail_address(account, address), SENT_AT)?);
                if sent < limits.per_day && is_new && is_rested()? {
                    allowed.push(address.clone());
                }
            }
            allowed.truncate(limits.addressees_per_day.saturating_sub(addressees) as usize);
            if rested.is_empty() || allowed.is_empty() {
                for webhook in webhooks {
                    self.count_suppressed(about(webhook), kind).await?;
                }
                return Ok(if rested.is_empty() { MailPermit::Suppressed } else { MailPermit::Beyond });
            }
            let more = u32::try_from(allowed.len()).unwrap_or(u32::MAX).saturating_add(addressees);
            let (mut failed, mut dropped) = (0, 0);
            let mut writes = vec![one_more(&day, (sent, more), now)];
            for key in rested.iter().map(about) {
                let before = found.get(&key);
                if of_failures {
                    failed += count(before, "failed")?.unwrap_or_default();
                    dropped += count(before, "dropped")?.unwrap_or_default();
                    writes.push(take(&key, before, now));
                } else {
                    writes.push(take_of_state(&key, before, kind, now));
                }
            }
            writes.extend(allowed.iter().filter(|_| of_failures).map(|address| {
                let item = ItemBuilder::at(&keys::mail_address(account, address)).time("sent_at", now);
                let item = item.expires(now + limits.interval + REMEMBERED).done();
                Write::put(item).when("attribute_not_exists(#pk) OR #sent_at <= :over").with("over", time(over))
            }));
            if self.transact(&writes).await?.is_ok() {
                return Ok(MailPermit::Send { to: allowed, webhooks: rested, failed, dropped });
            }
            pause(race).await;
        }
        Err(PortError::unavailable("store", "taking a mail permit conflicted too often"))
    }
}

impl Table {
    /// Counts a suppressed mail.
    async fn count_suppressed(&self, about: ItemKey, kind: MailKind) -> PortResult<()> {
        let counter = match kind {
            MailKind::Failed => "ADD #failed :one",
            MailKind::Dropped => "ADD #dropped :one",
            MailKind::Throttled | MailKind::Disabled | MailKind::Recovered => return Ok(()),
        };
        self.write(Write::update(about, counter).with("one", number(1)), ReturnItem::Old).await.map(|_| ())
    }
}

/// Counts one more mail of the day, and all addressees until now.
fn one_more(day: &ItemKey, (sent, addressees): (u32, u32), now: Timestamp) -> Write {
    let write = Write::update(day.clone(), "SET #sent = :more, #addressees = :addressees, #expires_at = :end")
        .with("more", number(sent + 1))
        .with("addressees", number(addressees))
        .with("end", item::expiry(now + REMEMBERED));
    if sent == 0 {
        write.when("attribute_not_exists(#sent)")
    } else {
        write.when("#sent = :sent").with("sent", number(sent))
    }
}

/// Records that a mail about the state of a webhook is sent, if none was since the record was read.
fn take_of_state(about: &ItemKey, before: Option<&Item>, kind: MailKind, now: Timestamp) -> Write {
    let sent_at = kind.sent_at();
    let write = Write::update(about.clone(), format!("SET #{sent_at} = :now")).with("now", time(now));
    match before.and_then(|item| item.get(sent_at)) {
        Some(value) => write.when(format!("#{sent_at} = :old")).with("old", value.clone()),
        None => write.when(format!("attribute_not_exists(#{sent_at})")),
    }
}

/// Records that a mail about failures of a webhook is sent, if the webhook's record is unchanged since it was read.
fn take(about: &ItemKey, before: Option<&Item>, now: Timestamp) -> Write {
    let mut write = Write::update(about.clone(), "SET #sent_at = :now REMOVE #failed, #dropped").with("now", time(now));
    let mut conditions = Vec::new();
    for name in ["sent_at", "failed", "dropped"] {
        match before.and_then(|item| item.get(name)) {
            Some(value) => {
                conditions.push(format!("#{name} = :old_{name}"));
                write = write.with(&format!("old_{name}"), value.clone());
            }
            None => conditions.push(format!("attribute_not_exists(#{name})")),
        }
    }
    write.when(conditions.join(" AND "))
}

fn count(item: Option<&Item>, name: &str) -> PortResult<Option<u32>> {
    item.map(|item| ItemReader(item).maybe_number(name)).transpose().map(Option::flatten)
}

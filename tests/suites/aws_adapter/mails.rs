//! Leave to mail: per webhook, per address of an account, and per account and day.

use std::time::Duration;

use futures_util::future::join_all;
use hookline_core::ids::WebhookId;
use hookline_core::model::MailKind;
use hookline_core::ports::{MailLimiter as _, MailLimits, MailPermit};
use hookline_core::values::MailAddress;

use crate::fixture::{StoreFixture, at, id};

const LIMITS: MailLimits = MailLimits { interval: Duration::from_mins(20), per_day: 3, addressees_per_day: 1000 };

fn mails(text: &str) -> Vec<MailAddress> {
    MailAddress::parse_list(text, 9).unwrap()
}

#[tokio::test]
async fn one_mail_in_an_interval_and_the_next_counts_the_silenced_ones() {
    let fixture = StoreFixture::new().await;
    let to = mails("ada@example.com");
    let ask = async |kind, seconds| {
        fixture.table.admit(&id("a"), &[WebhookId(1)], &to, kind, at(seconds), LIMITS).await.unwrap()
    };
    let at_once = join_all((0..10).map(|_| ask(MailKind::Failed, 0))).await;
    let sent = at_once.iter().filter(|admission| **admission != MailPermit::Suppressed).count();
    assert_eq!(sent, 1, "{at_once:?}");
    assert_eq!(ask(MailKind::Dropped, 1199).await, MailPermit::Suppressed);
    assert_eq!(ask(MailKind::Throttled, 1199).await, MailPermit::Suppressed);
    let send = |failed, dropped| MailPermit::Send { to: to.clone(), webhooks: vec![WebhookId(1)], failed, dropped };
    assert_eq!(ask(MailKind::Dropped, 1200).await, send(9, 1));
    assert_eq!(ask(MailKind::Throttled, 2400).await, send(0, 0));
    assert_eq!(ask(MailKind::Failed, 3600).await, MailPermit::Beyond, "three on a day");
    assert_eq!(ask(MailKind::Failed, 90_000).await, send(1, 0), "the next day");
}

#[tokio::test]
async fn an_address_has_one_mail_in_an_interval_whatever_the_webhook() {
    let fixture = StoreFixture::new().await;
    let ask = async |account, webhook, to, seconds| {
        let kind = MailKind::Failed;
        fixture.table.admit(&id(account), &[WebhookId(webhook)], &mails(to), kind, at(seconds), LIMITS).await.unwrap()
    };
    let send = |webhook, to, failed| MailPermit::Send {
        to: mails(to),
        webhooks: vec![WebhookId(webhook)],
        failed,
        dropped: 0,
    };
    assert_eq!(ask("a", 1, "ada@example.com", 0).await, send(1, "ada@example.com", 0));
    assert_eq!(ask("a", 2, "Ada@example.com", 1).await, MailPermit::Beyond);
    assert_eq!(ask("b", 3, "ada@example.com", 1).await, send(3, "ada@example.com", 0), "another account");
    assert_eq!(ask("a", 2, "ada@example.com, bob@example.com", 2).await, send(2, "bob@example.com", 1));
    assert_eq!(ask("a", 4, "ada@example.com, bob@example.com", 1201).await, send(4, "ada@example.com", 0));
}

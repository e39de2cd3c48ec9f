//! Leave to mail: per webhook, per address of an account, and per account and day.

use std::time::Duration;

use futures_util::future::join_all;
use hookline_core::mail_address::MailAddress;
use hookline_core::ports::{Admission, NoticeKind, NoticeLimits, Notices as _};
use hookline_core::webhook::WebhookId;

use crate::fixture::{StoreFixture, at, id};

const LIMITS: NoticeLimits = NoticeLimits { interval: Duration::from_mins(20), per_day: 3 };

fn mails(text: &str) -> Vec<MailAddress> {
    MailAddress::parse_list(text, 9).unwrap()
}

#[tokio::test]
async fn one_mail_in_an_interval_and_the_next_counts_the_silenced_ones() {
    let fixture = StoreFixture::new().await;
    let to = mails("ada@example.com");
    let ask = async |kind, seconds| {
        fixture.table.admit(&id("a"), WebhookId(1), &to, kind, at(seconds), LIMITS).await.unwrap()
    };
    let at_once = join_all((0..10).map(|_| ask(NoticeKind::Failed, 0))).await;
    let sent = at_once.iter().filter(|admission| **admission != Admission::Suppressed).count();
    assert_eq!(sent, 1, "{at_once:?}");
    assert_eq!(ask(NoticeKind::Dropped, 1199).await, Admission::Suppressed);
    assert_eq!(ask(NoticeKind::Throttled, 1199).await, Admission::Suppressed);
    let send = |failed, dropped| Admission::Send { to: to.clone(), failed, dropped };
    assert_eq!(ask(NoticeKind::Dropped, 1200).await, send(9, 1));
    assert_eq!(ask(NoticeKind::Throttled, 2400).await, send(0, 0));
    assert_eq!(ask(NoticeKind::Failed, 3600).await, Admission::Suppressed, "three on a day");
    assert_eq!(ask(NoticeKind::Failed, 90_000).await, send(1, 0), "the next day");
}

#[tokio::test]
async fn an_address_has_one_mail_in_an_interval_whatever_the_webhook() {
    let fixture = StoreFixture::new().await;
    let ask = async |account, webhook, to, seconds| {
        let kind = NoticeKind::Failed;
        fixture.table.admit(&id(account), WebhookId(webhook), &mails(to), kind, at(seconds), LIMITS).await.unwrap()
    };
    let send = |to, failed| Admission::Send { to: mails(to), failed, dropped: 0 };
    assert_eq!(ask("a", 1, "ada@example.com", 0).await, send("ada@example.com", 0));
    assert_eq!(ask("a", 2, "Ada@example.com", 1).await, Admission::Suppressed);
    assert_eq!(ask("b", 3, "ada@example.com", 1).await, send("ada@example.com", 0), "another account");
    assert_eq!(ask("a", 2, "ada@example.com, bob@example.com", 2).await, send("bob@example.com", 1));
    assert_eq!(ask("a", 4, "ada@example.com, bob@example.com", 1201).await, send("ada@example.com", 0));
}

//! Who gets which mail, and how often.

use hookline_core::ids::WebhookId;
use hookline_core::settings::CoreSettings;
use hookline_core::use_cases::webhooks::draft::WebhookInput;
use hookline_core::values::Patch;

use crate::fixture::{Does, ServiceFixture};

/// A webhook with its own mail address.
async fn webhook(fixture: &ServiceFixture, uri: &str, mail: &str) -> WebhookId {
    let id = fixture.webhook("wdc", uri).await;
    let mail_exceptions_to = Patch::Value(mail.to_owned());
    fixture.patch(id, WebhookInput { mail_exceptions_to, ..WebhookInput::default() }).await;
    id
}

fn recipients(fixture: &ServiceFixture) -> Vec<String> {
    let mails = fixture.mails.take().into_iter();
    mails.map(|mail| mail.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")).collect()
}

#[tokio::test]
async fn one_mail_per_webhook_and_twenty_minutes_also_of_fifty_at_once() {
    let fixture = ServiceFixture::new().await;
    let id = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(404));
    futures_util::future::join_all((0..50).map(|_| fixture.send(id))).await;
    let mails = fixture.mails.take();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].subject.starts_with("Webhook #1 failed – ") && !mails[0].text.contains("Since the last mail"));
    fixture.clock.forward(20 * 60 - 1);
    fixture.send(id).await;
    assert_eq!(fixture.mails.subjects().len(), 0);
    fixture.clock.forward(1);
    fixture.send(id).await;
    let mails = fixture.mails.take();
    assert_eq!(mails.len(), 1);
    let silenced = "Since the last mail about this webhook 50 deliveries failed besides this one.";
    assert!(mails[0].text.contains(silenced), "{}", mails[0].text);
}

#[tokio::test]
async fn one_mail_per_address_account_and_twenty_minutes() {
    let fixture = ServiceFixture::new().await;
    for host in ["a", "b", "c"] {
        fixture.endpoints.tell(&format!("{host}.example"), Does::Answers(404));
    }
    let one = webhook(&fixture, "https://a.example/", "ada@example.com, bob@example.com").await;
    let two = webhook(&fixture, "https://b.example/", "Bob@example.com, cy@example.com").await;
    let three = webhook(&fixture, "https://c.example/", "ada@example.com").await;
    fixture.send(one).await;
    fixture.send(two).await;
    fixture.send(three).await;
    fixture.send(three).await;
    assert_eq!(recipients(&fixture), ["ada@example.com, bob@example.com", "cy@example.com"]);
    let theirs = fixture.webhook("other", "https://a.example/").await;
    fixture.deliver(&fixture.message_of("other", theirs).await).await;
    assert_eq!(recipients(&fixture), ["admin@other.example"]);
    fixture.clock.forward(20 * 60);
    fixture.send(three).await;
    let mails = fixture.mails.take();
    assert!(mails.len() == 1 && mails[0].text.contains("2 deliveries failed besides this one"), "{mails:?}");
}

#[tokio::test]
async fn mails_per_account_and_day_are_limited() {
    let fixture = ServiceFixture::with(CoreSettings { mails_per_day: 3, ..CoreSettings::default() }).await;
    let id = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(404));
    for _ in 0..6 {
        fixture.send(id).await;
        fixture.clock.forward(20 * 60);
    }
    assert_eq!(fixture.mails.subjects().len(), 3);
    fixture.clock.forward(86_400);
    fixture.send(id).await;
    assert_eq!(fixture.mails.subjects().len(), 1, "a new day");
    assert_eq!(CoreSettings::default().mails_per_day, 200);
}

#[tokio::test]
async fn every_webhook_that_failed_in_the_run_gets_the_throttling_mail() {
    let fixture = ServiceFixture::new().await;
    fixture.endpoints.tell("bad.example", Does::StaysSilent);
    let one = webhook(&fixture, "https://bad.example/1?token=canary", "ada@example.com").await;
    let two = webhook(&fixture, "https://bad.example/2", "bob@example.com").await;
    let theirs = fixture.webhook("other", "https://bad.example/3").await;
    let idle = webhook(&fixture, "https://bad.example/4", "cy@example.com").await;
    for id in [one, one, two, one, two, one, one, two, two] {
        fixture.send(id).await;
    }
    fixture.deliver(&fixture.message_of("other", theirs).await).await;
    assert_eq!(fixture.mails.subjects().len(), 3, "the first failures");
    fixture.clock.forward(20 * 60);
    fixture.send(one).await;
    let mails = fixture.mails.take();
    let of =
        |to: &str| mails.iter().find(|mail| mail.to[0].as_str() == to).unwrap_or_else(|| panic!("{to}: {mails:?}"));
    assert_eq!(mails.len(), 2, "none to #{idle} or another account, and no second mail about the failure itself");
    let ours = of("ada@example.com");
    assert_eq!(ours.subject, "Webhook #1 throttled – request.create");
    let lines = "\nOffending webhooks:\nrequest.create @wdc #1\nrequest.create @wdc #2\n";
    assert!(ours.text.contains(lines), "{}", ours.text);
    assert!(ours.text.contains("https://bad.example/1?token=***") && !ours.text.contains("canary"), "{}", ours.text);
    assert!(ours.text.contains("/a/wdc/webhooks/1\n") && ours.text.contains("4 deliveries failed"), "{}", ours.text);
    assert_eq!(of("bob@example.com").subject, "Webhook #2 throttled – request.create");
}

/// One event to many webhooks whose endpoints want no more messages.
#[tokio::test]
async fn mails_and_their_addressees_of_a_day_are_limited_for_all_kinds() {
    let fixture = ServiceFixture::new().await;
    fixture.endpoints.tell("bad.example", Does::Answers(410));
    let to = (0..20).map(|number| format!("a{number}@example.com")).collect::<Vec<_>>().join(",");
    for number in 0..60 {
        let id = webhook(&fixture, &format!("https://bad.example/{number}"), &to).await;
        fixture.send(id).await;
        assert!(fixture.stored(id).await.disabled);
    }
    let mails = fixture.mails.take();
    assert_eq!((mails.len(), mails.iter().map(|mail| mail.to.len()).sum::<usize>()), (50, 1000));
    assert_eq!(CoreSettings::default().mail_addressees_per_day, 1000);
}

//! Who gets which mail, and how often.

use std::time::Duration;

use hookline_core::ids::WebhookId;
use hookline_core::ports::{Disposition, MailBatchClaim};
use hookline_core::settings::CoreSettings;
use hookline_core::use_cases::mail_batch;
use hookline_core::use_cases::webhooks::draft::WebhookInput;
use hookline_core::values::{Clock as _, Patch};
use hookline_embedded::ConcurrencyLimits;

use crate::fixture::{Does, ServiceFixture, until};

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

/// 20 addresses, one of which depends on `number`.
fn addresses(number: u32) -> String {
    let shared = (0..19).map(|shared| format!("a{shared}@example.com"));
    shared.chain([format!("own{number}@example.com")]).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn mails_and_their_addressees_of_a_day_are_limited_for_all_kinds() {
    let fixture = ServiceFixture::new().await;
    fixture.endpoints.tell("bad.example", Does::Answers(410));
    for number in 0..60 {
        let id = webhook(&fixture, &format!("https://bad.example/{number}"), &addresses(number)).await;
        fixture.send(id).await;
        assert!(fixture.stored(id).await.disabled);
    }
    fixture.send_waiting_mails(60).await;
    let mails = fixture.mails.take();
    assert_eq!((mails.len(), mails.iter().map(|mail| mail.to.len()).sum::<usize>()), (50, 1000));
    assert_eq!(CoreSettings::default().mail_addressees_per_day, 1000);
    fixture.send_waiting_mails(3600).await;
    let digest = fixture.mails.take();
    assert_eq!((digest.len(), digest[0].subject.as_str()), (1, "Mails held back – WDC"));
    assert!(digest[0].text.contains("\nDisabled webhooks: 10\n"), "{}", digest[0].text);
    assert!(digest[0].text.contains("\n#60 request.create, https://bad.example/59: 410 Gone\n"), "{}", digest[0].text);
}

/// One event to many webhooks whose endpoints want no more messages.
#[tokio::test]
async fn webhooks_of_one_address_that_are_disabled_within_a_minute_have_one_mail() {
    let fixture = ServiceFixture::new().await;
    fixture.endpoints.tell("bad.example", Does::Answers(410));
    for number in 0..60 {
        let id = webhook(&fixture, &format!("https://bad.example/{number}?key=canary"), &addresses(0)).await;
        fixture.send(id).await;
    }
    let other = webhook(&fixture, "https://bad.example/", "own0@example.com").await;
    fixture.send(other).await;
    fixture.send_waiting_mails(59).await;
    assert_eq!(fixture.mails.subjects(), [""; 0], "they wait for a minute");
    fixture.send_waiting_mails(1).await;
    let mails = fixture.mails.take();
    assert_eq!(mails.len(), 2, "{mails:?}");
    let several = mails.iter().find(|mail| mail.to.len() == 20).expect("a mail to all addresses");
    assert_eq!(several.subject, "60 webhooks disabled – WDC");
    assert!(several.text.contains("\n#50 request.create, https://bad.example/49?key=***: 410 Gone\nand others\n"));
    assert!(mails.iter().any(|mail| mail.subject.starts_with("Webhook #61 disabled – ") && mail.to.len() == 1));
    fixture.send_waiting_mails(3600).await;
    assert_eq!(fixture.mails.subjects(), [""; 0], "nothing was held back");
}

#[tokio::test]
async fn a_webhook_has_one_mail_about_its_state_in_twenty_minutes() {
    let fixture = ServiceFixture::new().await;
    let id = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(410));
    for (seconds, mails) in [(60, 1), (600, 0), (1200, 1)] {
        fixture.send(id).await;
        assert!(fixture.stored(id).await.disabled);
        fixture.send_waiting_mails(seconds).await;
        assert_eq!(fixture.mails.subjects().len(), mails, "after {seconds} s");
        fixture.patch(id, WebhookInput { disabled: Patch::Value(false), ..WebhookInput::default() }).await;
    }
}

#[tokio::test]
async fn what_is_held_back_is_in_one_digest_an_hour_outside_of_the_limits() {
    let fixture = ServiceFixture::with(CoreSettings { mails_per_day: 1, ..CoreSettings::default() }).await;
    fixture.endpoints.tell("bad.example", Does::Answers(404));
    let one = webhook(&fixture, "https://bad.example/1?token=canary", "ada@example.com").await;
    let two = webhook(&fixture, "https://bad.example/2", "ada@example.com, bob@example.com").await;
    let theirs = fixture.webhook("other", "https://bad.example/3").await;
    for id in [one, two, two, one] {
        fixture.send(id).await;
    }
    fixture.deliver(&fixture.message_of("other", theirs).await).await;
    assert_eq!(recipients(&fixture), ["ada@example.com", "admin@other.example"]);
    fixture.send_waiting_mails(3600).await;
    let mails = fixture.mails.take();
    assert_eq!(mails.len(), 1, "none for the other account: {mails:?}");
    assert_eq!((mails[0].to.len(), mails[0].to[0].as_str()), (1, "admin@wdc.example"));
    assert!(mails[0].text.contains("\nFailed deliveries: 2\n"), "one waits for its interval: {}", mails[0].text);
    assert!(mails[0].text.contains("#2 request.create, https://bad.example/2: 404 Not Found"), "{}", mails[0].text);
    fixture.send(two).await;
    fixture.send(one).await;
    fixture.send_waiting_mails(3600).await;
    let mails = fixture.mails.take();
    assert!(mails.len() == 1 && mails[0].text.contains("\nFailed deliveries: 2\n"), "the next hour: {mails:?}");
    assert!(mails[0].text.contains("token=***") && !mails[0].text.contains("canary"), "{}", mails[0].text);
    fixture.send_waiting_mails(3600).await;
    assert_eq!(fixture.mails.subjects().len(), 0, "nothing more was held back");
}

#[tokio::test]
async fn addressees_that_are_left_out_are_in_the_digest() {
    let fixture = ServiceFixture::new().await;
    fixture.endpoints.tell("bad.example", Does::Answers(404));
    let one = webhook(&fixture, "https://bad.example/1", "ada@example.com").await;
    let two = webhook(&fixture, "https://bad.example/2", "ada@example.com, bob@example.com").await;
    fixture.send(one).await;
    fixture.send(two).await;
    assert_eq!(recipients(&fixture), ["ada@example.com", "bob@example.com"]);
    fixture.send_waiting_mails(3600).await;
    let mails = fixture.mails.take();
    assert!(mails.len() == 1 && mails[0].text.contains("\nFailed deliveries: 1\n"), "{mails:?}");
}

#[tokio::test]
async fn a_mail_that_was_interrupted_is_not_sent_again_and_is_in_the_digest() {
    let fixture = ServiceFixture::new().await;
    let id = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(410));
    fixture.send(id).await;
    let step = fixture.waiting_mails().remove(0);
    fixture.clock.forward(60);
    let now = fixture.clock.now();
    // A process that dies while it sends the mail.
    let lease = now + Duration::from_mins(1);
    let claim = fixture.service.mail_batches.claim_mail_batch(&step, now, lease).await.unwrap();
    assert!(matches!(claim, MailBatchClaim::Won(_)), "{claim:?}");
    let again = async || mail_batch::run_step(&fixture.service, step.clone()).await.unwrap();
    assert_eq!(again().await, Disposition::HandBack { until: lease });
    fixture.clock.forward(60);
    assert_eq!(again().await, Disposition::Done);
    assert_eq!(again().await, Disposition::Done, "it is removed");
    assert_eq!(fixture.mails.subjects().len(), 0);
    fixture.send_waiting_mails(3600).await;
    let mails = fixture.mails.take();
    assert!(mails.len() == 1 && mails[0].text.contains("\nDisabled webhooks: 1\n"), "{mails:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_waits_survives_a_restart() {
    // A minute is 0.6 s.
    let fixture = ServiceFixture::with(CoreSettings { wait_scale: 0.01, ..CoreSettings::default() }).await;
    let id = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(410));
    let workers = fixture.work(ConcurrencyLimits::default());
    fixture.publish(1).await;
    until("it is disabled", async || fixture.stored(id).await.disabled).await;
    workers.stop(Duration::from_mins(1)).await;
    let (fixture, workers) = fixture.restart(ConcurrencyLimits::default()).await;
    until("that is mailed", async || fixture.mails.has("disabled")).await;
    workers.stop(Duration::from_mins(1)).await;
    assert_eq!(fixture.mails.subjects(), ["Webhook #1 disabled"]);
}

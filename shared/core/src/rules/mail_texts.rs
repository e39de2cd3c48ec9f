//! The texts of mails (section 9): plain and HTML, with what the reader needs to act.
//!
//! A mail is a lead, rows of name and value, and paragraphs ([`mail_body`](super::mail_body)). Names and errors come
//! from others: no value can begin a line of its own, become markup, or reach into the head of the mail.

use jiff::Timestamp;

use super::mail_body::MailBody;
use super::retry::MAX_ATTEMPTS;
use crate::model::{DisabledBy, Mail};
use crate::values::{MailAddress, TimeZone};

/// What every mail says of its webhook.
#[derive(Debug, Clone, Copy)]
pub struct MailContext<'a> {
    /// To whom.
    pub to: &'a [MailAddress],
    /// The webhook's id.
    pub webhook_id: u64,
    /// The webhook's name.
    pub webhook_name: &'a str,
    /// The account's id and name.
    pub account: (&'a str, &'a str),
    /// The webhook's page in the API.
    pub webhook_url: &'a str,
    /// The URI, passwords and query values masked.
    pub uri: &'a str,
}

impl MailContext<'_> {
    fn subject(&self, what: &str) -> String {
        format!("Webhook #{} {what} – {}", self.webhook_id, self.webhook_name)
    }

    fn webhook(&self) -> String {
        format!("#{} {}", self.webhook_id, self.webhook_name)
    }

    fn account(&self) -> String {
        format!("{} ({})", self.account.1, self.account.0)
    }

    fn send(&self, subject: String, letter: &MailBody) -> Mail {
        Mail { to: self.to.to_vec(), subject, text: letter.text(), html: letter.html() }
    }
}

/// A delivery that failed.
#[derive(Debug, Clone, Copy)]
pub struct FailedDelivery<'a> {
    /// The event.
    pub event: &'a str,
    /// Id of the message.
    pub message: &'a str,
    /// What went wrong.
    pub error: &'a str,
    /// 1 to 10.
    pub attempt: u8,
    /// The page of the delivery's record.
    pub delivery_url: &'a str,
    /// Failed deliveries and dropped messages that had no mail since the last one.
    pub silenced: (u32, u32),
}

/// *failed*: a delivery failed and will be tried again.
#[must_use]
pub fn failed(about: &MailContext<'_>, delivery: &FailedDelivery<'_>, next_attempt_at: Timestamp) -> Mail {
    let letter = MailBody::new("A message could not be delivered. It will be tried again.");
    let letter = delivery_rows(letter, about, delivery)
        .row("Next attempt", TimeZone::default().format(next_attempt_at))
        .row("Webhook's page", about.webhook_url)
        .row("Delivery's record", delivery.delivery_url)
        .paragraph(explanation(delivery.error))
        .paragraphs(since_last_mail(delivery.silenced));
    about.send(about.subject("failed"), &letter)
}

/// *dropped*: the last attempt failed.
#[must_use]
pub fn dropped(about: &MailContext<'_>, delivery: &FailedDelivery<'_>) -> Mail {
    let letter = MailBody::new("A message could not be delivered and will not be tried again by itself.");
    let url = delivery.delivery_url;
    let letter = delivery_rows(letter, about, delivery)
        .row("Webhook's page", about.webhook_url)
        .row("Delivery's record", url)
        .paragraph(explanation(delivery.error))
        .paragraph(format!("To send the message again once the endpoint works: POST {url}/redeliver"))
        .paragraphs(since_last_mail(delivery.silenced));
    about.send(about.subject("dropped a message"), &letter)
}

fn delivery_rows(letter: MailBody, about: &MailContext<'_>, delivery: &FailedDelivery<'_>) -> MailBody {
    letter
        .row("Webhook", about.webhook())
        .row("Account", about.account())
        .row("URI", about.uri)
        .row("Event", delivery.event)
        .row("Message", delivery.message)
        .row("Error", delivery.error)
        .row("Attempt", format!("{} of {MAX_ATTEMPTS}", delivery.attempt))
}

/// A host that was throttled.
#[derive(Debug, Clone, Copy)]
pub struct ThrottledHost<'a> {
    /// The host.
    pub host: &'a str,
    /// Failures in a row.
    pub failures: u32,
    /// Names and ids of the account's webhooks that failed in the run.
    pub offenders: &'a [(String, u64)],
    /// See [`FailedDelivery::silenced`].
    pub silenced: (u32, u32),
}

/// *throttled*: to a webhook that failed in the run that throttled its host.
#[must_use]
pub fn throttled(about: &MailContext<'_>, throttled: &ThrottledHost<'_>) -> Mail {
    let ThrottledHost { host, failures, offenders, silenced } = throttled;
    let account = about.account.0;
    let lines: Vec<String> = offenders.iter().map(|(name, id)| format!("{name} @{account} #{id}")).collect();
    let lead = format!(
        "The host {host} fails: {failures} deliveries in a row got no answer, or one that says that it cannot work. \
         Messages to it wait now, and one at a time is tried until one succeeds."
    );
    let letter = MailBody::new(lead)
        .row("Webhook", about.webhook())
        .row("Account", about.account())
        .row("Webhook's page", about.webhook_url)
        .row("URI", about.uri)
        .list("Offending webhooks:", lines)
        .paragraph(
            "Waiting uses up no attempts. Messages go out again by themselves once the host answers with success.",
        )
        .paragraphs(since_last_mail(*silenced));
    about.send(about.subject("throttled"), &letter)
}

/// *disabled*: the service disabled the webhook.
#[must_use]
pub fn disabled(about: &MailContext<'_>, by: DisabledBy, error: Option<&str>) -> Mail {
    let (lead, recovery) = match by {
        DisabledBy::Gone => (
            "The endpoint answered that it wants no more messages. The webhook was disabled and the message was dropped.",
            None,
        ),
        DisabledBy::Failures | DisabledBy::Administrator => (
            "The webhook has failed for days without a single success. It was disabled.",
            Some(
                "The endpoint is tried now and then for 30 days. If it works again, the webhook is enabled by itself.",
            ),
        ),
    };
    let url = about.webhook_url;
    let letter = MailBody::new(lead)
        .row("Webhook", about.webhook())
        .row("Account", about.account())
        .row("URI", about.uri)
        .row("Error", error.unwrap_or("none since"))
        .row("Webhook's page", url)
        .paragraphs(error.map(explanation))
        .paragraph(format!(
            "To enable the webhook again once the endpoint works: PATCH {url} with {{\"disabled\": false}}"
        ))
        .paragraphs(recovery.map(str::to_owned));
    about.send(about.subject("disabled"), &letter)
}

/// *recovered*: the service enabled the webhook again. `missed` messages can be caught up.
#[must_use]
pub fn recovered(about: &MailContext<'_>, missed: u64) -> Mail {
    let url = about.webhook_url;
    let catch_up = match missed {
        0 => "It missed no messages.".to_owned(),
        1 => format!("It missed 1 message. To catch it up: POST {url}/redeliver"),
        missed => format!("It missed {missed} messages. To catch them up: POST {url}/redeliver"),
    };
    let letter = MailBody::new("The endpoint took a message again. The webhook was enabled.")
        .row("Webhook", about.webhook())
        .row("Account", about.account())
        .row("URI", about.uri)
        .row("Webhook's page", url)
        .paragraph(catch_up);
    about.send(about.subject("recovered"), &letter)
}

/// The error in plain words, and whose fault it is.
fn explanation(error: &str) -> String {
    let what = match error {
        "Timeout" => "The endpoint did not answer in time (10 seconds).",
        "Connection refused" => "Nothing listens at the endpoint's address.",
        "Host not found" => "The name of the endpoint's host has no address.",
        "Address not allowed" => "The endpoint's host has an address that messages are not sent to.",
        "Expired" => "The message could not be delivered within 72 hours.",
        error if error.starts_with("TLS error") => "No secure connection to the endpoint could be made.",
        error if error.starts_with('3') => "The endpoint redirected the message. Redirects are not followed.",
        error if error.starts_with('4') => "The endpoint refused the message.",
        error if error.starts_with('5') => "The endpoint reported an error of its own.",
        _ => "The connection to the endpoint broke.",
    };
    format!("{what} The cause lies with the endpoint, not with this service.")
}

/// `Since the last mail about this webhook …`; `None` if nothing was silenced.
fn since_last_mail((failed, dropped): (u32, u32)) -> Option<String> {
    let count = |n: u32, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let failed_text = count(failed, "delivery failed", "deliveries failed");
    let dropped_text = count(dropped, "message was dropped", "messages were dropped");
    let what = match (failed, dropped) {
        (0, 0) => return None,
        (_, 0) => failed_text,
        (0, _) => dropped_text,
        (_, _) => format!("{failed_text} and {dropped_text}"),
    };
    Some(format!("Since the last mail about this webhook {what} besides this one."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(name: &str) -> MailContext<'_> {
        MailContext {
            to: &[],
            webhook_id: 7,
            webhook_name: name,
            account: ("wdc", "Widget Data Center"),
            webhook_url: "https://h/a/wdc/webhooks/7",
            uri: "https://e.example/?token=***",
        }
    }

    const DELIVERY: FailedDelivery<'_> = FailedDelivery {
        event: "request.create",
        message: "msg_0f",
        error: "404 Not Found",
        attempt: 3,
        delivery_url: "https://h/a/wdc/webhook_deliveries/1",
        silenced: (2, 1),
    };

    /// The five kinds, as they are committed.
    #[test]
    fn mails_read_as_committed() {
        let orders = about("Orders & <more>");
        let offenders = [("Orders & <more>".to_owned(), 7), ("Invoices".to_owned(), 8)];
        let host =
            ThrottledHost { host: "https://e.example:443", failures: 10, offenders: &offenders, silenced: (1, 0) };
        let last = FailedDelivery { error: "Expired", attempt: 10, silenced: (0, 0), ..DELIVERY };
        let mails = [
            ("failed", failed(&orders, &DELIVERY, Timestamp::UNIX_EPOCH)),
            ("dropped", dropped(&orders, &last)),
            ("throttled", throttled(&orders, &host)),
            ("disabled", disabled(&orders, DisabledBy::Failures, Some("Timeout"))),
            ("disabled_gone", disabled(&orders, DisabledBy::Gone, Some("410 Gone"))),
            ("recovered", recovered(&orders, 42)),
        ];
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules/mails");
        for (kind, mail) in mails {
            let text = format!("Subject: {}\n\n{}\n\n{}", mail.subject, mail.text, mail.html);
            let committed = std::fs::read_to_string(folder.join(format!("{kind}.txt"))).unwrap_or_default();
            assert!(text == committed, "the mail {kind} reads otherwise:\n{text}");
        }
    }

    #[test]
    fn the_throttled_mail_follows_its_template() {
        let offenders = [("Orders".to_owned(), 7)];
        let host = ThrottledHost { host: "http://e:80", failures: 10, offenders: &offenders, silenced: (0, 0) };
        let alone = throttled(&about("Orders"), &host);
        assert_eq!(alone.subject, "Webhook #7 throttled – Orders");
        assert!(alone.text.contains("\nOffending webhooks:\nOrders @wdc #7\n"), "{}", alone.text);
    }

    #[test]
    fn what_was_missed_can_be_caught_up() {
        for (missed, text) in
            [(0, "missed no messages."), (1, "1 message. To catch it up"), (2, "2 messages. To catch them")]
        {
            assert!(recovered(&about("Orders"), missed).text.contains(text), "{missed}");
        }
    }

    #[test]
    fn names_cannot_inject_lines_or_markup() {
        let evil = "x\r\nError: none\n<script>&\"'";
        let offenders = [(evil.to_owned(), 7)];
        let host = ThrottledHost { host: evil, failures: 10, offenders: &offenders, silenced: (0, 0) };
        let delivery = FailedDelivery { error: evil, ..DELIVERY };
        for mail in [
            failed(&about(evil), &delivery, Timestamp::UNIX_EPOCH),
            dropped(&about(evil), &delivery),
            throttled(&about(evil), &host),
            disabled(&about(evil), DisabledBy::Failures, Some(evil)),
            recovered(&about(evil), 1),
        ] {
            assert!(!mail.text.contains("\nError: none") && !mail.text.contains("\n<script>"), "{}", mail.text);
            assert!(!mail.html.contains("<script>"), "{}", mail.html);
            assert!(mail.html.contains("&lt;script&gt;&amp;&quot;&#39;"), "{}", mail.html);
        }
    }
}

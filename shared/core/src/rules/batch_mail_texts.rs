//! The texts of mails about several webhooks (section 9), and of the digest.

use super::mail_body::MailBody;
use crate::model::{Mail, MailBatch, MailKind};
use crate::values::MailAddress;

/// What every such mail says of its account.
#[derive(Debug, Clone)]
pub struct AccountContext<'a> {
    /// To whom.
    pub to: &'a [MailAddress],
    /// The account's id and name.
    pub account: (&'a str, &'a str),
    /// The account's page in the API.
    pub url: String,
}

impl AccountContext<'_> {
    fn begin(&self, lead: impl Into<String>) -> MailBody {
        MailBody::new(lead).row("Account", format!("{} ({})", self.account.1, self.account.0))
    }

    fn send(&self, what: &str, letter: &MailBody) -> Mail {
        let subject = format!("{what} – {}", self.account.1);
        Mail { to: self.to.to_vec(), subject, text: letter.text(), html: letter.html() }
    }
}

/// The line of a webhook; `uri` is masked.
#[must_use]
pub fn line(id: u64, name: &str, uri: &str, error: Option<&str>) -> String {
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    format!("#{id} {name}, {uri}{error}")
}

fn list(letter: MailBody, lines: &[String], more: bool) -> MailBody {
    let more = more.then(|| "and others".to_owned());
    letter.list("Webhooks:", lines.iter().cloned().chain(more).collect())
}

/// How many webhooks a mail is about: all of the batch, or those that are listed.
fn count(batch: &MailBatch, kind: MailKind, lines: &[String]) -> String {
    if batch.more { batch.count(kind).to_string() } else { lines.len().to_string() }
}

/// *disabled*: the service disabled webhooks.
#[must_use]
pub fn disabled(about: &AccountContext<'_>, batch: &MailBatch, lines: &[String]) -> Mail {
    let count = count(batch, MailKind::Disabled, lines);
    let lead = format!("{count} webhooks failed, or their endpoints want no more messages. They were disabled.");
    let letter = list(about.begin(lead), lines, batch.more)
        .paragraph(format!(
            "To enable a webhook again once its endpoint works: PATCH {}/webhooks/<id> with {{\"disabled\": false}}",
            about.url
        ))
        .paragraph(
            "An endpoint that has failed for days is tried now and then for 30 days. If it works again, its webhook is \
             enabled by itself.",
        );
    about.send(&format!("{count} webhooks disabled"), &letter)
}

/// *recovered*: the service enabled webhooks again.
#[must_use]
pub fn recovered(about: &AccountContext<'_>, batch: &MailBatch, lines: &[String]) -> Mail {
    let count = count(batch, MailKind::Recovered, lines);
    let lead = format!("The endpoints of {count} webhooks took a message again. The webhooks were enabled.");
    let catch_up = match batch.missed {
        0 => "They missed no messages.".to_owned(),
        missed => format!(
            "Messages that they missed: {missed}. To catch up: POST {}/webhooks/<id>/redeliver, for each webhook",
            about.url
        ),
    };
    let letter = list(about.begin(lead), lines, batch.more).paragraph(catch_up);
    about.send(&format!("{count} webhooks recovered"), &letter)
}

/// The digest of what the limits on mails held back.
#[must_use]
pub fn digest(about: &AccountContext<'_>, batch: &MailBatch, lines: &[String]) -> Mail {
    let letter = about.begin(
        "The limits on mails held the following back in the last hour: no mail was sent about it, or not to all \
         addressees.",
    );
    let letter = MailKind::ALL.into_iter().filter(|kind| batch.count(*kind) > 0).fold(letter, |letter, kind| {
        let name = match kind {
            MailKind::Failed => "Failed deliveries",
            MailKind::Dropped => "Dropped messages",
            MailKind::Throttled => "Webhooks at throttled hosts",
            MailKind::Disabled => "Disabled webhooks",
            MailKind::Recovered => "Recovered webhooks",
        };
        letter.row(name, batch.count(kind).to_string())
    });
    let letter = list(letter, lines, batch.more)
        .paragraph(format!("The newest deliveries that did not succeed: GET {}/webhook_deliveries", about.url));
    about.send("Mails held back", &letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::WebhookId;

    fn about(name: &str) -> AccountContext<'_> {
        AccountContext { to: &[], account: ("wdc", name), url: "https://h/a/wdc".to_owned() }
    }

    fn batch(counts: &[(MailKind, u32)]) -> MailBatch {
        MailBatch { counts: counts.iter().copied().collect(), missed: 42, more: true, ..MailBatch::default() }
    }

    /// The three mails, as they are committed.
    #[test]
    fn mails_about_several_webhooks_read_as_committed() {
        let account = about("Widget Data Center");
        let lines = [
            line(7, "Orders & <more>", "https://e.example/?token=***", Some("410 Gone")),
            line(8, "Invoices", "https://e.example/", None),
        ];
        let few = MailBatch { more: false, ..batch(&[(MailKind::Recovered, 2)]) };
        let all = [(MailKind::Failed, 12), (MailKind::Throttled, 1), (MailKind::Disabled, 250)];
        let mails = [
            ("several_disabled", disabled(&account, &batch(&[(MailKind::Disabled, 60)]), &lines)),
            ("several_recovered", recovered(&account, &few, &lines)),
            ("digest", digest(&account, &batch(&all), &lines)),
        ];
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules/mails");
        for (name, mail) in mails {
            let text = format!("Subject: {}\n\n{}\n\n{}", mail.subject, mail.text, mail.html);
            let committed = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap_or_default();
            assert!(text == committed, "the mail {name} reads otherwise:\n{text}");
        }
    }

    #[test]
    fn the_largest_mail_stays_small_and_names_inject_nothing() {
        let evil = "x\r\nError: none\n<script>";
        let mut all = MailBatch::default();
        for id in 0..10_000 {
            all.join(&MailBatch::of(MailKind::Disabled, WebhookId(id)));
        }
        let uri = "u".repeat(2048);
        let lines: Vec<_> = all.webhooks.iter().map(|id| line(id.0, evil, &uri, Some(evil))).collect();
        for mail in [disabled(&about(evil), &all, &lines), digest(&about(evil), &all, &lines)] {
            assert!(mail.text.contains("10000") && mail.text.len() < 200_000, "{}", mail.text.len());
            assert!(!mail.text.contains("\nError: none") && !mail.html.contains("<script>"), "{}", mail.html);
        }
    }
}

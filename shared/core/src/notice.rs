//! The texts of mails about failures (section 9): plain and HTML, with what the reader needs to act.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::mail_address::MailAddress;
use crate::ports::Mail;
use crate::time_zone::TimeZone;

/// What a mail about a failed delivery says.
#[derive(Debug, Clone)]
pub struct FailureNotice<'a> {
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
    /// The event.
    pub event: &'a str,
    /// Id of the message.
    pub message: &'a str,
    /// What went wrong.
    pub error: &'a str,
    /// 1 to 10.
    pub attempt: u8,
    /// When it is tried again; `None` if the message is dropped.
    pub next_attempt_at: Option<Timestamp>,
    /// Failed deliveries and dropped messages that had no mail since the last one.
    pub silenced: (u32, u32),
    /// The page of the delivery's record.
    pub delivery_url: &'a str,
}

/// The mail of the kinds *failed* and *dropped*.
#[must_use]
pub fn failure(notice: &FailureNotice<'_>) -> Mail {
    let FailureNotice { to, webhook_id, webhook_name, account, webhook_url, uri, event, message, .. } = notice;
    let FailureNotice { error, attempt, next_attempt_at, silenced, delivery_url, .. } = notice;
    let (subject, lead) = match next_attempt_at {
        Some(_) => (
            format!("Webhook #{webhook_id} failed – {webhook_name}"),
            "A message could not be delivered. It will be tried again.".to_owned(),
        ),
        None => (
            format!("Webhook #{webhook_id} dropped a message – {webhook_name}"),
            "A message could not be delivered and will not be tried again by itself.".to_owned(),
        ),
    };
    let mut rows = vec![
        ("Webhook", format!("#{webhook_id} {webhook_name}")),
        ("Account", format!("{} ({})", account.1, account.0)),
        ("URI", (*uri).to_owned()),
        ("Event", (*event).to_owned()),
        ("Message", (*message).to_owned()),
        ("Error", (*error).to_owned()),
        ("Attempt", format!("{attempt} of {}", crate::retry::MAX_ATTEMPTS)),
    ];
    if let Some(at) = next_attempt_at {
        rows.push(("Next attempt", TimeZone::default().format(*at)));
    }
    rows.push(("Webhook's page", (*webhook_url).to_owned()));
    rows.push(("Delivery's record", (*delivery_url).to_owned()));
    let mut closing = vec![explanation(error)];
    if next_attempt_at.is_none() {
        closing.push(format!("To send the message again once the endpoint works: POST {delivery_url}/redeliver"));
    }
    if let Some(text) = since_last_mail(*silenced) {
        closing.push(text);
    }
    Mail { to: to.to_vec(), subject, text: plain(&lead, &rows, &closing), html: html(&lead, &rows, &closing) }
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

fn plain(lead: &str, rows: &[(&str, String)], closing: &[String]) -> String {
    let mut text = format!("{lead}\n\n");
    for (name, value) in rows {
        let _ = writeln!(text, "{name}: {}", one_line(value));
    }
    for paragraph in closing {
        let _ = write!(text, "\n{}\n", one_line(paragraph));
    }
    text
}

fn html(lead: &str, rows: &[(&str, String)], closing: &[String]) -> String {
    let mut html = format!("<!DOCTYPE html>\n<html><body>\n<p>{}</p>\n<table>\n", escape(lead));
    for (name, value) in rows {
        let _ = writeln!(html, "<tr><th align=\"left\">{}</th><td>{}</td></tr>", escape(name), escape(value));
    }
    html.push_str("</table>\n");
    for paragraph in closing {
        let _ = writeln!(html, "<p>{}</p>", escape(paragraph));
    }
    html.push_str("</body></html>\n");
    html
}

/// A value cannot begin a line of its own.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A value cannot become markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(name: &str, next: Option<Timestamp>) -> FailureNotice<'_> {
        FailureNotice {
            to: &[],
            webhook_id: 7,
            webhook_name: name,
            account: ("wdc", "Widget Data Center"),
            webhook_url: "https://h/a/wdc/webhooks/7",
            uri: "https://e.example/?token=***",
            event: "request.create",
            message: "msg_1",
            error: "404 Not Found",
            attempt: 3,
            next_attempt_at: next,
            silenced: (2, 1),
            delivery_url: "https://h/a/wdc/webhook_deliveries/1",
        }
    }

    #[test]
    fn a_failed_mail_says_what_when_and_whose_fault() {
        let mail = failure(&notice("Orders", Some(Timestamp::UNIX_EPOCH)));
        assert_eq!(mail.subject, "Webhook #7 failed – Orders");
        for part in [
            "Error: 404 Not Found\n",
            "Attempt: 3 of 10\n",
            "Next attempt: 1970-01-01T00:00:00+00:00\n",
            "The endpoint refused the message. The cause lies with the endpoint",
            "2 deliveries failed and 1 message was dropped besides this one",
        ] {
            assert!(mail.text.contains(part), "{part:?} in {}", mail.text);
        }
    }

    #[test]
    fn a_dropped_mail_says_how_to_send_again() {
        let mail = failure(&notice("Orders", None));
        assert_eq!(mail.subject, "Webhook #7 dropped a message – Orders");
        assert!(mail.text.contains("POST https://h/a/wdc/webhook_deliveries/1/redeliver"));
        assert!(!mail.text.contains("Next attempt"));
    }

    #[test]
    fn names_cannot_inject_lines_or_markup() {
        let mail = failure(&notice("x\r\nError: none <script>&\"'", None));
        assert!(!mail.text.contains("\nError: none"));
        assert!(mail.html.contains("&lt;script&gt;&amp;&quot;&#39;") && !mail.html.contains("<script>"));
    }
}

//! `--secrets FILE`: passwords and header values for the `***` of the configuration.

use std::collections::BTreeMap;
use std::path::Path;

use hookline_core::values::endpoint_uri::MASK;
use reqwest::Url;
use serde::Deserialize;

use super::file::{Configuration, WebhookEntry};
use crate::output::CommandError;

/// The secrets of one webhook.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookSecretsEntry {
    uri_password: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Fills in secrets, by `source/sourceID`. The error names a webhook or header that the configuration does not have.
pub(super) fn fill(configuration: &mut Configuration, path: &Path) -> Result<(), CommandError> {
    let wrong = |reason: String| CommandError::Usage(format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    // An error of the parser could quote a secret.
    let all: BTreeMap<String, WebhookSecretsEntry> = serde_saphyr::from_str(&text)
        .map_err(|_| wrong("is not a map from source/sourceID to uri_password and headers".to_owned()))?;
    for (key, secrets) in all {
        let webhook = configuration.webhooks.iter_mut().find(|webhook| webhook.key().to_string() == key);
        let webhook = webhook.ok_or_else(|| wrong(format!("webhook {key} is not in the configuration")))?;
        for (name, value) in secrets.headers {
            let slot = webhook.headers.get_mut(&name);
            *slot.ok_or_else(|| wrong(format!("webhook {key} has no header {name}")))? = value;
        }
        if let Some(password) = secrets.uri_password {
            set_password(webhook, &password)
                .ok_or_else(|| wrong(format!("the URI of webhook {key} has no password")))?;
        }
    }
    Ok(())
}

/// Puts the password in place of the mask; `None` if there is none.
fn set_password(webhook: &mut WebhookEntry, password: &str) -> Option<()> {
    let mut encoded = Url::parse("https://a.example").ok()?;
    encoded.set_password(Some(password)).ok()?;
    let masked = format!(":{MASK}@");
    webhook.uri.contains(&masked).then_some(())?;
    webhook.uri = webhook.uri.replacen(&masked, &format!(":{}@", encoded.password()?), 1);
    Some(())
}

/// The webhook with `***` for every secret.
pub(super) fn masked(webhook: &WebhookEntry) -> WebhookEntry {
    let mut masked = webhook.clone();
    for value in masked.headers.values_mut() {
        MASK.clone_into(value);
    }
    if let Ok(given) = hookline_core::values::EndpointUri::parse(&webhook.uri) {
        given.uri.masked().clone_into(&mut masked.uri);
    }
    masked
}

/// The secrets that the configuration does not hold: `***` in the URI or a header.
pub(super) fn missing(webhook: &WebhookEntry) -> Vec<String> {
    let headers = webhook.headers.iter().filter(|(_, value)| *value == MASK);
    let mut missing: Vec<String> = headers.map(|(name, _)| format!("the value of header {name}")).collect();
    if hookline_core::values::EndpointUri::parse(&webhook.uri).is_ok_and(|given| given.keeps_password) {
        missing.push("the password of the URI".to_owned());
    }
    missing
}

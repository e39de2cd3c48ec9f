//! At most one mail about failures per webhook and 20 minutes (7).

use std::collections::BTreeMap;

use hookline_core::webhook::WebhookId;

use crate::world::State;

const INTERVAL: i64 = 20 * 60 * 1000;

/// See the module.
pub(crate) fn check(state: &mut State) {
    let mut allowed: BTreeMap<WebhookId, Vec<i64>> = BTreeMap::new();
    for (webhook, at) in &state.log.admissions {
        allowed.entry(*webhook).or_default().push(*at);
    }
    let mut found = Vec::new();
    for (webhook, times) in &mut allowed {
        times.sort_unstable();
        if times.windows(2).any(|pair| pair[1] - pair[0] < INTERVAL) {
            found.push(format!("two mails about webhook {webhook} within 20 minutes: {times:?} (7)"));
        }
    }
    let mut sent: BTreeMap<WebhookId, usize> = BTreeMap::new();
    for (_, mail) in &state.log.mails {
        let number = mail.subject.strip_prefix("Webhook #").and_then(|rest| rest.split(' ').next());
        match number.and_then(|number| number.parse().ok()).map(WebhookId) {
            Some(webhook) => *sent.entry(webhook).or_default() += 1,
            None => found.push(format!("a mail about nothing: {}", mail.subject)),
        }
    }
    for (webhook, count) in sent {
        if count > allowed.get(&webhook).map_or(0, Vec::len) {
            found.push(format!("{count} mails about webhook {webhook}, more than it was given leave for (7)"));
        }
    }
    for what in found {
        state.violation(what);
    }
}

//! At most one mail about failures per webhook and 20 minutes, one per address of an account and 20 minutes, one about the
//! state of a webhook and 20 minutes, and so many mails and addressees per account and day (7). No
//! mail that waited is sent twice.

use std::collections::BTreeMap;
use std::fmt::Debug;

use hookline_core::ids::WebhookId;

use crate::world::State;

const INTERVAL: i64 = 20 * 60 * 1000;
const DAY: i64 = 24 * 3_600_000;

/// See the module.
pub(crate) fn check(state: &mut State) {
    let leaves = &state.log.admissions;
    let of_webhooks = leaves
        .iter()
        .flat_map(|leave| leave.webhooks.iter().map(move |webhook| ((*webhook, leave.kind.sent_at()), leave.at)));
    let mut found = crowded(of_webhooks);
    let of_failures = leaves.iter().filter(|leave| leave.kind.is_about_failures());
    let addresses = of_failures.flat_map(|leave| leave.to.iter().map(move |to| ((&leave.account, to), leave.at)));
    found.extend(crowded(addresses));
    let mut days: BTreeMap<_, (u32, usize)> = BTreeMap::new();
    let mut allowed: BTreeMap<(WebhookId, bool), usize> = BTreeMap::new();
    let mut several_allowed = 0;
    for leave in leaves {
        let (mails, addressees) = days.entry((leave.account.clone(), leave.at.div_euclid(DAY))).or_default();
        *mails += 1;
        *addressees += leave.to.len();
        for webhook in &leave.webhooks {
            *allowed.entry((*webhook, leave.kind.is_about_failures())).or_default() += 1;
        }
        several_allowed += usize::from(leave.webhooks.len() > 1);
    }
    let (most, to_most) = (state.settings.mails_per_day, state.settings.mail_addressees_per_day);
    if state.moved_back == 0 {
        let many = days.iter().filter(|(_, (mails, to))| *mails > most || *to > to_most as usize);
        found.extend(many.map(|(day, (mails, to))| {
            format!("{mails} mails to {to} for {day:?}, at most {most} to {to_most} are allowed (7)")
        }));
    }
    let mut sent: BTreeMap<(WebhookId, bool), usize> = BTreeMap::new();
    let (mut digests, mut several) = (0, 0);
    for (_, mail) in &state.log.mails {
        if mail.subject.starts_with("Mails held back") {
            digests += 1;
            continue;
        }
        if mail.subject.contains(" webhooks ") {
            several += 1;
            continue;
        }
        let mut words = mail.subject.strip_prefix("Webhook #").into_iter().flat_map(|rest| rest.split(' '));
        let webhook = words.next().and_then(|number| number.parse().ok()).map(WebhookId);
        match (webhook, words.next()) {
            (Some(webhook), Some("failed" | "dropped" | "throttled")) => *sent.entry((webhook, true)).or_default() += 1,
            (Some(webhook), Some("disabled" | "recovered")) => *sent.entry((webhook, false)).or_default() += 1,
            _ => found.push(format!("a mail about nothing: {}", mail.subject)),
        }
    }
    for ((webhook, of_failures), count) in sent {
        if count > allowed.get(&(webhook, of_failures)).copied().unwrap_or_default() {
            found.push(format!("{count} mails about webhook {webhook}, more than it was given leave for (7)"));
        }
    }
    if digests > state.log.digests || several > several_allowed {
        let digests = (digests, state.log.digests);
        found.push(format!(
            "digests {digests:?}, mails about several {:?}: more than allowed",
            (several, several_allowed)
        ));
    }
    for what in found {
        state.violation(what);
    }
}

/// Those with two mails within the interval.
fn crowded<K: Ord + Debug>(mails: impl Iterator<Item = (K, i64)>) -> Vec<String> {
    let mut times: BTreeMap<K, Vec<i64>> = BTreeMap::new();
    for (key, at) in mails {
        times.entry(key).or_default().push(at);
    }
    for times in times.values_mut() {
        times.sort_unstable();
    }
    let crowded = times.iter().filter(|(_, times)| times.windows(2).any(|pair| pair[1] - pair[0] < INTERVAL));
    crowded.map(|(key, times)| format!("two mails for {key:?} within 20 minutes: {times:?} (7)")).collect()
}

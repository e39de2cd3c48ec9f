//! Whether the demonstration showed what was promised.

use std::collections::{BTreeMap, BTreeSet};

use hookline_core::model::event::EVENT_NAMES;
use hookline_core::signing::{SigningSecret, VerifyingKey};
use serde_json::Value;

use super::endpoint::{DemoEndpoint, ReceivedRequest};
use crate::commands::listen::verify;
use crate::jwt;

/// A webhook, and what its receiver verifies with.
pub(super) struct Registered {
    pub(super) name: &'static str,
    pub(super) secret: SigningSecret,
    /// The key of its policy, if it has one.
    pub(super) key: Option<VerifyingKey>,
}

/// What the receivers and the log showed.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    /// By webhook, the events that arrived, were taken, and verified.
    pub(super) verified: BTreeMap<u64, BTreeSet<String>>,
    /// What did not verify.
    pub(super) wrong: Vec<String>,
    /// By webhook, the events that must arrive.
    expected: BTreeMap<u64, BTreeSet<String>>,
    /// Messages to the dead endpoint that are recorded as dropped, and how many must be.
    dropped: (usize, usize),
}

/// The events that the webhook of that name gets.
fn expected(name: &str) -> BTreeSet<String> {
    let gets = |event: &&&str| match name {
        "plain" => **event != "automation_rule",
        "rule" => **event == "automation_rule",
        "flaky" => event.starts_with("request."),
        "signed" => event.starts_with("problem."),
        "down" => event.starts_with("task."),
        _ => false,
    };
    EVENT_NAMES.iter().filter(gets).map(|event| (*event).to_owned()).collect()
}

impl Seen {
    /// Checks everything that arrived as a receiver would.
    pub(super) fn of(webhooks: &BTreeMap<u64, Registered>, endpoints: &[&DemoEndpoint], dropped: usize) -> Self {
        let mut seen = Self { dropped: (dropped, 1), ..Self::default() };
        let mut tokens = BTreeSet::new();
        for (id, webhook) in webhooks {
            seen.expected.insert(*id, expected(webhook.name));
        }
        for message in endpoints.iter().flat_map(|endpoint| endpoint.messages()) {
            let data = data_of(&message);
            let (id, event) = (data["webhook_id"].as_u64().unwrap_or_default(), data["event"].as_str().unwrap_or("?"));
            let webhook = webhooks.get(&id).ok_or_else(|| "it names no webhook of ours".to_owned());
            match webhook.and_then(|webhook| check(webhook, &message, &mut tokens)) {
                Ok(()) if message.taken => {
                    seen.verified.entry(id).or_default().insert(event.to_owned());
                }
                Ok(()) => {}
                Err(why) => seen.wrong.push(format!("{event} for webhook #{id}: {why}")),
            }
        }
        seen
    }

    /// Nothing more is to be waited for.
    pub(super) fn is_complete(&self) -> bool {
        judge(self).is_ok() || !self.wrong.is_empty()
    }
}

/// The content of a message, signed or not.
fn data_of(message: &ReceivedRequest) -> Value {
    let claims = jwt::token(&message.body).and_then(|token| jwt::parts(&token)).map(|(_, claims)| claims);
    let mut claims: Option<Value> = claims.and_then(|claims| serde_json::from_str(&claims).ok());
    match &mut claims {
        Some(claims) => claims["data"].take(),
        None => serde_json::from_slice(&message.body).unwrap_or_default(),
    }
}

/// Checks a message as its receiver would when it came. `tokens` are the ids of the JWTs so far.
fn check(webhook: &Registered, message: &ReceivedRequest, tokens: &mut BTreeSet<String>) -> Result<(), String> {
    verify(&webhook.secret, &message.headers, &message.body, message.at)?;
    match (&webhook.key, jwt::token(&message.body)) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err("it is a JWT".to_owned()),
        (Some(_), None) => Err("it is no JWT".to_owned()),
        (Some(key), Some(token)) => {
            let claims = jwt::verify(key, &token, message.at)?;
            let is_new = tokens.insert(claims["jti"].to_string());
            if is_new { Ok(()) } else { Err("its jti came before".to_owned()) }
        }
    }
}

/// The summary, or everything that is not as promised.
pub(super) fn judge(seen: &Seen) -> Result<String, Vec<String>> {
    let mut problems: Vec<String> = seen.wrong.iter().map(|wrong| format!("a signature is wrong: {wrong}")).collect();
    let none = BTreeSet::new();
    for (id, expected) in &seen.expected {
        let arrived = seen.verified.get(id).unwrap_or(&none);
        problems.extend(expected.difference(arrived).map(|event| format!("{event} did not arrive at webhook #{id}")));
        problems.extend(arrived.difference(expected).map(|event| format!("{event} must not arrive at webhook #{id}")));
    }
    let (dropped, must) = seen.dropped;
    if dropped != must {
        problems.push(format!("{dropped} messages to the dead endpoint are recorded as dropped instead of {must}"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let arrived: usize = seen.verified.values().map(BTreeSet::len).sum();
    Ok(format!(
        "All {arrived} messages for living endpoints arrived and verified; the dead one's is recorded as dropped."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Seen {
        let expected: BTreeMap<_, _> = ["plain", "flaky", "dead", "signed", "down"]
            .map(expected)
            .into_iter()
            .enumerate()
            .map(|(at, events)| (at as u64 + 1, events))
            .collect();
        Seen { verified: expected.clone(), wrong: Vec::new(), expected, dropped: (1, 1) }
    }

    #[test]
    fn everything_as_promised_passes() {
        assert!(judge(&good()).unwrap().starts_with("All 97 messages"), "{:?}", judge(&good()));
    }

    #[test]
    fn anything_else_fails() {
        let mut missing = good();
        missing.verified.entry(2).or_default().remove("request.create");
        assert_eq!(judge(&missing).unwrap_err(), ["request.create did not arrive at webhook #2"]);
        let mut surplus = good();
        surplus.verified.entry(3).or_default().insert("risk.create".into());
        assert_eq!(judge(&surplus).unwrap_err(), ["risk.create must not arrive at webhook #3"]);
        assert_eq!(judge(&Seen { wrong: vec!["x".into()], ..good() }).unwrap_err().len(), 1);
        assert_eq!(judge(&Seen { dropped: (0, 1), ..good() }).unwrap_err().len(), 1);
    }
}

//! What arrives at endpoints: the payload as it was published, the same data in every attempt, and signatures that a
//! receiver's own library verifies over the exact bytes (2, 6).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hookline_core::model::MessageKind;
use serde_json::Value;
use standardwebhooks::Webhook as Receiver;

use crate::token;
use crate::world::{Post, State};

/// See the module.
pub(crate) fn check(state: &mut State) {
    let posts = std::mem::take(&mut state.log.posts);
    let mut first: BTreeMap<String, (&Post, Bytes)> = BTreeMap::new();
    let mut tokens = BTreeSet::new();
    for post in &posts {
        let checked = signature(state, post).and_then(|()| data(state, post, &mut tokens));
        let checked = checked.and_then(|data| content(state, post, &data).map(|()| data));
        let data = match checked {
            Ok(data) => data,
            Err(what) => {
                state.violation(format!("{what}: {} {} (6)", post.uri, String::from_utf8_lossy(&post.body)));
                continue;
            }
        };
        let message = &post.attempt.message;
        let (first, same) = first.entry(message.id.to_string()).or_insert((post, data.clone()));
        let key = (message.account().clone(), message.event.id.clone());
        let renamed = state.log.fan_outs.get(&key).is_some_and(|times| *times > 1);
        if *same != data && !(renamed && unnamed(same) == unnamed(&data)) {
            let uri = &first.uri;
            state.violation(format!("two bodies of message {}, the first to {uri} (2)", message.id));
        }
    }
    state.log.posts = posts;
}

/// The body without the webhook's name. A fan-out that broke off and begins anew takes the name of that moment.
fn unnamed(data: &[u8]) -> Option<Value> {
    let mut body: Value = serde_json::from_slice(data).ok()?;
    body.as_object_mut()?.remove("name");
    Some(body)
}

fn header<'a>(post: &'a Post, name: &str) -> Result<&'a str, String> {
    let mut found = post.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Ok(value),
        _ => Err(format!("not exactly one header {name}")),
    }
}

fn signature(state: &State, post: &Post) -> Result<(), String> {
    let (id, at, signatures) =
        (header(post, "Webhook-Id")?, header(post, "Webhook-Timestamp")?, header(post, "Webhook-Signature")?);
    if id != post.attempt.message.id.as_str() {
        return Err("the id of another message".to_owned());
    }
    let seconds: i64 = at.parse().map_err(|_| "no timestamp".to_owned())?;
    let (webhook, version) = post.target.ok_or("a POST to no webhook")?;
    let version = &state.shadow.webhooks[&webhook].versions[version];
    let known = &version.secrets;
    let retiring = known.retiring.iter().filter(|old| old.until.as_second() > seconds + 1).map(|old| &old.secret);
    for secret in std::iter::once(&known.signing).chain(retiring) {
        let receiver = Receiver::new(secret.reveal()).map_err(|error| error.to_string())?;
        let expected = receiver.sign(id, seconds, &post.body).map_err(|error| error.to_string())?;
        if !signatures.split(' ').any(|one| one == expected) {
            return Err("a signature does not verify".to_owned());
        }
    }
    for name in ["X-4me-Delivery", "X-Xurrent-Delivery"] {
        if header(post, name)? != post.attempt.delivery_id().to_string() {
            return Err("the id of another delivery".to_owned());
        }
    }
    let webhook = &version.webhook;
    if post.uri != webhook.uri.url().as_str() {
        return Err("sent to a URI that is not the webhook's".to_owned());
    }
    for (name, value) in webhook.header_names.iter().zip(&known.header_values) {
        if header(post, name)? != value.expose() {
            return Err(format!("not the webhook's own header {name}"));
        }
    }
    Ok(())
}

/// The data of a message: the body, or what the token in it was signed for.
fn data(state: &State, post: &Post, tokens: &mut BTreeSet<String>) -> Result<Bytes, String> {
    let (webhook, version) = post.target.ok_or("a POST to no webhook")?;
    let known = &state.shadow.webhooks[&webhook];
    if known.versions[version].webhook.policy.is_none() {
        return Ok(post.body.clone());
    }
    let keys = state.shadow.keys.iter().filter(|(account, _)| *account == known.account).map(|(_, key)| key.as_str());
    let claims = token::claims(&post.body, keys)?;
    if claims.subject != webhook.to_string() {
        return Err("a token about another webhook".to_owned());
    }
    if claims.issued_at.to_string() != header(post, "Webhook-Timestamp")? {
        return Err("a token whose iat is not the moment of its signature".to_owned());
    }
    let late = |(began, sent): (i64, i64)| !(began / 1000..=sent / 1000).contains(&claims.issued_at);
    if post.between.is_some_and(late) {
        return Err("a token whose iat is not the moment of sending".to_owned());
    }
    if !tokens.insert(claims.id) {
        return Err("a jti that was used before".to_owned());
    }
    Ok(claims.data)
}

fn content(state: &State, post: &Post, data: &[u8]) -> Result<(), String> {
    let message = &post.attempt.message;
    let body = std::str::from_utf8(data).map_err(|_| "not UTF-8")?;
    let value: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let payload = match message.kind {
        MessageKind::Test => "{}".to_owned(),
        MessageKind::Verify => {
            let callback = value.pointer("/payload/callback").and_then(Value::as_str).unwrap_or_default();
            if !callback.contains(&format!("/webhooks/{}/verify?code=", message.webhook)) {
                return Err("a question that does not tell where to answer it".to_owned());
            }
            format!("{{\"callback\":\"{callback}\"}}")
        }
        MessageKind::Event => {
            let published = state.log.published.get(&(message.account().clone(), message.event.id.clone()));
            let published = published.ok_or("an event that was never published")?;
            let found = published.iter().find(|payload| body.ends_with(&format!("\"payload\":{payload}}}")));
            found.ok_or("a payload that was never published")?.clone()
        }
    };
    if !body.ends_with(&format!("\"payload\":{payload}}}")) {
        return Err("the payload changed".to_owned());
    }
    let wanted = [
        ("webhook_id", Value::from(message.webhook.0)),
        ("account_id", Value::from(message.account().as_str())),
        ("event", Value::from(message.event.event.as_str())),
        ("object_id", Value::from(message.event.object_id)),
    ];
    match wanted.into_iter().find(|(key, wanted)| value.get(key) != Some(wanted)) {
        Some((key, wanted)) => Err(format!("{key} is not {wanted}")),
        None => Ok(()),
    }
}

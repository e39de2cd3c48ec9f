//! What changed between two states of a webhook or a policy, as the audit trail records it.

use serde_json::{Value, json};

use crate::model::audit::CHANGED;
use crate::model::{Attachment, AuditChanges, Policy, Subscriptions, Webhook, WebhookSecrets};
use crate::values::ContentFilter;

/// What the creation of a webhook or a change of it changes; each state with its opened secrets.
#[must_use]
pub fn webhook_changes(old: Option<(&Webhook, &WebhookSecrets)>, new: (&Webhook, &WebhookSecrets)) -> AuditChanges {
    let old_fields = old.map(|(webhook, _)| fields(webhook));
    let mut changes = AuditChanges::between(old_fields.as_deref(), Some(&fields(new.0)));
    let (old_password, new_password) =
        (old.and_then(|(_, old)| old.uri_password.as_ref()), new.1.uri_password.as_ref());
    if old_password != new_password {
        changes.note_secret("uri_password", old_password.is_some(), new_password.is_some());
    }
    let gone = old.map_or(Value::Null, |old| changed_headers(old, Some(new)));
    let come = changed_headers(new, old);
    if !gone.is_null() || !come.is_null() {
        changes.set("headers", gone, come);
    }
    if old.is_some_and(|(_, old)| old.signing != new.1.signing) {
        changes.note_secret("secret", true, true);
    }
    let (old_code, new_code) = (old.and_then(|(_, old)| old.code.as_ref()), new.1.code.as_ref());
    if old_code != new_code {
        changes.note_secret("code", old_code.is_some(), new_code.is_some());
    }
    changes
}

/// What the deletion of a webhook changes. It needs no secrets, so a webhook can be
/// deleted when they no longer open.
#[must_use]
pub fn webhook_destroyed(webhook: &Webhook) -> AuditChanges {
    let mut changes = AuditChanges::between(Some(&fields(webhook)), None);
    if webhook.uri.has_password() {
        changes.note_secret("uri_password", true, false);
    }
    changes.note("headers", masked_headers(&webhook.header_names), Value::Null);
    changes
}

/// What the creation, a change or the deletion of a policy changes.
#[must_use]
pub fn policy_changes(old: Option<&Policy>, new: Option<&Policy>) -> AuditChanges {
    let (old_fields, new_fields) = (old.map(policy_fields), new.map(policy_fields));
    AuditChanges::between(old_fields.as_deref(), new_fields.as_deref())
}

/// The fields of a policy that hold no secret. Its keys are represented by the newest, from when on it signs with
/// discovery, and the newest that was activated.
fn policy_fields(policy: &Policy) -> Vec<(&'static str, Value)> {
    let Policy {
        id: _,
        account: _,
        name,
        disabled,
        algorithm,
        audience,
        expires_in,
        keys,
        created_at: _,
        updated_at: _,
        version: _,
    } = policy;
    vec![
        ("name", name.as_str().into()),
        ("disabled", (*disabled).into()),
        ("jwt_alg", algorithm.as_str().into()),
        ("jwt_audience", audience.as_deref().into()),
        ("jwt_claim_expires_in", (*expires_in).into()),
        ("kid", keys.newest().kid.to_string().into()),
        ("signs_with_discovery_from", keys.newest().with_discovery_from.to_string().into()),
        ("activated_kid", keys.activated().map(|key| key.kid.to_string()).into()),
    ]
}

/// The fields of a webhook that hold no secret. Fields that follow from others are left out.
fn fields(webhook: &Webhook) -> Vec<(&'static str, Value)> {
    let Webhook {
        id: _,
        account: _,
        events,
        filter,
        uri,
        name,
        description,
        attachments,
        disabled,
        disabling: _,
        mail_exceptions_to,
        policy,
        source,
        source_id,
        openid_connect_discovery,
        header_names: _,
        secrets: _,
        secrets_version: _,
        verified,
        created_at: _,
        updated_at: _,
        version: _,
        last_error: _,
    } = webhook;
    vec![
        ("event", events.first().to_string().into()),
        ("events", events.are_several().then(|| texts(events)).into()),
        ("filter", filter.as_ref().map(ContentFilter::as_str).into()),
        ("uri", uri.masked().into()),
        ("name", name.as_str().into()),
        ("description", description.as_deref().into()),
        ("attachments", names_of(attachments)),
        ("disabled", (*disabled).into()),
        ("mail_exceptions_to", mail_exceptions_to.as_deref().into()),
        ("webhook_policy_id", policy.map(|policy| policy.0).into()),
        ("source", source.as_deref().into()),
        ("sourceID", source_id.as_deref().into()),
        ("openid_connect_discovery", (*openid_connect_discovery).into()),
        ("verified", (*verified).into()),
    ]
}

/// The names and patterns of a webhook.
fn texts(events: &Subscriptions) -> Vec<String> {
    events.iter().map(ToString::to_string).collect()
}

/// Keys and names of attachments; null if there are none.
fn names_of(attachments: &[Attachment]) -> Value {
    let shown =
        |attachment: &Attachment| json!({"key": attachment.key, "name": attachment.name, "inline": attachment.inline});
    if attachments.is_empty() { Value::Null } else { attachments.iter().map(shown).collect() }
}

/// The headers of one side that the other side does not have with that value.
fn changed_headers(of: (&Webhook, &WebhookSecrets), other: Option<(&Webhook, &WebhookSecrets)>) -> Value {
    let (webhook, secrets) = of;
    let value = |name: &String| {
        let (webhook, secrets) = other?;
        let at = webhook.header_names.iter().position(|known| known == name)?;
        secrets.header_values.get(at)
    };
    let pairs = webhook.header_names.iter().zip(&secrets.header_values);
    masked_headers(pairs.filter(|(name, own)| value(name) != Some(*own)).map(|(name, _)| name))
}

/// `{name: "changed"}`; null if there are none.
fn masked_headers<'a>(names: impl IntoIterator<Item = &'a String>) -> Value {
    let names: serde_json::Map<String, Value> = names.into_iter().map(|name| (name.clone(), CHANGED.into())).collect();
    if names.is_empty() { Value::Null } else { names.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, WebhookId};
    use crate::model::Sealed;
    use crate::values::{EndpointUri, Secret, System};
    use jiff::Timestamp;

    fn webhook(uri: &str, headers: &[(&str, &str)]) -> (Webhook, WebhookSecrets) {
        let given = EndpointUri::parse(uri).unwrap();
        let mut secrets = WebhookSecrets::new(&System);
        secrets.uri_password = given.password;
        secrets.header_values = headers.iter().map(|(_, value)| Secret::new((*value).to_owned())).collect();
        let webhook = Webhook {
            id: WebhookId(1),
            account: AccountId::parse("wdc").unwrap(),
            events: Subscriptions::stored("*").unwrap(),
            filter: None,
            uri: given.uri,
            name: "n".to_owned(),
            description: None,
            attachments: Vec::new(),
            disabled: false,
            disabling: None,
            mail_exceptions_to: None,
            policy: None,
            source: None,
            source_id: None,
            openid_connect_discovery: false,
            header_names: headers.iter().map(|(name, _)| (*name).to_owned()).collect(),
            secrets: Sealed(Vec::new()),
            secrets_version: 1,
            verified: true,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            version: 1,
            last_error: None,
        };
        (webhook, secrets)
    }

    fn told(old: Option<&(Webhook, WebhookSecrets)>, new: &(Webhook, WebhookSecrets)) -> Value {
        serde_json::to_value(webhook_changes(old.map(|(webhook, secrets)| (webhook, secrets)), (&new.0, &new.1)))
            .unwrap()
    }

    #[test]
    fn creation_and_deletion_tell_every_field_that_is_set() {
        let created = webhook("https://ada:canary@a.example/", &[("X-Key", "canary")]);
        assert_eq!(
            told(None, &created),
            json!({
                "event": [null, "*"],
                "uri": [null, "https://ada:***@a.example/"],
                "uri_password": [null, "changed"],
                "name": [null, "n"],
                "disabled": [null, false],
                "openid_connect_discovery": [null, false],
                "verified": [null, true],
                "headers": [null, {"X-Key": "changed"}],
            })
        );
        let destroyed = serde_json::to_value(webhook_destroyed(&created.0)).unwrap();
        assert_eq!(destroyed["uri_password"], json!(["changed", null]));
        assert_eq!(destroyed["headers"], json!([{"X-Key": "changed"}, null]));
        assert!(destroyed.get("description").is_none() && !destroyed.to_string().contains("canary"));
    }

    #[test]
    fn an_update_tells_what_changed_and_nothing_else() {
        let before = webhook("https://ada:a@a.example/", &[("X-A", "1"), ("X-B", "2"), ("X-C", "3")]);
        assert_eq!(told(Some(&before), &before), json!({}));
        let mut after = webhook("https://ada:b@a.example/", &[("X-A", "1"), ("X-B", "9"), ("X-D", "3")]);
        after.1.signing = before.1.signing.clone();
        assert_eq!(
            told(Some(&before), &after),
            json!({
                "uri_password": ["changed", "changed"],
                "headers": [{"X-B": "changed", "X-C": "changed"}, {"X-B": "changed", "X-D": "changed"}],
            })
        );
        let mut several = before.clone();
        several.0.events = Subscriptions::stored("risk.* request.create").unwrap();
        let events = json!({"event": ["*", "risk.*"], "events": [null, ["risk.*", "request.create"]]});
        assert_eq!(told(Some(&before), &several), events);
        let mut other_value = before.clone();
        other_value.1.header_values[0] = Secret::new("9".to_owned());
        let headers = told(Some(&before), &other_value);
        assert_eq!(headers, json!({"headers": [{"X-A": "changed"}, {"X-A": "changed"}]}));
        let mut rotated = before.clone();
        rotated.1.signing = WebhookSecrets::new(&System).signing;
        assert_eq!(told(Some(&before), &rotated), json!({"secret": ["changed", "changed"]}));
    }
}

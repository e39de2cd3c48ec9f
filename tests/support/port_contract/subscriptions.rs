//! What fan-out and delivery ask of webhooks.

use hookline_core::ids::WebhookId;
use hookline_core::model::{Account, AuditAction, EventName, Subscription, Webhook};
use hookline_core::ports::UpdateOutcome;
use hookline_core::service::Service;
use hookline_core::values::MailAddress;

use super::{NO_LIMITS, create, draft, entry, fresh_account, stored};

async fn found(service: &Service, webhook: &Webhook, event: &str) -> Vec<WebhookId> {
    let name = EventName::builtin(event).expect("one of the 77");
    let subscribers = service.webhooks.subscribers(&webhook.account, &name).await.expect("the store works");
    subscribers.into_iter().filter(|one| one.subscription.matches(&name)).map(|one| one.webhook).collect()
}

/// By id, with everything that fan-out needs of each, the disabled ones too.
pub async fn subscribers_are_all_that_may_match(service: &Service) {
    let (account, other) = (fresh_account(service).await, fresh_account(service).await);
    let mut ids = Vec::new();
    for event in ["request.create", "request.*", "*", "risk.create", "risk.*", "automation_rule"] {
        ids.push(stored(service, &account.id, event).await.id);
    }
    stored(service, &other.id, "request.create").await;
    let disabled = Webhook {
        disabled: true,
        verified: false,
        name: "Ж".to_owned(),
        ..draft(service, &account.id, "request.create").await
    };
    create(service, &disabled).await;
    let name = EventName::builtin("request.create").expect("one of the 77");
    let subscribers = service.webhooks.subscribers(&account.id, &name).await.expect("the store works");
    let matching: Vec<WebhookId> =
        subscribers.iter().filter(|one| one.subscription.matches(&name)).map(|one| one.webhook).collect();
    assert_eq!(matching, [ids[0], ids[1], ids[2], disabled.id]);
    let last = subscribers.iter().find(|one| one.webhook == disabled.id).expect("it is there");
    assert_eq!((last.name.as_str(), last.enabled, last.verified), ("Ж", false, false));
    assert_eq!((&last.subscription, last.host_hash), (&disabled.event, disabled.uri.host().hash()));
    assert_eq!(found(service, &disabled, "risk.create").await, ids[2..5]);
    assert_eq!(found(service, &disabled, "automation_rule").await, [ids[5]]);
    assert_eq!(found(service, &disabled, "person.create").await, [ids[2]]);
}

/// Read consistently: creation, change and deletion count at once.
pub async fn a_change_is_seen_by_the_next_reader(service: &Service) {
    let account = fresh_account(service).await;
    for _ in 0..20 {
        let webhook = stored(service, &account.id, "request.create").await;
        assert_eq!(found(service, &webhook, "request.create").await, [webhook.id]);
        let moved = Webhook { event: Subscription::stored("risk.*").expect("a pattern"), version: 2, ..webhook };
        let written = service.webhooks.update_webhook(&moved, NO_LIMITS, &entry(&moved, AuditAction::Update)).await;
        assert_eq!(written.expect("the store works"), Ok(UpdateOutcome::Done));
        assert_eq!(found(service, &moved, "request.create").await, []);
        assert_eq!(found(service, &moved, "risk.create").await, [moved.id]);
        let audit = entry(&moved, AuditAction::Destroy);
        let deleted = service.webhooks.delete_webhook(&account.id, moved.id, 2, &audit).await;
        assert_eq!(deleted.expect("the store works"), UpdateOutcome::Done);
        assert_eq!(found(service, &moved, "risk.create").await, []);
    }
}

/// The webhook's current state, the addresses for mails, and whether its account may send at all.
pub async fn a_target_is_what_a_delivery_needs(service: &Service) {
    let account = fresh_account(service).await;
    let plain = stored(service, &account.id, "*").await;
    let target =
        async |id| service.webhooks.target(&account.id, id).await.expect("the store works").expect("it is there");
    let read = target(plain.id).await;
    assert_eq!((read.id, &read.uri, &read.secrets, read.secrets_version), (plain.id, &plain.uri, &plain.secrets, 1));
    assert_eq!((read.mail_to, read.account_name.as_str()), (account.admin_mails.clone(), account.name.as_str()));
    assert!(
        !read.disabled && !read.account_disabled && read.verified && read.policy.is_none() && read.health.is_good()
    );
    let own = Webhook {
        mail_exceptions_to: Some("c@example.com ,d@example.com".to_owned()),
        header_names: vec!["X-B".to_owned(), "X-A".to_owned()],
        disabled: true,
        verified: false,
        openid_connect_discovery: true,
        trace: true,
        ..draft(service, &account.id, "*").await
    };
    create(service, &own).await;
    let read = target(own.id).await;
    assert_eq!(read.mail_to, MailAddress::parse_list("c@example.com,d@example.com", 2).expect("addresses"));
    assert_eq!((read.header_names, read.disabled, read.verified), (own.header_names, true, false));
    assert!(read.openid_connect_discovery && !read.account_disabled);
    let off = Account { disabled: true, admin_mails: Vec::new(), ..account.clone() };
    assert!(service.accounts.update_account(&off).await.expect("the store works"));
    let read = target(plain.id).await;
    assert_eq!((read.disabled, read.account_disabled, read.mail_to), (true, true, Vec::new()));
}

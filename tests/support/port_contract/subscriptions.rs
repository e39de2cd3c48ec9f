//! What fan-out and delivery ask of webhooks.

use hookline_core::ids::WebhookId;
use hookline_core::model::{
    Account, AuditAction, DisabledBy, Disabling, EventName, MAX_SUBSCRIPTIONS, Subscriptions, Webhook,
};
use hookline_core::ports::{CreateOutcome, UpdateOutcome, WebhookLimits};
use hookline_core::service::Service;
use hookline_core::values::MailAddress;

use super::{NO_LIMITS, create, draft, entry, fresh_account, stored};

async fn found(service: &Service, webhook: &Webhook, event: &str) -> Vec<WebhookId> {
    let name = EventName::builtin(event).expect("one of the 77");
    let subscribers = service.webhooks.subscribers(&webhook.account, &name).await.expect("the store works");
    subscribers.into_iter().filter(|one| one.subscriptions.match_event(&name)).map(|one| one.webhook).collect()
}

fn events(text: &str) -> Subscriptions {
    Subscriptions::stored(text).expect("names and patterns")
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
        subscribers.iter().filter(|one| one.subscriptions.match_event(&name)).map(|one| one.webhook).collect();
    assert_eq!(matching, [ids[0], ids[1], ids[2], disabled.id]);
    let last = subscribers.iter().find(|one| one.webhook == disabled.id).expect("it is there");
    assert_eq!((last.name.as_str(), last.enabled, last.verified), ("Ж", false, false));
    assert_eq!((&last.subscriptions, last.host_hash), (&disabled.events, disabled.uri.host().hash()));
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
        let moved = Webhook { events: Subscriptions::stored("risk.*").expect("a pattern"), version: 2, ..webhook };
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

/// Once, however many of its names and patterns match, also after a change, a disabling and a deletion; and it counts as
/// one webhook with a pattern.
pub async fn a_webhook_with_several_events_is_found_once(service: &Service) {
    let account = fresh_account(service).await;
    let several = "request.create request.update risk.* request.* *";
    let webhook = stored(service, &account.id, several).await;
    for event in ["request.create", "request.update", "request.note-added", "risk.create", "person.create"] {
        assert_eq!(found(service, &webhook, event).await, [webhook.id], "{event}");
    }
    let update = async |webhook: &Webhook, limits| {
        let audit = entry(webhook, AuditAction::Update);
        service.webhooks.update_webhook(webhook, limits, &audit).await.expect("the store works")
    };
    // It holds the only place that there is for webhooks with a pattern, until it has none.
    let plain = stored(service, &account.id, "person.create").await;
    let limits = WebhookLimits { webhooks: 10, patterns: 1 };
    let with_pattern = Webhook { events: events("person.create sla.* *"), version: 2, ..plain };
    assert_eq!(update(&with_pattern, limits).await, Err(CreateOutcome::TooManyPatterns));
    let moved = Webhook { events: events("request.update problem.create risk.*"), version: 2, ..webhook };
    assert_eq!(update(&moved, limits).await, Ok(UpdateOutcome::Done));
    let moved = Webhook { events: events("request.update problem.create"), version: 3, ..moved };
    assert_eq!(update(&moved, limits).await, Ok(UpdateOutcome::Done));
    for (event, count) in [("request.create", 0), ("risk.create", 0), ("request.update", 1), ("problem.create", 1)] {
        assert_eq!(found(service, &moved, event).await.len(), count, "{event}");
    }
    assert_eq!(update(&with_pattern, limits).await, Ok(UpdateOutcome::Done));
    let disabling = Disabling { by: DisabledBy::Failures, at: service.clock.now() };
    let audit = entry(&moved, AuditAction::Update);
    assert!(service.webhooks.disable_webhook(&account.id, moved.id, disabling, &audit).await.expect("the store works"));
    for event in ["request.update", "problem.create"] {
        let name = EventName::builtin(event).expect("one of the 77");
        let subscribers = service.webhooks.subscribers(&account.id, &name).await.expect("the store works");
        let of_it = subscribers.iter().filter(|one| one.webhook == moved.id).map(|one| one.enabled);
        assert_eq!(of_it.collect::<Vec<_>>(), [false], "{event}");
    }
    let audit = entry(&moved, AuditAction::Destroy);
    let deleted = service.webhooks.delete_webhook(&account.id, moved.id, 4, &audit).await;
    assert_eq!(deleted.expect("the store works"), UpdateOutcome::Done);
    assert_eq!(found(service, &moved, "request.update").await, [with_pattern.id], "another one");
}

/// All of its events may be exchanged for others in one change.
pub async fn all_events_of_a_webhook_can_be_exchanged(service: &Service) {
    let account = fresh_account(service).await;
    let names = |from: usize| {
        let names: Vec<String> = (from..from + MAX_SUBSCRIPTIONS).map(|number| format!("own.n{number}")).collect();
        events(&names.join(" "))
    };
    let webhook = Webhook { events: names(0), ..draft(service, &account.id, "*").await };
    create(service, &webhook).await;
    let exchanged = Webhook { events: names(MAX_SUBSCRIPTIONS), version: 2, ..webhook };
    let audit = entry(&exchanged, AuditAction::Update);
    let written = service.webhooks.update_webhook(&exchanged, NO_LIMITS, &audit).await;
    assert_eq!(written.expect("the store works"), Ok(UpdateOutcome::Done));
    let read = service.webhooks.webhook(&account.id, exchanged.id).await.expect("the store works");
    assert_eq!(read.as_ref(), Some(&exchanged));
    for (number, count) in [(0, 0), (MAX_SUBSCRIPTIONS - 1, 0), (MAX_SUBSCRIPTIONS, 1), (2 * MAX_SUBSCRIPTIONS - 1, 1)]
    {
        let name = EventName::own_type(&format!("own.n{number}")).expect("a name");
        let subscribers = service.webhooks.subscribers(&account.id, &name).await.expect("the store works");
        assert_eq!(subscribers.len(), count, "own.n{number}");
    }
    let audit = entry(&exchanged, AuditAction::Destroy);
    let deleted = service.webhooks.delete_webhook(&account.id, exchanged.id, 2, &audit).await;
    assert_eq!(deleted.expect("the store works"), UpdateOutcome::Done);
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
        omits_charset: true,
        ..draft(service, &account.id, "*").await
    };
    create(service, &own).await;
    let read = target(own.id).await;
    assert_eq!(read.mail_to, MailAddress::parse_list("c@example.com,d@example.com", 2).expect("addresses"));
    assert_eq!((read.header_names, read.disabled, read.verified), (own.header_names, true, false));
    assert!(read.openid_connect_discovery && read.omits_charset && !read.account_disabled);
    let off = Account { disabled: true, admin_mails: Vec::new(), ..account.clone() };
    assert!(service.accounts.update_account(&off).await.expect("the store works"));
    let read = target(plain.id).await;
    assert_eq!((read.disabled, read.account_disabled, read.mail_to), (true, true, Vec::new()));
}

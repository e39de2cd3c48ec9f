//! Webhooks: conditional writes, limits, health.

use hookline_core::model::{
    AuditAction, AuditChanges, AuditSubject, DisabledBy, Disabling, Sealed, Subscriptions, Webhook,
};
use hookline_core::ports::{CreateOutcome, UpdateOutcome, WebhookLimits};
use hookline_core::service::Service;
use hookline_core::values::{ContentFilter, EndpointUri, ListQuery, Position, Sort};

use super::{MINUTE, NO_LIMITS, NO_WEBHOOK, at_once, create, draft, entry, fresh_account, renamed, stored};

/// Once per deployment, by any account.
pub async fn ids_are_given_once(service: &Service) {
    let mut ids =
        at_once(50, |_| async { service.webhooks.allocate_webhook_id().await.expect("the store works") }).await;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50);
    assert!(ids[0].0 >= 1);
    assert!(service.webhooks.allocate_webhook_id().await.expect("the store works") > ids[49]);
}

/// Every field, the empty text and the absent one, and any character.
pub async fn a_webhook_comes_back_whole(service: &Service) {
    let account = fresh_account(service).await;
    let plain = stored(service, &account.id, "*").await;
    assert_eq!(service.webhooks.webhook(&account.id, plain.id).await.expect("the store works"), Some(plain));
    let full = Webhook {
        events: Subscriptions::stored("project_task.* request.create order.paid *").expect("valid"),
        filter: Some(ContentFilter::parse(r#"{"payload":{"a":[1.50,"Ж\n"]}}"#).expect("valid")),
        uri: EndpointUri::stored("https://ada%40x:***@bücher.example:8443/ü?q=\"<>'&Ж").expect("valid"),
        name: "\"quoted\" \\ Ж 🚀 %_ '".to_owned(),
        description: Some("line\r\n\ttab \u{2028}\u{feff}\u{1}".to_owned()),
        disabled: true,
        disabling: Some(Disabling { by: DisabledBy::Administrator, at: service.clock.now() }),
        mail_exceptions_to: Some("a@example.com, b@example.com".to_owned()),
        source: Some(String::new()),
        source_id: Some("{}".to_owned()),
        openid_connect_discovery: true,
        header_names: vec!["X-B".to_owned(), "x-a".to_owned(), "!#$%&'*+-.^_`|~".to_owned()],
        secrets: Sealed((0..=255).collect()),
        secrets_version: 9,
        verified: false,
        updated_at: service.clock.now() + MINUTE,
        ..draft(service, &account.id, "*").await
    };
    create(service, &full).await;
    assert_eq!(service.webhooks.webhook(&account.id, full.id).await.expect("the store works"), Some(full.clone()));
    let cleared = Webhook {
        description: Some(String::new()),
        source: None,
        source_id: None,
        mail_exceptions_to: None,
        header_names: Vec::new(),
        disabled: false,
        disabling: None,
        version: 2,
        ..full
    };
    let written = service.webhooks.update_webhook(&cleared, NO_LIMITS, &entry(&cleared, AuditAction::Update)).await;
    assert_eq!(written.expect("valid"), Ok(UpdateOutcome::Done));
    assert_eq!(service.webhooks.webhook(&account.id, cleared.id).await.expect("the store works"), Some(cleared));
}

/// Every field as long as it may be, with characters that some encodings make six times longer; and an audit trail that
/// holds the description twice.
pub async fn the_largest_webhook_and_its_trail_are_kept(service: &Service) {
    let account = fresh_account(service).await;
    let long = |character: &str, bytes: usize| character.repeat(bytes / character.len());
    let webhook = Webhook {
        uri: EndpointUri::stored(&format!("https://example.com/{}", "x".repeat(2028))).expect("valid"),
        name: "🚀".repeat(128),
        description: Some(long("\u{1}", 65_536)),
        mail_exceptions_to: Some(vec!["a@example.com"; 20].join(",")),
        source: Some("Ж".repeat(30)),
        source_id: Some("Ж".repeat(128)),
        header_names: (0..20).map(|number| format!("X-{number}-{}", "x".repeat(240))).collect(),
        secrets: Sealed(vec![0xa5; 24 * 1024]),
        ..draft(service, &account.id, "request.create").await
    };
    create(service, &webhook).await;
    assert_eq!(
        service.webhooks.webhook(&account.id, webhook.id).await.expect("the store works"),
        Some(webhook.clone())
    );
    for character in ["\u{2}", "\"", "Ж", "🚀"] {
        let before =
            service.webhooks.webhook(&account.id, webhook.id).await.expect("the store works").expect("it is there");
        let description = long(character, 65_536);
        let mut audit = entry(&webhook, AuditAction::Update);
        audit.changes = AuditChanges::default();
        audit.changes.note("description", before.description.clone(), description.clone());
        let changed = Webhook { description: Some(description), version: before.version + 1, ..before };
        let written = service.webhooks.update_webhook(&changed, NO_LIMITS, &audit).await.expect("the store works");
        assert_eq!(written, Ok(UpdateOutcome::Done), "{character:?}");
        assert_eq!(service.webhooks.webhook(&account.id, webhook.id).await.expect("the store works"), Some(changed));
        let newest = ListQuery {
            filters: Vec::new(),
            sort: vec![Sort { field: "id", descending: true }],
            position: Position::Page(1),
            per_page: 1,
        };
        let trail = service
            .audit
            .list_audit(&account.id, AuditSubject::Webhook(webhook.id), &newest)
            .await
            .expect("the store works");
        assert_eq!(trail.items[0].entry, audit, "{character:?}");
    }
}

/// The other writers get a conflict.
pub async fn of_fifty_conditional_writers_one_wins(service: &Service) {
    let account = fresh_account(service).await;
    let webhook = stored(service, &account.id, "request.create").await;
    let outcomes = at_once(50, |number| {
        let changed = renamed(&webhook, &format!("writer {number}"));
        async move {
            let audit = entry(&changed, AuditAction::Update);
            service.webhooks.update_webhook(&changed, NO_LIMITS, &audit).await.expect("the store works")
        }
    });
    let outcomes = outcomes.await;
    let winner = outcomes.iter().position(|outcome| *outcome == Ok(UpdateOutcome::Done)).expect("a winner");
    assert!(outcomes.iter().enumerate().all(|(at, outcome)| (at == winner) == (*outcome == Ok(UpdateOutcome::Done))));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(UpdateOutcome::Done | UpdateOutcome::Conflict))));
    let read = service.webhooks.webhook(&account.id, webhook.id).await.expect("the store works").expect("it is there");
    assert_eq!((read.name, read.version), (format!("writer {winner}"), 2));
    let deletions = at_once(50, |_| async {
        let audit = entry(&webhook, AuditAction::Destroy);
        service.webhooks.delete_webhook(&account.id, webhook.id, 2, &audit).await.expect("the store works")
    });
    let deletions = deletions.await;
    assert_eq!(deletions.iter().filter(|outcome| **outcome == UpdateOutcome::Done).count(), 1);
    assert!(deletions.iter().all(|outcome| matches!(outcome, UpdateOutcome::Done | UpdateOutcome::Gone)));
}

/// Older, newer, gone.
pub async fn a_write_needs_the_version_before_it(service: &Service) {
    let account = fresh_account(service).await;
    let webhooks = &service.webhooks;
    let webhook = stored(service, &account.id, "request.create").await;
    let update = async |webhook: &Webhook| {
        webhooks
            .update_webhook(webhook, NO_LIMITS, &entry(webhook, AuditAction::Update))
            .await
            .expect("the store works")
    };
    assert_eq!(update(&webhook).await, Ok(UpdateOutcome::Conflict), "the same version");
    assert_eq!(update(&Webhook { version: 3, ..webhook.clone() }).await, Ok(UpdateOutcome::Conflict), "one left out");
    webhooks
        .note_failure(&account.id, webhook.id, "404 Not Found", service.clock.now())
        .await
        .expect("the store works");
    assert_eq!(update(&renamed(&webhook, "two")).await, Ok(UpdateOutcome::Done));
    let read = webhooks.webhook(&account.id, webhook.id).await.expect("the store works").expect("it is there");
    assert_eq!(read.last_error.as_deref(), Some("404 Not Found"), "a write leaves the last error");
    let audit = entry(&webhook, AuditAction::Destroy);
    let delete = async |version| {
        webhooks.delete_webhook(&account.id, webhook.id, version, &audit).await.expect("the store works")
    };
    assert_eq!(delete(1).await, UpdateOutcome::Conflict);
    assert_eq!(delete(2).await, UpdateOutcome::Done);
    assert_eq!(delete(2).await, UpdateOutcome::Gone);
    assert_eq!(update(&renamed(&read, "three")).await, Ok(UpdateOutcome::Gone));
    assert_eq!(webhooks.webhook(&account.id, NO_WEBHOOK).await.expect("the store works"), None);
}

/// Exactly as many as there may be, and a deletion makes room.
pub async fn limits_hold_when_many_come_at_once(service: &Service) {
    let account = fresh_account(service).await;
    let limits = WebhookLimits { webhooks: 6, patterns: 2 };
    let mut drafts = Vec::new();
    for number in 0..20 {
        drafts.push(draft(service, &account.id, if number % 2 == 0 { "risk.*" } else { "risk.create" }).await);
    }
    let outcomes = at_once(20, |number| {
        let webhook = &drafts[number];
        async move {
            service
                .webhooks
                .create_webhook(webhook, limits, &entry(webhook, AuditAction::Create))
                .await
                .expect("the store works")
        }
    });
    let outcomes = outcomes.await;
    let done = |pattern: usize| {
        let chosen =
            outcomes.iter().enumerate().filter(|(at, outcome)| at % 2 == pattern && **outcome == CreateOutcome::Done);
        chosen.map(|(at, _)| at).collect::<Vec<_>>()
    };
    let (patterns, plain) = (done(0), done(1));
    assert!(patterns.len() <= 2 && patterns.len() + plain.len() == 6, "{outcomes:?}");
    let more = draft(service, &account.id, "risk.create").await;
    let create = async || {
        service
            .webhooks
            .create_webhook(&more, limits, &entry(&more, AuditAction::Create))
            .await
            .expect("the store works")
    };
    assert_eq!(create().await, CreateOutcome::TooMany);
    let gone = &drafts[plain[0]];
    let deleted = service.webhooks.delete_webhook(&account.id, gone.id, 1, &entry(gone, AuditAction::Destroy)).await;
    assert_eq!(deleted.expect("valid"), UpdateOutcome::Done);
    assert_eq!(create().await, CreateOutcome::Done);
    // As many patterns as there may be: a change to one more is refused, one for another is not.
    let mut others: Vec<&Webhook> = plain[1..].iter().map(|at| &drafts[*at]).collect();
    let pattern = Subscriptions::stored("ci.* problem.*").expect("valid");
    for _ in patterns.len()..2 {
        let webhook = others.pop().expect("a plain one");
        let changed = Webhook { events: pattern.clone(), version: 2, ..webhook.clone() };
        let written = service.webhooks.update_webhook(&changed, limits, &entry(&changed, AuditAction::Update)).await;
        assert_eq!(written.expect("valid"), Ok(UpdateOutcome::Done));
    }
    let changed = Webhook { events: pattern, version: 2, ..others.pop().expect("a plain one").clone() };
    let written = service.webhooks.update_webhook(&changed, limits, &entry(&changed, AuditAction::Update)).await;
    assert_eq!(written.expect("valid"), Err(CreateOutcome::TooManyPatterns));
}

/// None is lost, the first one's time stays, and a success forgets them all.
pub async fn failures_that_come_at_once_are_all_counted(service: &Service) {
    let account = fresh_account(service).await;
    let webhook = stored(service, &account.id, "request.create").await;
    let webhooks = &service.webhooks;
    let now = service.clock.now();
    webhooks.note_failure(&account.id, webhook.id, "first", now).await.expect("the store works");
    at_once(49, |_| async {
        webhooks.note_failure(&account.id, webhook.id, "Timeout", now + MINUTE).await.expect("the store works");
    })
    .await;
    let health = webhooks.target(&account.id, webhook.id).await.expect("the store works").expect("it is there").health;
    assert_eq!(
        (health.failures, health.first_failure_at, health.last_error.as_deref()),
        (50, Some(now), Some("Timeout"))
    );
    let read = webhooks.webhook(&account.id, webhook.id).await.expect("the store works").expect("it is there");
    assert_eq!((read.version, read.last_error.as_deref()), (1, Some("Timeout")));
    webhooks.note_success(&account.id, webhook.id).await.expect("the store works");
    assert!(
        webhooks.target(&account.id, webhook.id).await.expect("the store works").expect("it is there").health.is_good()
    );
    assert_eq!(webhooks.webhook(&account.id, webhook.id).await.expect("the store works"), Some(webhook.clone()));
    // Nothing comes of a webhook that is not there.
    webhooks.note_success(&account.id, NO_WEBHOOK).await.expect("the store works");
    assert!(webhooks.target(&account.id, NO_WEBHOOK).await.expect("the store works").is_none());
}

/// Of many who find the same reason.
pub async fn the_service_disables_a_webhook_once(service: &Service) {
    let account = fresh_account(service).await;
    let webhook = stored(service, &account.id, "request.create").await;
    let disabling = Disabling { by: DisabledBy::Failures, at: service.clock.now() };
    let audit = entry(&webhook, AuditAction::Update);
    let disable = async || {
        service.webhooks.disable_webhook(&account.id, webhook.id, disabling, &audit).await.expect("the store works")
    };
    let won = at_once(20, |_| disable()).await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
    let read = service.webhooks.webhook(&account.id, webhook.id).await.expect("the store works").expect("it is there");
    assert_eq!((read.disabled, read.disabling, read.version), (true, Some(disabling), 2));
    assert!(
        service.webhooks.target(&account.id, webhook.id).await.expect("the store works").expect("it is there").disabled
    );
    let gone =
        service.webhooks.disable_webhook(&account.id, NO_WEBHOOK, disabling, &audit).await.expect("the store works");
    assert!(!gone);
}

/// Another account's id finds nothing and changes nothing.
pub async fn a_webhook_belongs_to_its_account(service: &Service) {
    let (mine, other) = (fresh_account(service).await, fresh_account(service).await);
    let webhook = stored(service, &mine.id, "request.create").await;
    let webhooks = &service.webhooks;
    assert_eq!(webhooks.webhook(&other.id, webhook.id).await.expect("the store works"), None);
    assert!(webhooks.target(&other.id, webhook.id).await.expect("the store works").is_none());
    let stolen = Webhook { account: other.id.clone(), ..renamed(&webhook, "stolen") };
    let audit = entry(&stolen, AuditAction::Update);
    assert_eq!(
        webhooks.update_webhook(&stolen, NO_LIMITS, &audit).await.expect("the store works"),
        Ok(UpdateOutcome::Gone)
    );
    assert_eq!(
        webhooks.delete_webhook(&other.id, webhook.id, 1, &audit).await.expect("the store works"),
        UpdateOutcome::Gone
    );
    webhooks.note_success(&other.id, webhook.id).await.expect("the store works");
    assert_eq!(webhooks.webhook(&mine.id, webhook.id).await.expect("the store works"), Some(webhook));
}

//! The audit trail, event types, redelivery jobs, endpoint hosts.

use hookline_core::ids::{AccountId, DeliveryId, EventTypeId, MessageId, WebhookId};
use hookline_core::model::host_health::TRIPS_AFTER;
use hookline_core::model::ramp::RAMP_WINDOW;
use hookline_core::model::{
    AuditAction, AuditSubject, EventName, EventType, EventTypeDocuments, HostEvent, JobProgress, JobState, Outcome,
    RedeliveryFilter, RedeliveryJob, SchemaMode,
};
use hookline_core::ports::{BeginJobOutcome, CreateEventTypeOutcome};
use hookline_core::service::Service;
use hookline_core::values::{EndpointUri, ListQuery, Position, Sort};
use jiff::Timestamp;
use uuid::Uuid;

use super::{MINUTE, NO_LIMITS, at_once, entry, fresh_account, renamed, stored};

/// Of a refused change there is none.
pub async fn an_entry_of_the_trail_is_there_exactly_when_its_change_is(service: &Service) {
    let account = fresh_account(service).await;
    let webhook = stored(service, &account.id, "*").await;
    let changed = renamed(&webhook, "two");
    at_once(20, |_| async {
        service
            .webhooks
            .update_webhook(&changed, NO_LIMITS, &entry(&changed, AuditAction::Update))
            .await
            .expect("the store works")
    })
    .await
    .into_iter()
    .for_each(|outcome| assert!(outcome.is_ok()));
    service.audit.audit(&entry(&changed, AuditAction::Read)).await.expect("the store works");
    let deleted =
        service.webhooks.delete_webhook(&account.id, webhook.id, 2, &entry(&changed, AuditAction::Destroy)).await;
    deleted.expect("the store works");
    let trail = async |account, descending, per_page, page| {
        let sort = vec![Sort { field: "id", descending }];
        let query = ListQuery { filters: Vec::new(), sort, position: Position::Page(page), per_page };
        let subject = AuditSubject::Webhook(webhook.id);
        service.audit.list_audit(account, subject, &query).await.expect("the store works")
    };
    let all = trail(&account.id, false, 100, 1).await;
    let actions: Vec<AuditAction> = all.items.iter().map(|one| one.entry.action).collect();
    assert_eq!(
        actions,
        [AuditAction::Create, AuditAction::Update, AuditAction::Read, AuditAction::Destroy],
        "it outlives the webhook"
    );
    assert!(all.items.is_sorted_by(|older, newer| older.id < newer.id));
    assert_eq!(all.items[1].entry, entry(&changed, AuditAction::Update));
    let last = trail(&account.id, true, 1, 1).await;
    assert_eq!((last.items[0].id, last.total), (all.items[3].id, 4));
    assert_eq!(trail(&fresh_account(service).await.id, false, 100, 1).await.total, 0);
}

/// Names and ids are unique, the limit holds, and a list shows all of them.
pub async fn event_types_are_unique_and_limited(service: &Service) {
    let account = fresh_account(service).await;
    let types = &service.event_types;
    let now = service.clock.now();
    let create = async |name: &str, limit| {
        let documents = EventTypeDocuments::default();
        types.create_event_type(&account.id, &own_type(name, now), &documents, limit).await.expect("the store works")
    };
    let made = at_once(20, |_| create("order.paid", 100)).await;
    assert_eq!(made.iter().filter(|made| matches!(made, CreateEventTypeOutcome::Done(_))).count(), 1);
    assert!(made.iter().all(|made| matches!(made, CreateEventTypeOutcome::Done(_) | CreateEventTypeOutcome::Exists)));
    let names: Vec<String> = (0..12).map(|number| format!("n{number}")).collect();
    let made = at_once(12, |number| create(&names[number], 6)).await;
    assert_eq!(
        made.iter().filter(|made| matches!(made, CreateEventTypeOutcome::Done(_))).count(),
        5,
        "six with the first"
    );
    let listed = types.own_event_types(&account.id).await.expect("the store works");
    let listed: Vec<EventName> = listed.into_iter().map(|one| one.name).collect();
    assert!(listed.len() == 6 && listed.is_sorted());
    let query = ListQuery {
        filters: Vec::new(),
        sort: vec![Sort { field: "name", descending: true }],
        position: Position::Page(1),
        per_page: 4,
    };
    let page = types.list_event_types(&account.id, &query).await.expect("the store works");
    assert_eq!((page.items.len(), page.total, &page.items[0].name), (4, 6, &listed[5]));
    let gone = page.items[0].id;
    assert!(!types.delete_event_type(&fresh_account(service).await.id, gone).await.expect("the store works"));
    assert!(types.delete_event_type(&account.id, gone).await.expect("the store works"));
    assert!(!types.delete_event_type(&account.id, gone).await.expect("the store works"));
    let CreateEventTypeOutcome::Done(again) = create(listed[5].as_str(), 6).await else { panic!("there is room") };
    assert_ne!(again.id, gone, "an id is never given twice");
}

fn own_type(name: &str, now: Timestamp) -> EventType {
    EventType {
        id: EventTypeId(0),
        name: EventName::own_type(name).expect("a name"),
        description: None,
        schema_mode: SchemaMode::Off,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// A type and its documents change together, one change at a time, and go together.
pub async fn event_types_keep_their_documents(service: &Service) {
    let account = fresh_account(service).await;
    let types = &service.event_types;
    let now = service.clock.now();
    let documents = EventTypeDocuments { schema: Some(r#"{"type":"object"}"#.to_owned()), example: None };
    let described = EventType {
        description: Some("An order – paid".to_owned()),
        schema_mode: SchemaMode::Warn,
        ..own_type("order.paid", now)
    };
    let made = types.create_event_type(&account.id, &described, &documents, 100).await.expect("the store works");
    let CreateEventTypeOutcome::Done(made) = made else { panic!("not created") };
    assert_eq!(made, EventType { id: made.id, ..described });
    let stored = async |of: &AccountId| types.event_type_documents(of, made.id).await.expect("the store works");
    let all = async || types.own_event_types(&account.id).await.expect("the store works");
    assert_eq!((all().await, stored(&account.id).await), (vec![made.clone()], documents));
    let other = fresh_account(service).await;
    assert_eq!(stored(&other.id).await, EventTypeDocuments::default());

    let changed = EventType {
        description: None,
        schema_mode: SchemaMode::Enforce,
        updated_at: now + MINUTE,
        version: 2,
        ..made.clone()
    };
    let documents = EventTypeDocuments { schema: Some("{}".to_owned()), example: Some(r#"{"a":1.50}"#.to_owned()) };
    let update = async |of: &AccountId, changed: &EventType| {
        types.update_event_type(of, changed, &documents).await.expect("the store works")
    };
    assert!(!update(&other.id, &changed).await);
    let written = at_once(20, |_| update(&account.id, &changed)).await;
    assert_eq!(written.iter().filter(|written| **written).count(), 1, "one change of those to the same version");
    assert_eq!((all().await, stored(&account.id).await), (vec![changed.clone()], documents.clone()));
    assert!(types.delete_event_type(&account.id, made.id).await.expect("the store works"));
    assert_eq!((all().await, stored(&account.id).await), (vec![], EventTypeDocuments::default()));
    assert!(!update(&account.id, &EventType { version: 3, ..changed }).await, "a deleted type does not come back");
}

async fn job(service: &Service) -> RedeliveryJob {
    let account = fresh_account(service).await;
    RedeliveryJob {
        id: Uuid::now_v7(),
        account: account.id,
        webhook: WebhookId(7),
        wanted: RedeliveryFilter {
            since: None,
            until: None,
            outcomes: vec![Outcome::Dropped, Outcome::Skipped],
            event: None,
        },
        run: 9 << 40,
        created_at: service.clock.now(),
        matched: 10_000,
        more: true,
        progress: JobProgress { state: JobState::Running, after: None, redelivered: 0, finished_at: None },
    }
}

/// The other callers get the job that runs; a different request starts a job of its own.
pub async fn of_twenty_redelivery_jobs_one_begins(service: &Service) {
    let job = job(service).await;
    let jobs = &service.redeliveries;
    assert_eq!(jobs.running_redelivery(&job.account, job.webhook, &job.wanted).await.expect("the store works"), None);
    let begun = at_once(20, |_| {
        let mine = RedeliveryJob { id: Uuid::now_v7(), ..job.clone() };
        async move { (mine.id, jobs.begin_redelivery(&mine).await.expect("the store works")) }
    });
    let begun = begun.await;
    let winner = begun.iter().find(|(_, begun)| *begun == BeginJobOutcome::Started).expect("a winner").0;
    let others =
        begun.iter().filter(|(_, begun)| matches!(begun, BeginJobOutcome::Running(running) if running.id == winner));
    assert_eq!(others.count(), 19);
    let running = RedeliveryJob { id: winner, ..job.clone() };
    let read = jobs.redelivery(&job.account, winner).await.expect("the store works");
    assert_eq!(read, Some(running.clone()));
    let found = jobs.running_redelivery(&job.account, job.webhook, &job.wanted).await.expect("the store works");
    assert_eq!(found, Some(running));
    let wanted = RedeliveryFilter { since: Some(job.created_at), ..job.wanted.clone() };
    let other = RedeliveryJob { id: Uuid::now_v7(), wanted, ..job.clone() };
    assert_eq!(jobs.begin_redelivery(&other).await.expect("the store works"), BeginJobOutcome::Started);
    let foreign = jobs.redelivery(&fresh_account(service).await.id, winner).await.expect("the store works");
    assert_eq!(foreign, None);
}

/// A repeat of an older step, or one after the end, changes nothing.
pub async fn a_job_does_not_go_back(service: &Service) {
    let job = job(service).await;
    let jobs = &service.redeliveries;
    jobs.begin_redelivery(&job).await.expect("the store works");
    let message = MessageId::parse(&format!("msg_{}", "0f".repeat(16))).expect("an id");
    let running = |redelivered: u32| {
        // The record that was looked at last, by its time.
        let after = DeliveryId::derive(job.created_at + MINUTE * redelivered, job.webhook, &message, 0, 1);
        JobProgress { redelivered: redelivered.into(), after: Some(after), ..job.progress }
    };
    let note = async |progress| jobs.redelivery_progress(&job, progress).await.expect("the store works");
    let read =
        async || jobs.redelivery(&job.account, job.id).await.expect("the store works").expect("it is kept").progress;
    note(running(200)).await;
    assert_eq!(read().await, running(200));
    note(running(100)).await;
    assert_eq!(read().await, running(200));
    let done = JobProgress { state: JobState::Done, finished_at: Some(job.created_at + MINUTE), ..running(250) };
    note(done).await;
    note(running(300)).await;
    assert_eq!(read().await, done);
    let again = RedeliveryJob { id: Uuid::now_v7(), ..job.clone() };
    assert_eq!(
        jobs.begin_redelivery(&again).await.expect("the store works"),
        BeginJobOutcome::Started,
        "the old one has ended"
    );
}

/// So exactly one throttles the host, and exactly one wins a probe.
pub async fn of_fifty_changes_of_a_host_each_sees_the_one_before(service: &Service) {
    let account = fresh_account(service).await;
    let uri = EndpointUri::stored(&format!("https://{}.example.com/", account.id)).expect("a URI");
    let host = uri.host();
    let now = service.clock.now();
    let change =
        async |event, at| service.health.change_host(&account.id, host, event, at, 1.0).await.expect("the store works");
    assert!(service.health.host(&account.id, host, now).await.expect("the store works").is_good());
    let failed =
        |number: usize| HostEvent::Failed { webhook: WebhookId(number as u64 + 1), probe: false, others_due: true };
    let changes = at_once(50, |number| change(failed(number), now)).await;
    assert_eq!(changes.iter().filter(|changed| changed.tripped()).count(), 1);
    let health = service.health.host(&account.id, host, now).await.expect("the store works");
    assert!(health.throttle.is_some() && health.run == TRIPS_AFTER);
    assert_eq!(health.offenders.len(), TRIPS_AFTER as usize);
    let open = health.throttle.as_ref().expect("a throttle").opens_at;
    let probes = at_once(50, |_| change(HostEvent::Probed { webhook: WebhookId(1) }, open)).await;
    let won = probes.iter().filter(|changed| changed.before.throttle != changed.after.throttle).count();
    assert_eq!(won, 1, "one probe per wait");
    change(HostEvent::Succeeded, open).await;
    for (window, permits) in [(0, 1), (1, 2), (2, 4)] {
        let at = open + RAMP_WINDOW * window;
        let taken = at_once(50, |_| change(HostEvent::PermitsTaken { wanted: 3 }, at)).await;
        assert_eq!(taken.iter().map(|taken| taken.permits(3, at)).sum::<u32>(), permits, "of window {window}");
    }
    let health = service.health.host(&account.id, host, open + RAMP_WINDOW * 2).await.expect("the store works");
    assert_eq!(health.ramp.map(|window| (window.began, window.ramp.left())), Some((open + RAMP_WINDOW * 2, 0)));
    change(HostEvent::Lifted, open).await;
    assert!(service.health.host(&account.id, host, open).await.expect("the store works").is_good());
    change(HostEvent::Held { until: open + MINUTE }, open).await;
    let other = fresh_account(service).await;
    assert!(
        service.health.host(&other.id, host, open).await.expect("the store works").is_good(),
        "what happens to one account's host says nothing about another's"
    );
}

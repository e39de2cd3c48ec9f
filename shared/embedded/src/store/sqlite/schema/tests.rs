//! This version opens files of every schema.
//!
//! `rows_<n>.sql` holds rows of every table, as the version with schema `n` wrote them. With the migrations up to `n`,
//! which never change once released, they make a file of that version. A new migration needs such rows: the array of
//! rows has one entry for each migration, or this does not compile.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookline_core::ids::{AccountId, EventId, PolicyId, WebhookId};
use hookline_core::model::{
    AuditAction, AuditSubject, DisabledBy, EventName, JobState, MessageKind, Outcome, RedeliveryFilter, Role,
    WebhookSecrets,
};
use hookline_core::ports::{
    Accounts as _, Audit as _, Deliveries as _, DeliveryQuery, DeliveryScope, EventTypes as _, Events as _,
    Policies as _, Redeliveries as _, Vault as _, Webhooks as _,
};
use hookline_core::settings::CoreSettings;
use hookline_core::values::{ListQuery, Position, Sort, System};
use jiff::Timestamp;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use crate::backup::{RestoreSummary, restore};
use crate::data_folder::DataFolder;
use crate::queue::item::WorkItem;
use crate::store::database::{Kept, Store};
use crate::store::sqlite::schema::MIGRATIONS;
use crate::vault::KeyFileVault;

/// Rows of every table at each schema.
const ROWS: [&str; MIGRATIONS.len()] = [
    include_str!("rows_1.sql"),
    include_str!("rows_2.sql"),
    include_str!("rows_3.sql"),
    include_str!("rows_4.sql"),
    include_str!("rows_5.sql"),
    include_str!("rows_6.sql"),
    include_str!("rows_7.sql"),
    include_str!("rows_8.sql"),
    include_str!("rows_9.sql"),
];
/// The SHA-256 of each released migration, in base64.
const RELEASED: &[&str] = &[];
/// The key file that the rows were sealed with: 32 times the byte 7.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Creates a file as the version with this schema left it.
fn file_of(path: &Path, version: usize) -> Connection {
    let connection = Connection::open(path).unwrap();
    super::create(&connection, i64::try_from(version).unwrap()).unwrap();
    connection.execute_batch(ROWS[version - 1]).unwrap_or_else(|error| panic!("rows_{version}.sql: {error}"));
    connection
}

/// The tables and indexes of a file, with the SQL that created them.
fn schema(connection: &Connection) -> BTreeSet<(String, Option<String>)> {
    let mut statement = connection.prepare("SELECT name, sql FROM sqlite_master").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

fn open(path: &Path) -> Store {
    Store::open(path, Kept::of(&CoreSettings::default())).unwrap()
}

#[test]
fn a_released_migration_is_never_changed() {
    for (version, (migration, released)) in (1..).zip(MIGRATIONS.iter().zip(RELEASED)) {
        let hash = STANDARD.encode(Sha256::digest(migration.sql));
        assert_eq!(hash, *released, "schema_{version}.sql was released; what is new belongs into the next one");
    }
}

#[test]
fn there_are_rows_of_every_table() {
    let folder = tempfile::tempdir().unwrap();
    for version in 1..=MIGRATIONS.len() {
        let connection = file_of(&folder.path().join(version.to_string()), version);
        let mut tables = connection
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
            .unwrap();
        for table in tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap) {
            let rows: u32 =
                connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
            assert!(rows > 0, "rows_{version}.sql has no row of {table}: write one as the service does");
        }
    }
}

#[test]
fn every_schema_becomes_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("fresh");
    drop(open(&fresh));
    let newest = schema(&Connection::open(&fresh).unwrap());
    for version in 1..=MIGRATIONS.len() {
        let path = folder.path().join(version.to_string());
        drop(file_of(&path, version));
        drop(open(&path));
        let migrated = Connection::open(&path).unwrap();
        assert_eq!(schema(&migrated), newest, "from schema {version}");
        let now: i64 = migrated.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(now, super::known());
    }
}

#[tokio::test]
async fn every_schema_is_read() {
    for version in 1..=MIGRATIONS.len() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::at(folder.path());
        drop(file_of(&data.database(), version));
        read_all(&data).await;
    }
}

#[tokio::test]
async fn a_backup_of_every_schema_is_restored() {
    for version in 1..=MIGRATIONS.len() {
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("backup");
        let written = file_of(&backup, version);
        let sequences = |connection: &Connection| -> BTreeSet<(String, i64)> {
            let mut all = connection.prepare("SELECT name, seq FROM sqlite_sequence").unwrap();
            all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
        };
        // The row with the highest number is gone, and that number is not given again.
        written.execute_batch("UPDATE sqlite_sequence SET seq = seq + 1000 WHERE name = 'tokens'").unwrap();
        let given = sequences(&written);
        drop(written);
        let data = DataFolder::at(folder.path().join("data"));
        let restored = restore(&backup, &data, false).unwrap();
        assert_eq!(restored, RestoreSummary { needs_key: true, left_behind: Vec::new() });
        assert_eq!(sequences(&Connection::open(data.database()).unwrap()), given, "from schema {version}");
        read_all(&data).await;
    }
}

/// Reads what `rows_<n>.sql` wrote.
async fn read_all(data: &DataFolder) {
    let key_file = data.key_file();
    std::fs::write(&key_file, KEY).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key_file, private).unwrap();
    let store = open(&data.database());
    read_administration(&store, &KeyFileVault::open(&store, &key_file, Arc::new(System)).await.unwrap()).await;
    read_traffic(&store).await;
    read_queues(&store).await;
}

/// A time shortly after the rows were written.
fn now() -> Timestamp {
    "2026-11-26T03:00:00Z".parse().unwrap()
}

fn account() -> AccountId {
    AccountId::parse("wdc").unwrap()
}

fn newest_first() -> ListQuery {
    let sort = vec![Sort { field: "id", descending: true }];
    ListQuery { filters: Vec::new(), sort, position: Position::Page(1), per_page: 100 }
}

async fn read_administration(store: &Store, vault: &KeyFileVault) {
    let (view, account) = (store.api(), account());
    let accounts = view.accounts().await.unwrap();
    assert_eq!(accounts.iter().map(|account| account.id.as_str()).collect::<Vec<_>>(), ["main", "wdc"]);
    assert_eq!(accounts[1].custom_url.as_deref(), Some("https://wdc.example"));
    let tokens = view.tokens(&account).await.unwrap();
    assert_eq!(tokens.iter().map(|token| token.role).collect::<Vec<_>>(), [Role::Administrator, Role::Publisher]);
    let caller = view.caller(&tokens[0].hash, now()).await.unwrap().unwrap();
    assert_eq!((caller.token.person.id, caller.account.id.as_str()), (6, "wdc"));

    let webhooks = view.list_webhooks(&account, &newest_first()).await.unwrap();
    assert_eq!(
        webhooks.items.iter().map(|webhook| webhook.name.as_str()).collect::<Vec<_>>(),
        ["off", "busy", "bad", "ok"]
    );
    assert_eq!(webhooks.items[2].last_error.as_deref(), Some("500 Internal Server Error"));
    let off = &webhooks.items[0];
    assert_eq!((off.disabled, off.disabling.map(|disabling| disabling.by)), (true, Some(DisabledBy::Failures)));
    let webhook = &webhooks.items[3];
    assert!(webhook.verified && !webhook.disabled && webhook.description.as_deref() == Some("d"));
    assert_eq!(webhook.uri.masked(), "http://ada:***@127.0.0.1:18777/ok?x=1");
    assert_eq!((webhook.policy, webhook.header_names.as_slice()), (Some(PolicyId(1)), ["X-Key".to_owned()].as_slice()));
    let waiting = view.subscribers(&account, &EventName::builtin("request.create").unwrap()).await.unwrap();
    assert_eq!(waiting.iter().map(|one| one.webhook.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let opened = vault.open(webhook.seal_context(), &webhook.secrets).await.unwrap();
    let secrets = WebhookSecrets::decode(&opened).unwrap();
    assert_eq!(secrets.uri_password.unwrap().expose(), "pw");
    assert_eq!(secrets.header_values[0].expose(), "value");
    let attachment = &webhook.attachments[0];
    assert_eq!((attachment.name.as_str(), attachment.size), ("plan.pdf", 3));
    assert!(view.upload(&attachment.key).unwrap().is_some_and(|upload| upload.webhook == Some(WebhookId(1))));
    assert!(view.target(&account, WebhookId(1)).await.unwrap().is_some());
    assert!(view.policy(&account, PolicyId(1)).await.unwrap().is_some());
    let own = view.own_event_types(&account).await.unwrap().remove(0);
    assert_eq!((own.name.as_str(), own.version >= 1, own.updated_at >= own.created_at), ("widget.made", true, true));
    let trail = view.list_audit(&account, AuditSubject::Webhook(WebhookId(4)), &newest_first()).await.unwrap();
    let actions: Vec<_> = trail.items.iter().map(|audited| audited.entry.action).collect();
    assert_eq!(actions, [AuditAction::Update, AuditAction::Create]);
    assert_eq!(view.allocate_webhook_id().await.unwrap(), WebhookId(5), "no id is given again");
}

async fn read_traffic(store: &Store) {
    let (view, account) = (store.api(), account());
    let id = EventId::parse("e-1").unwrap();
    let event = view.event(&account, &id, now()).await.unwrap().unwrap();
    assert_eq!(event.event.payload.as_bytes(), br#"{"a":1.50}"#.as_slice());
    assert_eq!(event.matched.unwrap(), [WebhookId(1), WebhookId(2), WebhookId(3)]);
    let all = DeliveryQuery {
        scope: DeliveryScope::Event(id),
        event: Vec::new(),
        outcome: Vec::new(),
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page: 100,
    };
    let records = view.list_deliveries(&account, &all, now()).await.unwrap().items;
    let mut outcomes: Vec<_> = records.iter().map(|record| (record.webhook.0, record.outcome)).collect();
    outcomes.sort_unstable_by_key(|(webhook, _)| *webhook);
    assert_eq!(outcomes, [(1, Outcome::Succeeded), (2, Outcome::Failed), (3, Outcome::Failed), (4, Outcome::Skipped)]);
    let skipped = records.iter().find(|record| record.outcome == Outcome::Skipped).unwrap();
    assert_eq!(skipped.failure.as_ref().unwrap().text, "Webhook disabled by the service");
    assert_eq!(skipped.custom_url.as_deref(), Some("https://wdc.example"));
    assert_eq!(view.delivery(&account, skipped.id, now()).await.unwrap().as_ref(), Some(skipped));
    let test = DeliveryQuery { scope: DeliveryScope::Webhook(WebhookId(1)), per_page: 1, ..all };
    let test = view.list_deliveries(&account, &test, now()).await.unwrap().items.remove(0);
    assert_eq!((test.kind, test.outcome), (MessageKind::Test, Outcome::Succeeded));
    assert!(test.request.is_some() && test.response.is_some() && test.timings.is_some() && test.address.is_some());
    let job = uuid::Uuid::parse_str(JOB).unwrap();
    let job = view.redelivery(&account, job).await.unwrap().unwrap();
    assert_eq!((job.webhook, job.progress.state), (WebhookId(4), JobState::Done));
    let wanted = RedeliveryFilter {
        since: Some("2026-11-26T02:35:47Z".parse().unwrap()),
        until: None,
        outcomes: vec![Outcome::Dropped, Outcome::Cancelled],
        event: None,
    };
    let job = view.running_redelivery(&account, WebhookId(1), &wanted).await.unwrap().unwrap();
    assert_eq!((job.wanted, job.matched, job.more), (wanted, 7, true));
    assert_eq!(
        (job.progress.redelivered, job.progress.after.map(hookline_core::ids::DeliveryId::webhook)),
        (3, Some(WebhookId(1)))
    );
}

/// The job among the rows.
const JOB: &str = "bdf38086-b1e1-4688-8ff0-f5227003a7c2";

/// Everything in the queues is processed again: an event, two retries, a step of a job, and a try of a disabled
/// webhook.
async fn read_queues(store: &Store) {
    let far: i64 = now().as_millisecond() + 86_400_000;
    let (mut events, mut attempts, mut steps, mut tries) = (0, Vec::new(), 0, 0);
    for (lane, _) in store.lanes().unwrap() {
        let loaded = store.load(lane, far, 100, None).await.unwrap();
        assert!(loaded.lost.is_empty(), "{lane:?}: {:?}", loaded.lost);
        for item in loaded.items {
            match item.work {
                WorkItem::Event(event) => events += usize::from(event.head.id.as_str() == "e-1"),
                WorkItem::Attempt(attempt) => attempts.push((attempt.message.webhook.0, attempt.number)),
                WorkItem::Redelivery(step) => steps += usize::from(step.job.to_string() == JOB),
                WorkItem::Mail(step) => panic!("a mail that waits: {step:?}"),
                WorkItem::Recovery(step) => tries += usize::from(step.webhook == WebhookId(4)),
            }
        }
    }
    attempts.sort_unstable();
    assert_eq!((events, attempts, steps, tries), (1, vec![(2, 2), (3, 2)], 1, 1));
}

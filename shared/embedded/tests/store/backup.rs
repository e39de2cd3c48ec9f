//! Backups: consistent during writes, and restored only where no data is lost.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use hookline_core::ids::WebhookId;
use hookline_core::model::SealContext;
use hookline_core::ports::{Accounts as _, Vault as _, Webhooks as _};
use hookline_core::settings::CoreSettings;
use hookline_core::values::System;
use hookline_embedded::{BackupError, DataFolder, Kept, KeyFileVault, RestoreSummary, Store, backup, restore};

use crate::fixture::{LIMITS, StoreFixture, account, entry, id, webhook};

fn open(folder: &DataFolder) -> Store {
    Store::open(&folder.database(), Kept::of(&CoreSettings::default())).unwrap()
}

fn restored(needs_key: bool) -> RestoreSummary {
    RestoreSummary { needs_key, left_behind: Vec::new() }
}

fn context(account: &hookline_core::ids::AccountId) -> SealContext<'_> {
    SealContext { account, kind: "webhook", id: 1, version: 1 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_during_writes_is_consistent_and_opens_with_its_key() {
    let fixture = StoreFixture::new().await;
    let folder = DataFolder::at(fixture.folder.path());
    let vault = KeyFileVault::open(&fixture.store, &folder.key_file(), Arc::new(System)).await.unwrap();
    let sealed = vault.seal(context(&id("a")), b"secret").await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup");

    let view = fixture.view.clone();
    let writing = tokio::spawn(async move {
        for number in 1..=300 {
            let hook = webhook("a", number);
            view.create_webhook(&hook, LIMITS, &entry(&hook, hookline_core::model::AuditAction::Create, 1))
                .await
                .unwrap();
        }
    });
    while fixture.view.webhook(&id("a"), WebhookId(50)).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    let copy = tokio::task::spawn_blocking({
        let (folder, file) = (folder.clone(), file.clone());
        move || backup(&folder, &file)
    });
    copy.await.unwrap().unwrap();
    writing.await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(backup(&folder, &file), Err(BackupError::Exists { .. })));
    let left: Vec<_> = std::fs::read_dir(elsewhere.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["backup"]);

    let target = DataFolder::at(elsewhere.path().join("data"));
    target.make().unwrap();
    std::fs::copy(folder.key_file(), target.key_file()).unwrap();
    assert_eq!(restore(&file, &target, false).unwrap(), restored(false));
    let store = open(&target);
    let vault = KeyFileVault::open(&store, &target.key_file(), Arc::new(System)).await.unwrap();
    assert_eq!(vault.open(context(&id("a")), &sealed).await.unwrap().as_slice(), b"secret");
    let view = store.api();
    let mut there = 0;
    while view.webhook(&id("a"), WebhookId(there + 1)).await.unwrap().is_some() {
        there += 1;
    }
    assert!((50..=300).contains(&there), "{there}");
    let file = rusqlite::Connection::open(target.database()).unwrap();
    let count = |sql: &str| file.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
    let counts =
        ["SELECT count(*) FROM webhooks", "SELECT count(*) FROM audit", "SELECT webhooks FROM accounts WHERE id = 'a'"];
    assert_eq!(counts.map(count).map(u64::from), [there; 3], "one moment");
}

#[tokio::test]
async fn a_restore_without_replace_loses_nothing() {
    let fixture = StoreFixture::new().await;
    let folder = DataFolder::at(fixture.folder.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup");
    backup(&folder, &file).unwrap();
    assert!(fixture.view.create_account(&account("later")).await.unwrap());

    assert!(matches!(restore(&file, &folder, false), Err(BackupError::NotEmpty { .. })));
    {
        let _running = folder.lock().unwrap().unwrap();
        assert!(matches!(restore(&file, &folder, true), Err(BackupError::Running { .. })));
    }
    assert!(fixture.view.account(&id("later")).await.unwrap().is_some());
    fixture.store.close().await;
    std::fs::write(folder.path().join("hookline.db-wal"), "the log of another database").unwrap();
    assert_eq!(restore(&file, &folder, true).unwrap(), restored(false));
    let view = open(&folder).api();
    assert!(view.account(&id("later")).await.unwrap().is_none() && view.account(&id("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn the_key_must_go_with_the_backup() {
    let fixture = StoreFixture::new().await;
    let folder = DataFolder::at(fixture.folder.path());
    KeyFileVault::open(&fixture.store, &folder.key_file(), Arc::new(System)).await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup");
    backup(&folder, &file).unwrap();

    let target = DataFolder::at(elsewhere.path().join("data"));
    assert_eq!(restore(&file, &target, false).unwrap(), restored(true));

    let other = StoreFixture::new().await;
    let target = DataFolder::at(other.folder.path());
    KeyFileVault::open(&other.store, &target.key_file(), Arc::new(System)).await.unwrap();
    assert!(matches!(restore(&file, &target, true), Err(BackupError::Key(_))));
    assert!(other.view.account(&id("a")).await.unwrap().is_some(), "nothing has changed");
}

#[tokio::test]
async fn an_incomplete_backup_is_refused() {
    let fixture = StoreFixture::new().await;
    let folder = DataFolder::at(fixture.folder.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let at = |name: &str| elsewhere.path().join(name);
    backup(&folder, &at("good")).unwrap();
    let bytes = std::fs::read(at("good")).unwrap();
    std::fs::write(at("text"), "not a database, but long enough to look like the head of one").unwrap();
    std::fs::write(at("cut"), &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(at("empty"), "").unwrap();
    let mut newer = bytes;
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(at("newer"), newer).unwrap();
    rusqlite::Connection::open(at("other")).unwrap().execute_batch("CREATE TABLE key_check (sealed)").unwrap();
    for name in ["text", "cut", "empty", "newer", "other"] {
        let target = DataFolder::at(at("data"));
        let refused = restore(&at(name), &target, false).unwrap_err();
        assert!(matches!(refused, BackupError::NoBackup { .. }), "{name}: {refused}");
        assert!(!target.path().exists(), "{name}");
    }
    assert!(matches!(restore(&at("missing"), &folder, true), Err(BackupError::Io { .. })));
    assert!(matches!(backup(&DataFolder::at(at("data")), &at("x")), Err(BackupError::NoDatabase { .. })));
    assert!(matches!(backup(&folder, &at("no/such/folder")), Err(BackupError::Io { .. })));
}

/// A backup that was changed by SQL, and what a restore of it says; then the number of tokens in what was restored.
async fn restore_of(change: &str) -> Result<(Vec<String>, u32), BackupError> {
    let fixture = StoreFixture::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup");
    backup(&DataFolder::at(fixture.folder.path()), &file).unwrap();
    rusqlite::Connection::open(&file).unwrap().execute_batch(change).unwrap();
    let target = DataFolder::at(elsewhere.path().join("data"));
    let restored = restore(&file, &target, false)?;
    // Opening writes, and a webhook is created: what is planted to act on a change acts here.
    let store = open(&target);
    let hook = webhook("a", 1);
    store
        .api()
        .create_webhook(&hook, LIMITS, &entry(&hook, hookline_core::model::AuditAction::Create, 1))
        .await
        .unwrap();
    store.close().await;
    let connection = rusqlite::Connection::open(target.database()).unwrap();
    let unknown: u32 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_master WHERE type IN ('trigger', 'view') OR name LIKE 'x%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(unknown, 0, "nothing but rows is restored");
    let tokens = connection.query_row("SELECT count(*) FROM tokens", [], |row| row.get(0)).unwrap();
    Ok((restored.left_behind, tokens))
}

/// A token that the service did not make.
const PLANTED: &str = "INSERT INTO tokens (id, hash, account, person_id, person_name, role, created_at)
    VALUES (randomblob(16), randomblob(32), 1, 1, 'x', 'administrator', 0)";

#[tokio::test]
async fn nothing_but_the_rows_of_known_tables_is_restored() {
    let (none, tokens) = restore_of("").await.unwrap();
    assert!(none.is_empty());
    let plant = |when: &str| format!("CREATE TRIGGER x {when} BEGIN {PLANTED}; END");
    for (change, left) in [
        (plant("AFTER INSERT ON webhooks"), vec!["trigger x"]),
        (plant("AFTER INSERT ON accounts"), vec!["trigger x"]),
        (plant("AFTER UPDATE ON accounts"), vec!["trigger x"]),
        ("CREATE VIEW x AS SELECT * FROM tokens".to_owned(), vec!["view x"]),
        (
            format!("CREATE VIEW x AS SELECT 1 AS one; CREATE TRIGGER xx INSTEAD OF INSERT ON x BEGIN {PLANTED}; END"),
            vec!["trigger xx", "view x"],
        ),
        ("CREATE TABLE x (y)".to_owned(), vec!["table x"]),
        ("CREATE INDEX x ON tokens (hash, abs(created_at))".to_owned(), vec!["index x"]),
        ("ALTER TABLE webhooks ADD COLUMN x TEXT DEFAULT 'y'".to_owned(), vec!["column webhooks.x"]),
        ("ALTER TABLE tokens ADD COLUMN x AS (hash || role)".to_owned(), vec![]),
    ] {
        assert_eq!(
            restore_of(&change).await.unwrap(),
            (left.iter().map(ToString::to_string).collect(), tokens),
            "{change}"
        );
    }
}

#[tokio::test]
async fn a_backup_without_a_known_table_or_column_is_refused() {
    for (change, reason) in [
        ("DROP TABLE tokens", "it has no table tokens"),
        ("DROP TABLE tokens; CREATE VIEW tokens AS SELECT * FROM accounts", "it has no table tokens"),
        ("DROP TABLE health; CREATE VIRTUAL TABLE health USING fts5(webhook, last_error)", "it has no table health"),
        ("ALTER TABLE health DROP COLUMN last_error", "it has no column health.last_error"),
        (
            "ALTER TABLE health DROP COLUMN last_error; ALTER TABLE health ADD COLUMN last_error AS ('x')",
            "it has no column health.last_error",
        ),
        (
            "DROP TABLE mail_days; CREATE TABLE mail_days (account, day, sent, addressees);
             INSERT INTO mail_days VALUES (1, NULL, 1, 1)",
            "NOT NULL constraint failed",
        ),
    ] {
        let refused = restore_of(change).await.unwrap_err();
        assert!(matches!(refused, BackupError::NoBackup { .. }), "{change}: {refused}");
        assert!(refused.to_string().contains(reason), "{change}: {refused}");
    }
}

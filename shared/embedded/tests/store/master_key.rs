//! The master key is rotated while the service runs (section 7, *At rest*).

use std::path::Path;
use std::sync::Arc;

use hookline_core::model::{SealContext, Sealed};
use hookline_core::ports::Vault as _;
use hookline_core::values::System;
use hookline_embedded::{KeyFileError, KeyFileVault, rotate_master_key};

use crate::fixture::{StoreFixture, at, id};

fn context(account: &hookline_core::ids::AccountId) -> SealContext<'_> {
    SealContext { account, kind: "webhook", id: 1, version: 1 }
}

async fn vault(fixture: &StoreFixture, key_file: &Path) -> KeyFileVault {
    KeyFileVault::open(&fixture.store, key_file, Arc::new(System)).await.unwrap()
}

async fn opens(vault: &KeyFileVault, sealed: &Sealed) -> bool {
    vault.open(context(&id("a")), sealed).await.is_ok_and(|opened| opened.as_slice() == b"secret")
}

#[tokio::test]
async fn a_running_vault_and_a_new_one_work_after_a_rotation() {
    let fixture = StoreFixture::new().await;
    let key_file = fixture.folder.path().join("key");
    let first = vault(&fixture, &key_file).await;
    let sealed = first.seal(context(&id("a")), b"secret").await.unwrap();
    // These vaults have opened no data key yet and hold only the old master key.
    let (reads, writes) = (vault(&fixture, &key_file).await, vault(&fixture, &key_file).await);
    let old = std::fs::read_to_string(&key_file).unwrap();

    let rotated = rotate_master_key(&fixture.store, &key_file, Arc::new(System), at(0)).await.unwrap();
    assert_eq!(rotated.data_keys, 1);
    assert_eq!(std::fs::read_to_string(&rotated.old_key).unwrap(), old);
    let new = std::fs::read_to_string(&key_file).unwrap();
    assert!(new != old && new.lines().count() == 1);

    assert!(opens(&first, &sealed).await, "by the data key that it has open");
    assert!(opens(&reads, &sealed).await, "after a look at the key file");
    // The first secret of another account: its data key must be wrapped by the new key.
    writes.seal(context(&id("b")), b"secret").await.unwrap();
    let next = vault(&fixture, &key_file).await;
    assert!(opens(&next, &sealed).await);
    next.seal(context(&id("b")), b"secret").await.unwrap();

    std::fs::copy(&rotated.old_key, &key_file).unwrap();
    let wrong = KeyFileVault::open(&fixture.store, &key_file, Arc::new(System)).await;
    assert!(matches!(wrong, Err(KeyFileError::Wrong { .. })), "the old key opens nothing any more");
}

#[tokio::test]
async fn an_interrupted_rotation_can_be_repeated() {
    let fixture = StoreFixture::new().await;
    let key_file = fixture.folder.path().join("key");
    let sealed = vault(&fixture, &key_file).await.seal(context(&id("a")), b"secret").await.unwrap();
    let old = std::fs::read_to_string(&key_file).unwrap();
    rotate_master_key(&fixture.store, &key_file, Arc::new(System), at(0)).await.unwrap();
    let new = std::fs::read_to_string(&key_file).unwrap();
    // Interrupted before the old key was removed from the file; and before the database changed.
    for text in [format!("{new}{old}"), format!("{old}{new}")] {
        std::fs::write(&key_file, text).unwrap();
        assert!(opens(&vault(&fixture, &key_file).await, &sealed).await);
    }
    rotate_master_key(&fixture.store, &key_file, Arc::new(System), at(1)).await.unwrap();
    assert!(opens(&vault(&fixture, &key_file).await, &sealed).await);
    assert_eq!(std::fs::read_to_string(&key_file).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn one_rotation_at_a_time_and_none_without_the_key() {
    let fixture = StoreFixture::new().await;
    let key_file = fixture.folder.path().join("key");
    let rotate = || rotate_master_key(&fixture.store, &key_file, Arc::new(System), at(0));
    assert!(matches!(rotate().await, Err(KeyFileError::Missing { .. })), "the store has no key yet");
    vault(&fixture, &key_file).await;
    let lock = std::fs::File::open(key_file.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(rotate().await, Err(KeyFileError::Busy { .. })));
    drop(lock);
    std::fs::write(&key_file, "AAAA").unwrap();
    assert!(matches!(rotate().await, Err(KeyFileError::Malformed { .. })));
}

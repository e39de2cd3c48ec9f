//! Data keys are deleted with their account, also by another process.

use std::sync::Arc;

use hookline_core::model::SealContext;
use hookline_core::ports::{Accounts as _, Vault as _};
use hookline_core::values::System;
use hookline_embedded::KeyFileVault;

use crate::fixture::{StoreFixture, account, id};

#[tokio::test]
async fn what_is_sealed_for_a_new_account_of_an_old_name_opens_after_a_restart() {
    let fixture = StoreFixture::new().await;
    let path = fixture.folder.path().join("key");
    let working = KeyFileVault::open(&fixture.store, &path, Arc::new(System)).await.unwrap();
    let account_id = id("a");
    let context = SealContext { account: &account_id, kind: "webhook", id: 1, version: 1 };
    let old = working.seal(context, b"old").await.unwrap();
    assert!(fixture.view.delete_account(&account_id).await.unwrap());
    assert!(working.seal(context, b"secret").await.is_err(), "there is no such account");
    assert!(fixture.view.create_account(&account("a")).await.unwrap());
    let new = working.seal(context, b"new").await.unwrap();
    let restarted = KeyFileVault::open(&fixture.store, &path, Arc::new(System)).await.unwrap();
    for vault in [&working, &restarted] {
        assert_eq!(vault.open(context, &new).await.unwrap().as_slice(), b"new");
        assert!(vault.open(context, &old).await.is_err(), "secrets of the old account open for no other");
    }
}

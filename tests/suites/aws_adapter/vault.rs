//! Secrets at rest: sealed for one record of one account, under data keys that KMS wraps.

use std::sync::Arc;

use futures_util::future::join_all;
use hookline_aws::{KmsVault, Table};
use hookline_core::ids::AccountId;
use hookline_core::model::{SealContext, Sealed};
use hookline_core::ports::Vault as _;
use hookline_core::values::System;
use hookline_tests::local_aws::{clients, resources};

use crate::fixture::id;

fn context(account: &AccountId) -> SealContext<'_> {
    SealContext { account, kind: "webhook", id: 7, version: 3 }
}

fn vault(table: &Table, key: &str, deployment: &str) -> KmsVault {
    KmsVault::new(clients().kms(), table.clone(), key, deployment, Arc::new(System))
}

#[tokio::test]
async fn a_secret_opens_only_for_what_it_was_sealed_for() {
    let clients = clients();
    let table = resources::store(&clients, &resources::table(&clients).await);
    let key = resources::key(&clients).await;
    let one = vault(&table, &key, "blue");
    let (a, b) = (id("a"), id("b"));
    // Many at once agree on one data key.
    let sealed =
        join_all((0..8).map(|_| async { vault(&table, &key, "blue").seal(context(&a), b"secret").await })).await;
    for sealed in &sealed {
        let sealed = sealed.as_ref().unwrap();
        assert!(!sealed.0.windows(6).any(|bytes| bytes == b"secret"));
        assert_eq!(*one.open(context(&a), sealed).await.unwrap(), b"secret");
    }
    let sealed = sealed[0].as_ref().unwrap();
    one.seal(context(&b), b"other").await.unwrap();
    let others = [
        SealContext { account: &b, ..context(&a) },
        SealContext { id: 8, ..context(&a) },
        SealContext { version: 4, ..context(&a) },
        SealContext { kind: "policy", ..context(&a) },
    ];
    for other in others {
        assert!(one.open(other, sealed).await.is_err(), "{other:?}");
    }
    for broken in [vec![], vec![1], vec![1, 1, 0], sealed.0[..sealed.0.len() - 1].to_vec(), vec![2; 60]] {
        assert!(one.open(context(&a), &Sealed(broken)).await.is_err());
    }
    assert!(vault(&table, &key, "green").open(context(&a), sealed).await.is_err(), "another deployment");
}

#[tokio::test]
async fn the_master_key_is_changed_while_the_vault_is_in_use() {
    let clients = clients();
    let table = resources::store(&clients, &resources::table(&clients).await);
    let (old, new) = (resources::key(&clients).await, resources::key(&clients).await);
    let account = id("a");
    let before = vault(&table, &old, "blue");
    let sealed = before.seal(context(&account), b"secret").await.unwrap();
    let changed = vault(&table, &new, "blue").change_master_key(&account, &new).await.unwrap();
    assert_eq!((changed.rewrapped, changed.overtaken), (1, 0));
    assert_eq!(*before.open(context(&account), &sealed).await.unwrap(), b"secret");
    let request = clients.kms().schedule_key_deletion().key_id(&old).pending_window_in_days(7);
    request.send().await.unwrap();
    assert_eq!(*vault(&table, &new, "blue").open(context(&account), &sealed).await.unwrap(), b"secret");
}

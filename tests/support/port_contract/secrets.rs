//! The vault.

use hookline_core::model::{SealContext, Sealed};
use hookline_core::service::Service;

use super::{at_once, fresh_account};

/// Anything else, and anything changed, does not open.
pub async fn a_sealed_value_opens_for_its_context_only(service: &Service) {
    let (account, other) = (fresh_account(service).await, fresh_account(service).await);
    let context = SealContext { account: &account.id, kind: "webhook", id: 7, version: 3 };
    let large = vec![0; 64 * 1024];
    for value in [&b""[..], b"secret", &large] {
        let sealed = service.vault.seal(context, value).await.expect("the vault works");
        let opened = service.vault.open(context, &sealed).await.expect("the vault works");
        assert!(opened.as_slice() == value);
        assert!(value.is_empty() || !sealed.0.windows(value.len()).any(|window| window == value));
        let again = service.vault.seal(context, value).await.expect("the vault works");
        assert_ne!(sealed, again, "no two are alike");
    }
    let sealed = service.vault.seal(context, b"secret").await.expect("the vault works");
    // The other account has a key of its own.
    let theirs = SealContext { account: &other.id, ..context };
    service.vault.seal(theirs, b"other").await.expect("the vault works");
    for wrong in [
        theirs,
        SealContext { kind: "policy", ..context },
        SealContext { id: 8, ..context },
        SealContext { version: 2, ..context },
    ] {
        assert!(service.vault.open(wrong, &sealed).await.is_err(), "{wrong:?}");
    }
    for at in [0, sealed.0.len() / 2, sealed.0.len() - 1] {
        let mut changed = sealed.0.clone();
        changed[at] ^= 1;
        assert!(service.vault.open(context, &Sealed(changed)).await.is_err(), "byte {at}");
    }
    assert!(service.vault.open(context, &Sealed(Vec::new())).await.is_err());
}

/// Several processes may make the account's data key at once; all use the one that is stored.
pub async fn many_first_seals_of_an_account_at_once_all_open(service: &Service) {
    for _ in 0..3 {
        let account = fresh_account(service).await;
        let context = |id: usize| SealContext { account: &account.id, kind: "webhook", id: id as u64, version: 1 };
        let sealed = at_once(50, |number| async move {
            service.vault.seal(context(number), &number.to_be_bytes()).await.expect("the vault works")
        });
        for (number, sealed) in sealed.await.iter().enumerate() {
            let opened = service.vault.open(context(number), sealed).await.expect("it opens");
            assert_eq!(opened.as_slice(), number.to_be_bytes());
        }
    }
}

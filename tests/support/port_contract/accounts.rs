//! Accounts and tokens.

use std::time::Duration;

use hookline_core::ids::{AccountId, EventId};
use hookline_core::model::{Account, Person, Role, Token, TokenHash};
use hookline_core::ports::CreateTokenOutcome;
use hookline_core::service::Service;
use hookline_core::values::TimeZone;
use uuid::Uuid;

use super::{at_once, event, fresh_account, stored};

fn token(service: &Service, secret: &str) -> Token {
    Token {
        id: Uuid::now_v7(),
        hash: TokenHash::of(secret),
        person: Person { id: 7, name: "Ада \"quoted\"".to_owned() },
        role: Role::Administrator,
        created_at: service.clock.now(),
        expires_at: None,
        parent: None,
    }
}

fn secret() -> String {
    Uuid::new_v4().to_string()
}

/// An account is created once, comes back as it was, and can be written anew.
pub async fn an_account_is_created_once_and_comes_back_whole(service: &Service) {
    let accounts = &service.accounts;
    let account = fresh_account(service).await;
    assert_eq!(accounts.account(&account.id).await.expect("the store works"), Some(account.clone()));
    let other = Account { name: "other".to_owned(), ..account.clone() };
    assert!(!accounts.create_account(&other).await.expect("the store works"));
    let winners = at_once(20, |_| async {
        let id = AccountId::parse(&format!("{}-x", account.id)).expect("valid");
        accounts.create_account(&Account { id, ..account.clone() }).await.expect("the store works")
    });
    assert_eq!(winners.await.into_iter().filter(|won| *won).count(), 1);
    let changed = Account {
        name: String::new(),
        admin_mails: Vec::new(),
        time_zone: TimeZone::parse("Asia/Kolkata").expect("valid"),
        custom_url: Some("https://example.com/Ж".to_owned()),
        disabled: true,
        ..account.clone()
    };
    assert!(accounts.update_account(&changed).await.expect("the store works"));
    assert_eq!(accounts.account(&account.id).await.expect("the store works"), Some(changed));
    let nobody = Account { id: AccountId::parse(&format!("n{}", Uuid::new_v4().simple())).expect("valid"), ..account };
    assert!(!accounts.update_account(&nobody).await.expect("the store works"));
    assert_eq!(accounts.account(&nobody.id).await.expect("the store works"), None);
}

/// The list is complete and in order.
pub async fn accounts_are_listed_by_id(service: &Service) {
    let mine = [fresh_account(service).await.id, fresh_account(service).await.id, fresh_account(service).await.id];
    let listed: Vec<AccountId> =
        service.accounts.accounts().await.expect("the store works").into_iter().map(|account| account.id).collect();
    assert!(listed.is_sorted());
    assert!(mine.iter().all(|id| listed.contains(id)));
}

/// Read anew every time: unknown, expired, revoked, and of a disabled account are all nobody.
pub async fn a_token_opens_its_account_until_it_is_revoked_or_over(service: &Service) {
    let accounts = &service.accounts;
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let secret = secret();
    let token = Token { expires_at: Some(now + Duration::from_hours(1)), ..token(service, &secret) };
    let hash = token.hash;
    assert_eq!(accounts.caller(&hash, now).await.expect("the store works"), None);
    assert_eq!(
        accounts.create_token(&account.id, &token, 10).await.expect("the store works"),
        CreateTokenOutcome::Done
    );
    let caller = accounts.caller(&hash, now).await.expect("the store works").expect("it works at once");
    assert_eq!((caller.token, caller.account), (token.clone(), account.clone()));
    assert!(accounts.caller(&hash, now + Duration::from_mins(59)).await.expect("the store works").is_some());
    assert!(accounts.caller(&hash, now + Duration::from_hours(1)).await.expect("the store works").is_none());

    let child = Token { parent: Some(token.id), ..self::token(service, &format!("{secret}-child")) };
    assert_eq!(
        accounts.create_token(&account.id, &child, 10).await.expect("the store works"),
        CreateTokenOutcome::Done
    );
    let disabled = Account { disabled: true, ..account.clone() };
    accounts.update_account(&disabled).await.expect("the store works");
    assert!(accounts.caller(&hash, now).await.expect("the store works").is_none());
    accounts.update_account(&account).await.expect("the store works");
    assert!(accounts.caller(&hash, now).await.expect("the store works").is_some());

    assert!(accounts.caller(&child.hash, now).await.expect("the store works").is_some());
    assert!(accounts.revoke_token(token.id).await.expect("the store works"));
    assert!(accounts.caller(&hash, now).await.expect("the store works").is_none());
    assert!(
        accounts.caller(&child.hash, now).await.expect("the store works").is_none(),
        "a child goes with its parent"
    );
    assert!(!accounts.revoke_token(token.id).await.expect("the store works"));
    let orphan = Token { parent: Some(token.id), ..self::token(service, &format!("{secret}-orphan")) };
    assert_eq!(
        accounts.create_token(&account.id, &orphan, 10).await.expect("the store works"),
        CreateTokenOutcome::Gone
    );
}

/// Those with a parent are not listed and do not count among those without.
pub async fn tokens_are_listed_oldest_first_and_have_a_limit(service: &Service) {
    let accounts = &service.accounts;
    let account = fresh_account(service).await;
    let mut tokens = Vec::new();
    for number in 0..3_u32 {
        let mut token = token(service, &secret());
        token.created_at += Duration::from_secs(1) * number;
        assert_eq!(
            accounts.create_token(&account.id, &token, 3).await.expect("the store works"),
            CreateTokenOutcome::Done
        );
        tokens.push(token);
    }
    assert_eq!(accounts.tokens(&account.id).await.expect("the store works"), tokens);
    let more = token(service, &secret());
    assert_eq!(
        accounts.create_token(&account.id, &more, 3).await.expect("the store works"),
        CreateTokenOutcome::TooMany
    );
    let child = Token { parent: Some(tokens[0].id), ..more.clone() };
    assert_eq!(accounts.create_token(&account.id, &child, 3).await.expect("the store works"), CreateTokenOutcome::Done);
    assert_eq!(accounts.tokens(&account.id).await.expect("the store works"), tokens);
    accounts.revoke_token(tokens[1].id).await.expect("the store works");
    let another = token(service, &secret());
    assert_eq!(
        accounts.create_token(&account.id, &another, 3).await.expect("the store works"),
        CreateTokenOutcome::Done
    );
    assert_eq!(accounts.tokens(&fresh_account(service).await.id).await.expect("the store works"), []);
}

/// Exactly as many as there may be.
pub async fn many_tokens_at_once_do_not_get_past_the_limit(service: &Service) {
    let account = fresh_account(service).await;
    let made = at_once(20, |_| {
        let token = token(service, &secret());
        let id = &account.id;
        async move { service.accounts.create_token(id, &token, 5).await.expect("the store works") }
    });
    let made = made.await;
    assert_eq!(made.iter().filter(|made| **made == CreateTokenOutcome::Done).count(), 5);
    assert!(made.iter().all(|made| matches!(made, CreateTokenOutcome::Done | CreateTokenOutcome::TooMany)));
    assert_eq!(service.accounts.tokens(&account.id).await.expect("the store works").len(), 5);
}

/// A new account of the same name does not find what the old one had.
pub async fn a_deleted_account_leaves_nothing_behind(service: &Service) {
    let accounts = &service.accounts;
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let token = token(service, &secret());
    accounts.create_token(&account.id, &token, 10).await.expect("the store works");
    let webhook = stored(service, &account.id, "request.create").await;
    let published = event(&account.id, "e", "request.create", now, "{}");
    service.events.claim_event(&published, now, now + super::MINUTE).await.expect("the store works");
    assert!(accounts.delete_account(&account.id).await.expect("the store works"));
    assert!(!accounts.delete_account(&account.id).await.expect("the store works"));
    for again in [false, true] {
        if again {
            assert!(accounts.create_account(&account).await.expect("the store works"));
        }
        assert_eq!(accounts.account(&account.id).await.expect("the store works").is_some(), again);
        assert!(accounts.caller(&token.hash, now).await.expect("the store works").is_none());
        assert_eq!(accounts.tokens(&account.id).await.expect("the store works"), []);
        assert_eq!(service.webhooks.webhook(&account.id, webhook.id).await.expect("the store works"), None);
        assert!(service.webhooks.target(&account.id, webhook.id).await.expect("the store works").is_none());
        assert_eq!(
            service.webhooks.subscribers(&account.id, &published.head.event).await.expect("the store works"),
            []
        );
        let id = EventId::parse("e").expect("valid");
        assert_eq!(service.events.event(&account.id, &id, now).await.expect("the store works"), None);
    }
}

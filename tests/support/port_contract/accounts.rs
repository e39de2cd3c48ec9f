//! Accounts and tokens.

use std::time::Duration;

use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{Account, ConsoleLink, Person, Role, Token, TokenHash, TokenScope};
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
        scope: TokenScope::Account,
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

/// Read anew every time: unknown, expired, revoked, and of a disabled account open nothing.
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

/// A token of a console link comes back with its scope, and takes no place of the tokens that programs ask for.
pub async fn tokens_of_links_are_counted_apart(service: &Service) {
    let accounts = &service.accounts;
    let (account, now) = (fresh_account(service).await, service.clock.now());
    let parent = token(service, &secret());
    accounts.create_token(&account.id, &parent, 10).await.expect("the store works");
    let child = |scope| Token {
        parent: Some(parent.id),
        expires_at: Some(now + Duration::from_hours(1)),
        scope,
        ..token(service, &secret())
    };
    for (scope, expected) in [
        (TokenScope::Console, CreateTokenOutcome::Done),
        (TokenScope::Account, CreateTokenOutcome::Done),
        (TokenScope::Webhook(WebhookId(7)), CreateTokenOutcome::TooMany),
        (TokenScope::Account, CreateTokenOutcome::TooMany),
    ] {
        let token = child(scope);
        assert_eq!(accounts.create_token(&account.id, &token, 1).await.expect("the store works"), expected);
        let caller = accounts.caller(&token.hash, now).await.expect("the store works");
        assert_eq!(caller.map(|caller| caller.token), (expected == CreateTokenOutcome::Done).then_some(token));
    }
    let scoped = child(TokenScope::Webhook(WebhookId(7)));
    accounts.create_token(&account.id, &scoped, 2).await.expect("the store works");
    let caller = accounts.caller(&scoped.hash, now).await.expect("the store works").expect("it works");
    assert_eq!((caller.token.scope, caller.token.counted_as()), (TokenScope::Webhook(WebhookId(7)), scoped.id));
    accounts.revoke_token(parent.id).await.expect("the store works");
    assert_eq!(accounts.caller(&scoped.hash, now).await.expect("the store works"), None);
}

fn link(service: &Service, parent: &Token) -> ConsoleLink {
    let now = service.clock.now();
    // Times are stored in milliseconds.
    let at = |minutes| {
        jiff::Timestamp::from_millisecond((now + Duration::from_mins(minutes)).as_millisecond()).expect("a time")
    };
    ConsoleLink {
        parent: parent.id,
        person: parent.person.clone(),
        role: Role::Auditor,
        webhook: Some(WebhookId(7)),
        minutes: 60,
        parent_ends_at: Some(at(9)),
        created_at: at(0),
        expires_at: at(5),
    }
}

/// A console link comes back as it was, to one of many who ask at once, in its account and its time only.
pub async fn a_console_link_is_taken_once(service: &Service) {
    let accounts = &service.accounts;
    let (account, other) = (fresh_account(service).await.id, fresh_account(service).await.id);
    let parent = token(service, &secret());
    let hash = TokenHash::of(&secret());
    let link = link(service, &parent);
    let create = async |hash| accounts.create_console_link(&account, hash, &link, 10).await.expect("the store works");
    assert_eq!(create(&hash).await, CreateTokenOutcome::Gone, "there is no token that it goes with");
    accounts.create_token(&account, &parent, 10).await.expect("the store works");
    assert_eq!(create(&hash).await, CreateTokenOutcome::Done);
    let now = link.created_at;
    assert_eq!(accounts.take_console_link(&other, &hash, now).await.expect("the store works"), None);
    assert_eq!(accounts.caller(&hash, now).await.expect("the store works"), None, "a code is no token");
    let taken =
        at_once(20, |_| async { accounts.take_console_link(&account, &hash, now).await.expect("the store works") });
    let taken: Vec<_> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken, std::slice::from_ref(&link));
    let late = TokenHash::of(&secret());
    assert_eq!(create(&late).await, CreateTokenOutcome::Done);
    assert_eq!(accounts.take_console_link(&account, &late, link.expires_at).await.expect("the store works"), None);
}

/// Exactly as many as there may be; those that are too old do not count.
pub async fn many_console_links_at_once_do_not_get_past_the_limit(service: &Service) {
    let accounts = &service.accounts;
    let account = fresh_account(service).await.id;
    let parent = token(service, &secret());
    accounts.create_token(&account, &parent, 10).await.expect("the store works");
    let link = link(service, &parent);
    let made = at_once(20, |_| async {
        accounts.create_console_link(&account, &TokenHash::of(&secret()), &link, 5).await.expect("the store works")
    });
    assert_eq!(made.await.iter().filter(|made| **made == CreateTokenOutcome::Done).count(), 5);
    let later = ConsoleLink { created_at: link.expires_at, expires_at: link.expires_at + super::MINUTE, ..link };
    let hash = TokenHash::of(&secret());
    let made = accounts.create_console_link(&account, &hash, &later, 5).await.expect("the store works");
    assert_eq!(made, CreateTokenOutcome::Done);
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

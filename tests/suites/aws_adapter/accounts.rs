//! Accounts and tokens.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use hookline_aws::RequestState;
use hookline_core::model::{Account, AuditAction, Person, Role, Token, TokenHash, TokenScope};
use hookline_core::ports::{Accounts as _, Audit as _, CreateTokenOutcome, Webhooks as _};
use uuid::Uuid;

use crate::fixture::{StoreFixture, account, at, entry, id, sorted};

fn token(number: u128, seconds: i64) -> Token {
    Token {
        id: Uuid::from_u128(number),
        hash: TokenHash::of(&number.to_string()),
        person: Person { id: 6, name: "Ada".to_owned() },
        role: Role::Administrator,
        created_at: at(seconds),
        expires_at: number.is_multiple_of(2).then(|| at(100)),
        parent: None,
        scope: TokenScope::Account,
    }
}

#[tokio::test]
async fn accounts_are_kept_whole_and_listed_by_id() {
    let fixture = StoreFixture::new().await;
    assert_eq!(fixture.table.account(&id("a")).await.unwrap(), Some(account("a")));
    assert!(!fixture.table.create_account(&account("a")).await.unwrap(), "there is one");
    let changed = Account { disabled: true, admin_mails: Vec::new(), custom_url: None, ..account("b") };
    assert!(fixture.table.update_account(&changed).await.unwrap());
    assert!(!fixture.table.update_account(&account("c")).await.unwrap(), "there is none");
    assert_eq!(fixture.table.accounts().await.unwrap(), [account("a"), changed]);
}

#[tokio::test]
async fn a_token_opens_its_account_until_it_ends() {
    let fixture = StoreFixture::new().await;
    let (endless, ending) = (token(1, 5), token(2, 3));
    for token in [&endless, &ending] {
        assert_eq!(fixture.table.create_token(&id("a"), token, 2).await.unwrap(), CreateTokenOutcome::Done);
    }
    assert_eq!(fixture.table.create_token(&id("a"), &token(3, 0), 2).await.unwrap(), CreateTokenOutcome::TooMany);
    assert_eq!(fixture.table.create_token(&id("c"), &token(3, 0), 2).await.unwrap(), CreateTokenOutcome::Gone);
    assert_eq!(fixture.table.tokens(&id("a")).await.unwrap(), [ending.clone(), endless.clone()]);
    assert_eq!(fixture.table.tokens(&id("b")).await.unwrap(), []);
    let caller = async |token: &Token, seconds| fixture.table.caller(&token.hash, at(seconds)).await.unwrap();
    assert_eq!(caller(&ending, 99).await.unwrap().token, ending);
    assert_eq!(caller(&ending, 100).await, None);
    assert_eq!(caller(&endless, 100_000).await.unwrap().account, account("a"));
    assert!(fixture.table.revoke_token(endless.id).await.unwrap());
    assert!(!fixture.table.revoke_token(endless.id).await.unwrap());
    assert_eq!(caller(&endless, 0).await, None);
    assert_eq!(fixture.table.tokens(&id("a")).await.unwrap().len(), 1);
    assert!(fixture.table.update_account(&Account { disabled: true, ..account("a") }).await.unwrap());
    assert_eq!(caller(&ending, 0).await, None, "a disabled account");
}

#[tokio::test]
async fn a_token_that_was_given_for_another_goes_with_it() {
    let fixture = StoreFixture::new().await;
    let parent = token(1, 0);
    let child =
        |number: u128, seconds| Token { parent: Some(parent.id), expires_at: Some(at(100)), ..token(number, seconds) };
    let create = async |token: Token| fixture.table.create_token(&id("a"), &token, 3).await.unwrap();
    assert_eq!(create(child(9, 0)).await, CreateTokenOutcome::Gone, "there is no parent");
    assert_eq!(create(parent.clone()).await, CreateTokenOutcome::Done);
    let created = join_all((10..18).map(|number| create(child(number, 0)))).await;
    assert_eq!(created.iter().filter(|created| **created == CreateTokenOutcome::Done).count(), 3, "{created:?}");
    assert_eq!(create(child(20, 100)).await, CreateTokenOutcome::Done, "the others work no more");
    assert_eq!(fixture.table.tokens(&id("a")).await.unwrap(), std::slice::from_ref(&parent));
    let newest = child(20, 100).hash;
    let caller = async || fixture.table.caller(&newest, at(99)).await.unwrap().map(|caller| caller.token.counted_as());
    assert_eq!(caller().await, Some(parent.id));
    assert!(fixture.table.revoke_token(parent.id).await.unwrap());
    assert_eq!(caller().await, None);
}

#[tokio::test]
async fn nothing_of_a_deleted_account_falls_to_a_new_one() {
    let fixture = StoreFixture::new().await;
    let of_b = fixture.hook("b", "request.*").await;
    let before = fixture.size().await;
    assert_eq!(fixture.table.create_token(&id("a"), &token(1, 0), 9).await.unwrap(), CreateTokenOutcome::Done);
    let child = Token { parent: Some(token(1, 0).id), ..token(2, 0) };
    assert_eq!(fixture.table.create_token(&id("a"), &child, 9).await.unwrap(), CreateTokenOutcome::Done);
    for event in ["request.create", "*"] {
        let webhook = fixture.hook("a", event).await;
        fixture.table.note_failure(&id("a"), webhook.id, "Timeout", at(1)).await.unwrap();
        fixture.table.audit(&entry(&webhook, AuditAction::Read)).await.unwrap();
    }
    assert!(fixture.table.delete_account(&id("a")).await.unwrap());
    assert!(!fixture.table.delete_account(&id("a")).await.unwrap(), "it is gone");
    assert_eq!(fixture.table.account(&id("a")).await.unwrap(), None);
    assert_eq!(fixture.table.caller(&token(1, 0).hash, at(0)).await.unwrap(), None);
    let page = fixture.table.list_webhooks(&id("a"), &sorted("id", true, 9)).await.unwrap();
    assert_eq!((page.items, page.total), (Vec::new(), 0));
    // Without the account and its entry, and with the counter of audit entries.
    assert_eq!(fixture.size().await, before - 2);
    assert!(fixture.table.create_account(&account("a")).await.unwrap());
    assert_eq!(fixture.table.tokens(&id("a")).await.unwrap(), []);
    assert_eq!(fixture.table.webhook(&id("b"), of_b.id).await.unwrap(), Some(of_b));
}

/// A table with much of others takes many calls: 23 MiB, of which a call with no time reads 1 MiB per segment.
#[tokio::test]
async fn a_removal_continues_where_the_last_call_ended() {
    let fixture = StoreFixture::new().await;
    let kept = fixture.hook("b", "request.*").await;
    let large = |account: &'static str, count: usize| {
        (0..count).map(move |number| {
            HashMap::from([
                ("pk".to_owned(), AttributeValue::S(format!("{account} large {number}"))),
                ("sk".to_owned(), AttributeValue::S("x".to_owned())),
                ("text".to_owned(), AttributeValue::S("x".repeat(390 * 1024))),
            ])
        })
    };
    // "a" is the beginning of another account's id.
    for (account, count) in [("a", 20), ("b", 20), ("ab", 20)] {
        fixture.put_items(large(account, count)).await;
    }
    let before = fixture.size().await;
    assert_eq!(fixture.table.remove_items(&id("a"), Duration::ZERO).await.unwrap(), None, "it is not deleted");
    assert!(fixture.table.mark_deleted(&id("a")).await.unwrap());
    assert!(!fixture.table.mark_deleted(&id("a")).await.unwrap());
    let mut last = fixture.table.remove_items(&id("a"), Duration::ZERO).await.unwrap().unwrap();
    let mut calls = 1;
    while !last.done {
        assert!(!fixture.table.create_account(&account("a")).await.unwrap(), "the id is not free yet");
        let next = fixture.table.remove_items(&id("a"), Duration::ZERO).await.unwrap().unwrap();
        assert!(next.read > last.read, "{next:?} after {last:?}");
        (last, calls) = (next, calls + 1);
    }
    assert!(calls > 2 && last.removed == 20, "{last:?} in {calls} calls");
    assert_eq!(fixture.table.remove_items(&id("a"), Duration::ZERO).await.unwrap(), Some(last), "repeated");
    fixture.table.end_removal(&id("a")).await.unwrap();
    // Without the account and its entry.
    assert_eq!(fixture.size().await, before - 22);
    assert_eq!(fixture.table.webhook(&id("b"), kept.id).await.unwrap(), Some(kept));
}

/// A caller that got no answer repeats its request, at once or later.
#[tokio::test]
async fn a_request_of_the_operator_is_begun_once_and_keeps_its_answer_for_a_day() {
    const HOUR: i64 = 3600;
    let fixture = StoreFixture::new().await;
    let begin = async |request: &'static str, seconds| fixture.table.begin_request(request, at(seconds)).await.unwrap();
    let at_once = join_all((0..8).map(|_| begin("one", 0))).await;
    assert_eq!(at_once.iter().filter(|state| **state == RequestState::New).count(), 1);
    assert_eq!(at_once.iter().filter(|state| **state == RequestState::Running).count(), 7);
    assert_eq!(begin("two", 0).await, RequestState::New, "another request");

    fixture.table.end_request("one", Some("{\"id\":7}"), at(10)).await.unwrap();
    let answered = RequestState::Answered("{\"id\":7}".to_owned());
    assert_eq!([begin("one", 11).await, begin("one", 20 * HOUR).await], [answered.clone(), answered]);
    assert_eq!(begin("one", 25 * HOUR).await, RequestState::New, "forgotten after a day");

    fixture.table.end_request("two", None, at(10)).await.unwrap();
    assert_eq!(begin("two", 11).await, RequestState::New, "it failed");
    assert_eq!(begin("two", 12).await, RequestState::Running);
    assert_eq!(begin("two", 12 + 360).await, RequestState::New, "it was broken off");
}

//! Tokens, and access tokens that were issued for them.

use hookline_core::model::token::new_token;
use hookline_core::model::{Person, Role, Token, TokenHash, TokenScope};
use hookline_core::ports::{Accounts as _, CreateTokenOutcome};
use hookline_core::values::System;
use uuid::Uuid;

use crate::fixture::{StoreFixture, at, id};

fn token(parent: Option<Uuid>, created: i64, expires: Option<i64>) -> Token {
    Token {
        id: Uuid::now_v7(),
        hash: TokenHash::of(new_token(&System).expose()),
        person: Person { id: 6, name: "Ada".to_owned() },
        role: Role::Administrator,
        created_at: at(created),
        expires_at: expires.map(at),
        parent,
        scope: TokenScope::Account,
    }
}

#[tokio::test]
async fn valid_tokens_are_limited() {
    let fixture = StoreFixture::new().await;
    let create = async |token: &Token| fixture.view.create_token(&id("a"), token, 2).await.unwrap();
    let first = token(None, 0, None);
    assert_eq!(create(&first).await, CreateTokenOutcome::Done);
    assert_eq!(create(&token(None, 0, Some(10))).await, CreateTokenOutcome::Done);
    assert_eq!(create(&token(None, 9, None)).await, CreateTokenOutcome::TooMany);
    assert_eq!(create(&token(None, 10, None)).await, CreateTokenOutcome::Done);
    assert_eq!(fixture.view.create_token(&id("b"), &token(None, 9, None), 2).await.unwrap(), CreateTokenOutcome::Done);
    assert_eq!(fixture.view.create_token(&id("c"), &token(None, 9, None), 2).await.unwrap(), CreateTokenOutcome::Gone);

    // Those with a parent are counted among themselves, and not listed.
    for _ in 0..2 {
        assert_eq!(create(&token(Some(first.id), 20, Some(30))).await, CreateTokenOutcome::Done);
    }
    assert_eq!(create(&token(Some(first.id), 20, Some(30))).await, CreateTokenOutcome::TooMany);
    assert_eq!(create(&token(Some(first.id), 30, Some(40))).await, CreateTokenOutcome::Done);
    assert_eq!(fixture.view.tokens(&id("a")).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_token_goes_with_its_parent() {
    let fixture = StoreFixture::new().await;
    let (parent, other) = (token(None, 0, None), token(None, 0, None));
    for one in [&parent, &other] {
        fixture.view.create_token(&id("a"), one, 10).await.unwrap();
    }
    let child = token(Some(parent.id), 0, Some(3600));
    let stranger = fixture.view.create_token(&id("b"), &child, 10).await.unwrap();
    assert_eq!(stranger, CreateTokenOutcome::Gone, "a parent is of the same account");
    fixture.view.create_token(&id("a"), &child, 10).await.unwrap();
    let caller = fixture.view.caller(&child.hash, at(3599)).await.unwrap().unwrap();
    assert_eq!((caller.token.clone(), caller.token.counted_as()), (child.clone(), parent.id));
    assert!(fixture.view.caller(&child.hash, at(3600)).await.unwrap().is_none());
    assert!(fixture.view.revoke_token(parent.id).await.unwrap());
    assert!(!fixture.view.revoke_token(parent.id).await.unwrap());
    assert!(fixture.view.caller(&child.hash, at(1)).await.unwrap().is_none());
    assert!(fixture.view.caller(&other.hash, at(1)).await.unwrap().is_some());
    let orphan = token(Some(parent.id), 1, Some(3600));
    assert_eq!(fixture.view.create_token(&id("a"), &orphan, 10).await.unwrap(), CreateTokenOutcome::Gone);

    let child = token(Some(other.id), 1, Some(3600));
    fixture.view.create_token(&id("a"), &child, 10).await.unwrap();
    fixture.store.sweep(at(3599)).await.unwrap();
    assert!(fixture.view.caller(&child.hash, at(1)).await.unwrap().is_some());
    fixture.store.sweep(at(3600)).await.unwrap();
    assert!(fixture.view.caller(&child.hash, at(1)).await.unwrap().is_none(), "what no longer works is removed");
}

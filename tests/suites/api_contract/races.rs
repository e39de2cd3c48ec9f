//! Several administrators at once (section 2; no change is lost, and of the guarded changes one wins).

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::fixture::{MAIN, ServiceFixture};

on_every_target!(
    two_administrators_who_edit_different_fields_lose_nothing,
    of_many_who_expect_the_same_version_one_wins,
    many_creations_at_once_get_ids_of_their_own,
    a_webhook_that_is_deleted_amid_changes_is_gone,
);

async fn two_administrators_who_edit_different_fields_lose_nothing(service: ServiceFixture) {
    let other = service.target.create_token(MAIN, "administrator", None).await.secret;
    let path = service.webhook_path(json!({"headers": {"X-Key": "v"}})).await;
    for round in 0..100 {
        let name = service.patch(&path, json!({"name": format!("name {round}")}));
        let description = json!({"description": format!("description {round}"), "headers": {"X-Key": round}});
        let (one, two) = join(name.into_future(), service.patch(&path, description).by(&other).into_future()).await;
        assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
        let record = service.get(&path).await.json();
        assert_eq!(record["name"], format!("name {round}"));
        assert_eq!(record["description"], format!("description {round}"));
    }
    // Both as fast as they can, each in its own order.
    let names = async {
        for round in 0..100 {
            assert_eq!(service.patch(&path, json!({"name": format!("n{round}")})).await.status, 200);
        }
    };
    let sources = async {
        for round in 0..100 {
            let patch = service.patch(&path, json!({"sourceID": round, "disabled": round % 2 == 0})).by(&other);
            assert_eq!(patch.await.status, 200);
        }
    };
    join(names, sources).await;
    let record = service.get(&path).await.json();
    assert_eq!(
        [&record["name"], &record["sourceID"], &record["disabled"]],
        [&json!("n99"), &json!("99"), &json!(false)]
    );
}

async fn of_many_who_expect_the_same_version_one_wins(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    for round in 0..5 {
        let tag = service.get(&path).await.header("etag").expect("a tag").to_owned();
        let patches = (0..20).map(|number| {
            let name = json!({"name": format!("{round} {number}")});
            service.patch(&path, name).with("if-match", &tag).into_future()
        });
        let replies = join_all(patches).await;
        let winners: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(winners.len(), 1);
        assert!(replies.iter().all(|reply| matches!(reply.status.as_u16(), 200 | 412)));
        assert_eq!(service.get(&path).await.json(), winners[0].json());
    }
}

async fn many_creations_at_once_get_ids_of_their_own(service: ServiceFixture) {
    let body = json!({"event": "request.create", "uri": "https://example.com/"});
    let replies = join_all((0..50).map(|_| service.post("/v1/webhooks", &body).into_future())).await;
    let mut ids: Vec<u64> = replies.iter().map(|reply| reply.json()["id"].as_u64().expect("an id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50);
    assert_eq!(service.get("/v1/webhooks").await.header("x-pagination-total-entries"), Some("50"));
}

async fn a_webhook_that_is_deleted_amid_changes_is_gone(service: ServiceFixture) {
    for _ in 0..10 {
        let path = service.webhook_path(json!({})).await;
        let patches = join_all((0..10).map(|n| service.patch(&path, json!({ "name": n })).into_future()));
        let (patches, deleted) = join(patches, service.delete(&path).into_future()).await;
        assert_eq!(deleted.status, 204);
        assert!(patches.iter().all(|reply| matches!(reply.status.as_u16(), 200 | 404)));
        service.get(&path).await.refuses(404, "Not Found");
    }
    assert_eq!(service.get("/v1/webhooks").await.header("x-pagination-total-entries"), Some("0"));
}

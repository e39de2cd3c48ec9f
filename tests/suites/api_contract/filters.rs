//! Filters, sorts and chosen fields of lists (section 2, *Filters*).

use serde_json::json;

use crate::fixture::ServiceFixture;

on_every_target!(
    every_operator_of_every_kind_of_field,
    texts_compare_case_sensitively,
    times_are_compared_in_whole_seconds_and_with_any_offset,
    filters_are_all_to_hold,
    many_filters_are_no_fault,
    sorts_have_the_id_as_the_last_key,
);

/// Webhooks 1 to 4.
async fn four(service: &ServiceFixture) {
    for fields in [
        json!({"name": "alpha", "event": "request.create", "source": "a", "disabled": true}),
        json!({"name": "!bang", "event": "risk.create", "source": "b", "sourceID": "x,y"}),
        json!({"name": "Beta", "event": "*", "source": "b", "sourceID": ""}),
        json!({"name": "x%_\\y", "event": "request.*", "source": "ä b+c&d=e"}),
    ] {
        service.webhook(fields).await;
    }
}

async fn every_operator_of_every_kind_of_field(service: ServiceFixture) {
    four(&service).await;
    for (query, ids) in [
        ("id=2", &[2][..]),
        ("id=!2", &[4, 3, 1]),
        ("id=2,4", &[4, 2]),
        ("ids=2,4", &[4, 2]),
        ("id=!2,4", &[3, 1]),
        ("id=<2", &[1]),
        ("id=<=2", &[2, 1]),
        ("id=>2", &[4, 3]),
        ("id=>=2", &[4, 3, 2]),
        ("id=>1<4", &[3, 2]),
        ("id=>=1<=4", &[4, 3, 2, 1]),
        ("id=<4>1", &[3, 2]),
        ("id=", &[]),
        ("id=!", &[4, 3, 2, 1]),
        ("id=9223372036854775807", &[]),
        ("id=-1", &[]),
        ("name=alpha", &[1]),
        ("name=!alpha", &[4, 3, 2]),
        ("name=%5C!bang", &[2]),
        ("name=!%5C!bang", &[4, 3, 1]),
        ("name=x%25_%5Cy", &[4]),
        ("name=", &[]),
        ("name=!", &[4, 3, 2, 1]),
        ("name=alpha,Beta", &[]),
        ("event=*", &[3]),
        ("event=request.create,risk.create", &[2, 1]),
        ("event=!request.create,risk.create", &[4, 3]),
        ("event=nonsense", &[]),
        ("disabled=true", &[1]),
        ("disabled=Y", &[1]),
        ("disabled=false", &[4, 3, 2]),
        ("disabled=nonsense", &[4, 3, 2]),
        ("disabled=!true", &[4, 3, 2]),
        ("source=b", &[3, 2]),
        ("source=%C3%A4+b%2Bc%26d%3De", &[4]),
        ("sourceID=", &[4, 3, 1]),
        ("sourceID=!", &[2]),
        ("sourceID=x,y", &[2]),
        ("sourceID=!x,y", &[4, 3, 1]),
        ("uri=http://127.0.0.1:9/hook", &[4, 3, 2, 1]),
        ("uri=!http://127.0.0.1:9/hook", &[]),
    ] {
        assert_eq!(service.get(&format!("/v1/webhooks?{query}")).await.ids(), ids, "{query}");
    }
}

async fn texts_compare_case_sensitively(service: ServiceFixture) {
    four(&service).await;
    for query in ["name=ALPHA", "name=beta", "event=Risk.create", "source=B"] {
        assert_eq!(service.get(&format!("/v1/webhooks?{query}")).await.ids(), [0_u64; 0], "{query}");
    }
    let by_name = service.get("/v1/webhooks?sort=name").await.ids();
    assert_eq!(by_name, [2, 3, 1, 4], "capitals come first");
}

async fn times_are_compared_in_whole_seconds_and_with_any_offset(service: ServiceFixture) {
    let webhook = service.webhook(json!({})).await;
    let at: jiff::Timestamp = webhook["created_at"].as_str().expect("a time").parse().expect("ISO 8601");
    let text = |seconds: i64, zone: &str| {
        let moment = jiff::Timestamp::from_second(at.as_second() + seconds).expect("a time");
        hookline_core::values::TimeZone::parse(zone).expect("a zone").format(moment)
    };
    let found = async |query: String| !service.get(&format!("/v1/webhooks?{query}")).await.ids().is_empty();
    for zone in ["UTC", "Asia/Kolkata", "America/St_Johns"] {
        // A `+` is understood raw as well as encoded.
        for encoded in [true, false] {
            let time = |seconds| if encoded { text(seconds, zone).replace('+', "%2B") } else { text(seconds, zone) };
            for field in ["created_at", "updated_at"] {
                assert!(found(format!("{field}={}", time(0))).await);
                assert!(!found(format!("{field}={}", time(1))).await);
                assert!(found(format!("{field}=>={}", time(0))).await);
                assert!(!found(format!("{field}=>{}", time(0))).await);
                assert!(found(format!("{field}=>{}", time(-1))).await);
                assert!(found(format!("{field}=<={}", time(0))).await);
                assert!(!found(format!("{field}=<{}", time(0))).await);
                assert!(found(format!("{field}=<{}", time(1))).await);
                assert!(found(format!("{field}=>{}<{}", time(-1), time(1))).await);
                assert!(!found(format!("{field}=>={}<={}", time(1), time(5))).await);
            }
        }
    }
    assert!(found(format!("created_at={}", text(0, "UTC").replace("+00:00", "Z"))).await);
    assert!(found("created_at=!".to_owned()).await && !found("created_at=".to_owned()).await);
    assert!(found("created_at=>2020-02-29".to_owned()).await);
    for bad in ["2026-02-30", "now", "2026-13-01T00:00:00Z", "T", "0", "%00"] {
        let reply = service.get(&format!("/v1/webhooks?created_at=>{bad}")).await;
        reply.refuses(400, "Parameter 'created_at' is invalid");
    }
}

async fn filters_are_all_to_hold(service: ServiceFixture) {
    four(&service).await;
    assert_eq!(service.get("/v1/webhooks?source=b&event=*").await.ids(), [3]);
    assert_eq!(service.get("/v1/webhooks?id=>1&id=<4&source=!a").await.ids(), [3, 2]);
    assert_eq!(service.get("/v1/webhooks?name=alpha&name=Beta").await.ids(), [0_u64; 0]);
    assert_eq!(service.get("/v1/webhooks/enabled?id=1,2").await.ids(), [2]);
    let counted = service.get("/v1/webhooks?source=b&per_page=1").await;
    assert_eq!(counted.header("x-pagination-total-entries"), Some("2"));
}

async fn many_filters_are_no_fault(service: ServiceFixture) {
    four(&service).await;
    let ids: Vec<String> = (1..8000).map(|id| id.to_string()).collect();
    assert_eq!(service.get(&format!("/v1/webhooks?ids={}", ids.join(","))).await.ids(), [4, 3, 2, 1]);
    let filters = |count: usize| (0..count).map(|n| format!("id=!{}", n + 9)).collect::<Vec<_>>().join("&");
    assert_eq!(service.get(&format!("/v1/webhooks?{}", filters(100))).await.ids(), [4, 3, 2, 1]);
    service.get(&format!("/v1/webhooks?{}", filters(4000))).await.refuses(400, "Parameter 'id' is invalid");
    let keys = ["id", "name", "event", "uri", "disabled", "source", "sourceID", "created_at", "updated_at"];
    let sort = vec![keys.join(","); 100].join(",");
    assert_eq!(service.get(&format!("/v1/webhooks?sort={sort}")).await.ids(), [1, 2, 3, 4]);
}

async fn sorts_have_the_id_as_the_last_key(service: ServiceFixture) {
    four(&service).await;
    for (sort, ids) in [
        ("id", [1, 2, 3, 4]),
        ("-id", [4, 3, 2, 1]),
        ("source", [1, 2, 3, 4]),
        ("-source", [4, 3, 2, 1]),
        ("source,-id", [1, 3, 2, 4]),
        ("disabled", [2, 3, 4, 1]),
        ("-disabled,name", [1, 2, 3, 4]),
        ("sourceID", [1, 3, 4, 2]),
        ("", [4, 3, 2, 1]),
    ] {
        assert_eq!(service.get(&format!("/v1/webhooks?sort={sort}")).await.ids(), ids, "{sort}");
    }
}

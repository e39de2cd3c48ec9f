//! Pages of lists (section 2, *Pagination*): totals, links and cursors, to the letter.

use serde_json::json;

use crate::call::Reply;
use crate::fixture::ServiceFixture;

on_every_target!(
    totals_and_links_of_every_page,
    an_empty_list_has_no_pages,
    exact_multiples_of_the_page_size_have_no_empty_page,
    links_repeat_the_requests_parameters_encoded,
    pages_are_at_most_a_hundred,
    a_page_that_would_be_too_large_is_shorter,
    a_page_beyond_the_last_leads_back,
    cursors_hold_for_every_sort,
    a_cursor_of_another_sort_is_refused,
);

async fn with_webhooks(service: &ServiceFixture, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(service.webhook(json!({"name": format!("n{}", number % 3)})).await["id"].as_u64().expect("an id"));
    }
    ids.reverse();
    ids
}

fn totals(reply: &Reply) -> [String; 4] {
    ["per-page", "current-page", "total-pages", "total-entries"]
        .map(|name| reply.header(&format!("x-pagination-{name}")).expect("a number").to_owned())
}

fn relations(reply: &Reply) -> Vec<String> {
    // In the order of the header.
    let header = reply.header("link").unwrap_or_default();
    header.split("rel=\"").skip(1).map(|rest| rest.split('"').next().expect("a relation").to_owned()).collect()
}

async fn totals_and_links_of_every_page(service: ServiceFixture) {
    let ids = with_webhooks(&service, 7).await;
    let list = "/v1/webhooks?per_page=3";
    let first = service.get(list).await;
    assert_eq!((first.ids(), totals(&first)), (ids[..3].to_vec(), ["3", "1", "3", "7"].map(str::to_owned)));
    assert_eq!(relations(&first), ["next"]);
    let second = service.get(&first.links()["next"]).await;
    assert_eq!((second.ids(), totals(&second)), (ids[3..6].to_vec(), ["3", "2", "3", "7"].map(str::to_owned)));
    assert_eq!(relations(&second), ["first", "prev", "next"]);
    let third = service.get(&second.links()["next"]).await;
    assert_eq!((third.ids(), totals(&third)), (ids[6..].to_vec(), ["3", "3", "3", "7"].map(str::to_owned)));
    assert_eq!(relations(&third), ["first", "prev"]);
    let back = service.get(&third.links()["prev"]).await;
    assert_eq!((back.ids(), totals(&back)), (second.ids(), totals(&second)));
    assert_eq!(relations(&back), ["first", "prev", "next"]);
    let front = service.get(&back.links()["prev"]).await;
    assert_eq!((front.ids(), totals(&front), relations(&front)), (first.ids(), totals(&first), relations(&first)));
    assert_eq!(second.links()["first"], list);
    for (number, page) in [(1, &first), (2, &second), (3, &third)] {
        let same = service.get(&format!("{list}&page={number}")).await;
        assert_eq!((same.ids(), totals(&same), same.links()), (page.ids(), totals(page), page.links()));
    }
    assert!(first.links()["next"].starts_with("/v1/webhooks?per_page=3&search_after="));
    assert!(third.links()["prev"].starts_with("/v1/webhooks?per_page=3&search_before="));
}

/// The answer of a function has at most 6 MB. A quote takes two bytes in JSON, and four in the function's answer.
async fn a_page_that_would_be_too_large_is_shorter(service: ServiceFixture) {
    let description = "\"".repeat(65_536);
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(service.webhook(json!({"description": description})).await["id"].as_u64().expect("an id"));
    }
    ids.reverse();
    let first = service.get("/v1/webhooks?fields=description&per_page=100").await;
    assert_eq!(totals(&first), ["100", "1", "1", "30"].map(str::to_owned));
    let count = first.ids().len();
    assert!((20..30).contains(&count), "{count}");
    let second = service.get(&first.links()["next"]).await;
    assert_eq!([first.ids(), second.ids()].concat(), ids);
    assert_eq!(relations(&second), ["first", "prev"]);
    let back = service.get(&second.links()["prev"]).await;
    assert_eq!(back.ids(), first.ids());
}

async fn an_empty_list_has_no_pages(service: ServiceFixture) {
    for list in ["/v1/webhooks", "/v1/webhooks/disabled", "/v1/webhooks?name=nobody"] {
        let reply = service.get(list).await;
        reply.is(200, "[]");
        assert_eq!(totals(&reply), ["20", "1", "0", "0"].map(str::to_owned));
        assert_eq!(reply.header("link"), None);
    }
}

async fn exact_multiples_of_the_page_size_have_no_empty_page(service: ServiceFixture) {
    let ids = with_webhooks(&service, 6).await;
    for per_page in [1, 2, 3, 6, 100] {
        let mut page = service.get(&format!("/v1/webhooks?per_page={per_page}")).await;
        let mut seen = page.ids();
        while let Some(next) = page.links().get("next") {
            page = service.get(next).await;
            assert!(!page.ids().is_empty(), "no link leads to nothing");
            seen.extend(page.ids());
        }
        assert_eq!(seen, ids, "{per_page}");
        assert_eq!(totals(&page)[1], totals(&page)[2], "the last page is the last of all: {per_page}");
    }
    assert_eq!(service.get("/v1/webhooks?per_page=6").await.header("link"), None, "nothing to link");
}

async fn links_repeat_the_requests_parameters_encoded(service: ServiceFixture) {
    with_webhooks(&service, 4).await;
    let list = "/v1/webhooks?per_page=1&fields=id,name&name=!a;b,c&sort=-created_at,id&created_at=>2020-01-01T00:00:00%2B01:00";
    let page = service.get(list).await;
    assert_eq!(totals(&page), ["1", "1", "4", "4"].map(str::to_owned));
    let header = page.header("link").expect("a link").to_owned();
    assert_eq!(header.matches("rel=").count(), header.matches('<').count(), "one relation a link");
    assert!(header.ends_with("rel=\"next\""), "nothing after it: {header}");
    let inside = &header[1..header.find('>').expect("a link's end")];
    let repeated =
        "per_page=1&fields=id%2Cname&name=!a%3Bb%2Cc&sort=-created_at%2Cid&created_at=%3E2020-01-01T00:00:00%2B01:00&";
    assert!(inside.contains(repeated), "{inside}");
    let second = service.get(&page.links()["next"]).await;
    assert_eq!(second.json()[0].as_object().expect("fields").len(), 3, "the fields are chosen on every page");
    let twice = service.get(&second.links()["next"]).await;
    assert_eq!(twice.header("link").expect("links").matches("search_after").count(), 1);
    assert_eq!(twice.header("link").expect("links").matches("page=").count(), 3, "no page beside a cursor");
    let by_page = service.get("/v1/webhooks?per_page=1&page=2").await;
    assert_eq!(by_page.links()["first"], "/v1/webhooks?per_page=1");
}

async fn pages_are_at_most_a_hundred(service: ServiceFixture) {
    with_webhooks(&service, 101).await;
    for (asked, given) in
        [("", 20), ("?per_page=100", 100), ("?per_page=101", 100), ("?per_page=99999999999999999999", 100)]
    {
        let reply = service.get(&format!("/v1/webhooks{asked}")).await;
        assert_eq!(reply.ids().len(), given, "{asked}");
        assert_eq!(totals(&reply)[0], given.to_string());
    }
}

async fn a_page_beyond_the_last_leads_back(service: ServiceFixture) {
    with_webhooks(&service, 3).await;
    let reply = service.get("/v1/webhooks?per_page=2&page=9").await;
    reply.is(200, "[]");
    assert_eq!(totals(&reply), ["2", "9", "2", "3"].map(str::to_owned));
    assert_eq!(relations(&reply), ["first", "prev"]);
    assert_eq!(service.get(&reply.links()["prev"]).await.ids().len(), 1);
    assert_eq!(service.get("/v1/webhooks?page=99999999999999999999&per_page=100").await.text(), "[]");
}

async fn cursors_hold_for_every_sort(service: ServiceFixture) {
    let values = [("b", "x"), ("a", ""), ("B", "y"), ("Ж", "x"), ("a", "x"), ("é", ""), ("a", "z")];
    for (number, (name, source)) in values.into_iter().enumerate() {
        let event = if number % 2 == 0 { "risk.create" } else { "*" };
        let id = json!(if source.is_empty() { json!(null) } else { json!(source) });
        let fields = json!({"name": name, "sourceID": id, "disabled": number % 3 == 0, "event": event});
        service.webhook(fields).await;
    }
    for field in ["id", "name", "event", "uri", "disabled", "source", "sourceID", "created_at", "updated_at"] {
        for sort in [field.to_owned(), format!("-{field}"), format!("{field},-name"), format!("-{field},sourceID,-id")]
        {
            let all = service.get(&format!("/v1/webhooks?sort={sort}&per_page=100")).await.ids();
            let mut page = service.get(&format!("/v1/webhooks?sort={sort}&per_page=2")).await;
            let (mut seen, mut pages) = (page.ids(), vec![page.ids()]);
            while let Some(next) = page.links().get("next") {
                page = service.get(next).await;
                seen.extend(page.ids());
                pages.push(page.ids());
            }
            assert_eq!(seen, all, "{sort}");
            while let Some(prev) = page.links().get("prev") {
                pages.pop();
                page = service.get(prev).await;
                assert_eq!(Some(&page.ids()), pages.last(), "{sort}");
            }
            assert_eq!(pages.len(), 1, "{sort}");
        }
    }
}

async fn a_cursor_of_another_sort_is_refused(service: ServiceFixture) {
    with_webhooks(&service, 3).await;
    let next = service.get("/v1/webhooks?per_page=1&sort=name").await.links()["next"].clone();
    let cursor = next.split("search_after=").nth(1).expect("a cursor");
    assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "opaque base64");
    for sort in ["", "sort=id", "sort=name,id", "sort=created_at"] {
        let reply = service.get(&format!("/v1/webhooks?{sort}&search_after={cursor}")).await;
        reply.refuses(400, "Parameter 'search_after' is invalid");
    }
    assert_eq!(service.get(&format!("/v1/webhooks?sort=-name&search_after={cursor}")).await.status, 200);
}

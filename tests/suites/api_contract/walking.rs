//! Walking a list while others change it (section 2): sorted by id or time, every record that exists throughout is visited
//! exactly once, in order, whatever is created or deleted meanwhile.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hookline_tests::target::Variation;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;

use crate::call::Reply;
use crate::fixture::ServiceFixture;

on_every_target!(others_create_and_delete_all_the_while);

/// The sorts that the promise is made for.
const SORTS: [&str; 5] = ["", "id", "-id", "created_at", "-created_at"];

/// What the others do between two pages.
#[derive(Debug, Clone)]
enum Change {
    Create,
    /// Deletes the webhook that stands at this part of the list.
    Delete(prop::sample::Index),
}

#[derive(Debug, Clone)]
struct Walk {
    webhooks: usize,
    per_page: usize,
    sort: &'static str,
    /// Walks to the end first and then back.
    back: bool,
    changes: Vec<Vec<Change>>,
}

fn walks() -> impl Strategy<Value = Walk> {
    let change = prop_oneof![Just(Change::Create), any::<prop::sample::Index>().prop_map(Change::Delete)];
    let changes = prop::collection::vec(prop::collection::vec(change, 0..4), 0..12);
    let per_page = prop_oneof![Just(1_usize), Just(2), Just(3), Just(5), Just(7)];
    (0..=5_usize, 0..3_usize, per_page, prop::sample::select(&SORTS[..]), any::<bool>(), changes).prop_map(
        |(pages, rest, per_page, sort, back, changes)| {
            // Exact multiples of the page size are as likely as others.
            let webhooks = (pages * per_page + if rest == 1 { per_page / 2 } else { 0 }).min(24);
            Walk { webhooks, per_page, sort, back, changes }
        },
    )
}

/// A walk, with what was there all the while.
struct Walker<'a> {
    service: &'a ServiceFixture,
    token: String,
    living: Vec<u64>,
    lasting: BTreeSet<u64>,
}

impl Walker<'_> {
    async fn create(&mut self) -> u64 {
        let body = json!({"event": "request.create", "uri": "https://example.com/"});
        let reply = self.service.post("/v1/webhooks", body).by(&self.token).await;
        let id = reply.json()["id"].as_u64().expect("an id");
        self.living.push(id);
        id
    }

    async fn change(&mut self, change: &Change) {
        match change {
            Change::Create => {
                self.create().await;
            }
            Change::Delete(_) if self.living.is_empty() => {}
            Change::Delete(index) => {
                let id = self.living.remove(index.index(self.living.len()));
                self.lasting.remove(&id);
                let reply = self.service.delete(&format!("/v1/webhooks/{id}")).by(&self.token).await;
                assert_eq!(reply.status, 204);
            }
        }
    }

    async fn page(&self, path: &str) -> Reply {
        self.service.get(path).by(&self.token).await
    }
}

async fn walk(service: &ServiceFixture, account: &str, walk: Walk) -> Result<(), TestCaseError> {
    let token = service.account(account).await;
    let mut walker = Walker { service, token, living: Vec::new(), lasting: BTreeSet::new() };
    for _ in 0..walk.webhooks {
        let id = walker.create().await;
        walker.lasting.insert(id);
    }
    let mut page = walker.page(&format!("/v1/webhooks?sort={}&per_page={}", walk.sort, walk.per_page)).await;
    let mut changes = walk.changes.iter();
    if walk.back {
        while let Some(next) = page.links().get("next") {
            page = walker.page(next).await;
        }
    }
    let relation = if walk.back { "prev" } else { "next" };
    let mut seen: Vec<u64> = Vec::new();
    let mut pages = 0;
    loop {
        let mut ids = page.ids();
        if walk.back {
            ids.reverse();
        }
        seen.extend(ids);
        for change in changes.next().into_iter().flatten() {
            walker.change(change).await;
        }
        pages += 1;
        prop_assert!(pages < 200, "the walk ends");
        match page.links().get(relation) {
            Some(link) => page = walker.page(link).await,
            None => break,
        }
    }
    let lasting: Vec<u64> = seen.iter().copied().filter(|id| walker.lasting.contains(id)).collect();
    let mut expected: Vec<u64> = walker.lasting.into_iter().collect();
    let descending = matches!(walk.sort, "" | "-id" | "-created_at");
    if descending != walk.back {
        expected.reverse();
    }
    prop_assert_eq!(lasting, expected);
    let visited: BTreeSet<u64> = seen.iter().copied().collect();
    prop_assert_eq!(visited.len(), seen.len(), "nothing is visited twice");
    Ok(())
}

#[test]
fn any_changes_between_pages() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let service = runtime.block_on(ServiceFixture::router(Variation::default()));
    let number = AtomicU64::new(0);
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&walks(), |case| {
        let account = format!("walk-{}", number.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(walk(&service, &account, case))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

async fn others_create_and_delete_all_the_while(service: ServiceFixture) {
    let mut lasting = Vec::new();
    for _ in 0..40 {
        lasting.push(service.webhook(json!({})).await["id"].as_u64().expect("an id"));
    }
    let done = AtomicBool::new(false);
    let others = async {
        let mut passing = Vec::new();
        while !done.load(Ordering::Relaxed) {
            passing.push(service.webhook_path(json!({})).await);
            if passing.len() > 5 {
                service.delete(&passing.remove(passing.len() / 2)).await.is(204, "");
            }
        }
    };
    let walker = async {
        for sort in SORTS {
            for relation in ["next", "prev"] {
                let mut page = service.get(&format!("/v1/webhooks?sort={sort}&per_page=8")).await;
                if relation == "prev" {
                    while let Some(next) = page.links().get("next") {
                        page = service.get(next).await;
                    }
                }
                let mut seen = page.ids();
                while let Some(link) = page.links().get(relation) {
                    page = service.get(link).await;
                    seen.extend(page.ids());
                }
                let mut visited: Vec<u64> = seen.into_iter().filter(|id| lasting.contains(id)).collect();
                visited.sort_unstable();
                if relation == "next" {
                    assert_eq!(visited, lasting, "{sort:?}: each lasting record exactly once");
                } else {
                    // The way back began where the way there ended, which others may have moved.
                    let mut once = visited.clone();
                    once.dedup();
                    assert_eq!(once, visited, "{sort:?}: none twice");
                    assert_eq!(visited, lasting, "{sort:?}: none left out");
                }
            }
        }
        done.store(true, Ordering::Relaxed);
    };
    futures_util::future::join(others, walker).await;
}

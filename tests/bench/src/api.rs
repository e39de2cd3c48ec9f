//! How long calls of the API take in an account with 10,000 webhooks, and whether webhooks of other accounts slow them
//! down.

use std::time::Instant;

use hookline_process::connection::Connection;
use http::Method;

use crate::endpoint::Endpoint;
use crate::stage::Stage;
use crate::table;

/// The number of webhooks of the calling account.
const OWN: usize = 10_000;
/// How often each call is made in a run.
const CALLS: usize = 300;

/// Times of one kind of call, in ms.
pub(crate) struct Times {
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
}

/// A service in which an account has [`OWN`] webhooks and another one some.
pub(crate) struct Api {
    stage: Stage,
}

impl Api {
    /// Registers all webhooks.
    pub(crate) async fn with_others(others: usize) -> Self {
        let stage = Stage::empty(Endpoint::start()).await;
        stage.webhooks(&stage.hookline.create_account("neighbour"), others, 1).await;
        stage.webhooks(&stage.hookline.admin_token(), OWN, 1).await;
        Self { stage }
    }

    /// List, get and patch, each [`CALLS`] times.
    pub(crate) async fn measure(&self) -> [Times; 3] {
        let mut connection = self.stage.hookline.administrator();
        let first = connection.get("/v1/webhooks?per_page=1&sort=id&fields=id").await.json();
        let first = first[0]["id"].as_u64().expect("a webhook has an id");
        let list = times(&mut connection, |_| (Method::GET, "/v1/webhooks?per_page=100".to_owned(), None)).await;
        let own = |call: usize| format!("/v1/webhooks/{}", first + (call * 31 % OWN) as u64);
        let get = times(&mut connection, |call| (Method::GET, own(call), None)).await;
        let body = |call: usize| Some(format!(r#"{{"name":"renamed {call} {}"}}"#, rand::random::<u32>()));
        let patch = times(&mut connection, |call| (Method::PATCH, own(call), body(call))).await;
        [list, get, patch]
    }
}

async fn times(connection: &mut Connection, call: impl Fn(usize) -> (Method, String, Option<String>)) -> Times {
    let mut figures = Vec::with_capacity(CALLS);
    for number in 0..CALLS {
        let (method, path, body) = call(number);
        let began = Instant::now();
        let answer = connection.call(method, &path, body.map(Into::into)).await.expect("an answer");
        figures.push(began.elapsed().as_secs_f64() * 1_000.0);
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
    }
    figures.sort_by(f64::total_cmp);
    Times { median_ms: table::median(figures.iter().copied()), p99_ms: figures[CALLS * 99 / 100] }
}

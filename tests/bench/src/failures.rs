//! What a failed attempt costs, and how fast what failed is sent again.

use std::time::{Duration, Instant};

use hookline_core::values::{Clock as _, System};
use http::Method;
use serde_json::json;

use crate::load::full_speed;
use crate::stage::{EVENT, Stage, real};

/// How many messages fail; each has ten attempts.
const MESSAGES: usize = 1_000;
const ATTEMPTS: usize = 10;
/// The longest that a run may take.
const LIMIT: Duration = Duration::from_mins(3);

/// One run.
pub(crate) struct Failures {
    /// Processor seconds of the service per 10,000 failed attempts.
    pub(crate) cpu_seconds: f64,
    /// Messages per second that a redelivery job sends, from its request to the last arrival.
    pub(crate) redelivered_per_second: f64,
}

impl Failures {
    /// An endpoint answers 500 until every message is dropped; then it works, and one job sends them again.
    pub(crate) async fn measure() -> Self {
        let stage = Stage::empty(crate::endpoint::Endpoint::start()).await;
        let webhook = stage.webhook(EVENT, 0, "/fail").await;
        let since = System.now();
        let before = stage.cpu_seconds();
        full_speed(&stage.goal(), MESSAGES).await;
        stage.endpoint.after(MESSAGES * ATTEMPTS, LIMIT).await;
        let cpu_seconds = (stage.cpu_seconds() - before) * 10_000.0 / real((MESSAGES * ATTEMPTS) as u64);

        let mut administrator = stage.hookline.administrator();
        let uri = json!({"uri": format!("http://127.0.0.1:{}/healed", stage.endpoint.port)});
        let path = format!("/v1/webhooks/{webhook}");
        let changed = administrator.call(Method::PATCH, &path, Some(uri.to_string().into())).await;
        assert_eq!(changed.expect("an answer").status, 200);
        let job = json!({"since": since.to_string(), "until": System.now().to_string()});
        let began = Instant::now();
        let answer = administrator.post(&format!("{path}/redeliver"), job.to_string()).await;
        assert_eq!(answer.status, 202, "{:?}", answer.body);
        stage.endpoint.after(MESSAGES, LIMIT).await;
        Self { cpu_seconds, redelivered_per_second: real(MESSAGES as u64) / began.elapsed().as_secs_f64() }
    }
}

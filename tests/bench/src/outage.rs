//! An endpoint that answers nothing while 100,000 messages for it come, and then heals: what the waiting ones cost in
//! memory, and that all of them arrive.

use std::time::{Duration, Instant};

use hookline_process::proc_stats::peak_memory_kib;
use http::Method;
use serde_json::json;

use crate::endpoint::Endpoint;
use crate::load::full_speed;
use crate::stage::{EVENT, Stage, real};

/// Messages that wait when memory is looked at first.
const FEW: usize = 10_000;
/// And when it is looked at again.
const MANY: usize = 100_000;
/// How long they may take to arrive once the endpoint answers.
const LIMIT: Duration = Duration::from_mins(3);

/// One run.
pub(crate) struct Outage {
    /// The most memory while [`FEW`] messages waited, in MiB.
    pub(crate) few_mib: f64,
    /// The most memory while [`MANY`] messages waited, in MiB.
    pub(crate) many_mib: f64,
    /// From the moment when the endpoint answers to the last arrival, in seconds.
    pub(crate) healed_after: f64,
}

impl Outage {
    /// Publishes while the endpoint is silent, lets it answer, and waits for every message.
    pub(crate) async fn measure() -> Self {
        // Probes of a throttled host come after seconds, not minutes.
        let stage = Stage::with(Endpoint::start(), &[("HOOKLINE_WAIT_SCALE", "0.05")]).await;
        let webhook = stage.webhook(EVENT, 0, "/silent").await;
        let peak_mib = || real(peak_memory_kib(stage.hookline.pid())) / 1_024.0;
        full_speed(&stage.goal(), FEW).await;
        let few_mib = peak_mib();
        full_speed(&stage.goal(), MANY - FEW).await;
        let many_mib = peak_mib();

        let uri = json!({"uri": format!("http://127.0.0.1:{}/healed", stage.endpoint.port)});
        let path = format!("/v1/webhooks/{webhook}");
        let mut administrator = stage.hookline.administrator();
        let changed = administrator.call(Method::PATCH, &path, Some(uri.to_string().into())).await;
        assert_eq!(changed.expect("an answer").status, 200);
        let began = Instant::now();
        stage.endpoint.after(MANY, LIMIT).await;
        Self { few_mib, many_mib, healed_after: began.elapsed().as_secs_f64() }
    }
}

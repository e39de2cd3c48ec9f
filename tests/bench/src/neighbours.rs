//! How a neighbour that never answers affects a healthy endpoint: half of the traffic goes to the neighbour, and
//! the neighbour answers or does not.

use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::load::{full_speed, steady};
use crate::stage::{EVENT, Stage};

/// The event of the neighbour.
const OTHER: &str = "risk.create";
/// Events per second, half of them for the neighbour.
const PER_SECOND: u32 = 400;
/// How many of them.
const EVENTS: usize = 4_000;
/// The longest that a run may take.
const LIMIT: Duration = Duration::from_mins(2);

/// Latency of the healthy endpoint, slowest of 100, in ms.
pub(crate) async fn p99_ms(neighbour_answers: bool) -> f64 {
    let stage = Stage::empty(Endpoint::on(2)).await;
    stage.webhook(EVENT, 0, "/").await;
    stage.webhook(OTHER, 1, if neighbour_answers { "/uncounted" } else { "/silent" }).await;
    // Connections, caches and the first lookup are made before it counts.
    full_speed(&stage.goal(), 200).await;
    stage.endpoint.after(200, LIMIT).await;
    steady(&stage.goal_of(&[EVENT, OTHER]), PER_SECOND, EVENTS).await;
    let report = stage.endpoint.after(EVENTS / 2, LIMIT).await;
    f64::from(report.p99_us) / 1_000.0
}

//! Deliveries per second when 10,000 webhooks have endpoints at 1,000 different hosts.

use std::time::Duration;

use hookline_core::model::event::{AUTOMATION_RULE, EVENT_NAMES};

use crate::endpoint::Endpoint;
use crate::load::full_speed;
use crate::measure::per_second;
use crate::stage::Stage;

const WEBHOOKS: usize = 10_000;
const HOSTS: u16 = 1_000;
/// How often each event is published.
const ROUNDS: usize = 2;
/// The longest that a run may take.
const LIMIT: Duration = Duration::from_mins(3);

/// One run.
pub(crate) async fn deliveries_per_second() -> f64 {
    let stage = Stage::empty(Endpoint::on(HOSTS)).await;
    stage.webhooks(&stage.hookline.admin_token(), WEBHOOKS, HOSTS).await;
    // Automation rules go to one webhook each; they come first in the list.
    let events = &EVENT_NAMES[1..];
    assert!(!events.contains(&AUTOMATION_RULE));
    let begin = full_speed(&stage.goal_of(events), events.len() * ROUNDS).await;
    let matching = (0..WEBHOOKS).filter(|number| number % EVENT_NAMES.len() != 0).count();
    per_second(&stage.endpoint.after(matching * ROUNDS, LIMIT).await, begin)
}

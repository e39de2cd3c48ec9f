//! The instruments that the use cases move. Labels come from closed lists.

use std::borrow::Cow;

use hookline_core::model::JobState;
use hookline_core::ports::{Measurement, Metrics};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Labels whose values are written in the code.
type Labels<const N: usize> = [(&'static str, &'static str); N];
/// Labels of an answer: the status is a number.
type AnswerLabels = [(&'static str, Cow<'static, str>); 3];
/// Histograms by label.
type Histograms = Family<AnswerLabels, Histogram, fn() -> Histogram>;

/// Seconds of what takes milliseconds.
const SHORT: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Seconds of a request to an endpoint.
const REQUEST: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];
/// Seconds, to 6 hours.
const LAG: [f64; 13] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0];
/// Seconds, to 72 hours.
const END_TO_END: [f64; 14] =
    [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 259_200.0];

/// All of them.
#[derive(Clone)]
pub(crate) struct Instruments {
    events_accepted: Family<Labels<1>, Counter>,
    events_refused: Family<Labels<1>, Counter>,
    publish_duration: Histogram,
    deliveries: Family<Labels<3>, Counter>,
    delivery_duration: Histogram,
    delivery_lag: Histogram,
    end_to_end: Histogram,
    connections: Family<Labels<1>, Counter>,
    mails: Family<Labels<2>, Counter>,
    redelivery_jobs: Family<Labels<1>, Gauge>,
    http_requests: Family<AnswerLabels, Counter>,
    http_request_duration: Histograms,
    store_write_duration: Histogram,
}

impl Instruments {
    /// Instruments that show zero.
    pub(crate) fn new() -> Self {
        Self {
            events_accepted: Family::default(),
            events_refused: Family::default(),
            publish_duration: Histogram::new(SHORT),
            deliveries: Family::default(),
            delivery_duration: Histogram::new(REQUEST),
            delivery_lag: Histogram::new(LAG),
            end_to_end: Histogram::new(END_TO_END),
            connections: Family::default(),
            mails: Family::default(),
            redelivery_jobs: Family::default(),
            http_requests: Family::default(),
            http_request_duration: Family::new_with_constructor(|| Histogram::new(SHORT)),
            store_write_duration: Histogram::new(SHORT),
        }
    }

    /// Names them. Counters get the ending `_total`.
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self {
            events_accepted,
            events_refused,
            publish_duration,
            deliveries,
            delivery_duration,
            delivery_lag,
            end_to_end,
            connections,
            mails,
            redelivery_jobs,
            http_requests,
            http_request_duration,
            store_write_duration,
        } = self.clone();
        registry.register("hookline_events_accepted", "Events that were accepted", events_accepted);
        registry.register("hookline_events_refused", "Events that were refused", events_refused);
        registry.register("hookline_publish_duration_seconds", "Time to accept the events of a call", publish_duration);
        registry.register("hookline_deliveries", "Deliveries of events that ended", deliveries);
        registry.register("hookline_delivery_duration_seconds", "Time of a request to an endpoint", delivery_duration);
        registry.register(
            "hookline_delivery_lag_seconds",
            "From when an attempt could be made to its start",
            delivery_lag,
        );
        registry.register("hookline_end_to_end_seconds", "From the acceptance of an event to a success", end_to_end);
        registry.register("hookline_connections", "Connections that requests were sent over", connections);
        registry.register("hookline_mails", "Mails that were due", mails);
        registry.register("hookline_redelivery_jobs", "Redelivery jobs since the start", redelivery_jobs);
        registry.register("hookline_http_requests", "Requests that the API answered", http_requests);
        let name = "hookline_http_request_duration_seconds";
        registry.register(name, "Time to answer a request of the API", http_request_duration);
        let name = "hookline_store_write_duration_seconds";
        registry.register(name, "Time of a transaction of the database", store_write_duration);
    }

    fn job(&self, state: JobState) {
        let jobs = |state: JobState| self.redelivery_jobs.get_or_create_owned(&[("state", state.as_str())]);
        jobs(state).inc();
        if state != JobState::Running && jobs(JobState::Running).get() > 0 {
            jobs(JobState::Running).dec();
        }
    }
}

impl Metrics for Instruments {
    fn record(&self, measurement: Measurement) {
        match measurement {
            Measurement::EventAccepted(by) => _ = self.events_accepted.get_or_create(&[("by", by.as_str())]).inc(),
            Measurement::EventRefused(reason) => {
                self.events_refused.get_or_create(&[("reason", reason.as_str())]).inc();
            }
            Measurement::Published(took) => self.publish_duration.observe(took.as_secs_f64()),
            Measurement::DeliveryEnded { outcome, class } => {
                let (error_class, fault) = class.map_or(("", ""), |class| (class.as_str(), class.fault().as_str()));
                let labels = [("outcome", outcome.as_str()), ("error_class", error_class), ("fault", fault)];
                self.deliveries.get_or_create(&labels).inc();
            }
            Measurement::RequestSent { took, reused } => {
                self.delivery_duration.observe(took.as_secs_f64());
                let reused = if reused { "true" } else { "false" };
                self.connections.get_or_create(&[("reused", reused)]).inc();
            }
            Measurement::AttemptLate(lag) => self.delivery_lag.observe(lag.as_secs_f64()),
            Measurement::MessageDelivered(took) => self.end_to_end.observe(took.as_secs_f64()),
            Measurement::Mail { kind, result } => {
                self.mails.get_or_create(&[("kind", kind.as_str()), ("result", result.as_str())]).inc();
            }
            Measurement::RedeliveryJob(state) => self.job(state),
            Measurement::Answered { route, method, status, took } => {
                let labels = [
                    ("route", Cow::Borrowed(route)),
                    ("method", Cow::Borrowed(method)),
                    ("status", Cow::Owned(status.to_string())),
                ];
                self.http_requests.get_or_create(&labels).inc();
                self.http_request_duration.get_or_create(&labels).observe(took.as_secs_f64());
            }
            Measurement::StoreWritten(took) => self.store_write_duration.observe(took.as_secs_f64()),
        }
    }
}

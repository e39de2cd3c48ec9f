//! What a function is made of: settings, clients and ports.

use std::sync::Arc;

use hookline_core::ports::{NoTraces, RateLimit};
use hookline_core::service::Service;
use hookline_core::values::System;
use tracing::Level;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::metrics::EmfMetrics;
use super::missing_port::MissingPort;
use super::source_queue::SourceQueue;
use crate::attachments::S3Attachments;
use crate::clients::AwsClients;
use crate::mailer::SesMailer;
use crate::queues::{DeadLetters, SqsQueues};
use crate::settings::FunctionSettingsError;
use crate::settings::{self, FunctionSettings};
use crate::store::dynamo::{Kept, Table};
use crate::store::ports::rate_limit::TableRateLimit;
use crate::vault::KmsVault;

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing or invalid.
    #[error(transparent)]
    Settings(#[from] FunctionSettingsError),
    /// The log cannot be set up.
    #[error("setting up the log failed: {0}")]
    Log(String),
    /// TLS cannot be set up.
    #[error("setting up the HTTP client failed: {0}")]
    Client(#[from] reqwest::Error),
}

/// The settings and clients of a function.
pub struct Deployment {
    /// The settings.
    pub settings: FunctionSettings,
    clients: AwsClients,
    table: Table,
    queues: SqsQueues,
    metrics: Arc<EmfMetrics>,
}

impl Deployment {
    /// Reads the settings from the environment, and sets up logging with one line of JSON per entry.
    pub fn start() -> Result<Self, StartError> {
        let settings = FunctionSettings::read()?;
        let wanted: Targets = settings.log.parse().map_err(|error: ParseError| StartError::Log(error.to_string()))?;
        let lines = fmt::layer().json().flatten_event(true).with_current_span(false);
        tracing_subscriber::registry()
            .with(without_successes(wanted))
            .with(lines)
            .try_init()
            .map_err(|error| StartError::Log(error.to_string()))?;
        Ok(Self::new(settings, AwsClients::new(&settings::access()?)?))
    }

    /// Creates a deployment from settings and clients.
    #[must_use]
    pub fn new(settings: FunctionSettings, clients: AwsClients) -> Self {
        let metrics = Arc::new(EmfMetrics::new(&settings.deployment));
        let table = Table::new(clients.dynamodb(), &settings.table, Kept::of(&settings.core)).measured(metrics.clone());
        let FunctionSettings { events_queue_url: events, deliveries_queue_url: deliveries, .. } = &settings;
        let (events, deliveries) = (events.as_deref().unwrap_or_default(), deliveries.as_deref().unwrap_or_default());
        let scale = settings.core.wait_scale;
        let queues = SqsQueues::new(clients.sqs(), events, deliveries, Arc::new(System), scale);
        Self { settings, clients, table, queues, metrics }
    }

    /// What the function measures.
    #[must_use]
    pub fn metrics(&self) -> Arc<EmfMetrics> {
        Arc::clone(&self.metrics)
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The vault, which uses the master key.
    pub fn vault(&self) -> Result<KmsVault, FunctionSettingsError> {
        let master = required("master_key", self.settings.master_key.as_ref())?;
        let (table, deployment) = (self.table.clone(), &self.settings.deployment);
        Ok(KmsVault::new(self.clients.kms(), table, master, deployment, Arc::new(System)))
    }

    /// The port for attachments, with its buckets.
    pub fn attachments(&self) -> Result<S3Attachments, FunctionSettingsError> {
        let uploads = required("uploads_bucket", self.settings.uploads_bucket.as_ref())?;
        let kept = required("attachments_bucket", self.settings.attachments_bucket.as_ref())?;
        Ok(S3Attachments::new(&self.clients, self.table.clone(), uploads, kept))
    }

    /// The port for mails, with their sender.
    pub fn mailer(&self) -> Result<SesMailer, FunctionSettingsError> {
        let sender = required("mail_sender", self.settings.mail_sender.as_ref())?;
        Ok(SesMailer::new(self.clients.ses(), sender, self.settings.mail_configuration_set.as_deref()))
    }

    /// The queues that the function has settings for. Messages of one batch are sent together.
    #[must_use]
    pub fn queues(&self) -> SqsQueues {
        self.queues.clone()
    }

    /// The ports that every function has, which use the table. The others are [`MissingPort`]s: a function replaces
    /// those that its role allows.
    #[must_use]
    pub fn service(&self) -> Service {
        let table = Arc::new(self.table.clone());
        Service {
            settings: Arc::new(self.settings.core.clone()),
            accounts: table.clone(),
            webhooks: table.clone(),
            audit: table.clone(),
            policies: table.clone(),
            event_types: table.clone(),
            events: table.clone(),
            deliveries: table.clone(),
            counts: table.clone(),
            health: table.clone(),
            redeliveries: table,
            attachments: Arc::new(MissingPort),
            mail_limiter: Arc::new(MissingPort),
            mail_batches: Arc::new(MissingPort),
            queues: Arc::new(MissingPort),
            vault: Arc::new(MissingPort),
            mailer: Arc::new(MissingPort),
            transport: Arc::new(MissingPort),
            metrics: self.metrics(),
            traces: Arc::new(NoTraces),
            schemas: Arc::default(),
            clock: Arc::new(System),
            sample: Arc::default(),
            entropy: Arc::new(System),
        }
    }

    /// Counts calls by token in the table. `others` counts calls without a token in this process only.
    #[must_use]
    pub fn rate_limit(&self, others: impl RateLimit + 'static) -> Arc<dyn RateLimit> {
        Arc::new(TableRateLimit::new(self.table.clone(), self.settings.rate_limit, Arc::new(others)))
    }

    /// The dead-letter queues that the function has settings for.
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        let FunctionSettings { events_queue_url, events_dead_letters_url, .. } = &self.settings;
        let FunctionSettings { deliveries_queue_url, deliveries_dead_letters_url, .. } = &self.settings;
        let pair = |queue: &Option<String>, dead: &Option<String>| queue.clone().zip(dead.clone());
        DeadLetters::new(
            self.clients.sqs(),
            pair(events_queue_url, events_dead_letters_url),
            pair(deliveries_queue_url, deliveries_dead_letters_url),
        )
    }

    /// The queue that the function `delivery` consumes.
    pub(super) fn deliveries(&self) -> Result<SourceQueue, FunctionSettingsError> {
        let FunctionSettings { deliveries_queue_url, deliveries_dead_letters_url, .. } = &self.settings;
        let url = required("deliveries_queue_url", deliveries_queue_url.as_ref())?;
        let dead = required("deliveries_dead_letters_url", deliveries_dead_letters_url.as_ref())?;
        Ok(SourceQueue::new(self.clients.sqs(), url, dead))
    }

    /// The queue that the function `event-fanout` consumes.
    pub(super) fn events(&self) -> Result<SourceQueue, FunctionSettingsError> {
        let FunctionSettings { events_queue_url, events_dead_letters_url, .. } = &self.settings;
        let url = required("events_queue_url", events_queue_url.as_ref())?;
        let dead = required("events_dead_letters_url", events_dead_letters_url.as_ref())?;
        Ok(SourceQueue::new(self.clients.sqs(), url, dead))
    }
}

/// The same filter without a line per success, unless it asks for all that there is.
fn without_successes(wanted: Targets) -> Targets {
    const SUCCESS: &str = "hookline::success";
    if wanted.would_enable(SUCCESS, &Level::DEBUG) { wanted } else { wanted.with_target(SUCCESS, Level::WARN) }
}

fn required<'a>(name: &str, value: Option<&'a String>) -> Result<&'a str, FunctionSettingsError> {
    let missing = || FunctionSettingsError::missing(format!("HOOKLINE_{}", name.to_ascii_uppercase()));
    value.map(String::as_str).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debug_shows_successes() {
        for (level, successes, others) in
            [("error", false, false), ("warn", false, false), ("info", false, true), ("debug", true, true)]
        {
            let shown = without_successes(level.parse().unwrap());
            assert_eq!(shown.would_enable("hookline::success", &Level::INFO), successes, "{level}");
            assert_eq!(shown.would_enable("hookline_core::use_cases::deliver", &Level::INFO), others, "{level}");
            assert!(shown.would_enable("hookline_core::use_cases::spans", &Level::ERROR), "{level}");
        }
    }
}

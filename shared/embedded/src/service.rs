//! All ports together: those of the store, and those beside it.

use std::sync::Arc;

use hookline_core::ports::{Mailer, Metrics, Traces, Transport, Vault};
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use hookline_core::values::{Clock, Entropy};

use crate::attachments::FolderAttachments;
use crate::store::database::StorePorts;

/// The ports of a service beside its store, its settings and its clock.
#[derive(Clone)]
pub struct ServiceParts {
    /// The settings of the deployment.
    pub settings: Arc<CoreSettings>,
    /// Seals and opens secrets.
    pub vault: Arc<dyn Vault>,
    /// Sends mails.
    pub mailer: Arc<dyn Mailer>,
    /// Sends requests to endpoints.
    pub transport: Arc<dyn Transport>,
    /// Takes measurements.
    pub metrics: Arc<dyn Metrics>,
    /// Records spans.
    pub traces: Arc<dyn Traces>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl StorePorts {
    /// Builds the service: these ports of the store, and the given parts.
    #[must_use]
    pub fn service(self, around: &ServiceParts) -> Service {
        let ServiceParts { settings, vault, mailer, transport, metrics, traces, clock, entropy } = around.clone();
        let attachments = FolderAttachments::new(self.clone(), vault.clone(), entropy.clone(), settings.clone());
        let view = Arc::new(self);
        Service {
            settings,
            accounts: view.clone(),
            webhooks: view.clone(),
            policies: view.clone(),
            audit: view.clone(),
            event_types: view.clone(),
            attachments: Arc::new(attachments),
            events: view.clone(),
            deliveries: view.clone(),
            counts: view.clone(),
            health: view.clone(),
            redeliveries: view.clone(),
            queues: view.clone(),
            mail_limiter: view.clone(),
            mail_batches: view,
            vault,
            mailer,
            transport,
            metrics,
            traces,
            schemas: Arc::default(),
            clock,
            sample: Arc::default(),
            entropy,
        }
    }
}

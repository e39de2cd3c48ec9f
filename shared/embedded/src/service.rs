//! All ports together: those of the store's view, and those around it.

use std::sync::Arc;

use hookline_core::clock::{Clock, Entropy};
use hookline_core::ports::{Mailer, Service, Transport, Vault};
use hookline_core::settings::Settings;

use crate::attachments::FolderAttachments;
use crate::store::database::StorePorts;

/// What a service has beside its store.
#[derive(Clone)]
pub struct ServiceParts {
    /// How this deployment behaves.
    pub settings: Arc<Settings>,
    /// Seals secrets.
    pub vault: Arc<dyn Vault>,
    /// Sends mails.
    pub mailer: Arc<dyn Mailer>,
    /// The way out to endpoints.
    pub transport: Arc<dyn Transport>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl StorePorts {
    /// All ports together: the store's are this view.
    #[must_use]
    pub fn service(self, around: &ServiceParts) -> Service {
        let ServiceParts { settings, vault, mailer, transport, clock, entropy } = around.clone();
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
            health: view.clone(),
            redeliveries: view.clone(),
            queues: view.clone(),
            notices: view,
            vault,
            mailer,
            transport,
            clock,
            entropy,
        }
    }
}

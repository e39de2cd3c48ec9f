//! Mails, and what sends them.

use async_trait::async_trait;

use crate::errors::PortResult;
use crate::model::Mail;

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail over. Errors are logged and counted by the caller, and never fail a delivery.
    async fn send(&self, mail: &Mail) -> PortResult<()>;
}

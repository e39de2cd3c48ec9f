//! Where secrets are sealed and opened.

use async_trait::async_trait;

use crate::errors::PortResult;
use crate::model::{SealContext, Sealed};

/// Seals secrets under a data key of their account.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Seals a value.
    async fn seal(&self, context: SealContext<'_>, value: &[u8]) -> PortResult<Sealed>;
    /// Opens a value that was sealed for the same context.
    async fn open(&self, context: SealContext<'_>, sealed: &Sealed) -> PortResult<zeroize::Zeroizing<Vec<u8>>>;
}

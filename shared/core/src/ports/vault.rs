//! Where secrets are sealed and opened.

use async_trait::async_trait;

use super::Answer;
use crate::secret::{SealContext, Sealed};

/// Seals secrets under a data key of their account.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Seals a value.
    async fn seal(&self, context: SealContext<'_>, value: &[u8]) -> Answer<Sealed>;
    /// Opens a value that was sealed for the same context.
    async fn open(&self, context: SealContext<'_>, sealed: &Sealed) -> Answer<zeroize::Zeroizing<Vec<u8>>>;
}

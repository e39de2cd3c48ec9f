//! The vault behind the gate.

use async_trait::async_trait;
use hookline_core::ports::{Answer, Vault};
use hookline_core::secret::{SealContext, Sealed};
use zeroize::Zeroizing;

use super::Gated;
use crate::steps::Step;

#[async_trait]
impl Vault for Gated {
    async fn seal(&self, context: SealContext<'_>, value: &[u8]) -> Answer<Sealed> {
        self.world.step(Step::Seal, self.vault.seal(context, value)).await
    }

    async fn open(&self, context: SealContext<'_>, sealed: &Sealed) -> Answer<Zeroizing<Vec<u8>>> {
        self.world.step(Step::Open, self.vault.open(context, sealed)).await
    }
}

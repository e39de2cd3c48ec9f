//! The vault behind the gate.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::{SealContext, Sealed};
use hookline_core::ports::Vault;
use zeroize::Zeroizing;

use super::Gated;
use crate::steps::Step;

#[async_trait]
impl Vault for Gated {
    async fn seal(&self, context: SealContext<'_>, value: &[u8]) -> PortResult<Sealed> {
        let effect = async { self.unless_gone(context.account, self.vault.seal(context, value).await) };
        self.world.step(Step::Seal, effect).await?
    }

    async fn open(&self, context: SealContext<'_>, sealed: &Sealed) -> PortResult<Zeroizing<Vec<u8>>> {
        let effect = async { self.unless_gone(context.account, self.vault.open(context, sealed).await) };
        self.world.step(Step::Open, effect).await?
    }
}

impl Gated {
    /// The key of a deleted account is gone with it: that the vault fails then is no violation.
    fn unless_gone<T>(&self, account: &AccountId, answer: PortResult<T>) -> PortResult<PortResult<T>> {
        match answer {
            Err(fault) if self.world.lock().is_gone(account) => Ok(Err(fault)),
            answer => answer.map(Ok),
        }
    }
}

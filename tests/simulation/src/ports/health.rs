//! The health of endpoint hosts behind the gate. Every change is made a second time by the rules of the runs.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{HostEvent, HostHealth, HostTransition};
use hookline_core::ports::{Health, HostStatus, RampPermit};
use hookline_core::values::EndpointHost;
use jiff::Timestamp;

use super::Gated;
use crate::steps::Step;

#[async_trait]
impl Health for Gated {
    async fn host(&self, account: &AccountId, host: &EndpointHost, now: Timestamp) -> PortResult<HostHealth> {
        let effect = async {
            let health = self.store.host(account, host, now).await?;
            self.world.lock().looked_at(account, host, &health);
            Ok(health)
        };
        self.world.step(Step::Host, effect).await
    }

    async fn change_host(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        change: HostEvent,
        now: Timestamp,
        scale: f64,
    ) -> PortResult<HostTransition> {
        let effect = async {
            let changed = self.store.change_host(account, host, change.clone(), now, scale).await?;
            self.world.lock().changed_host(account, host, &change, &changed, now);
            Ok(changed)
        };
        self.world.step(Step::ChangeHost, effect).await
    }

    async fn take_permit(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        now: Timestamp,
        scale: f64,
    ) -> PortResult<RampPermit> {
        self.store.take_permit(account, host, now, scale).await
    }

    fn others_due(&self, account: &AccountId, host: &EndpointHost, webhook: WebhookId, now: Timestamp) -> Option<bool> {
        self.store.others_due(account, host, webhook, now)
    }

    async fn troubled_hosts(&self, account: &AccountId, now: Timestamp) -> PortResult<Vec<HostStatus>> {
        self.store.troubled_hosts(account, now).await
    }

    async fn names_host(&self, account: &AccountId, host: &EndpointHost) -> PortResult<bool> {
        self.world.step(Step::NamesHost, self.store.names_host(account, host)).await
    }
}

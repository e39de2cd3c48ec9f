//! How endpoint hosts are doing: what throttling reads and writes (section 8).

use async_trait::async_trait;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::ids::{AccountId, WebhookId};
use crate::model::{HostEvent, HostHealth, HostTransition};
use crate::values::EndpointHost;

/// An endpoint host as an account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStatus {
    /// The host.
    pub host: EndpointHost,
    /// How it is doing.
    pub health: HostHealth,
    /// Messages of the account that wait to be sent to it.
    pub waiting: u64,
}

/// The answer to a message that wants a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RampPermit {
    /// It may be sent.
    Taken,
    /// The window has none left, or the host is throttled again.
    NoneLeft,
}

/// Health of endpoint hosts, kept per account and host: no account can delay another one at a shared host.
#[async_trait]
pub trait Health: Send + Sync {
    /// How a host is doing. May be five seconds old, but never older than the process's own last change: every delivery
    /// asks, so it MUST cost no round trip as a rule.
    async fn host(&self, account: &AccountId, host: &EndpointHost, now: Timestamp) -> PortResult<HostHealth>;
    /// Changes a host by [`HostHealth::after`], in one step: of events that come at once, each sees the result of the
    /// one before, so exactly one throttles the host and exactly one wins a probe.
    async fn change_host(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        event: HostEvent,
        now: Timestamp,
        scale: f64,
    ) -> PortResult<HostTransition>;
    /// Takes one permit of the window in which a host is reopened ([`CircuitState::Reopening`](crate::model::CircuitState::Reopening)), by
    /// [`HostEvent::PermitsTaken`]. Messages that are worked on together take theirs in one step, and one permit is never
    /// given twice. Where the queue itself starts no more than a [`Ramp`](crate::model::Ramp) allows, it is always given.
    async fn take_permit(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        now: Timestamp,
        scale: f64,
    ) -> PortResult<RampPermit>;
    /// True if other webhooks of the account have messages due at the host. `None` where the queue cannot be searched:
    /// there messages come in no order, and webhooks that were probed yield to the others
    /// ([`HostHealth::circuit_for`]).
    fn others_due(&self, account: &AccountId, host: &EndpointHost, webhook: WebhookId, now: Timestamp) -> Option<bool>;
    /// The account's hosts that are throttled or held at `now`, by name.
    async fn troubled_hosts(&self, account: &AccountId, now: Timestamp) -> PortResult<Vec<HostStatus>>;
    /// True if a webhook of the account names the host.
    async fn names_host(&self, account: &AccountId, host: &EndpointHost) -> PortResult<bool>;
}

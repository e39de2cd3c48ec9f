//! The lanes of the queues.
//!
//! A lane is what must keep its order: the events of an account, or the messages of one webhook. Lanes never wait for each
//! other; the scheduler shares out the slots by account, then by endpoint host, then by webhook.

/// The rows of a queue that are worked off in order of their due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// An account's part of the events queue.
    Events {
        /// Number of the account.
        account: i64,
    },
    /// A webhook's part of the deliveries queue.
    Deliveries {
        /// The endpoint host that the slots and the circuit belong to.
        host: AccountHost,
        /// Id of the webhook; 0 for the steps of a long job.
        webhook: i64,
        /// [`DUE`] or [`URGENT`].
        class: u8,
    },
}

/// An endpoint host of one account. Health, limits and circuits are kept for each account apart, so that no account can
/// slow down the messages of another one at a shared host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AccountHost {
    /// Number of the account.
    pub(crate) account: i64,
    /// Hash of the endpoint host, or a number that stands for a long job.
    pub(crate) host: i64,
}

/// Attempts of events, and steps of long jobs: oldest due first.
pub(crate) const DUE: u8 = 0;
/// Tests and verify messages: sent whatever the health of their host.
pub(crate) const URGENT: u8 = 2;

impl Lane {
    /// The account that the lane's slots are counted for.
    pub(crate) fn account(self) -> i64 {
        match self {
            Self::Events { account } => account,
            Self::Deliveries { host, .. } => host.account,
        }
    }

    /// The host whose circuit and limit the lane obeys; `None` for events and for what is sent in any case.
    pub(crate) fn guarded_host(self) -> Option<AccountHost> {
        match self {
            Self::Deliveries { host, class: DUE, .. } => Some(host),
            Self::Deliveries { .. } | Self::Events { .. } => None,
        }
    }
}

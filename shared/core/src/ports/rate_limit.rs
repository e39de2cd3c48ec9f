//! Counts the calls of tokens and addresses (section 2, *Limits*).

use std::net::IpAddr;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::errors::PortResult;

/// What calls are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateKey {
    /// A token, by its id.
    Token(Uuid),
    /// A source address that calls a route without a token. IPv6 addresses count by their /64.
    Address(IpAddr),
}

impl RateKey {
    /// The key of a source address.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::Address(address.into()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::Address(IpAddr::from([a, b, c, d, 0, 0, 0, 0]))
            }
        }
    }
}

/// The state of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateStatus {
    /// How many calls a window allows.
    pub limit: u32,
    /// How many are left of it.
    pub remaining: u32,
    /// When the next window begins, in epoch seconds.
    pub reset: i64,
    /// This call is one too many.
    pub exceeded: bool,
}

/// Counts calls. A call that is not `counted` only reads the state.
#[async_trait]
pub trait RateLimit: Send + Sync {
    /// Counts a call, or asks.
    async fn take(&self, key: RateKey, counted: bool, now: Timestamp) -> PortResult<RateStatus>;
}

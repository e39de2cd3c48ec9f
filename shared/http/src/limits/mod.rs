//! Rate limits: calls per token or source address, and events per account (section 2, *Limits*).

mod publish_rate;
mod rate_limit;

pub(crate) use publish_rate::PublishRate;
pub use rate_limit::{MemoryRateLimit, RateKey, RateLimit, RateStatus};

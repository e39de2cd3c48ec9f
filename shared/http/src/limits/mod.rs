//! How often callers may call and how fast accounts may publish (section 2, *Limits*).

mod publish_rate;
mod rate_limit;

pub(crate) use publish_rate::PublishRate;
pub use rate_limit::{Key, MemoryRateLimit, Rate, RateLimit};

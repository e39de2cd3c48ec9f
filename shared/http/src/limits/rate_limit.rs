//! The limit of calls per token, and per source address for calls without a token (section 2, *Limits*).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use hookline_core::errors::PortResult;
pub use hookline_core::ports::{RateKey, RateLimit, RateStatus};
use jiff::Timestamp;

/// The largest number of callers in memory. Beyond it, the windows that end first are dropped.
const MAX_CALLERS: usize = 50_000;

/// Counts calls in the memory of one process. The window of a caller begins with its first call.
#[derive(Debug)]
pub struct MemoryRateLimit {
    per_token: RateAllowance,
    per_address: RateAllowance,
    windows: Mutex<HashMap<RateKey, RateWindow>>,
}

/// The number of calls allowed in a window, and the length of the window.
#[derive(Debug, Clone, Copy)]
struct RateAllowance {
    calls: u32,
    seconds: i64,
}

#[derive(Debug, Clone, Copy)]
struct RateWindow {
    ends: i64,
    used: u32,
}

impl Default for MemoryRateLimit {
    /// 3,600 calls per token and hour, 600 per source address and minute.
    fn default() -> Self {
        Self::new(3600, 600)
    }
}

impl MemoryRateLimit {
    /// Limits the calls per token and hour, and per source address and minute.
    #[must_use]
    pub fn new(per_token_and_hour: u32, per_address_and_minute: u32) -> Self {
        Self {
            per_token: RateAllowance { calls: per_token_and_hour, seconds: 3600 },
            per_address: RateAllowance { calls: per_address_and_minute, seconds: 60 },
            windows: Mutex::default(),
        }
    }

    fn take_now(&self, key: RateKey, counted: bool, now: i64) -> RateStatus {
        let allowance = match key {
            RateKey::Token(_) => self.per_token,
            RateKey::Address(_) => self.per_address,
        };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = RateWindow { ends: now + allowance.seconds, used: 0 };
        let mut window = windows.get(&key).copied().filter(|window| window.ends > now).unwrap_or(fresh);
        let exceeded = counted && window.used >= allowance.calls;
        if counted && !exceeded {
            window.used += 1;
            if windows.len() >= MAX_CALLERS && !windows.contains_key(&key) {
                forget(&mut windows, now);
            }
            windows.insert(key, window);
        }
        RateStatus { limit: allowance.calls, remaining: allowance.calls - window.used, reset: window.ends, exceeded }
    }
}

/// Drops the windows that have ended, and if that is not enough, the half that ends first.
fn forget(windows: &mut HashMap<RateKey, RateWindow>, now: i64) {
    windows.retain(|_, window| window.ends > now);
    if windows.len() >= MAX_CALLERS {
        let mut ends: Vec<i64> = windows.values().map(|window| window.ends).collect();
        let middle = ends.len() / 2;
        let (_, &mut median, _) = ends.select_nth_unstable(middle);
        windows.retain(|_, window| window.ends > median);
    }
}

#[async_trait]
impl RateLimit for MemoryRateLimit {
    async fn take(&self, key: RateKey, counted: bool, now: Timestamp) -> PortResult<RateStatus> {
        Ok(self.take_now(key, counted, now.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::ports::{RateKey, RateStatus};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_window_begins_with_the_first_call_and_ends() {
        let limit = MemoryRateLimit::new(2, 1);
        let key = RateKey::Token(Uuid::from_u128(1));
        let rate = |remaining, reset, exceeded| RateStatus { limit: 2, remaining, reset, exceeded };
        assert_eq!(limit.take_now(key, false, 50), rate(2, 3650, false));
        assert_eq!(limit.take_now(key, true, 100), rate(1, 3700, false));
        assert_eq!(limit.take_now(key, true, 200), rate(0, 3700, false));
        assert_eq!(limit.take_now(key, true, 3699), rate(0, 3700, true));
        assert_eq!(limit.take_now(key, false, 3699), rate(0, 3700, false));
        assert_eq!(limit.take_now(key, true, 3700), rate(1, 7300, false));
        assert!(!limit.take_now(RateKey::Token(Uuid::from_u128(2)), true, 200).exceeded);
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let limit = MemoryRateLimit::new(2, 1);
        let key = |text: &str| RateKey::of_address(text.parse().unwrap());
        assert!(!limit.take_now(key("2001:db8::1"), true, 0).exceeded);
        assert!(limit.take_now(key("2001:db8::2"), true, 0).exceeded);
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }

    #[test]
    fn memory_is_bounded() {
        let limit = MemoryRateLimit::new(2, 1);
        for n in 0..(MAX_CALLERS as u128 * 2) {
            limit.take_now(RateKey::Token(Uuid::from_u128(n)), true, i64::try_from(n / 1000).unwrap());
        }
        assert!(limit.windows.lock().unwrap().len() <= MAX_CALLERS);
    }
}

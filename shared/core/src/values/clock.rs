//! Time and randomness are passed in, so that tests control them.

use std::time::Duration;

use jiff::Timestamp;

/// The current time. `core` never reads the clock of the operating system itself.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Random bytes. `core` never uses the random generator of the operating system itself.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bytes fit for keys.
    fn fill(&self, bytes: &mut [u8]);

    /// 32 random bytes: a key, a token or a secret.
    fn key(&self) -> zeroize::Zeroizing<[u8; 32]> {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        self.fill(&mut *bytes);
        bytes
    }

    /// A random UUID (version 4).
    fn uuid(&self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A text of `length` random lower-case hex characters, 4 bits each.
    fn hex(&self, length: usize) -> String {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes.iter().map(|byte| char::from(b"0123456789abcdef"[usize::from(byte & 15)])).collect()
    }

    /// A random fraction in `0.0..1.0`.
    fn fraction(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Up to the next whole millisecond: what every store keeps, so a time read back is the time written.
#[must_use]
pub fn whole_millisecond(at: Timestamp) -> Timestamp {
    let down = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    if down < at { down.checked_add(Duration::from_millis(1)).unwrap_or(at) } else { down }
}

/// The system's own clock and random generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    fn now(&self) -> Timestamp {
        // Whole milliseconds: what every store keeps, so a time read back is the time written.
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes);
    }
}

/// The end of a wait, in whole milliseconds and not before it: what every store keeps.
pub(crate) fn after_wait(now: Timestamp, wait: Duration) -> Timestamp {
    let millis = i64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(now.as_millisecond().saturating_add(millis)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_millisecond_counts_as_one() {
        for (nanos, millis) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            let at = Timestamp::from_nanosecond(nanos).unwrap();
            assert_eq!(whole_millisecond(at), Timestamp::from_millisecond(millis).unwrap(), "{nanos}");
        }
    }
}

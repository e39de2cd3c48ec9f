//! How a host is reopened after a throttle (section 8): a [`Ramp`] of rounds, each with twice the requests of the one
//! before. The first round has one request.
//!
//! A round is over when its requests have finished. The binary sees that. Functions that share nothing but the store do
//! not: there a round is a [`RampWindow`], which lasts as long as the longest request, and requests take its permits.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::values::clock::after_wait;
use crate::values::milliseconds;

/// A window lasts as long as a request may take, so that what is in flight belongs to one window, or to the end of the
/// one before.
pub const RAMP_WINDOW: Duration = Duration::from_secs(10);
/// A ramp is over when a round would have more permits. 65,536 in a window are 6,553 requests a second.
pub const MAX_PERMITS: u32 = 65_536;

/// A round: how many requests it may have, and how many of them it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ramp {
    permits: u32,
    taken: u32,
}

impl Ramp {
    /// The first round.
    pub const FIRST: Self = Self { permits: 1, taken: 0 };

    /// A round as it was stored.
    #[must_use]
    pub fn stored(permits: u32, taken: u32) -> Self {
        Self { permits, taken }
    }

    /// The requests of the round.
    #[must_use]
    pub fn permits(self) -> u32 {
        self.permits
    }

    /// Those that it had.
    #[must_use]
    pub fn taken(self) -> u32 {
        self.taken
    }

    /// Those that it may still have.
    #[must_use]
    pub fn left(self) -> u32 {
        self.permits.saturating_sub(self.taken)
    }

    /// After these requests, or as many of them as the round may have.
    #[must_use]
    pub fn take(self, wanted: u32) -> Self {
        Self { taken: self.taken + wanted.min(self.left()), ..self }
    }

    /// The round after this one. `None` if the ramp is over.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.permits.checked_mul(2).filter(|permits| *permits <= MAX_PERMITS).map(|permits| Self { permits, taken: 0 })
    }
}

/// A round that ends at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RampWindow {
    /// When it began.
    #[serde(with = "milliseconds")]
    pub began: Timestamp,
    /// How long it lasts.
    #[serde(with = "milliseconds::duration")]
    pub length: Duration,
    /// The round.
    pub ramp: Ramp,
}

impl RampWindow {
    /// The first window. `scale` scales it; one without a length has no ramp.
    #[must_use]
    pub fn first(now: Timestamp, scale: f64) -> Option<Self> {
        let length = RAMP_WINDOW.mul_f64(scale);
        (length.as_millis() > 0).then_some(Self { began: now, length, ramp: Ramp::FIRST })
    }

    /// The window at `now`. `None` if the ramp is over.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Option<Self> {
        let mut window = self;
        while window.ends() <= now {
            window = Self { began: window.ends(), ramp: window.ramp.next()?, ..window };
        }
        Some(window)
    }

    /// When it ends.
    #[must_use]
    pub fn ends(self) -> Timestamp {
        after_wait(self.began, self.length)
    }

    /// When a message that gets no permit tries again: at a random time of the next window.
    #[must_use]
    pub fn try_again_at(self, chance: f64) -> Timestamp {
        after_wait(self.ends(), self.length.mul_f64(chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn each_round_has_twice_the_requests_of_the_one_before() {
        let rounds: Vec<u32> =
            std::iter::successors(Some(Ramp::FIRST), |ramp| ramp.take(7).next()).map(Ramp::left).collect();
        assert_eq!(rounds, (0..=16).map(|round| 1 << round).collect::<Vec<u32>>());
        let third = Ramp::stored(4, 1);
        assert_eq!(
            (third.take(2).left(), third.take(3).left(), third.take(9), third.take(0)),
            (1, 0, Ramp::stored(4, 4), third)
        );
        assert_eq!(Ramp::stored(4, 9).left(), 0, "a bad record");
        assert_eq!(Ramp::stored(u32::MAX, 0).next(), None);
    }

    #[test]
    fn a_window_ends_after_the_longest_request() {
        let first = RampWindow::first(at(100), 1.0).unwrap();
        assert_eq!((first.ends(), first.at(at(99)), first.at(at(109))), (at(110), Some(first), Some(first)));
        let second = first.at(at(110)).unwrap();
        assert_eq!((second.began, second.ramp.left()), (at(110), 2));
        let fourth = first.at(at(139)).unwrap();
        assert_eq!((fourth.began, fourth.ramp.left()), (at(130), 8));
        assert_eq!(first.at(at(269)).unwrap().ramp.left(), MAX_PERMITS);
        assert_eq!((first.at(at(270)), first.at(Timestamp::MAX)), (None, None), "it is over");
        assert_eq!(RampWindow::first(at(0), 0.5).unwrap().ends(), at(5));
        assert_eq!(RampWindow::first(at(0), 0.0), None);
    }

    #[test]
    fn a_message_without_a_permit_tries_again_in_the_next_window() {
        let first = RampWindow::first(at(0), 1.0).unwrap();
        assert_eq!([0.0, 0.5, 0.9].map(|chance| first.try_again_at(chance)), [10, 15, 19].map(at));
    }
}

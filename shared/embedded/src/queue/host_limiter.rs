//! How much one endpoint host may have in flight: a limit that adapts, and a door that throttling closes (section 8).
//!
//! The limit grows by one with every success and halves when the host does not keep up: a timeout, or a 429. A host that
//! was throttled reopens at one request at a time; since every success adds one, what is in flight doubles from round to
//! round.

/// What is in flight to one host, and what may be.
#[derive(Debug)]
pub(crate) struct Pace {
    in_flight: usize,
    limit: usize,
    /// So many of those in flight began before the limit was halved: what comes of them halves it no further.
    settling: usize,
    door: Door,
}

/// Whether a host gets anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// It does.
    Open,
    /// Not before then.
    Closed {
        /// Epoch milliseconds.
        until: i64,
        /// After that one at a time: one of them is the probe that closes or opens the door.
        probe: bool,
    },
}

impl Door {
    /// When it opens, if it is closed at `now`.
    pub(crate) fn opens_at(self, now: i64) -> Option<i64> {
        match self {
            Self::Open => None,
            Self::Closed { until, .. } => (until > now).then_some(until),
        }
    }

    /// One at a time is let through, now that the wait is over.
    pub(crate) fn is_probing(self, now: i64) -> bool {
        match self {
            Self::Open => false,
            Self::Closed { until, probe } => probe && until <= now,
        }
    }
}

impl Pace {
    /// Of a host of which nothing is known.
    pub(crate) fn new(most: usize) -> Self {
        Self { in_flight: 0, limit: most.max(1), settling: 0, door: Door::Open }
    }

    pub(crate) fn door(&self) -> Door {
        self.door
    }

    /// True if one more may go.
    pub(crate) fn admits(&mut self, now: i64) -> bool {
        match self.door {
            Door::Open => {}
            Door::Closed { until, .. } if until > now => return false,
            Door::Closed { probe: true, .. } => return self.in_flight == 0,
            Door::Closed { probe: false, .. } => self.door = Door::Open,
        }
        self.in_flight < self.limit
    }

    pub(crate) fn started(&mut self) {
        self.in_flight += 1;
    }

    pub(crate) fn finished(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.settling = self.settling.saturating_sub(1);
    }

    /// The host took a message.
    pub(crate) fn succeeded(&mut self, most: usize) {
        self.limit = (self.limit + 1).min(most.max(1));
    }

    /// The host does not keep up.
    pub(crate) fn congested(&mut self) {
        if self.settling == 0 {
            self.limit = (self.limit / 2).max(1);
            self.settling = self.in_flight;
        }
    }

    /// Sets the door. A host that was throttled begins with one request at a time.
    pub(crate) fn set_door(&mut self, door: Door) {
        if let Door::Closed { probe: true, .. } = self.door {
            self.limit = 1;
        }
        self.door = door;
    }

    /// Nothing is known that is worth keeping.
    pub(crate) fn is_forgotten(&self, most: usize) -> bool {
        self.in_flight == 0 && self.limit >= most && self.door == Door::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64;

    /// Starts as many as may.
    fn fill(pace: &mut Pace) -> usize {
        let mut started = 0;
        while pace.admits(0) {
            pace.started();
            started += 1;
        }
        started
    }

    fn finish(pace: &mut Pace, count: usize, told: impl Fn(&mut Pace)) {
        for _ in 0..count {
            told(pace);
            pace.finished();
        }
    }

    #[test]
    fn the_limit_halves_once_per_round_and_is_never_less_than_one() {
        let mut pace = Pace::new(MOST);
        for expected in [64, 32, 16, 8, 4, 2, 1, 1, 1] {
            let started = fill(&mut pace);
            assert_eq!(started, expected);
            finish(&mut pace, started, Pace::congested);
        }
        assert!(!pace.is_forgotten(MOST));
    }

    #[test]
    fn every_success_adds_one_up_to_the_most() {
        let mut pace = Pace::new(MOST);
        pace.set_door(Door::Closed { until: 10, probe: true });
        pace.set_door(Door::Open);
        for expected in [1, 2, 4, 8, 16, 32, 64, 64] {
            let started = fill(&mut pace);
            assert_eq!(started, expected, "doubling");
            finish(&mut pace, started, |pace| pace.succeeded(MOST));
        }
        assert!(pace.is_forgotten(MOST));
    }

    #[test]
    fn a_mixed_round_halves_once_and_grows_with_its_successes() {
        let mut pace = Pace::new(MOST);
        assert_eq!(fill(&mut pace), 64);
        finish(&mut pace, 10, Pace::congested);
        finish(&mut pace, 54, |_| ());
        assert_eq!(fill(&mut pace), 32);
        finish(&mut pace, 1, |pace| pace.succeeded(MOST));
        finish(&mut pace, 31, |_| ());
        assert_eq!(fill(&mut pace), 33);
    }

    #[test]
    fn a_closed_door_lets_nobody_through_and_then_one_at_a_time() {
        let mut pace = Pace::new(MOST);
        pace.set_door(Door::Closed { until: 10, probe: true });
        assert!(!pace.admits(9) && pace.admits(10) && !pace.is_forgotten(MOST));
        assert_eq!((pace.door().opens_at(9), pace.door().opens_at(10)), (Some(10), None));
        assert!(!pace.door().is_probing(9) && pace.door().is_probing(10));
        pace.started();
        assert!(!pace.admits(10), "one at a time");
        pace.finished();
        assert!(pace.admits(10), "the first one was no probe: it had expired");

        let mut held = Pace::new(2);
        held.set_door(Door::Closed { until: 10, probe: false });
        assert!(!held.admits(9));
        assert!(!held.door().is_probing(10) && held.admits(10) && held.door() == Door::Open);
        held.started();
        assert!(held.admits(10));
    }
}

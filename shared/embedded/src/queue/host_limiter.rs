//! How much one endpoint host may have in flight: a limit that adapts, and a circuit that throttling closes (section 8).
//!
//! The limit grows by one with every success and halves when the host does not keep up: a timeout, or a 429. A host that
//! was throttled reopens at one request at a time; since every success adds one, what is in flight doubles from round to
//! round.

/// What is in flight to one host, and what may be.
#[derive(Debug)]
pub(crate) struct HostLimiter {
    in_flight: usize,
    limit: usize,
    /// So many of those in flight began before the limit was halved: what comes of them halves it no further.
    settling: usize,
    circuit: HostCircuit,
}

/// Whether a host gets anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostCircuit {
    /// It does.
    Closed,
    /// Not before then.
    Open {
        /// Epoch milliseconds.
        until: i64,
        /// After that one at a time: one of them is the probe that closes or opens the circuit.
        half_open_after: bool,
    },
}

impl HostCircuit {
    /// When it opens, if it is closed at `now`.
    pub(crate) fn open_until(self, now: i64) -> Option<i64> {
        match self {
            Self::Closed => None,
            Self::Open { until, .. } => (until > now).then_some(until),
        }
    }

    /// One at a time is let through, now that the wait is over.
    pub(crate) fn is_half_open(self, now: i64) -> bool {
        match self {
            Self::Closed => false,
            Self::Open { until, half_open_after } => half_open_after && until <= now,
        }
    }
}

impl HostLimiter {
    /// Of a host of which nothing is known.
    pub(crate) fn new(most: usize) -> Self {
        Self { in_flight: 0, limit: most.max(1), settling: 0, circuit: HostCircuit::Closed }
    }

    pub(crate) fn circuit(&self) -> HostCircuit {
        self.circuit
    }

    /// True if one more may go.
    pub(crate) fn admits(&mut self, now: i64) -> bool {
        match self.circuit {
            HostCircuit::Closed => {}
            HostCircuit::Open { until, .. } if until > now => return false,
            HostCircuit::Open { half_open_after: true, .. } => return self.in_flight == 0,
            HostCircuit::Open { half_open_after: false, .. } => self.circuit = HostCircuit::Closed,
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

    /// Sets the circuit. A host that was throttled begins with one request at a time.
    pub(crate) fn set_circuit(&mut self, circuit: HostCircuit) {
        if let HostCircuit::Open { half_open_after: true, .. } = self.circuit {
            self.limit = 1;
        }
        self.circuit = circuit;
    }

    /// Nothing is known that is worth keeping.
    pub(crate) fn is_forgotten(&self, most: usize) -> bool {
        self.in_flight == 0 && self.limit >= most && self.circuit == HostCircuit::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64;

    /// Starts as many as may.
    fn fill(limiter: &mut HostLimiter) -> usize {
        let mut started = 0;
        while limiter.admits(0) {
            limiter.started();
            started += 1;
        }
        started
    }

    fn finish(limiter: &mut HostLimiter, count: usize, told: impl Fn(&mut HostLimiter)) {
        for _ in 0..count {
            told(limiter);
            limiter.finished();
        }
    }

    #[test]
    fn the_limit_halves_once_per_round_and_is_never_less_than_one() {
        let mut limiter = HostLimiter::new(MOST);
        for expected in [64, 32, 16, 8, 4, 2, 1, 1, 1] {
            let started = fill(&mut limiter);
            assert_eq!(started, expected);
            finish(&mut limiter, started, HostLimiter::congested);
        }
        assert!(!limiter.is_forgotten(MOST));
    }

    #[test]
    fn every_success_adds_one_up_to_the_most() {
        let mut limiter = HostLimiter::new(MOST);
        limiter.set_circuit(HostCircuit::Open { until: 10, half_open_after: true });
        limiter.set_circuit(HostCircuit::Closed);
        for expected in [1, 2, 4, 8, 16, 32, 64, 64] {
            let started = fill(&mut limiter);
            assert_eq!(started, expected, "doubling");
            finish(&mut limiter, started, |limiter| limiter.succeeded(MOST));
        }
        assert!(limiter.is_forgotten(MOST));
    }

    #[test]
    fn a_mixed_round_halves_once_and_grows_with_its_successes() {
        let mut limiter = HostLimiter::new(MOST);
        assert_eq!(fill(&mut limiter), 64);
        finish(&mut limiter, 10, HostLimiter::congested);
        finish(&mut limiter, 54, |_| ());
        assert_eq!(fill(&mut limiter), 32);
        finish(&mut limiter, 1, |limiter| limiter.succeeded(MOST));
        finish(&mut limiter, 31, |_| ());
        assert_eq!(fill(&mut limiter), 33);
    }

    #[test]
    fn a_closed_door_lets_nobody_through_and_then_one_at_a_time() {
        let mut limiter = HostLimiter::new(MOST);
        limiter.set_circuit(HostCircuit::Open { until: 10, half_open_after: true });
        assert!(!limiter.admits(9) && limiter.admits(10) && !limiter.is_forgotten(MOST));
        assert_eq!((limiter.circuit().open_until(9), limiter.circuit().open_until(10)), (Some(10), None));
        assert!(!limiter.circuit().is_half_open(9) && limiter.circuit().is_half_open(10));
        limiter.started();
        assert!(!limiter.admits(10), "one at a time");
        limiter.finished();
        assert!(limiter.admits(10), "the first one was no probe: it had expired");

        let mut held = HostLimiter::new(2);
        held.set_circuit(HostCircuit::Open { until: 10, half_open_after: false });
        assert!(!held.admits(9));
        assert!(!held.circuit().is_half_open(10) && held.admits(10) && held.circuit() == HostCircuit::Closed);
        held.started();
        assert!(held.admits(10));
    }
}

//! How many requests to one endpoint host may be in flight: an adaptive limit, and the circuit that throttling opens
//! (section 8).
//!
//! Each success raises the limit by one; a timeout or a 429 halves it. A host that was throttled starts again with one
//! request at a time. Because each success adds one, the number in flight then doubles from round to round.

/// The requests in flight to one host, and their limit.
#[derive(Debug)]
pub(crate) struct HostLimiter {
    in_flight: usize,
    limit: usize,
    /// How many of the requests in flight started before the last halving. Their results do not halve the limit again.
    settling: usize,
    circuit: HostCircuit,
}

/// Whether requests to a host may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostCircuit {
    /// They may.
    Closed,
    /// None may start before `until`.
    Open {
        /// Epoch milliseconds.
        until: i64,
        /// After that the circuit is half-open: one request at a time, one of which is the probe that closes or opens
        /// it.
        half_open_after: bool,
    },
}

impl HostCircuit {
    /// When an open circuit ends its wait; `None` if it is closed or the wait has ended.
    pub(crate) fn open_until(self, now: i64) -> Option<i64> {
        match self {
            Self::Closed => None,
            Self::Open { until, .. } => (until > now).then_some(until),
        }
    }

    /// True if the wait has ended and one request at a time may start.
    pub(crate) fn is_half_open(self, now: i64) -> bool {
        match self {
            Self::Closed => false,
            Self::Open { until, half_open_after } => half_open_after && until <= now,
        }
    }
}

impl HostLimiter {
    /// For a host without history.
    pub(crate) fn new(most: usize) -> Self {
        Self { in_flight: 0, limit: most.max(1), settling: 0, circuit: HostCircuit::Closed }
    }

    pub(crate) fn circuit(&self) -> HostCircuit {
        self.circuit
    }

    /// True if one more request may start.
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

    /// A request succeeded: raises the limit.
    pub(crate) fn succeeded(&mut self, most: usize) {
        self.limit = (self.limit + 1).min(most.max(1));
    }

    /// The host timed out or answered 429: lowers the limit.
    pub(crate) fn congested(&mut self) {
        if self.settling == 0 {
            self.limit = (self.limit / 2).max(1);
            self.settling = self.in_flight;
        }
    }

    /// Sets the circuit. A host that was throttled starts with one request at a time.
    pub(crate) fn set_circuit(&mut self, circuit: HostCircuit) {
        if let HostCircuit::Open { half_open_after: true, .. } = self.circuit {
            self.limit = 1;
        }
        self.circuit = circuit;
    }

    /// True if it equals the state of a host without history.
    pub(crate) fn is_forgotten(&self, most: usize) -> bool {
        self.in_flight == 0 && self.limit >= most && self.circuit == HostCircuit::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64;

    /// Starts as many requests as the limiter admits.
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
    fn an_open_circuit_admits_nothing_then_one_request_at_a_time() {
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

//! Caches DNS lookups. A lookup is reused for at most its TTL and at most 60 s, and concurrent callers for one name
//! share one query.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::resolver::{Resolve, ResolveError};

/// The addresses of a name, and how long they may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lookup {
    /// Never empty.
    pub(crate) addresses: Vec<IpAddr>,
    /// After this, only the callers that already waited for this lookup may use it.
    pub(crate) valid_until: Instant,
}

/// Why a lookup gave no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookupError {
    /// The name has no address, or the name servers failed.
    NotFound,
    /// The name servers did not answer in time.
    TimedOut,
    /// No name server could be asked, for this reason.
    NotAsked(&'static str),
}

type LookupResult = Result<Arc<Lookup>, LookupError>;

enum Slot {
    /// A query is running; its result arrives here.
    Running(watch::Receiver<Option<LookupResult>>),
    Known(Arc<Lookup>),
}

type Slots = Arc<Mutex<HashMap<Box<str>, Slot>>>;

/// How long a lookup may take, how long it is kept, and how many are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookupLimits {
    pub(crate) deadline: Duration,
    pub(crate) max_age: Duration,
    pub(crate) max_names: usize,
}

pub(crate) struct Lookups {
    resolver: Arc<dyn Resolve>,
    limits: LookupLimits,
    slots: Slots,
}

impl Lookups {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, limits: LookupLimits) -> Self {
        Self { resolver, limits, slots: Slots::default() }
    }

    /// The addresses of a name, from the cache or from a query.
    pub(crate) async fn find(&self, name: &str) -> LookupResult {
        let mut running = match self.cached_or_started(name, Instant::now()) {
            Ok(lookup) => return Ok(lookup),
            Err(running) => running,
        };
        // The sender is dropped only if the resolver panicked. The next caller starts a new query.
        let found = running.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        found.unwrap_or(Err(LookupError::NotFound))
    }

    fn cached_or_started(
        &self,
        name: &str,
        now: Instant,
    ) -> Result<Arc<Lookup>, watch::Receiver<Option<LookupResult>>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(name) {
            Some(Slot::Known(lookup)) if now < lookup.valid_until => return Ok(Arc::clone(lookup)),
            Some(Slot::Running(result)) if result.has_changed().is_ok() => return Err(result.clone()),
            Some(Slot::Known(_) | Slot::Running(_)) | None => {}
        }
        if slots.len() >= self.limits.max_names && !slots.contains_key(name) {
            remove_expired(&mut slots, now);
        }
        let (sender, result) = watch::channel(None);
        slots.insert(name.into(), Slot::Running(result.clone()));
        drop(slots);
        // In its own task, so the query goes on for the other callers when one of them stops waiting.
        tokio::spawn(query(Arc::clone(&self.resolver), self.limits, Arc::clone(&self.slots), name.into(), sender));
        Err(result)
    }
}

async fn query(
    resolver: Arc<dyn Resolve>,
    limits: LookupLimits,
    slots: Slots,
    name: Box<str>,
    sender: watch::Sender<Option<LookupResult>>,
) {
    let found = match timeout(limits.deadline, resolver.resolve(&name)).await {
        Err(_) => Err(LookupError::TimedOut),
        Ok(Err(ResolveError::NotAsked { reason })) => Err(LookupError::NotAsked(reason)),
        Ok(Err(ResolveError::NotFound)) => Err(LookupError::NotFound),
        Ok(Ok(resolved)) if resolved.addresses.is_empty() => Err(LookupError::NotFound),
        Ok(Ok(resolved)) => Ok(Arc::new(Lookup {
            addresses: resolved.addresses,
            valid_until: Instant::now() + resolved.ttl.min(limits.max_age),
        })),
    };
    let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
    match &found {
        Ok(lookup) => drop(slots.insert(name, Slot::Known(Arc::clone(lookup)))),
        Err(_) => drop(slots.remove(&name)),
    }
    drop(slots);
    sender.send_replace(Some(found));
}

/// Removes expired lookups, or the one that expires first if none has expired.
fn remove_expired(slots: &mut HashMap<Box<str>, Slot>, now: Instant) {
    let before = slots.len();
    slots.retain(|_, slot| match slot {
        Slot::Known(lookup) => now < lookup.valid_until,
        Slot::Running(_) => true,
    });
    if slots.len() < before {
        return;
    }
    let first_to_expire = slots
        .iter()
        .filter_map(|(name, slot)| match slot {
            Slot::Known(lookup) => Some((lookup.valid_until, name)),
            Slot::Running(_) => None,
        })
        .min()
        .map(|(_, name)| name.clone());
    if let Some(name) = first_to_expire {
        slots.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::resolver::Resolved;

    /// Counts queries. `slow.*` waits for the gate, `never.*` for ever; `none.*` has no address, `gone.*` does not
    /// exist, and the first query for `panic.*` panics.
    struct Scripted {
        queries: AtomicUsize,
        gate: Semaphore,
        ttl: Duration,
    }

    #[async_trait]
    impl Resolve for Scripted {
        async fn resolve(&self, name: &str) -> Result<Resolved, ResolveError> {
            let count = self.queries.fetch_add(1, Ordering::SeqCst);
            match name.split('.').next() {
                Some("slow") => drop(self.gate.acquire().await),
                Some("never") => std::future::pending().await,
                Some("none") => return Ok(Resolved { addresses: Vec::new(), ttl: self.ttl }),
                Some("gone") => return Err(ResolveError::NotFound),
                Some("panic") if count == 0 => panic!("scripted"),
                Some(_) | None => {}
            }
            Ok(Resolved { addresses: vec![IpAddr::from([198, 51, 100, 1])], ttl: self.ttl })
        }
    }

    fn lookups(ttl: u64, max_names: usize) -> (Arc<Scripted>, Arc<Lookups>) {
        let ttl = Duration::from_secs(ttl);
        let scripted = Arc::new(Scripted { queries: AtomicUsize::new(0), gate: Semaphore::new(0), ttl });
        let limits = LookupLimits { deadline: Duration::from_secs(2), max_age: Duration::from_mins(1), max_names };
        (Arc::clone(&scripted) as _, Arc::new(Lookups::new(scripted, limits)))
    }

    #[tokio::test]
    async fn a_lookup_lasts_for_its_ttl_and_at_most_a_minute() {
        for (ttl, lasts) in [(0, 0), (30, 30), (3600, 60)] {
            let (_, lookups) = lookups(ttl, 10);
            let lasts = Duration::from_secs(lasts);
            let before = Instant::now();
            let until = lookups.find("a.example").await.unwrap().valid_until;
            assert!((before + lasts..=Instant::now() + lasts).contains(&until), "ttl {ttl}");
            assert!(lookups.cached_or_started("a.example", until).is_err(), "ttl {ttl}");
            let until = lookups.find("a.example").await.unwrap().valid_until;
            assert!(
                lookups.cached_or_started("a.example", until.checked_sub(Duration::from_nanos(1)).unwrap()).is_ok()
            );
        }
    }

    #[tokio::test]
    async fn concurrent_callers_share_one_query() {
        let (scripted, lookups) = lookups(0, 10);
        let asking = (0..50).map(|_| {
            let answer = lookups.cached_or_started("slow.example", Instant::now());
            let mut answer = answer.expect_err("nothing is known yet");
            tokio::spawn(async move { answer.wait_for(Option::is_some).await.map(|found| found.clone()) })
        });
        let asking: Vec<_> = asking.collect();
        scripted.gate.add_permits(1);
        for one in asking {
            assert!(one.await.unwrap().unwrap().unwrap().is_ok());
        }
        assert_eq!(scripted.queries.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn failures_are_not_remembered() {
        let (scripted, lookups) = lookups(60, 10);
        for name in ["gone.example", "none.example", "gone.example", "none.example"] {
            assert_eq!(lookups.find(name).await, Err(LookupError::NotFound));
        }
        assert_eq!(scripted.queries.load(Ordering::SeqCst), 4);
        assert_eq!(lookups.find("never.example").await, Err(LookupError::TimedOut));
        assert!(lookups.slots.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_resolver_that_panics_is_asked_again() {
        let (_, lookups) = lookups(60, 10);
        assert_eq!(lookups.find("panic.example").await, Err(LookupError::NotFound));
        assert!(lookups.find("panic.example").await.is_ok());
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let (_, lookups) = lookups(60, 8);
        for n in 0..100 {
            lookups.find(&format!("a{n}.example")).await.unwrap();
            assert!(lookups.slots.lock().unwrap().len() <= 8);
        }
    }
}

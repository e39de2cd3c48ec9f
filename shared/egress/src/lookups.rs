//! Remembers lookups: each for at most its TTL and 60 s, and one query for all who ask for a name at the same time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::resolver::{Resolve, Unresolved};

/// Addresses of a name that were valid when they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lookup {
    /// At least one.
    pub(crate) addresses: Vec<IpAddr>,
    /// Past this, the addresses may serve whoever waited for them, and nobody else.
    pub(crate) valid_until: Instant,
}

/// Why there are no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAddress {
    /// The name has none, or the name servers failed.
    NotFound,
    /// The name servers did not answer in time.
    TimedOut,
    /// None could be asked, for this reason.
    Unasked(&'static str),
}

type Found = Result<Arc<Lookup>, NoAddress>;

enum Slot {
    /// Somebody asks already; the answer comes here.
    Asked(watch::Receiver<Option<Found>>),
    Known(Arc<Lookup>),
}

type Slots = Arc<Mutex<HashMap<Box<str>, Slot>>>;

/// How long lookups may take and last.
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

    /// The addresses of a name.
    pub(crate) async fn find(&self, name: &str) -> Found {
        let mut answer = match self.known_or_asked(name, Instant::now()) {
            Ok(lookup) => return Ok(lookup),
            Err(answer) => answer,
        };
        // Fails only if the resolver panicked; the next caller asks anew.
        let found = answer.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        found.unwrap_or(Err(NoAddress::NotFound))
    }

    fn known_or_asked(&self, name: &str, now: Instant) -> Result<Arc<Lookup>, watch::Receiver<Option<Found>>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(name) {
            Some(Slot::Known(lookup)) if now < lookup.valid_until => return Ok(Arc::clone(lookup)),
            Some(Slot::Asked(answer)) if answer.has_changed().is_ok() => return Err(answer.clone()),
            Some(Slot::Known(_) | Slot::Asked(_)) | None => {}
        }
        if slots.len() >= self.limits.max_names && !slots.contains_key(name) {
            make_room(&mut slots, now);
        }
        let (tell, answer) = watch::channel(None);
        slots.insert(name.into(), Slot::Asked(answer.clone()));
        drop(slots);
        // A task of its own: the query goes on for the others when one of them gives up.
        tokio::spawn(ask(Arc::clone(&self.resolver), self.limits, Arc::clone(&self.slots), name.into(), tell));
        Err(answer)
    }
}

async fn ask(
    resolver: Arc<dyn Resolve>,
    limits: LookupLimits,
    slots: Slots,
    name: Box<str>,
    tell: watch::Sender<Option<Found>>,
) {
    let found = match timeout(limits.deadline, resolver.resolve(&name)).await {
        Err(_) => Err(NoAddress::TimedOut),
        Ok(Err(Unresolved::Unasked { lack })) => Err(NoAddress::Unasked(lack)),
        Ok(Err(Unresolved::NotFound)) => Err(NoAddress::NotFound),
        Ok(Ok(resolved)) if resolved.addresses.is_empty() => Err(NoAddress::NotFound),
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
    tell.send_replace(Some(found));
}

/// Forgets what is over; if that is nothing, the lookup that is over first.
fn make_room(slots: &mut HashMap<Box<str>, Slot>, now: Instant) {
    let before = slots.len();
    slots.retain(|_, slot| match slot {
        Slot::Known(lookup) => now < lookup.valid_until,
        Slot::Asked(_) => true,
    });
    if slots.len() < before {
        return;
    }
    let first_over = slots
        .iter()
        .filter_map(|(name, slot)| match slot {
            Slot::Known(lookup) => Some((lookup.valid_until, name)),
            Slot::Asked(_) => None,
        })
        .min()
        .map(|(_, name)| name.clone());
    if let Some(name) = first_over {
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
        async fn resolve(&self, name: &str) -> Result<Resolved, Unresolved> {
            let count = self.queries.fetch_add(1, Ordering::SeqCst);
            match name.split('.').next() {
                Some("slow") => drop(self.gate.acquire().await),
                Some("never") => std::future::pending().await,
                Some("none") => return Ok(Resolved { addresses: Vec::new(), ttl: self.ttl }),
                Some("gone") => return Err(Unresolved::NotFound),
                Some("panic") if count == 0 => panic!("scripted"),
                Some(_) | None => {}
            }
            Ok(Resolved { addresses: vec![IpAddr::from([198, 51, 100, 1])], ttl: self.ttl })
        }
    }

    fn lookups(ttl: u64, max_names: usize) -> (Arc<Scripted>, Arc<Lookups>) {
        let ttl = Duration::from_secs(ttl);
        let scripted = Arc::new(Scripted { queries: AtomicUsize::new(0), gate: Semaphore::new(0), ttl });
        let limits = LookupLimits { deadline: Duration::from_millis(200), max_age: Duration::from_mins(1), max_names };
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
            assert!(lookups.known_or_asked("a.example", until).is_err(), "ttl {ttl}");
            let until = lookups.find("a.example").await.unwrap().valid_until;
            assert!(lookups.known_or_asked("a.example", until.checked_sub(Duration::from_nanos(1)).unwrap()).is_ok());
        }
    }

    #[tokio::test]
    async fn those_who_ask_at_once_share_one_query() {
        let (scripted, lookups) = lookups(0, 10);
        let asking = (0..50).map(|_| {
            let answer = lookups.known_or_asked("slow.example", Instant::now());
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
            assert_eq!(lookups.find(name).await, Err(NoAddress::NotFound));
        }
        assert_eq!(scripted.queries.load(Ordering::SeqCst), 4);
        assert_eq!(lookups.find("never.example").await, Err(NoAddress::TimedOut));
        assert!(lookups.slots.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_resolver_that_panics_is_asked_again() {
        let (_, lookups) = lookups(60, 10);
        assert_eq!(lookups.find("panic.example").await, Err(NoAddress::NotFound));
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

//! Group commit under failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, EventId};
use hookline_core::model::{Account, Event, EventHead, EventName, Links, Payload};
use hookline_core::ports::{Accounts as _, Events as _, Queues as _};
use hookline_core::settings::CoreSettings;
use hookline_core::values::TimeZone;
use jiff::Timestamp;
use rusqlite::Connection;

use crate::queue::unit_of_work::UnitOfWork;
use crate::store::database::{Kept, Store};

fn wdc() -> AccountId {
    AccountId::parse("wdc").unwrap()
}

async fn store(folder: &tempfile::TempDir) -> Store {
    let store = Store::open(&folder.path().join("hookline.db"), Kept::of(&CoreSettings::default())).unwrap();
    let account = Account {
        id: wdc(),
        name: String::new(),
        admin_mails: Vec::new(),
        time_zone: TimeZone::default(),
        custom_url: None,
        disabled: false,
        created_at: Timestamp::UNIX_EPOCH,
    };
    assert!(store.api().create_account(&account).await.unwrap());
    store
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn event(number: usize, size: usize) -> Event {
    let name = EventName::builtin("request.create").unwrap();
    let head = EventHead {
        id: EventId::parse(&format!("e{number}")).unwrap(),
        account: wdc(),
        object_id: 1,
        object_type: EventHead::default_object_type(&name),
        event: name,
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        trace: None,
        accepted_at: now(),
    };
    let payload = format!("{{\"x\":\"{}\"}}", "x".repeat(size));
    Event { head: Arc::new(head), payload: Payload::from_valid_json(payload.into()) }
}

fn write(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT INTO counters (name, value) VALUES (?1, 1)", [name]).map(|_| ())
}

async fn written(store: &Store) -> Vec<String> {
    let read = store.list(|connection| {
        let mut statement = connection.prepare("SELECT name FROM counters ORDER BY name")?;
        statement.query_map([], |row| row.get(0))?.collect()
    });
    read.await.unwrap()
}

/// Blocks the writer until the flag is set, so that all writes in between share one transaction.
fn hold(store: &Store) -> (Arc<AtomicBool>, tokio::task::JoinHandle<PortResult<()>>) {
    let free = Arc::new(AtomicBool::new(false));
    let (theirs, store) = (Arc::clone(&free), store.clone());
    let held = tokio::spawn(async move {
        let wait = move |_: &Connection| {
            while !theirs.load(Ordering::Acquire) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        };
        store.writer().ask(None, wait).await
    });
    (free, held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_or_panics_does_not_affect_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let (free, held) = hold(&store);
    let jobs = (0..30).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let name = format!("n{number:02}");
            let work = move |connection: &Connection| {
                write(connection, &name)?;
                match number % 3 {
                    0 => write(connection, &name),
                    1 => panic!("a job that panics"),
                    _ => Ok(()),
                }
            };
            store.writer().ask(None, work).await
        })
    });
    let jobs: Vec<_> = jobs.collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    free.store(true, Ordering::Release);
    held.await.unwrap().unwrap();
    let answers = join_all(jobs).await;
    let mut expected = Vec::new();
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap().is_ok(), number % 3 == 2, "job {number}");
        if number % 3 == 2 {
            expected.push(format!("n{number:02}"));
        }
    }
    assert_eq!(written(&store).await, expected, "all of the good ones, and nothing of the others");
    store.writer().ask(None, |connection| write(connection, "more")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_unit_writes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let (broken, whole) = (Arc::new(UnitOfWork::default()), Arc::new(UnitOfWork::default()));
    let undone = Arc::new(AtomicBool::new(false));
    let (free, held) = hold(&store);
    let writer = store.writer();
    writer.log(Arc::clone(&broken), |connection| write(connection, "a"));
    writer.log(Arc::clone(&broken), |connection| write(connection, "a"));
    writer.log(Arc::clone(&broken), |connection| write(connection, "b"));
    writer.log(Arc::clone(&whole), |connection| write(connection, "c"));
    let told = Arc::clone(&undone);
    let acknowledge = |connection: &Connection| write(connection, "acknowledged");
    writer.log_or(Arc::clone(&broken), acknowledge, move |_| told.store(true, Ordering::Release));
    free.store(true, Ordering::Release);
    held.await.unwrap().unwrap();
    writer.ask(None, |_| Ok(())).await.unwrap();
    assert_eq!(written(&store).await, ["a", "c"], "earlier writes stand, later ones do not happen");
    assert!(
        undone.load(Ordering::Acquire),
        "the acknowledgement reports its failure, so the queue delivers the message again"
    );
    assert!(broken.check().is_err() && whole.check().is_ok());
    assert!(writer.ask(Some(broken), |_| Ok(())).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_reported_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let limit = async |pages: i64| {
        store.writer().peek(move |connection| connection.pragma_update(None, "max_page_count", pages)).await.unwrap();
    };
    let pages: i64 =
        store.read(|connection| connection.pragma_query_value(None, "page_count", |row| row.get(0))).unwrap();
    limit(pages + 100).await;
    let api = store.api();
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for round in 0..12 {
        let puts = (0..5).map(|number| {
            let (api, event) = (api.clone(), event(round * 5 + number, 20_000));
            async move { (event.head.id.clone(), api.put_events(&[event]).await.remove(0)) }
        });
        for (id, answer) in join_all(puts).await {
            match answer {
                Ok(_) => accepted.push(id),
                Err(PortError::StorageFull) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(accepted.len() > 5 && refused > 20, "{} and {refused}", accepted.len());
    let stored = async |id: &EventId| api.event(&wdc(), id, now()).await.unwrap().is_some();
    for id in &accepted {
        assert!(stored(id).await, "an accepted event is there");
    }
    let count: i64 =
        store.read(|connection| connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0))).unwrap();
    assert_eq!(usize::try_from(count).unwrap(), accepted.len(), "and a refused one is not");
    // A full disk breaks the whole unit.
    let unit = Arc::new(UnitOfWork::default());
    store.writer().log(Arc::clone(&unit), |connection| {
        connection.execute("INSERT INTO counters (name, value) VALUES (hex(zeroblob(400000)), 1)", []).map(|_| ())
    });
    // Other writes in the same transaction get the same error.
    let next = store.writer().ask(None, |_| Ok(())).await;
    assert!(matches!(next, Ok(()) | Err(PortError::StorageFull)), "{next:?}");
    assert!(unit.is_broken());
    limit(1 << 30).await;
    let again = api.put_events(&[event(999, 20_000)]).await.remove(0);
    assert!(
        again.is_ok() && stored(&EventId::parse("e999").unwrap()).await,
        "it recovers without a restart once there is room"
    );
}

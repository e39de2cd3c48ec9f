//! The two queues as tables with due times.
//!
//! A row is the message: it goes when the message is acknowledged, and it is all that a crash leaves. The one process
//! that drains the queues also holds the next messages in memory ([`crate::workers`]), so most rows are written and
//! deleted without ever being read.

use async_trait::async_trait;
use hookline_core::event::Event;
use hookline_core::message::{Attempt, Kind};
use hookline_core::ports::{Answer, Fault, Queues};
use hookline_core::recover;
use hookline_core::redeliver::Step;
use hookline_core::webhook::WebhookId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::events::{event_from, insert};
use super::piece::{Origin, Piece};
use super::queue_row::Row;
use super::rows::{account_number, event_number, millis};
use super::{Store, View, steps, ticket};
use crate::workers::{FRESH, Item, Lane, Work};

/// So many messages whose run is over are ended between two probes of a throttled host's door.
const MOST_EXPIRED: i64 = 256;

#[async_trait]
impl Queues for View {
    async fn put_events(&self, events: &[Event]) -> Vec<Answer<()>> {
        if events.is_empty() {
            return Vec::new();
        }
        let kept = self.store.kept();
        let (given, handed) = (events.to_vec(), events.to_vec());
        let board = self.store.board().cloned();
        let put = self.store.writer().ask_then(
            move |connection| given.iter().map(|event| put_event(connection, event, kept)).collect(),
            move |put: &Vec<Put>| {
                let Some(board) = board else { return };
                for (event, put) in handed.into_iter().zip(put) {
                    if let Put::New { account, event: number } = put {
                        let due = millis(event.head.accepted_at);
                        if !board.offer(fresh_event(event, *account, *number)) {
                            board.note(Lane::Events, due);
                        }
                    }
                }
                board.pump();
            },
        );
        match put.await {
            Ok(put) => put
                .into_iter()
                .map(|put| match put {
                    Put::New { .. } | Put::Known => Ok(()),
                    Put::NoAccount => Err(Fault::unavailable("store", "there is no such account")),
                })
                .collect(),
            Err(fault) => events.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    async fn put_attempts(&self, attempts: &[(u64, Attempt)]) -> Answer<()> {
        if attempts.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row> = attempts.iter().map(|(group, attempt)| Row::of(&self.store, *group, attempt)).collect();
        if let Some(piece) = self.piece() {
            piece.check()?;
            self.put_in_order(piece, attempts, rows);
            return Ok(());
        }
        let attempts: Vec<Attempt> = attempts.iter().map(|(_, attempt)| attempt.clone()).collect();
        let board = self.store.board().cloned();
        let put = move |connection: &Connection| {
            for (row, attempt) in rows.iter().zip(&attempts) {
                let event = stored_event(connection, attempt)?;
                row.insert(connection, event, &ticket::encode(attempt, event.is_some()))?;
            }
            Ok(rows.iter().map(|row| (row.lane(), row.due)).collect())
        };
        let hint = move |put: &Vec<(Lane, i64)>| {
            let Some(board) = board else { return };
            for (lane, due) in put {
                board.note(*lane, *due);
            }
            board.pump();
        };
        self.store.writer().ask_then(put, hint).await.map(|_| ())
    }

    async fn put_redelivery(&self, step: &Step) -> Answer<()> {
        self.put_redelivery_step(step).await
    }

    async fn put_recovery(&self, step: &recover::Step) -> Answer<()> {
        self.put_recovery_step(step).await
    }
}

impl View {
    /// Puts attempts on the log of the writer, and hands those that are due over in memory.
    fn put_in_order(&self, piece: std::sync::Arc<Piece>, attempts: &[(u64, Attempt)], rows: Vec<Row>) {
        let origin = piece.origin.clone();
        let of_origin = |attempt: &Attempt| {
            let head = &attempt.message.event;
            attempt.message.kind == Kind::Event
                && origin.as_ref().is_some_and(|origin| origin.is(&head.account, &head.id))
        };
        let board = self.store.board();
        let (mut written, mut noted) = (Vec::with_capacity(rows.len()), Vec::new());
        for ((_, attempt), row) in attempts.iter().zip(rows) {
            let known = of_origin(attempt);
            let origin = origin.clone().filter(|_| known);
            // Offered before it is written: whoever finds the row in the table then finds it taken.
            let item = Item {
                lane: row.lane(),
                number: row.number,
                due: row.due,
                work: Work::Attempt(attempt.clone()),
                origin: origin.clone(),
                fresh: piece.fresh,
                expired: false,
            };
            // A fresh attempt is due now; what is due later waits in the table.
            if board.is_some_and(|board| row.class != FRESH || !board.offer(item)) {
                noted.push((row.lane(), row.due));
            }
            let text = if known { Text::Ready(ticket::encode(attempt, true)) } else { Text::Of(attempt.clone()) };
            written.push((row, origin.map(|origin| origin.event), text));
        }
        self.store.writer().log(piece, move |connection| {
            for (row, event, text) in &written {
                match text {
                    Text::Ready(text) => row.insert(connection, *event, text)?,
                    Text::Of(attempt) => {
                        let event = stored_event(connection, attempt)?;
                        row.insert(connection, event, &ticket::encode(attempt, event.is_some()))?;
                    }
                }
            }
            Ok(())
        });
        if let Some(board) = board {
            for (lane, due) in noted {
                board.note(lane, due);
            }
            board.pump();
        }
    }
}

/// The ticket of a row: written already, or to be written once it is known whether the event is stored.
enum Text {
    Ready(String),
    Of(Attempt),
}

/// How an event was put.
enum Put {
    New { account: i64, event: i64 },
    Known,
    NoAccount,
}

fn put_event(connection: &Connection, event: &Event, kept: super::Kept) -> rusqlite::Result<Put> {
    let Some(account) = account_number(connection, &event.head.account)? else { return Ok(Put::NoAccount) };
    let (number, is_new) = insert(connection, account, event, kept, event.head.accepted_at)?;
    if !is_new {
        return Ok(Put::Known);
    }
    connection
        .prepare_cached("INSERT INTO events_queue (event, due) VALUES (?1, ?2)")?
        .execute([number, millis(event.head.accepted_at)])?;
    Ok(Put::New { account, event: number })
}

fn fresh_event(event: Event, account: i64, number: i64) -> Item {
    let origin = Origin {
        account_id: event.head.account.clone(),
        event_id: event.head.id.clone(),
        accepted_at: millis(event.head.accepted_at),
        account,
        event: number,
    };
    let due = origin.accepted_at;
    Item {
        lane: Lane::Events,
        number,
        due,
        work: Work::Event(event),
        origin: Some(origin),
        fresh: true,
        expired: false,
    }
}

/// The number of the event of an attempt, if that is stored.
fn stored_event(connection: &Connection, attempt: &Attempt) -> rusqlite::Result<Option<i64>> {
    if attempt.message.kind != Kind::Event {
        return Ok(None);
    }
    let head = &attempt.message.event;
    match account_number(connection, &head.account)? {
        Some(account) => event_number(connection, account, &head.id),
        None => Ok(None),
    }
}

/// What the workers ask of the tables.
impl Store {
    /// Every lane that has rows, with its first due time.
    pub(crate) fn lanes(&self) -> Answer<Vec<(Lane, i64)>> {
        self.read(|connection| {
            let mut lanes = Vec::new();
            let events: Option<i64> =
                connection.query_row("SELECT min(due) FROM events_queue", [], |row| row.get(0))?;
            lanes.extend(events.map(|due| (Lane::Events, due)));
            // One step in the index per lane, however many rows it has.
            let mut next = connection.prepare(
                "SELECT grp, class, due FROM attempts WHERE (grp, class) > (?1, ?2) ORDER BY grp, class, due LIMIT 1",
            )?;
            let mut at = (i64::MIN, -1_i64);
            while let Some((group, class, due)) =
                next.query_row(at, |row| Ok((row.get(0)?, row.get::<_, u8>(1)?, row.get(2)?))).optional()?
            {
                lanes.push((Lane::Deliveries { group, class }, due));
                at = (group, i64::from(class));
            }
            Ok(lanes)
        })
    }

    /// The first rows of a lane that are due, at most `most`, and when the next ones are due. Before them come some of
    /// those whose run began at or before `expired`, if that is given.
    pub(crate) async fn load(&self, lane: Lane, now: i64, most: usize, expired: Option<i64>) -> Answer<Loaded> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        match lane {
            // Only committed ones. A row that was acknowledged a moment ago may be among them; its claim will say so.
            Lane::Events => self.list(move |connection| load_events(connection, now, most)).await,
            Lane::Deliveries { group, class } => {
                // All rows are looked through, which may take a while: not where everybody's writes wait.
                let expired = match expired {
                    Some(began) => {
                        self.list(move |connection| expired_rows(connection, group, class, now, began)).await?
                    }
                    None => Vec::new(),
                };
                // With everything that was put and acknowledged until now.
                self.writer().peek(move |connection| load_attempts(connection, lane, now, most, &expired)).await
            }
        }
    }

    /// Ends a message: its row goes. `undone` is told if it stays after all.
    pub(crate) fn acknowledge(
        &self,
        piece: std::sync::Arc<Piece>,
        key: Key,
        undone: impl FnOnce(Fault) + Send + 'static,
    ) {
        self.writer().log_or(
            piece,
            move |connection| match key.lane {
                Lane::Events => connection
                    .prepare_cached("DELETE FROM events_queue WHERE event = ?1")?
                    .execute([key.number])
                    .map(|_| ()),
                Lane::Deliveries { group, class } => connection
                    .prepare_cached("DELETE FROM attempts WHERE grp = ?1 AND class = ?2 AND due = ?3 AND num = ?4")?
                    .execute(params![group, class, key.due, key.number])
                    .map(|_| ()),
            },
            undone,
        );
    }

    /// Puts a message back until `until`. `undone` is told if it is due as before.
    pub(crate) fn hand_back(&self, key: Key, until: i64, undone: impl FnOnce(Fault) + Send + 'static) {
        let work = move |connection: &Connection| match key.lane {
            Lane::Events => connection
                .prepare_cached("UPDATE events_queue SET due = ?2 WHERE event = ?1")?
                .execute([key.number, until])
                .map(|_| ()),
            Lane::Deliveries { group, class } => connection
                .prepare_cached("UPDATE attempts SET due = ?5 WHERE grp = ?1 AND class = ?2 AND due = ?3 AND num = ?4")?
                .execute(params![group, class, key.due, key.number, until])
                .map(|_| ()),
        };
        self.writer().log_or(std::sync::Arc::new(Piece::default()), work, undone);
    }
}

/// Where a message's row is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) lane: Lane,
    pub(crate) due: i64,
    pub(crate) number: i64,
}

/// Rows that were loaded.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) items: Vec<Item>,
    /// Rows that nothing can be made of: their event is no longer kept, or they are unreadable.
    pub(crate) lost: Vec<Key>,
    /// When the next row is due that was not loaded.
    pub(crate) next: Option<i64>,
}

fn load_events(connection: &Connection, now: i64, most: i64) -> rusqlite::Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut statement = connection.prepare_cached(
        "SELECT q.event, q.due, e.account, e.head, e.payload FROM events_queue q LEFT JOIN events e ON e.num = q.event
         WHERE q.due <= ?1 ORDER BY q.event LIMIT ?2",
    )?;
    let mut rows = statement.query([now, most])?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        seen += 1;
        let (number, due) = (row.get(0)?, row.get(1)?);
        match event_from(row, 3) {
            Ok(event) => {
                let mut item = fresh_event(event, row.get(2)?, number);
                (item.due, item.fresh) = (due, false);
                loaded.items.push(item);
            }
            Err(_) => loaded.lost.push(Key { lane: Lane::Events, due, number }),
        }
    }
    loaded.next = if seen == most {
        Some(now)
    } else {
        connection
            .prepare_cached("SELECT min(due) FROM events_queue WHERE due > ?1")?
            .query_row([now], |row| row.get(0))?
    };
    Ok(loaded)
}

/// Due time and number of rows whose run began at or before `began`, the first ones first.
fn expired_rows(
    connection: &Connection,
    group: i64,
    class: u8,
    now: i64,
    began: i64,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    connection
        .prepare_cached(
            "SELECT due, num FROM attempts WHERE grp = ?1 AND class = ?2 AND due <= ?3 AND began <= ?4
             ORDER BY due, num LIMIT ?5",
        )?
        .query_map(params![group, class, now, began, MOST_EXPIRED], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// What is read of a waiting attempt.
const ATTEMPT: &str = "SELECT q.num, q.due, q.webhook, q.ticket, e.num, e.account, e.head, e.payload
    FROM attempts q LEFT JOIN events e ON e.num = q.event WHERE q.grp = ?1 AND q.class = ?2";

fn load_attempts(
    connection: &Connection,
    lane: Lane,
    now: i64,
    most: i64,
    expired: &[(i64, i64)],
) -> rusqlite::Result<Loaded> {
    let Lane::Deliveries { group, class } = lane else { return Ok(Loaded::default()) };
    let mut loaded = Loaded::default();
    let mut one = connection.prepare_cached(&format!("{ATTEMPT} AND q.due = ?3 AND q.num = ?4"))?;
    for (due, number) in expired {
        let mut rows = one.query(params![group, class, due, number])?;
        while let Some(row) = rows.next()? {
            loaded.take(row, lane, true)?;
        }
    }
    let mut first = connection.prepare_cached(&format!("{ATTEMPT} AND q.due <= ?3 ORDER BY q.due, q.num LIMIT ?4"))?;
    let mut rows = first.query(params![group, class, now, most])?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        seen += 1;
        if !expired.contains(&(row.get(1)?, row.get(0)?)) {
            loaded.take(row, lane, false)?;
        }
    }
    loaded.next = if seen == most {
        Some(now)
    } else {
        connection
            .prepare_cached("SELECT min(due) FROM attempts WHERE grp = ?1 AND class = ?2 AND due > ?3")?
            .query_row(params![group, class, now], |row| row.get(0))?
    };
    Ok(loaded)
}

impl Loaded {
    /// Takes a row of [`ATTEMPT`].
    fn take(&mut self, row: &rusqlite::Row<'_>, lane: Lane, expired: bool) -> rusqlite::Result<()> {
        let (number, due) = (row.get(0)?, row.get(1)?);
        let stored = match row.get::<_, Option<i64>>(4)? {
            Some(event) => event_from(row, 6).ok().map(|found| (event, found)),
            None => None,
        };
        let origin = match &stored {
            Some((event, found)) => Some(Origin {
                account_id: found.head.account.clone(),
                event_id: found.head.id.clone(),
                accepted_at: millis(found.head.accepted_at),
                account: row.get(5)?,
                event: *event,
            }),
            None => None,
        };
        let webhook = WebhookId(row.get::<_, i64>(2)?.cast_unsigned());
        if let Some(step) = steps::decode(row.get_ref(3)?.as_str()?) {
            match step {
                Ok(work) => {
                    self.items.push(Item { lane, number, due, work, origin: None, fresh: false, expired });
                }
                Err(_) => self.lost.push(Key { lane, due, number }),
            }
            return Ok(());
        }
        match ticket::decode(row.get_ref(3)?.as_str()?, webhook, stored.map(|(_, event)| event)) {
            Ok(Some(attempt)) => {
                let work = Work::Attempt(attempt);
                self.items.push(Item { lane, number, due, work, origin, fresh: false, expired });
            }
            Ok(None) | Err(_) => self.lost.push(Key { lane, due, number }),
        }
        Ok(())
    }
}

//! The queue tables as the workers use them: which rows are due, and acknowledging and postponing them.

use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::WebhookId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::queue::item::{LoadedRows, QueueItem, QueueKey, WorkItem, fresh_event};
use crate::queue::lane::Lane;
use crate::queue::unit_of_work::{EventOrigin, UnitOfWork};
use crate::store::database::Store;
use crate::store::rows::attempt_row;
use crate::store::rows::event_row::event_from;
use crate::store::rows::step_row;
use crate::store::rows::values::millis;

/// How many messages with an expired run are closed between two probes of a throttled host.
const MAX_EXPIRED: i64 = 256;

/// Queries and writes of the workers.
impl Store {
    /// Every lane that has rows, with its first due time.
    pub(crate) fn lanes(&self) -> PortResult<Vec<(Lane, i64)>> {
        self.read(|connection| {
            let mut lanes = Vec::new();
            let events: Option<i64> =
                connection.query_row("SELECT min(due) FROM events_queue", [], |row| row.get(0))?;
            lanes.extend(events.map(|due| (Lane::Events, due)));
            // One index step for each lane, however many rows it has.
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

    /// The first due rows of a lane, at most `most`, and the due time of the next ones. With `expired`, rows whose run
    /// began at or before that time come first.
    pub(crate) async fn load(&self, lane: Lane, now: i64, most: usize, expired: Option<i64>) -> PortResult<LoadedRows> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        match lane {
            // Reads committed rows only. A row that was acknowledged a moment ago may be among them; its claim says so.
            Lane::Events => self.list(move |connection| load_events(connection, now, most)).await,
            Lane::Deliveries { group, class } => {
                // This reads all rows and may take a while, so it does not run on the writer.
                let expired = match expired {
                    Some(began) => {
                        self.list(move |connection| expired_rows(connection, group, class, now, began)).await?
                    }
                    None => Vec::new(),
                };
                // Includes everything that was written and acknowledged before.
                self.writer().peek(move |connection| load_attempts(connection, lane, now, most, &expired)).await
            }
        }
    }

    /// Deletes the row of a processed message. Calls `undone` if the row stays after all.
    pub(crate) fn acknowledge(
        &self,
        unit: std::sync::Arc<UnitOfWork>,
        key: QueueKey,
        undone: impl FnOnce(PortError) + Send + 'static,
    ) {
        self.writer().log_or(
            unit,
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

    /// Postpones a message to `until`. Calls `undone` if the row keeps its due time after all.
    pub(crate) fn hand_back(&self, key: QueueKey, until: i64, undone: impl FnOnce(PortError) + Send + 'static) {
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
        self.writer().log_or(std::sync::Arc::new(UnitOfWork::default()), work, undone);
    }
}

fn load_events(connection: &Connection, now: i64, most: i64) -> rusqlite::Result<LoadedRows> {
    let mut loaded = LoadedRows::default();
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
            Err(_) => loaded.lost.push(QueueKey { lane: Lane::Events, due, number }),
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

/// Due times and numbers of rows whose run began at or before `began`, in due order.
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
        .query_map(params![group, class, now, began, MAX_EXPIRED], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The columns of a waiting attempt.
const ATTEMPT: &str = "SELECT q.num, q.due, q.webhook, q.ticket, e.num, e.account, e.head, e.payload
    FROM attempts q LEFT JOIN events e ON e.num = q.event WHERE q.grp = ?1 AND q.class = ?2";

fn load_attempts(
    connection: &Connection,
    lane: Lane,
    now: i64,
    most: i64,
    expired: &[(i64, i64)],
) -> rusqlite::Result<LoadedRows> {
    let Lane::Deliveries { group, class } = lane else { return Ok(LoadedRows::default()) };
    let mut loaded = LoadedRows::default();
    let mut one = connection.prepare_cached(&format!("{ATTEMPT} AND q.due = ?3 AND q.num = ?4"))?;
    for (due, number) in expired {
        let mut rows = one.query(params![group, class, due, number])?;
        while let Some(row) = rows.next()? {
            take(&mut loaded, row, lane, true)?;
        }
    }
    let mut first = connection.prepare_cached(&format!("{ATTEMPT} AND q.due <= ?3 ORDER BY q.due, q.num LIMIT ?4"))?;
    let mut rows = first.query(params![group, class, now, most])?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        seen += 1;
        if !expired.contains(&(row.get(1)?, row.get(0)?)) {
            take(&mut loaded, row, lane, false)?;
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

/// Adds a row of [`ATTEMPT`] to the result.
fn take(loaded: &mut LoadedRows, row: &rusqlite::Row<'_>, lane: Lane, expired: bool) -> rusqlite::Result<()> {
    let (number, due) = (row.get(0)?, row.get(1)?);
    let stored = match row.get::<_, Option<i64>>(4)? {
        Some(event) => event_from(row, 6).ok().map(|found| (event, found)),
        None => None,
    };
    let origin = match &stored {
        Some((event, found)) => Some(EventOrigin {
            account_id: found.head.account.clone(),
            event_id: found.head.id.clone(),
            accepted_at: millis(found.head.accepted_at),
            account: row.get(5)?,
            event: *event,
        }),
        None => None,
    };
    let webhook = WebhookId(row.get::<_, i64>(2)?.cast_unsigned());
    if let Some(step) = step_row::decode(row.get_ref(3)?.as_str()?) {
        match step {
            Ok(work) => {
                loaded.items.push(QueueItem { lane, number, due, work, origin: None, fresh: false, expired });
            }
            Err(_) => loaded.lost.push(QueueKey { lane, due, number }),
        }
        return Ok(());
    }
    match attempt_row::decode(row.get_ref(3)?.as_str()?, webhook, stored.map(|(_, event)| event)) {
        Ok(Some(attempt)) => {
            let work = WorkItem::Attempt(attempt);
            loaded.items.push(QueueItem { lane, number, due, work, origin, fresh: false, expired });
        }
        Ok(None) | Err(_) => loaded.lost.push(QueueKey { lane, due, number }),
    }
    Ok(())
}

//! What the workers ask of the queues: which rows are due, and that a row is deleted or waits.

use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::WebhookId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::queue::item::{LoadedRows, QueueItem, QueueKey, WorkItem, fresh_event};
use crate::queue::lane::{AccountHost, Lane};
use crate::queue::unit_of_work::{EventOrigin, UnitOfWork};
use crate::store::database::Store;
use crate::store::rows::attempt_row;
use crate::store::rows::event_row::event_from;
use crate::store::rows::step_row;
use crate::store::rows::values::millis;

/// How many messages whose run has ended are ended between two probes of a throttled host.
const MAX_EXPIRED: i64 = 256;

/// A lane's part of the table `attempts`, as a condition on parameters 1 to 4.
const IN_LANE: &str = "account = ?1 AND host = ?2 AND webhook = ?3 AND class = ?4";

/// What the workers ask of the tables.
impl Store {
    /// Every lane that has rows, with its first due time.
    pub(crate) fn lanes(&self) -> PortResult<Vec<(Lane, i64)>> {
        self.read(|connection| {
            let mut lanes = event_lanes(connection)?;
            lanes.extend(delivery_lanes(connection)?);
            Ok(lanes)
        })
    }

    /// The first rows of a lane that are due, at most `max`, and when the next ones are due. Before them come some of
    /// those whose run began at or before `expired`, if that is given.
    pub(crate) async fn load(&self, lane: Lane, now: i64, max: usize, expired: Option<i64>) -> PortResult<LoadedRows> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        match lane {
            // Only committed ones. A row that was acknowledged a moment ago may be among them; its claim will say so.
            Lane::Events { account } => self.list(move |connection| load_events(connection, account, now, max)).await,
            Lane::Deliveries { .. } => {
                // Reads all rows of the lane, which may take a while: not on the writer's thread.
                let expired = match expired {
                    Some(began) => self.list(move |connection| expired_rows(connection, lane, now, began)).await?,
                    None => Vec::new(),
                };
                // With everything that was put and acknowledged until now.
                self.writer().peek(move |connection| load_attempts(connection, lane, now, max, &expired)).await
            }
        }
    }

    /// Ends a message: its row is deleted. `undone` is called if it stays after all.
    pub(crate) fn acknowledge(
        &self,
        unit: std::sync::Arc<UnitOfWork>,
        key: QueueKey,
        undone: impl FnOnce(PortError) + Send + 'static,
    ) {
        let store = self.clone();
        self.writer().log_or(
            unit,
            move |connection| match key.lane {
                Lane::Events { account } => connection
                    .prepare_cached("DELETE FROM events_queue WHERE account = ?1 AND event = ?2")?
                    .execute([account, key.number])
                    .map(|_| ()),
                Lane::Deliveries { host: AccountHost { account, host }, webhook, class } => connection
                    .prepare_cached(&format!("DELETE FROM attempts WHERE {IN_LANE} AND due = ?5 AND num = ?6"))?
                    .execute(params![account, host, webhook, class, key.due, key.number])
                    .map(|rows| store.removed_messages(rows)),
            },
            undone,
        );
    }

    /// Puts a message back until `until`. `undone` is called if it is due as before.
    pub(crate) fn hand_back(&self, key: QueueKey, until: i64, undone: impl FnOnce(PortError) + Send + 'static) {
        let work = move |connection: &Connection| match key.lane {
            Lane::Events { account } => connection
                .prepare_cached("UPDATE events_queue SET due = ?3 WHERE account = ?1 AND event = ?2")?
                .execute([account, key.number, until])
                .map(|_| ()),
            Lane::Deliveries { host: AccountHost { account, host }, webhook, class } => connection
                .prepare_cached(&format!("UPDATE attempts SET due = ?7 WHERE {IN_LANE} AND due = ?5 AND num = ?6"))?
                .execute(params![account, host, webhook, class, key.due, key.number, until])
                .map(|_| ()),
        };
        self.writer().log_or(std::sync::Arc::new(UnitOfWork::default()), work, undone);
    }
}

/// One step in the index per lane, however many rows it has.
fn event_lanes(connection: &Connection) -> rusqlite::Result<Vec<(Lane, i64)>> {
    let mut next =
        connection.prepare("SELECT account, min(due) FROM events_queue WHERE account > ?1 GROUP BY account LIMIT 1")?;
    let (mut lanes, mut after) = (Vec::new(), i64::MIN);
    while let Some((account, due)) = next.query_row([after], |row| Ok((row.get(0)?, row.get(1)?))).optional()? {
        lanes.push((Lane::Events { account }, due));
        after = account;
    }
    Ok(lanes)
}

fn delivery_lanes(connection: &Connection) -> rusqlite::Result<Vec<(Lane, i64)>> {
    let mut next = connection.prepare(
        "SELECT account, host, webhook, class, due FROM attempts
         WHERE (account, host, webhook, class) > (?1, ?2, ?3, ?4) ORDER BY account, host, webhook, class, due LIMIT 1",
    )?;
    let mut lanes = Vec::new();
    let mut after = (i64::MIN, i64::MIN, i64::MIN, -1_i64);
    while let Some((account, host, webhook, class, due)) = next
        .query_row(after, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, u8>(3)?, row.get(4)?)))
        .optional()?
    {
        lanes.push((Lane::Deliveries { host: AccountHost { account, host }, webhook, class }, due));
        after = (account, host, webhook, i64::from(class));
    }
    Ok(lanes)
}

fn load_events(connection: &Connection, account: i64, now: i64, max: i64) -> rusqlite::Result<LoadedRows> {
    let lane = Lane::Events { account };
    let mut loaded = LoadedRows::default();
    let mut statement = connection.prepare_cached(
        "SELECT q.event, q.due, e.head, e.payload FROM events_queue q LEFT JOIN events e ON e.num = q.event
         WHERE q.account = ?1 AND q.due <= ?2 ORDER BY q.event LIMIT ?3",
    )?;
    let mut rows = statement.query([account, now, max])?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        seen += 1;
        let (number, due) = (row.get(0)?, row.get(1)?);
        match event_from(row, 2) {
            Ok(event) => {
                let mut item = fresh_event(event, account, number);
                (item.due, item.fresh) = (due, false);
                loaded.items.push(item);
            }
            Err(_) => loaded.lost.push(QueueKey { lane, due, number }),
        }
    }
    loaded.next = if seen == max {
        Some(now)
    } else {
        connection
            .prepare_cached("SELECT min(due) FROM events_queue WHERE account = ?1 AND due > ?2")?
            .query_row([account, now], |row| row.get(0))?
    };
    Ok(loaded)
}

/// Due time and number of rows whose run began at or before `began`, the first ones first.
fn expired_rows(connection: &Connection, lane: Lane, now: i64, began: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    let Lane::Deliveries { host: AccountHost { account, host }, webhook, class } = lane else { return Ok(Vec::new()) };
    connection
        .prepare_cached(&format!(
            "SELECT due, num FROM attempts WHERE {IN_LANE} AND due <= ?5 AND began <= ?6 ORDER BY due, num LIMIT ?7"
        ))?
        .query_map(params![account, host, webhook, class, now, began, MAX_EXPIRED], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect()
}

/// What is read of a waiting attempt.
const ATTEMPT: &str = "SELECT q.num, q.due, q.ticket, e.num, e.account, e.head, e.payload
    FROM attempts q LEFT JOIN events e ON e.num = q.event
    WHERE q.account = ?1 AND q.host = ?2 AND q.webhook = ?3 AND q.class = ?4";

fn load_attempts(
    connection: &Connection,
    lane: Lane,
    now: i64,
    max: i64,
    expired: &[(i64, i64)],
) -> rusqlite::Result<LoadedRows> {
    let Lane::Deliveries { host: AccountHost { account, host }, webhook, class } = lane else {
        return Ok(LoadedRows::default());
    };
    let mut loaded = LoadedRows::default();
    let mut one = connection.prepare_cached(&format!("{ATTEMPT} AND q.due = ?5 AND q.num = ?6"))?;
    for (due, number) in expired {
        let mut rows = one.query(params![account, host, webhook, class, due, number])?;
        while let Some(row) = rows.next()? {
            take(&mut loaded, row, lane, true)?;
        }
    }
    let mut first = connection.prepare_cached(&format!("{ATTEMPT} AND q.due <= ?5 ORDER BY q.due, q.num LIMIT ?6"))?;
    let mut rows = first.query(params![account, host, webhook, class, now, max])?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        seen += 1;
        if !expired.contains(&(row.get(1)?, row.get(0)?)) {
            take(&mut loaded, row, lane, false)?;
        }
    }
    loaded.next = if seen == max {
        Some(now)
    } else {
        connection
            .prepare_cached(&format!("SELECT min(due) FROM attempts WHERE {IN_LANE} AND due > ?5"))?
            .query_row(params![account, host, webhook, class, now], |row| row.get(0))?
    };
    Ok(loaded)
}

/// Takes a row of [`ATTEMPT`].
fn take(loaded: &mut LoadedRows, row: &rusqlite::Row<'_>, lane: Lane, expired: bool) -> rusqlite::Result<()> {
    let Lane::Deliveries { webhook, .. } = lane else { return Ok(()) };
    let (number, due) = (row.get(0)?, row.get(1)?);
    let stored = match row.get::<_, Option<i64>>(3)? {
        Some(event) => event_from(row, 5).ok().map(|found| (event, found)),
        None => None,
    };
    let origin = match &stored {
        Some((event, found)) => Some(EventOrigin {
            account_id: found.head.account.clone(),
            event_id: found.head.id.clone(),
            accepted_at: millis(found.head.accepted_at),
            account: row.get(4)?,
            event: *event,
        }),
        None => None,
    };
    let text = row.get_ref(2)?.as_str()?;
    let (work, origin) = if let Some(step) = step_row::decode(text) {
        (step.ok(), None)
    } else {
        let webhook = WebhookId(webhook.cast_unsigned());
        let attempt = attempt_row::decode(text, webhook, stored.map(|(_, event)| event));
        (attempt.ok().flatten().map(WorkItem::Attempt), origin)
    };
    match work {
        Some(work) => loaded.items.push(QueueItem { lane, number, due, work, origin, fresh: false, expired }),
        None => loaded.lost.push(QueueKey { lane, due, number }),
    }
    Ok(())
}

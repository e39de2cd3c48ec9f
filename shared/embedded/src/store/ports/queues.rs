//! The two queues as tables with due times.
//!
//! A row is the message: it goes when the message is acknowledged, and it is all that a crash leaves. The one process
//! that drains the queues also holds the next messages in memory ([`crate::workers`]), so most rows are written and
//! deleted without ever being read.

use async_trait::async_trait;
use hookline_core::account::AccountId;
use hookline_core::event::Event;
use hookline_core::message::{Attempt, Kind};
use hookline_core::ports::{Answer, Fault, Queues};
use hookline_core::recover;
use hookline_core::redeliver::Step;
use jiff::Timestamp;
use rusqlite::Connection;

use super::events::insert;
use crate::queue::item::{QueueItem, WorkItem, fresh_event};
use crate::queue::lane::Lane;
use crate::queue::unit_of_work::Piece;
use crate::store::database::{Kept, View};
use crate::store::rows::attempt_row;
use crate::store::rows::queue_row::QueueRow;
use crate::store::rows::step_row::Ticket as StepTicket;
use crate::store::rows::values::{account_number, event_number, millis};
use crate::store::sqlite::errors::corrupt;

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
                            board.note(Lane::Events { account: *account }, due);
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
        if let Some(piece) = self.piece() {
            piece.check()?;
            self.put_in_order(piece, attempts);
            return Ok(());
        }
        let (store, attempts) = (self.store.clone(), attempts.to_vec());
        let put = move |connection: &Connection| {
            let mut put = Vec::with_capacity(attempts.len());
            for (host, attempt) in &attempts {
                let account = number_of(connection, attempt.message.account())?;
                let event = stored_event(connection, attempt)?;
                let row = QueueRow::of(&store, account, *host, attempt);
                row.insert(connection, event, &attempt_row::encode(attempt, event.is_some()))?;
                put.push((row.lane(), row.due));
            }
            Ok(put)
        };
        self.put_and_note(put).await
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
    fn put_in_order(&self, piece: std::sync::Arc<Piece>, attempts: &[(u64, Attempt)]) {
        let origin = piece.origin.clone();
        let of_origin = |attempt: &Attempt| {
            let head = &attempt.message.event;
            attempt.message.kind == Kind::Event
                && origin.as_ref().is_some_and(|origin| origin.is(&head.account, &head.id))
        };
        let board = self.store.board();
        let (mut written, mut noted) = (Vec::with_capacity(attempts.len()), Vec::new());
        for (host, attempt) in attempts {
            let row = QueueRow::of(&self.store, piece.account, *host, attempt);
            let known = of_origin(attempt);
            let origin = origin.clone().filter(|_| known);
            // Offered before it is written: whoever finds the row in the table then finds it taken.
            let item = QueueItem {
                lane: row.lane(),
                number: row.number,
                due: row.due,
                work: WorkItem::Attempt(attempt.clone()),
                origin: origin.clone(),
                fresh: piece.fresh,
                expired: false,
            };
            // The first attempt of an event is due now; others are due later, or wait behind those that are.
            let is_first = attempt.number == 1 && attempt.run == 0;
            if board.is_some_and(|board| !is_first || !board.offer(item)) {
                noted.push((row.lane(), row.due));
            }
            let text = if known { Text::Ready(attempt_row::encode(attempt, true)) } else { Text::Of(attempt.clone()) };
            written.push((row, origin.map(|origin| origin.event), text));
        }
        self.store.writer().log(piece, move |connection| {
            for (row, event, text) in &written {
                match text {
                    Text::Ready(text) => row.insert(connection, *event, text)?,
                    Text::Of(attempt) => {
                        let event = stored_event(connection, attempt)?;
                        row.insert(connection, event, &attempt_row::encode(attempt, event.is_some()))?;
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

fn put_event(connection: &Connection, event: &Event, kept: Kept) -> rusqlite::Result<Put> {
    let Some(account) = account_number(connection, &event.head.account)? else { return Ok(Put::NoAccount) };
    let (number, is_new) = insert(connection, account, event, kept, event.head.accepted_at)?;
    if !is_new {
        return Ok(Put::Known);
    }
    connection
        .prepare_cached("INSERT INTO events_queue (account, event, due) VALUES (?1, ?2, ?3)")?
        .execute([account, number, millis(event.head.accepted_at)])?;
    Ok(Put::New { account, event: number })
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

impl View {
    /// Puts a step of a redelivery job on the queue.
    pub(super) async fn put_redelivery_step(&self, step: &Step) -> Answer<()> {
        let (lane, _) = step.job.as_u64_pair();
        self.put_step(&step.account, lane, step.due_at, StepTicket::Redelivery(step.clone())).await
    }

    /// Puts a try of a disabled webhook on the queue.
    pub(super) async fn put_recovery_step(&self, step: &recover::Step) -> Answer<()> {
        self.put_step(&step.account, step.webhook.0, step.due_at, StepTicket::Recovery(step.clone())).await
    }

    async fn put_step(&self, account: &AccountId, lane: u64, due_at: Timestamp, ticket: StepTicket) -> Answer<()> {
        let (store, account) = (self.store.clone(), account.clone());
        let insert = move |connection: &Connection, row: &QueueRow| {
            let text = serde_json::to_string(&ticket).map_err(|_| corrupt("a step"))?;
            row.insert(connection, None, &text)
        };
        let Some(piece) = self.piece() else {
            let put = move |connection: &Connection| {
                let row = QueueRow::of_step(&store, number_of(connection, &account)?, lane, due_at);
                insert(connection, &row)?;
                Ok(vec![(row.lane(), row.due)])
            };
            return self.put_and_note(put).await;
        };
        piece.check()?;
        let row = QueueRow::of_step(&self.store, piece.account, lane, due_at);
        let (lane, due) = (row.lane(), row.due);
        self.store.writer().log(piece, move |connection| insert(connection, &row));
        if let Some(board) = self.store.board() {
            board.note(lane, due);
            board.pump();
        }
        Ok(())
    }

    /// Writes rows durably, and notes their lanes.
    async fn put_and_note(
        &self,
        put: impl FnOnce(&Connection) -> rusqlite::Result<Vec<(Lane, i64)>> + Send + 'static,
    ) -> Answer<()> {
        let board = self.store.board().cloned();
        let note = move |put: &Vec<(Lane, i64)>| {
            let Some(board) = board else { return };
            for (lane, due) in put {
                board.note(*lane, *due);
            }
            board.pump();
        };
        self.store.writer().ask_then(put, note).await.map(|_| ())
    }
}

/// The number of an account that work is put on a queue for. 0 if the account was deleted meanwhile: the work ends as soon
/// as it is begun.
fn number_of(connection: &Connection, account: &AccountId) -> rusqlite::Result<i64> {
    account_number(connection, account).map(Option::unwrap_or_default)
}

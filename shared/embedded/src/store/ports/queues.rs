//! The two queues as tables with due times.
//!
//! A row is the message. It is deleted when the message is acknowledged, and it is all that remains after a crash. The
//! process that reads the queues also holds the next messages in memory ([`crate::queue`]), so most rows are written
//! and deleted without being read.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use async_trait::async_trait;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::AccountId;
use hookline_core::model::{Attempt, Event, MailStep, MessageKind, RecoveryStep, RedeliveryStep};
use hookline_core::ports::{EventIntake, Queues};
use jiff::Timestamp;
use rusqlite::Connection;

use super::events::{insert, repeats};
use crate::queue::item::{QueueItem, WorkItem, fresh_event};
use crate::queue::lane::Lane;
use crate::queue::unit_of_work::UnitOfWork;
use crate::store::database::{Kept, StorePorts};
use crate::store::rows::attempt_row;
use crate::store::rows::queue_row::QueueRow;
use crate::store::rows::step_row::StepRow;
use crate::store::rows::values::{account_number, event_number, millis};
use crate::store::sqlite::errors::corrupt;

#[async_trait]
impl Queues for StorePorts {
    async fn put_events(&self, events: &[Event]) -> Vec<PortResult<EventIntake>> {
        if events.is_empty() {
            return Vec::new();
        }
        let kept = self.store.kept();
        let (given, accepted) = (events.to_vec(), events.to_vec());
        let scheduler = self.store.scheduler().cloned();
        let put = self.store.writer().ask_then(
            move |connection| given.iter().map(|event| put_event(connection, event, kept)).collect(),
            move |put: &Vec<PutOutcome>| {
                let Some(scheduler) = scheduler else { return };
                for (event, put) in accepted.into_iter().zip(put) {
                    if let PutOutcome::New { account, event: number } = put {
                        let due = millis(event.head.accepted_at);
                        if !scheduler.offer(fresh_event(event, *account, *number)) {
                            scheduler.note(Lane::Events { account: *account }, due);
                        }
                    }
                }
                scheduler.pump();
            },
        );
        let put = put.await;
        let new = |put: &PutOutcome| match put {
            PutOutcome::New { account, .. } => Some(*account),
            PutOutcome::Known | PutOutcome::OfAnother | PutOutcome::NoAccount => None,
        };
        let account = put.iter().flatten().find_map(new);
        if let (Some(account), Some(scheduler)) = (account, self.store.scheduler()) {
            scheduler.give_turns(account).await;
        }
        match put {
            Ok(put) => put
                .into_iter()
                .map(|put| match put {
                    PutOutcome::New { .. } => Ok(EventIntake::Accepted),
                    PutOutcome::Known => Ok(EventIntake::Repeated),
                    PutOutcome::OfAnother => Ok(EventIntake::Conflict),
                    PutOutcome::NoAccount => Err(PortError::unavailable("store", "the account does not exist")),
                })
                .collect(),
            Err(fault) => events.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    async fn put_attempts(&self, attempts: &[(u64, Attempt)]) -> PortResult<()> {
        if attempts.is_empty() {
            return Ok(());
        }
        if let Some(unit) = self.unit_of_work() {
            unit.check()?;
            self.put_in_order(unit, attempts);
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

    async fn put_redelivery(&self, step: &RedeliveryStep) -> PortResult<()> {
        self.put_redelivery_step(step).await
    }

    async fn put_recovery(&self, step: &RecoveryStep) -> PortResult<()> {
        self.put_recovery_step(step).await
    }

    async fn put_mail(&self, step: &MailStep) -> PortResult<()> {
        let mut lane = DefaultHasher::new();
        step.batch.hash(&mut lane);
        self.put_step(&step.account, lane.finish(), step.due_at, StepRow::Mail(step.clone())).await
    }
}

impl StorePorts {
    /// Appends attempts to the writer's log and offers the due ones to the scheduler.
    fn put_in_order(&self, unit: std::sync::Arc<UnitOfWork>, attempts: &[(u64, Attempt)]) {
        let origin = unit.origin.clone();
        let of_origin = |attempt: &Attempt| {
            let head = &attempt.message.event;
            attempt.message.kind == MessageKind::Event
                && origin.as_ref().is_some_and(|origin| origin.is(&head.account, &head.id))
        };
        let scheduler = self.store.scheduler();
        let (mut written, mut noted) = (Vec::with_capacity(attempts.len()), Vec::new());
        for (host, attempt) in attempts {
            let row = QueueRow::of(&self.store, unit.account, *host, attempt);
            let known = of_origin(attempt);
            let origin = origin.clone().filter(|_| known);
            // Offered before the row is written: a load that reads the row then finds it taken.
            let item = QueueItem {
                lane: row.lane(),
                number: row.number,
                due: row.due,
                work: WorkItem::Attempt(attempt.clone()),
                origin: origin.clone(),
                fresh: unit.fresh,
                expired: false,
            };
            // The first attempt of an event is due now; every other row waits in the table.
            let is_first = attempt.number == 1 && attempt.run == 0;
            if scheduler.is_some_and(|scheduler| !is_first || !scheduler.offer(item)) {
                noted.push((row.lane(), row.due));
            }
            let text = if known {
                AttemptText::Ready(attempt_row::encode(attempt, true))
            } else {
                AttemptText::Of(attempt.clone())
            };
            written.push((row, origin.map(|origin| origin.event), text));
        }
        self.store.writer().log(unit, move |connection| {
            for (row, event, text) in &written {
                match text {
                    AttemptText::Ready(text) => row.insert(connection, *event, text)?,
                    AttemptText::Of(attempt) => {
                        let event = stored_event(connection, attempt)?;
                        row.insert(connection, event, &attempt_row::encode(attempt, event.is_some()))?;
                    }
                }
            }
            Ok(())
        });
        if let Some(scheduler) = scheduler {
            for (lane, due) in noted {
                scheduler.note(lane, due);
            }
            scheduler.pump();
        }
    }
}

/// The text of an attempt's row: encoded already, or to be encoded once the write knows whether the event is stored.
enum AttemptText {
    Ready(String),
    Of(Attempt),
}

/// The result of putting an event on the queue.
enum PutOutcome {
    New {
        account: i64,
        event: i64,
    },
    Known,
    /// Its id is that of an event with another name or object.
    OfAnother,
    NoAccount,
}

fn put_event(connection: &Connection, event: &Event, kept: Kept) -> rusqlite::Result<PutOutcome> {
    let Some(account) = account_number(connection, &event.head.account)? else { return Ok(PutOutcome::NoAccount) };
    let (number, is_new) = insert(connection, account, event, kept, event.head.accepted_at)?;
    if !is_new {
        let known = if repeats(connection, number, &event.head)? { PutOutcome::Known } else { PutOutcome::OfAnother };
        return Ok(known);
    }
    connection.prepare_cached("INSERT INTO events_queue (account, event, due) VALUES (?1, ?2, ?3)")?.execute([
        account,
        number,
        millis(event.head.accepted_at),
    ])?;
    Ok(PutOutcome::New { account, event: number })
}

/// The number of an attempt's event, if it is stored.
fn stored_event(connection: &Connection, attempt: &Attempt) -> rusqlite::Result<Option<i64>> {
    if attempt.message.kind != MessageKind::Event {
        return Ok(None);
    }
    let head = &attempt.message.event;
    match account_number(connection, &head.account)? {
        Some(account) => event_number(connection, account, &head.id),
        None => Ok(None),
    }
}

impl StorePorts {
    /// Puts a step of a redelivery job on the queue.
    pub(super) async fn put_redelivery_step(&self, step: &RedeliveryStep) -> PortResult<()> {
        let (lane, _) = step.job.as_u64_pair();
        self.put_step(&step.account, lane, step.due_at, StepRow::Redelivery(step.clone())).await
    }

    /// Puts a recovery step of a disabled webhook on the queue.
    pub(super) async fn put_recovery_step(&self, step: &RecoveryStep) -> PortResult<()> {
        self.put_step(&step.account, step.webhook.0, step.due_at, StepRow::Recovery(step.clone())).await
    }

    async fn put_step(&self, account: &AccountId, lane: u64, due_at: Timestamp, step: StepRow) -> PortResult<()> {
        let (store, account) = (self.store.clone(), account.clone());
        let insert = move |connection: &Connection, row: &QueueRow| {
            let text = serde_json::to_string(&step).map_err(|_| corrupt("step"))?;
            row.insert(connection, None, &text)
        };
        let Some(unit) = self.unit_of_work() else {
            let put = move |connection: &Connection| {
                let row = QueueRow::of_step(&store, number_of(connection, &account)?, lane, due_at);
                insert(connection, &row)?;
                Ok(vec![(row.lane(), row.due)])
            };
            return self.put_and_note(put).await;
        };
        unit.check()?;
        let row = QueueRow::of_step(&self.store, unit.account, lane, due_at);
        let (lane, due) = (row.lane(), row.due);
        self.store.writer().log(unit, move |connection| insert(connection, &row));
        if let Some(scheduler) = self.store.scheduler() {
            scheduler.note(lane, due);
            scheduler.pump();
        }
        Ok(())
    }

    /// Writes rows durably, and notes their lanes.
    async fn put_and_note(
        &self,
        put: impl FnOnce(&Connection) -> rusqlite::Result<Vec<(Lane, i64)>> + Send + 'static,
    ) -> PortResult<()> {
        let scheduler = self.store.scheduler().cloned();
        let note = move |put: &Vec<(Lane, i64)>| {
            let Some(scheduler) = scheduler else { return };
            for (lane, due) in put {
                scheduler.note(*lane, *due);
            }
            scheduler.pump();
        };
        self.store.writer().ask_then(put, note).await.map(|_| ())
    }
}

/// The number of an account that work is queued for. 0 if the account was deleted in the meantime: the work ends as soon
/// as it starts.
fn number_of(connection: &Connection, account: &AccountId) -> rusqlite::Result<i64> {
    account_number(connection, account).map(Option::unwrap_or_default)
}

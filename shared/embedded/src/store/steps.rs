//! Steps of long work on the deliveries queue: of redelivery jobs, each in a lane of its own, and the tries of disabled
//! webhooks. They never go in front of what is fresh.

use hookline_core::ports::Answer;
use hookline_core::{recover, redeliver};
use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::View;
use super::faults::corrupt;
use super::queue_row::Row;
use crate::workers::Work;

/// How the tickets of steps begin, unlike that of an attempt.
const BEGINS: [&str; 2] = ["{\"redelivery\":", "{\"recovery\":"];

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ticket {
    Redelivery(redeliver::Step),
    Recovery(recover::Step),
}

impl View {
    /// Puts a step of a redelivery job on the queue.
    pub(super) async fn put_redelivery_step(&self, step: &redeliver::Step) -> Answer<()> {
        let (lane, _) = step.job.as_u64_pair();
        self.put_step(lane, step.due_at, Ticket::Redelivery(step.clone())).await
    }

    /// Puts a try of a disabled webhook on the queue.
    pub(super) async fn put_recovery_step(&self, step: &recover::Step) -> Answer<()> {
        self.put_step(step.webhook.0, step.due_at, Ticket::Recovery(step.clone())).await
    }

    async fn put_step(&self, group: u64, due_at: Timestamp, ticket: Ticket) -> Answer<()> {
        let row = Row::of_step(&self.store, group, due_at);
        let (lane, due) = (row.lane(), row.due);
        let insert = move |connection: &Connection| {
            let text = serde_json::to_string(&ticket).map_err(|_| corrupt("a step"))?;
            row.insert(connection, None, &text)
        };
        let board = self.store.board().cloned();
        let hint = move || {
            if let Some(board) = board {
                board.note(lane, due);
                board.pump();
            }
        };
        let Some(piece) = self.piece() else {
            return self.store.writer().ask_then(insert, move |()| hint()).await;
        };
        piece.check()?;
        self.store.writer().log(piece, insert);
        hint();
        Ok(())
    }
}

/// The work of a ticket; `None` if it is one of something else.
pub(super) fn decode(text: &str) -> Option<rusqlite::Result<Work>> {
    BEGINS.iter().any(|begins| text.starts_with(begins)).then(|| {
        Ok(match serde_json::from_str(text).map_err(|_| corrupt("a step"))? {
            Ticket::Redelivery(step) => Work::Redelivery(step),
            Ticket::Recovery(step) => Work::Recovery(step),
        })
    })
}

#[cfg(test)]
mod tests {
    use hookline_core::account::AccountId;
    use hookline_core::clock::{Clock as _, System};
    use hookline_core::webhook::WebhookId;

    use super::*;

    #[test]
    fn a_step_is_told_from_an_attempt() {
        let account = AccountId::parse("wdc").unwrap();
        let due_at = System.now();
        let job = uuid::Uuid::from_u128(1);
        let step = redeliver::Step { job, account: account.clone(), after: None, redelivered: 0, due_at };
        let text = serde_json::to_string(&Ticket::Redelivery(step.clone())).unwrap();
        assert!(matches!(decode(&text), Some(Ok(Work::Redelivery(read))) if read == step), "{text}");
        let step = recover::Step { account, webhook: WebhookId(7), disabled_at: due_at, number: 2, due_at };
        let text = serde_json::to_string(&Ticket::Recovery(step.clone())).unwrap();
        assert!(matches!(decode(&text), Some(Ok(Work::Recovery(read))) if read == step), "{text}");
        assert!(decode("{\"n\":\"x\",\"d\":1}").is_none());
        for broken in ["{\"redelivery\":1}", "{\"recovery\":1}"] {
            assert!(decode(broken).unwrap().is_err(), "{broken}");
        }
    }
}

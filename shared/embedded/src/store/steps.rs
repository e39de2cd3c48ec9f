//! Steps of redelivery jobs on the deliveries queue: each job has a lane of its own, which never goes in front of what is
//! fresh.

use hookline_core::ports::Answer;
use hookline_core::redeliver::Step;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::View;
use super::faults::corrupt;
use super::queue_row::Row;

/// How the ticket of a step begins, unlike that of an attempt.
const BEGINS: &str = "{\"redelivery\":";

#[derive(Serialize, Deserialize)]
struct Ticket {
    redelivery: Step,
}

impl View {
    /// Puts a step on the queue.
    pub(super) async fn put_step(&self, step: &Step) -> Answer<()> {
        let (group, _) = step.job.as_u64_pair();
        let row = Row::of_step(&self.store, group, step.due_at);
        let text = serde_json::to_string(&Ticket { redelivery: step.clone() });
        let (lane, due) = (row.lane(), row.due);
        let insert = move |connection: &Connection| {
            let text = text.map_err(|_| corrupt("a step"))?;
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

/// The step of a ticket; `None` if it is one of something else.
pub(super) fn decode(text: &str) -> Option<rusqlite::Result<Step>> {
    text.starts_with(BEGINS).then(|| {
        let ticket: Ticket = serde_json::from_str(text).map_err(|_| corrupt("a step"))?;
        Ok(ticket.redelivery)
    })
}

#[cfg(test)]
mod tests {
    use hookline_core::account::AccountId;
    use hookline_core::clock::{Clock as _, System};

    use super::*;

    #[test]
    fn a_step_is_told_from_an_attempt() {
        let account = AccountId::parse("wdc").unwrap();
        let due_at = System.now();
        let step = Step { job: uuid::Uuid::from_u128(1), account, after: None, redelivered: 0, due_at };
        let text = serde_json::to_string(&Ticket { redelivery: step.clone() }).unwrap();
        assert_eq!(decode(&text).unwrap().unwrap(), step);
        assert!(decode("{\"n\":\"x\",\"d\":1}").is_none());
        assert!(decode("{\"redelivery\":1}").unwrap().is_err());
    }
}

//! The two queues, as bad as a queue may be: at least once, in any order, late, and without any memory of what it handed
//! out before.

use hookline_core::errors::PortResult;
use hookline_core::model::{Event, MailStep, RecoveryStep, RedeliveryStep};
use hookline_core::ports::Disposition;
use hookline_core::values::clock::whole_millisecond;

use crate::coverage::Mischief;
use crate::world::State;

/// A message that is not acknowledged by then is handed out again.
const VISIBILITY: i64 = 90_000;

/// What a message holds.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// An event to be fanned out.
    Event(Event),
    /// A step of a redelivery job.
    Redelivery(RedeliveryStep),
    /// A try of a webhook that the service disabled.
    Recovery(RecoveryStep),
    /// A mail that waited.
    Mail(MailStep),
    /// An attempt, as the text that goes through a real queue.
    Attempt(String),
}

/// A message on a queue.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) body: Body,
    visible_at: i64,
    /// How many work on it.
    pub(crate) handlers: u32,
}

/// All messages.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: Vec<Message>,
    last: u64,
    /// Payloads up to this size travel inside the message.
    pub(crate) inline: usize,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// When the next message can be handed out.
    pub(crate) fn next_visible(&self) -> Option<i64> {
        self.messages.iter().map(|message| message.visible_at).min()
    }
}

impl State {
    /// Puts a message on its queue; a queue in a bad mood shows it late, or twice.
    pub(crate) fn put(&mut self, body: &Body, due: i64) {
        let mut visible_at = due.max(self.now);
        if self.plan.mischief(&mut self.chance, 100) {
            self.coverage.mischief(Mischief::Delay);
            visible_at += self.chance.millis(1_000..=600_000);
        }
        let copies = if self.plan.mischief(&mut self.chance, 150) {
            self.coverage.mischief(Mischief::Duplicate);
            2
        } else {
            1
        };
        for _ in 0..copies {
            self.queue.last += 1;
            let id = self.queue.last;
            self.queue.messages.push(Message { id, body: body.clone(), visible_at, handlers: 0 });
        }
    }

    /// Hands out a message that is visible.
    pub(crate) fn receive(&mut self) -> Option<Message> {
        let now = self.now;
        let visible: Vec<usize> =
            (0..self.queue.messages.len()).filter(|&at| self.queue.messages[at].visible_at <= now).collect();
        let oldest = *visible.iter().min_by_key(|&&at| (self.queue.messages[at].visible_at, at))?;
        let mut at = oldest;
        if self.plan.mischief(&mut self.chance, 3) {
            at = *self.chance.pick(&visible);
            if at != oldest {
                self.coverage.mischief(Mischief::Reorder);
            }
        }
        let twice = self.plan.mischief(&mut self.chance, 150);
        let message = &mut self.queue.messages[at];
        if message.handlers > 0 {
            self.coverage.mischief(Mischief::Repeat);
        }
        message.handlers += 1;
        if twice {
            self.coverage.mischief(Mischief::Duplicate);
        } else {
            message.visible_at = now + VISIBILITY;
        }
        Some(message.clone())
    }

    /// Work on a message has ended.
    pub(crate) fn settle(&mut self, id: u64, result: &PortResult<Disposition>) {
        let lost = self.plan.mischief(&mut self.chance, 150);
        let wait = self.chance.millis(1_000..=30_000);
        let now = self.now;
        let Some(at) = self.queue.messages.iter().position(|message| message.id == id) else { return };
        let message = &mut self.queue.messages[at];
        message.handlers = message.handlers.saturating_sub(1);
        match result {
            Ok(Disposition::Done | Disposition::Conflict) if lost => {
                self.coverage.mischief(Mischief::LostAcknowledgement);
                message.visible_at = now + wait;
            }
            Ok(Disposition::Done | Disposition::Conflict) => drop(self.queue.messages.swap_remove(at)),
            Ok(Disposition::HandBack { until }) => {
                message.visible_at = whole_millisecond(*until).as_millisecond().max(now);
            }
            Err(_) => message.visible_at = now + wait,
        }
    }

    /// The process died: what it worked on is handed out again, sooner or later.
    pub(crate) fn abandon(&mut self) {
        for at in 0..self.queue.messages.len() {
            if self.queue.messages[at].handlers > 0 {
                let wait = self.chance.millis(0..=VISIBILITY.cast_unsigned());
                let message = &mut self.queue.messages[at];
                (message.handlers, message.visible_at) = (0, self.now + wait);
            }
        }
    }
}

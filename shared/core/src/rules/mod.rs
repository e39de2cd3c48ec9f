//! Pure decisions over the model. They read no store and no clock: time, randomness and settings are arguments.

pub mod audit_changes;
pub mod batch_mail_texts;
pub mod event_input;
pub mod extra_headers;
pub mod link_header;
mod mail_body;
pub mod mail_texts;
pub mod matching;
mod redaction;
pub mod request;
pub mod retry;
mod secret_automaton;
mod text_reading;
pub mod verification;

pub use self::batch_mail_texts::AccountContext;
pub use self::event_input::RejectedEvent;
pub use self::mail_texts::{FailedDelivery, MailContext, ThrottledHost};
pub use self::matching::MatchReason;
pub(crate) use self::redaction::Redactor;
pub use self::retry::{AttemptHistory, AttemptResult, HostEffect, NextStep, RetryRules, Verdict, WebhookEffect};

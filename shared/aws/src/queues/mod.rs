//! The events queue and the deliveries queue, on SQS standard queues.
//!
//! [`SqsQueues`] implements the port. Its message groups make the queues fair: an account or an endpoint host with much
//! work does not delay the others. A `DeliveryWork` is what the deliveries queue carries, an `OutgoingMessage` is a
//! message in the form that SQS takes, and a `BatchSender` joins the messages of concurrent work into one call.
//! [`DeadLetters`] shows the dead-letter queues and moves messages back.

mod batch_sender;
mod dead_letters;
mod message;
mod sending;
mod sqs_queues;
mod work;

pub use self::dead_letters::{DeadLetters, QueueName};
pub(crate) use self::message::{HOST, NOT_BEFORE, OutgoingMessage, decode_body};
pub(crate) use self::sending::send;
pub use self::sqs_queues::SqsQueues;
pub(crate) use self::work::{DeliveryWork, LongStep};

//! The two queues, on SQS standard queues. The message group makes them fair: one account, or one endpoint host of an
//! account, that has much to do does not delay the others.
//!
//! Messages go out in batches, cut by count and by size, and each message of a batch is accepted or refused by itself;
//! what was refused for a reason of the queue's own is sent again.

mod batch_sender;
mod dead_letters;
mod message;
mod sending;
mod sqs_queues;
mod work;

pub use self::dead_letters::{DeadLetters, QueueName};
pub(crate) use self::message::{OutgoingMessage, decode_body};
pub(crate) use self::sending::send;
pub use self::sqs_queues::SqsQueues;
pub(crate) use self::work::{DeliveryWork, LongStep};

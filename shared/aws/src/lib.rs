//! The ports of Hookline on AWS, and the events of its Lambda functions.
//!
//! [`Table`] is everything durable, in one DynamoDB table. [`SqsQueues`] are the events queue and the deliveries queue,
//! [`KmsVault`] seals secrets under data keys that KMS wraps, [`SesMailer`] sends mails, [`S3Attachments`] keeps files. A
//! function reads its [`FunctionSettings`], makes a [`Deployment`] of them, takes the ports from it that its role allows, and hands
//! them over: to the router of the API with [`serve_api`], to the fan-out with [`Deployment::event_fanout`], to deliveries
//! with [`Deployment::delivery`].
//!
//! AWS may fail in part, or answer late, or deliver twice. Every client has its timeouts and repeats; batch calls are
//! repeated for what they left undone; and a write that was made although its answer got lost is recognised.

mod attachments;
mod clients;
mod encoding;
mod lambda;
mod mailer;
mod queues;
mod settings;
mod store;
mod vault;

pub use attachments::S3Attachments;
pub use clients::{AwsAccess, AwsClients, AwsEndpoints};
pub use lambda::{BatchConsumer, Deployment, StartError, serve_api};
pub use mailer::SesMailer;
pub use queues::{DeadLetters, QueueName, SqsQueues};
pub use settings::{FunctionSettings, FunctionSettingsError};
pub use store::{Kept, Table, TableRateLimit};
pub use vault::{KmsVault, Rewrapped};

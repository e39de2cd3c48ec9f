//! Hookline on AWS: the ports of the core on DynamoDB, SQS, KMS, SES and S3, and the Lambda functions that use them.
//!
//! A function reads its [`FunctionSettings`] from the environment and builds a [`Deployment`], which owns the
//! [`AwsClients`]. From the deployment it takes the ports that its IAM role permits, puts them into a `Service` of the
//! core, and starts:
//!
//! - the API functions pass the router of `hookline-http` to [`serve_api`];
//! - `event-fanout` runs the [`BatchConsumer`] of [`Deployment::event_fanout`], which decodes events and fans them out;
//! - `delivery` runs the one of [`Deployment::delivery`], which attempts deliveries and steps through redelivery jobs;
//! - `admin` calls the ports directly.
//!
//! The cast:
//!
//! - [`Table`] implements all ports for durable data, in one DynamoDB table. [`TableRateLimit`] counts API calls there.
//! - [`SqsQueues`] sends to the events queue and the deliveries queue. [`DeadLetters`] shows what could not be decoded
//!   or handled, and moves it back.
//! - [`KmsVault`] seals secrets under data keys that KMS wraps.
//! - [`S3Attachments`] keeps files in S3, and [`SesMailer`] sends mails through SES.
//!
//! AWS can fail in part, answer late, and deliver a message twice. So every client has timeouts and retries, batch calls
//! are repeated for whatever they left unprocessed, and a write that succeeded although its response was lost is
//! recognized.

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
pub use encoding::host_key;
pub use lambda::{BatchConsumer, Deployment, EmfMetrics, StartError, serve_api};
pub use mailer::SesMailer;
pub use queues::{DeadLetters, QueueName, SqsQueues};
pub use settings::{FunctionSettings, FunctionSettingsError};
pub use store::{AccountRemoval, Kept, RequestState, Table, TableRateLimit};
pub use vault::{KmsVault, Rewrapped};

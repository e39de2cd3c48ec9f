//! The foreign systems behind the use cases, one trait per file, named after what they are for.
//!
//! A method is one step that either happened or did not. `Err` always means *our own infrastructure failed, try again*;
//! every other result is a value. Every implementation MUST pass the port contracts in `tests/`.

mod accounts;
mod attachments;
mod audit;
mod counts;
mod deliveries;
mod event_types;
mod events;
mod health;
mod mail_limiter;
mod mailer;
mod metrics;
mod outcome;
mod policies;
mod queues;
pub mod rate_limit;
mod redeliveries;
mod transport;
mod vault;
mod webhooks;

pub use self::accounts::{Accounts, CreateTokenOutcome};
pub use self::attachments::{Attachments, ByteStream, Download, StreamBroken, UploadOutcome, UrlSignature};
pub use self::audit::Audit;
pub use self::counts::{Counts, CountsScope};
pub use self::deliveries::{AttemptClaim, Deliveries, DeliveryPage, DeliveryQuery, DeliveryScope, RecordOutcome};
pub use self::event_types::{CreateEventTypeOutcome, EventTypes};
pub use self::events::{EventClaim, Events, StoredEvent};
pub use self::health::{Health, HostStatus, RampPermit};
pub use self::mail_limiter::{MailKind, MailLimiter, MailLimits, MailPermit};
pub use self::mailer::Mailer;
pub use self::metrics::{MailResult, MailTopic, Measurement, Metrics, NoMetrics, PublishedBy, RefusalReason};
pub use self::outcome::UpdateOutcome;
pub use self::policies::{DeletePolicyOutcome, Policies};
pub use self::queues::{Disposition, Queues};
pub use self::rate_limit::{RateKey, RateLimit, RateStatus};
pub use self::redeliveries::{BeginJobOutcome, Redeliveries, RedeliveryPage, RedeliveryQuery};
pub use self::transport::{ConnectionUse, Exchange, Inspection, OutgoingRequest, TlsInfo, Transport};
pub use self::vault::Vault;
pub use self::webhooks::{CreateOutcome, WebhookLimits, Webhooks};

//! Hookline on one machine: the ports of `hookline_core` on a SQLite file, a key file and SMTP, and the workers that
//! process the queues.
//!
//! An event arrives through the HTTP API, and [`store::StorePorts`] writes it to the events queue, a table of the
//! SQLite file. The [`workers`] take it from there and run the fan-out of `hookline_core`, which writes one attempt for
//! each matching webhook to the deliveries queue. The workers then run each attempt when it is due. In memory,
//! [`queue`] decides which message starts next, so that a slow endpoint does not delay the others.
//!
//! The cast:
//!
//! - [`Store`] is the open SQLite file. [`StorePorts`] implements the ports of `hookline_core` on it.
//! - [`Workers`] process the queues within [`ConcurrencyLimits`].
//! - [`KeyFileVault`] encrypts secrets with the key file; [`rotate_master_key`] replaces that key.
//! - [`SmtpMailer`] and [`FolderMailer`] send mails.
//! - [`DataFolder`] names the files of one service; [`backup()`] and [`restore`] copy all of them.
//! - [`ServiceParts`] are the ports beside the store. Together they make a `hookline_core` service.
//!
//! The store has two kinds of ports. A write through [`Store::api`] is on disk when it returns. Writes through
//! [`Store::worker`] are only ordered: a crash may lose the newest ones but never one from the middle, and the lost
//! work is repeated (section 8, *At least once*).

mod attachments;
pub mod backup;
pub mod data_folder;
pub mod mailer;
pub mod queue;
pub mod service;
pub mod store;
pub mod vault;
pub mod workers;

pub use backup::{BackupError, BackupSummary, RestoreSummary, backup, restore};
pub use data_folder::{DataFolder, FolderLock};
pub use mailer::{FolderMailer, SmtpMailer, SmtpSecurity, SmtpServer};
pub use queue::ConcurrencyLimits;
pub use service::ServiceParts;
pub use store::{Kept, ServiceLoad, Store, StoreOpenError, StorePorts};
pub use vault::{KeyFileError, KeyFileVault, RotationSummary, rotate_master_key};
pub use workers::Workers;

//! The ports of Hookline on one machine: one SQLite file, a key file, SMTP or a folder for mails, and the workers that
//! drain the queues.
//!
//! [`store`] holds everything that must survive: accounts, webhooks, events, the two queues and the delivery log, in
//! one file that is synced before anything is answered. [`workers`] take what is due from the queues and hand it to the
//! use cases of `hookline_core`. [`vault`] seals secrets under a key file, [`mailer`] sends mails. [`service`] puts
//! all of it together.
//!
//! The HTTP side gets the view [`Store::api`], whose writes are on disk when they are answered. The workers get
//! [`Store::worker`], whose writes only keep their order: a crash loses the newest of them and never one from the
//! middle, so what was not written is simply done again (section 8, *At least once*).

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
pub use store::{Kept, Store, StoreOpenError, StorePorts};
pub use vault::{KeyFileError, KeyFileVault, RotationSummary, rotate_master_key};
pub use workers::Workers;

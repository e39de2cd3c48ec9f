//! Small values and formats that know no noun of Hookline.

pub mod allowed_ports;
pub mod clock;
pub mod content_filter;
pub mod encoded_words;
mod endpoint_host;
pub mod endpoint_uri;
pub mod http_date;
pub(crate) mod http_status;
pub mod json_schema;
mod listing;
mod mail_address;
pub(crate) mod milliseconds;
pub mod node_id;
mod patch;
mod schema_cache;
mod secret;
mod time_zone;
mod trace_parent;
mod uri_parts;

pub use self::clock::{Clock, Entropy, System};
pub use self::content_filter::ContentFilter;
pub use self::endpoint_host::EndpointHost;
pub use self::endpoint_uri::{EndpointUri, GivenUri};
pub use self::json_schema::JsonSchema;
pub use self::listing::{Condition, Cursor, FieldValue, Filter, ListQuery, Page, Position, Sort};
pub use self::mail_address::MailAddress;
pub use self::patch::Patch;
pub use self::schema_cache::SchemaCache;
pub use self::secret::Secret;
pub use self::time_zone::TimeZone;
pub use self::trace_parent::TraceParent;

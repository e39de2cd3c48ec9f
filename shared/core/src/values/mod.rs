//! Small values and formats that know no noun of Hookline.

pub mod clock;
pub mod encoded_words;
pub mod endpoint_uri;
pub mod http_date;
pub mod listing;
pub mod mail_address;
pub mod node_id;
pub mod patch;
pub mod secret;
pub mod time_zone;

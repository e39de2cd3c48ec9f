//! Pure decisions over the model: no ports, and the time is passed in.

pub mod extra_headers;
pub(crate) mod mail_body;
pub mod mail_texts;
pub mod matching;
pub(crate) mod redaction;
pub mod request;
pub mod retry;

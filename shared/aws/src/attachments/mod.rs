//! Attachments in two S3 buckets (section 3).
//!
//! [`S3Attachments`] implements the port. `s3` makes the requests to S3, and `upload_form` signs the form that a client
//! uploads a file with.

mod s3;
mod s3_attachments;
mod upload_form;

pub use self::s3_attachments::S3Attachments;

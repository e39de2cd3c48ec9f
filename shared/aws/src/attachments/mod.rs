//! Attachments in two buckets of S3 (section 3).

mod s3;
mod s3_attachments;
mod upload_form;

pub use self::s3_attachments::S3Attachments;

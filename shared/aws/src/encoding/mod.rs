//! Encodings that several folders share: compression, hexadecimal digits, and the message groups of SQS.

mod deflate;
mod fair_group;
mod hex;

pub(crate) use self::deflate::{pack, unpack};
pub use self::fair_group::group;
pub(crate) use self::hex::hex;

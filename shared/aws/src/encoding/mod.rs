//! Encodings that several folders share: compression, hexadecimal digits, and the message groups of SQS.

mod deflate;
mod fair_group;
mod hex;

pub(crate) use self::deflate::{pack, unpack};
pub(crate) use self::fair_group::group;
pub use self::fair_group::host_key;
pub(crate) use self::hex::hex;

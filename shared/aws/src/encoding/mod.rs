//! Bytes and hashes as they are written: smaller, as text, and as the name of a fair queue's group.

mod deflate;
mod fair_group;
mod hex;

pub(crate) use self::deflate::{pack, unpack};
pub(crate) use self::fair_group::group;
pub(crate) use self::hex::hex;

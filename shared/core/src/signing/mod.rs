//! How messages are signed (section 7).

pub mod hmac;

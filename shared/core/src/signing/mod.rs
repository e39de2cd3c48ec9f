//! How messages are signed (section 7).
//!
//! Every message has a symmetric signature over the exact bytes sent ([`hmac`]). The messages of a webhook with a
//! policy are a JWT as well ([`Jwt`](crate::model::Jwt)), a compact JWS ([`jws`]) made with a key ([`keys`]) of one of
//! nine algorithms ([`algorithm`]).

pub mod algorithm;
pub mod hmac;
pub mod jws;
pub mod keys;

pub use self::algorithm::Algorithm;
pub use self::hmac::SigningSecret;
pub use self::jws::{JwsError, VerifyingKey};
pub use self::keys::{Jwk, PublicKey, SigningKey};

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use sha2::Sha256;

/// Gives the id of an authentic message, and an error for any other. The names of the headers are in lower case.
pub fn verify_hmac(secret: &str, headers: &HashMap<&str, &str>, body: &[u8]) -> Result<String, &'static str> {
    let header = |name| headers.get(name).copied().ok_or("a header is missing");
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let seconds: u64 = timestamp.parse().map_err(|_| "the timestamp is no number")?;
    if now().abs_diff(seconds) > 300 {
        return Err("the timestamp is more than five minutes off");
    }
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).map_err(|_| "the secret is not base64")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| "the secret is no key")?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let is_good = header("webhook-signature")?
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| mac.clone().verify_slice(&signature).is_ok());
    if is_good { Ok(id.to_owned()) } else { Err("no signature matches") }
}

/// The claims of a JWT that matter to a receiver.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// The message.
    pub data: Box<serde_json::value::RawValue>,
    /// Differs in each attempt.
    pub jti: String,
    iat: u64,
}

/// Gives the claims of an authentic message, and an error for any other.
pub fn verify_jwt(
    key: &str,
    algorithm: Algorithm,
    audience: &str,
    issuer: &str,
    body: &[u8],
) -> Result<Claims, Box<dyn std::error::Error>> {
    #[derive(Deserialize)]
    struct Body {
        jwt: String,
    }
    let key = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            DecodingKey::from_secret(&URL_SAFE_NO_PAD.decode(key)?)
        }
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(key.as_bytes()),
        _ => DecodingKey::from_rsa_pem(key.as_bytes()),
    }?;
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["aud", "iss"]);
    let body: Body = serde_json::from_slice(body)?;
    let claims = decode::<Claims>(&body.jwt, &key, &validation)?.claims;
    if now().abs_diff(claims.iat) > 60 {
        return Err("the JWT was signed more than a minute ago".into());
    }
    Ok(claims)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

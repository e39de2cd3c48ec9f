//! Reads a token as a receiver does: nothing in it counts before its signature is verified.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a token says.
pub(crate) struct Claims {
    /// The message's data, byte for byte.
    pub(crate) data: Bytes,
    /// `jti`
    pub(crate) id: String,
    /// `sub`
    pub(crate) subject: String,
    /// `iat`, in epoch seconds.
    pub(crate) issued_at: i64,
}

#[derive(Deserialize)]
struct Body<'a> {
    jwt: &'a str,
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    jti: String,
    sub: String,
    nbf: i64,
    iat: i64,
}

/// The claims of a body that one of the keys signed.
pub(crate) fn claims<'a>(body: &[u8], mut keys: impl Iterator<Item = &'a str>) -> Result<Claims, String> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| format!("no token: {error}"))?;
    let (signed, signature) = body.jwt.rsplit_once('.').ok_or("a token without a signature")?;
    let signature = decoded(signature)?;
    let verifies = keys.any(|key| {
        let key = URL_SAFE_NO_PAD.decode(key).unwrap_or_default();
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &signature).is_ok()
    });
    if !verifies {
        return Err("a token does not verify".to_owned());
    }
    let payload = decoded(signed.split_once('.').ok_or("a token without claims")?.1)?;
    let Written { data, jti, sub, nbf, iat } =
        serde_json::from_slice(&payload).map_err(|error| format!("no claims: {error}"))?;
    if nbf != iat {
        return Err("a token that is valid from another moment than its iat".to_owned());
    }
    if jti.len() != 64 || !jti.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(format!("a jti that is none: {jti}"));
    }
    Ok(Claims { data: Bytes::copy_from_slice(data.get().as_bytes()), id: jti, subject: sub, issued_at: iat })
}

/// The data of a token, for an endpoint that believes everything; `None` if the body is none.
pub(crate) fn data(body: &[u8]) -> Option<String> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    String::from_utf8(decoded(body.jwt.split('.').nth(1)?).ok()?).ok()
}

fn decoded(part: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string())
}

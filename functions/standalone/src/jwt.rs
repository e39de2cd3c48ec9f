//! A JWT as a receiver checks it: who signed it, and that it was made just now.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hookline_core::signing::VerifyingKey;
use serde::Deserialize;
use serde_json::Value;

/// How far `iat` may be off, in seconds.
const TOLERANCE: i64 = 60;

/// The JWT in the body of a message, if it is one.
pub(crate) fn token(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct JwtMessage {
        jwt: String,
    }
    serde_json::from_slice(body).ok().map(|JwtMessage { jwt }| jwt)
}

/// The claims of a token that was signed with this key, just now. The data in them are the message.
pub(crate) fn verify(key: &VerifyingKey, token: &str, now: i64) -> Result<Value, String> {
    let claims = key.verify(token).map_err(|refused| refused.to_string())?;
    let claims: Value = serde_json::from_slice(&claims).map_err(|_| "its claims are not JSON")?;
    let time = |claim: &str| claims[claim].as_i64().ok_or_else(|| format!("there is no {claim}"));
    if now.abs_diff(time("iat")?) > TOLERANCE.unsigned_abs() {
        return Err("its iat is more than 60 seconds off".to_owned());
    }
    if time("nbf")? > now + TOLERANCE {
        return Err("its time has not come".to_owned());
    }
    if claims.get("exp").is_some() && time("exp")? + TOLERANCE < now {
        return Err("it has expired".to_owned());
    }
    Ok(claims)
}

/// Header and claims of a token as they are, verified or not.
pub(crate) fn parts(token: &str) -> Option<(String, String)> {
    let mut parts = token.split('.').map(|part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use hookline_core::signing::jws::sign;
    use hookline_core::signing::{Algorithm, SigningKey};
    use hookline_core::values::System;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_verified_by_its_key_and_its_time() {
        let key = SigningKey::generate(Algorithm::Es256, &System).unwrap();
        let pem = VerifyingKey::parse(key.reveal().unwrap().unwrap().expose()).unwrap();
        let signed = |claims: Value| sign(br#"{"alg":"ES256"}"#, claims.to_string().as_bytes(), &key).unwrap();
        let good = json!({"data": {"a": 1}, "iat": 1000, "nbf": 1000, "exp": 1001});
        for now in [940, 1000, 1060] {
            assert_eq!(verify(&pem, &signed(good.clone()), now).unwrap(), good);
        }
        for (claims, now, why) in [
            (good.clone(), 939, "its iat is more than 60 seconds off"),
            (good.clone(), 1061, "its iat is more than 60 seconds off"),
            (json!({"iat": 1000, "nbf": 1061}), 1000, "its time has not come"),
            (json!({"iat": 1000, "nbf": 1000, "exp": 939}), 1000, "it has expired"),
            (json!({"iat": 1000, "nbf": 1000, "exp": "x"}), 1000, "there is no exp"),
            (json!({"nbf": 1000}), 1000, "there is no iat"),
        ] {
            assert_eq!(verify(&pem, &signed(claims), now).unwrap_err(), why);
        }
        assert!(verify(&pem, &signed(good)[1..], 1000).is_err());
    }

    #[test]
    fn a_token_is_found_in_a_message_and_taken_apart() {
        assert_eq!(token(br#"{"jwt":"e30.e30.AA"}"#).as_deref(), Some("e30.e30.AA"));
        for other in [&br#"{"webhook_id":1}"#[..], br#"{"jwt":1}"#, br#"{"jwt":"x","y":1}"#, b"x"] {
            assert_eq!(token(other), None);
        }
        assert_eq!(parts("e30.W10.AA"), Some(("{}".to_owned(), "[]".to_owned())));
        assert_eq!(parts("e30"), None);
    }
}

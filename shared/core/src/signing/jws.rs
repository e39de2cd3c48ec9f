//! Compact JWS (RFC 7515): header, payload and signature in base64url, with dots between them. And how a receiver checks
//! one.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::value::RawValue;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::keys::{Algorithm, Family, SigningKey};
use crate::ports::Answer;

/// Signs a payload. The header is JSON that names the key's algorithm.
pub fn sign(header: &[u8], payload: &[u8], key: &SigningKey) -> Answer<String> {
    let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 400);
    URL_SAFE_NO_PAD.encode_string(header, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// What a receiver verifies with.
pub enum VerifyingKey {
    /// The secret that it shares with us.
    Secret(Zeroizing<Vec<u8>>),
    /// Our public key: SubjectPublicKeyInfo in DER.
    Public(Vec<u8>),
}

/// Why a receiver refuses a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not a compact JWS.
    #[error("it is not a compact JWS")]
    Malformed,
    /// Its algorithm is not one that goes with the key. A public key is never taken for a secret, and `none` never
    /// counts.
    #[error("its algorithm does not go with this key")]
    Algorithm,
    /// It was not signed with the key, or was changed since.
    #[error("it was not signed with this key, or was changed since")]
    Signature,
}

impl VerifyingKey {
    /// Reads what a policy shows when it is made: a public key as PEM, or a secret as base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let Some(rest) = text.strip_prefix("-----BEGIN PUBLIC KEY-----") else {
            let secret = URL_SAFE_NO_PAD.decode(text).ok().filter(|secret| !secret.is_empty())?;
            return Some(Self::Secret(Zeroizing::new(secret)));
        };
        let encoded: String = rest.strip_suffix("-----END PUBLIC KEY-----")?.split_ascii_whitespace().collect();
        STANDARD.decode(encoded).ok().map(Self::Public)
    }

    /// Checks a token, and gives its payload.
    pub fn verify(&self, token: &str) -> Result<Vec<u8>, Refused> {
        #[derive(Deserialize)]
        struct Header<'a> {
            #[serde(borrow)]
            alg: &'a RawValue,
            #[serde(borrow, default)]
            crit: Option<&'a RawValue>,
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| Refused::Malformed)?;
        if header.crit.is_some() {
            return Err(Refused::Malformed);
        }
        let alg = header.alg.get().trim_matches('"');
        let named = Algorithm::ALL.into_iter().find(|algorithm| algorithm.alg() == alg).ok_or(Refused::Algorithm)?;
        let good = match (self, named.family()) {
            (Self::Secret(secret), Family::Hmac(hash)) => {
                bool::from(hash.mac(secret, signed.as_bytes()).ct_eq(&signature))
            }
            (Self::Public(der), Family::Rsa(_) | Family::Ec(_)) => verification(named)
                .is_some_and(|with| UnparsedPublicKey::new(with, der).verify(signed.as_bytes(), &signature).is_ok()),
            (Self::Secret(_) | Self::Public(_), _) => return Err(Refused::Algorithm),
        };
        if good { Ok(payload) } else { Err(Refused::Signature) }
    }
}

/// How a signature by a key pair is verified.
fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::None | Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
    })
}

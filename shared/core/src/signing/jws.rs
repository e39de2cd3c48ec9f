//! Compact JWS (RFC 7515): header, payload and signature in base64url, with dots between them. And how a receiver
//! checks one.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::value::RawValue;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Family};
use super::keys::SigningKey;
use crate::errors::PortResult;

/// Signs a payload. The header is JSON that names the key's algorithm.
pub fn sign(header: &[u8], payload: &[u8], key: &SigningKey) -> PortResult<String> {
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
pub enum JwsError {
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
    pub fn verify(&self, token: &str) -> Result<Vec<u8>, JwsError> {
        #[derive(Deserialize)]
        struct Header<'a> {
            #[serde(borrow)]
            alg: &'a RawValue,
            #[serde(borrow, default)]
            crit: Option<&'a RawValue>,
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| JwsError::Malformed)?;
        if header.crit.is_some() {
            return Err(JwsError::Malformed);
        }
        let alg = header.alg.get().trim_matches('"');
        let named = Algorithm::ALL.into_iter().find(|algorithm| algorithm.alg() == alg).ok_or(JwsError::Algorithm)?;
        let good = match (self, named.family()) {
            (Self::Secret(secret), Family::Hmac(hash)) => {
                bool::from(hash.mac(secret, signed.as_bytes()).ct_eq(&signature))
            }
            (Self::Public(der), Family::Rsa(_) | Family::Ec(_)) => verification(named)
                .is_some_and(|with| UnparsedPublicKey::new(with, der).verify(signed.as_bytes(), &signature).is_ok()),
            (Self::Secret(_) | Self::Public(_), _) => return Err(JwsError::Algorithm),
        };
        if good { Ok(payload) } else { Err(JwsError::Signature) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::System;
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
    use aws_lc_rs::signature::{EcdsaKeyPair, EcdsaSigningAlgorithm};

    fn bytes(base64url: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(base64url).unwrap()
    }

    fn verifying(key: &SigningKey) -> VerifyingKey {
        VerifyingKey::parse(key.reveal().unwrap().unwrap().expose()).unwrap()
    }

    const PAYLOAD: &[u8] = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

    const ENCODED: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    /// RFC 7515, appendix A.1.
    #[test]
    fn the_example_of_hs256() {
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key = SigningKey::decode(Algorithm::Hs256, &bytes(secret)).unwrap();
        let token = sign(b"{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", PAYLOAD, &key).unwrap();
        let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
        assert_eq!(token, format!("{header}.{ENCODED}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert_eq!(VerifyingKey::parse(secret).unwrap().verify(&token).unwrap(), PAYLOAD);
    }

    /// RFC 7515, appendix A.2.
    #[test]
    fn the_example_of_rs256() {
        let n = bytes(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ\
             S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2\
             R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD\
             TW9gb54h4FRWyuXpoQ",
        );
        let d = bytes(
            "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_G\
             O-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQl\
             BjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0\
             QU91p1DhOVRuOopznQ",
        );
        let p = bytes(
            "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2\
             KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
        );
        let q = bytes(
            "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_\
             HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
        );
        let dp = bytes(
            "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vm\
             AktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
        );
        let dq = bytes(
            "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9c\
             jz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
        );
        let qi = bytes(
            "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnb\
             JtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
        );
        let public_key = PublicKeyComponents { n: n.clone(), e: bytes("AQAB") };
        let pair =
            RsaKeyPair::from_components(&KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: qi }).unwrap();
        let key = SigningKey::decode(Algorithm::Rs256, pair.as_der().unwrap().as_ref()).unwrap();
        let token = sign(b"{\"alg\":\"RS256\"}", PAYLOAD, &key).unwrap();
        let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU\
             Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d\
             O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig\
             cN_IoypGlUPQGe77Rw";
        assert_eq!(token, format!("eyJhbGciOiJSUzI1NiJ9.{ENCODED}.{signature}"));
        assert_eq!(verifying(&key).verify(&token).unwrap(), PAYLOAD);
        let jwk = key.public().unwrap().unwrap().to_jwk(uuid::Uuid::nil(), Algorithm::Rs256).unwrap();
        assert_eq!(serde_json::to_value(jwk).unwrap()["n"], URL_SAFE_NO_PAD.encode(n));
    }

    fn elliptic(algorithm: Algorithm, curve: &'static EcdsaSigningAlgorithm, x: &str, y: &str, d: &str) -> SigningKey {
        let point = [vec![4], bytes(x), bytes(y)].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(curve, &bytes(d), &point).unwrap();
        let key = SigningKey::decode(algorithm, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
        let jwk = key.public().unwrap().unwrap().to_jwk(uuid::Uuid::nil(), algorithm).unwrap();
        let jwk = serde_json::to_value(jwk).unwrap();
        assert_eq!((jwk["x"].as_str(), jwk["y"].as_str()), (Some(x), Some(y)));
        key
    }

    /// RFC 7515, appendix A.3. A signature by ECDSA is another one every time.
    #[test]
    fn the_example_of_es256() {
        let key = elliptic(
            Algorithm::Es256,
            &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
        );
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let signed = format!("eyJhbGciOiJFUzI1NiJ9.{ENCODED}");
        assert_eq!(verifying(&key).verify(&format!("{signed}.{signature}")).unwrap(), PAYLOAD);
        let token = sign(b"{\"alg\":\"ES256\"}", PAYLOAD, &key).unwrap();
        assert!(token.starts_with(&format!("{signed}.")));
        assert_eq!(verifying(&key).verify(&token).unwrap(), PAYLOAD);
    }

    /// RFC 7515, appendix A.4.
    #[test]
    fn the_example_of_es512() {
        let key = elliptic(
            Algorithm::Es512,
            &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
            "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
            "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
            "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C",
        );
        let signature = "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2Y\
             BJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
        let token = format!("eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.{signature}");
        assert_eq!(verifying(&key).verify(&token).unwrap(), b"Payload");
        let token = sign(b"{\"alg\":\"ES512\"}", b"Payload", &key).unwrap();
        assert_eq!(verifying(&key).verify(&token).unwrap(), b"Payload");
    }

    fn header(algorithm: Algorithm) -> Vec<u8> {
        format!("{{\"alg\":\"{}\"}}", algorithm.alg()).into_bytes()
    }

    #[test]
    fn a_changed_token_is_refused() {
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::None) {
            let key = SigningKey::generate(algorithm, &System).unwrap();
            let receiver = verifying(&key);
            let token = sign(&header(algorithm), PAYLOAD, &key).unwrap();
            assert_eq!(receiver.verify(&token).unwrap(), PAYLOAD, "{algorithm:?}");
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let (head, payload) = signed.split_once('.').unwrap();
            let other = URL_SAFE_NO_PAD.encode(b"{}");
            let raw = bytes(signature);
            let short = URL_SAFE_NO_PAD.encode(&raw[..raw.len() - 1]);
            for changed in [
                format!("{head}.{other}.{signature}"),
                format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode([&header(algorithm)[..], b" "].concat())),
                format!("{signed}.{short}"),
                format!("{signed}."),
                format!("{signed}.{}", URL_SAFE_NO_PAD.encode(vec![0; raw.len()])),
            ] {
                assert_eq!(receiver.verify(&changed), Err(JwsError::Signature), "{algorithm:?} {changed}");
            }
            for malformed in [signed, head, "", "..", &format!("{token}."), &format!("{token}="), &format!(" {token}")]
            {
                let refused = receiver.verify(malformed).unwrap_err();
                assert!(matches!(refused, JwsError::Malformed), "{algorithm:?} {malformed}: {refused}");
            }
            let stranger = SigningKey::generate(algorithm, &System).unwrap();
            let foreign = sign(&header(algorithm), PAYLOAD, &stranger).unwrap();
            assert_eq!(receiver.verify(&foreign), Err(JwsError::Signature));
        }
    }

    /// The attacks of RFC 8725, section 2.1.
    #[test]
    fn an_algorithm_that_does_not_go_with_the_key_is_refused() {
        let rsa = SigningKey::generate(Algorithm::Rs256, &System).unwrap();
        let receiver = verifying(&rsa);
        let unsigned = SigningKey::generate(Algorithm::None, &System).unwrap();
        let pem = rsa.reveal().unwrap().unwrap();
        for secret in [pem.expose().as_bytes(), &rsa.public().unwrap().unwrap().0] {
            let confused = SigningKey::decode(Algorithm::Hs256, secret).unwrap();
            let token = sign(&header(Algorithm::Hs256), PAYLOAD, &confused).unwrap();
            assert_eq!(receiver.verify(&token), Err(JwsError::Algorithm));
        }
        for alg in ["none", "None", "NONE", "HS256", "PS256", "ES256K", "rs256", ""] {
            let token = sign(format!("{{\"alg\":\"{alg}\"}}").as_bytes(), PAYLOAD, &unsigned).unwrap();
            assert_eq!(receiver.verify(&token), Err(JwsError::Algorithm), "{alg}");
        }
        for other in [Algorithm::Rs384, Algorithm::Es256, Algorithm::Es512] {
            let token = sign(&header(other), PAYLOAD, &rsa).unwrap();
            assert_eq!(receiver.verify(&token), Err(JwsError::Signature), "{other:?}");
        }
        let secret = SigningKey::generate(Algorithm::Hs256, &System).unwrap();
        let token = sign(&header(Algorithm::Rs256), PAYLOAD, &rsa).unwrap();
        assert_eq!(verifying(&secret).verify(&token), Err(JwsError::Algorithm));
        for critical in [&b"{\"alg\":\"RS256\",\"crit\":[\"exp\"]}"[..], b"{\"typ\":\"JWT\"}", b"[]"] {
            let token = sign(critical, PAYLOAD, &rsa).unwrap();
            assert_eq!(receiver.verify(&token), Err(JwsError::Malformed));
        }
    }

    #[test]
    fn what_is_no_key_is_not_taken_for_one() {
        for text in ["", " \n", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PRIVATE KEY-----\nAAAA\n", "not base64url!"] {
            assert!(VerifyingKey::parse(text).is_none(), "{text:?}");
        }
    }
}

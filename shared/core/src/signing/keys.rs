//! Keys that sign JWTs.
//!
//! A private key leaves here in one form only, to be sealed: PKCS#8, or the bytes of a secret. Its public half is kept
//! beside it as SubjectPublicKeyInfo (RFC 5280), so that it can be published without opening anything. Key pairs are
//! made with the randomness of the cryptographic library, secrets with the [`Entropy`] that was passed in.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKey as RsaPublicKey};
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _, RsaSignatureEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Family, Hash};
use crate::errors::{PortError, PortResult};
use crate::values::{Entropy, Secret};

/// A key that signs.
pub struct SigningKey {
    algorithm: Algorithm,
    material: Material,
}

enum Material {
    None,
    Secret(Zeroizing<Vec<u8>>, Hash),
    Rsa(RsaKeyPair, &'static RsaSignatureEncoding),
    Ec(EcdsaKeyPair),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, ***)", self.algorithm.alg())
    }
}

impl SigningKey {
    /// Makes a key. RSA (2048 bits) takes a good part of a second: call it where it may block.
    pub fn generate(algorithm: Algorithm, entropy: &dyn Entropy) -> PortResult<Self> {
        let failed = |_| fault("a key could not be made");
        let material = match algorithm.family() {
            Family::None => Material::None,
            Family::Hmac(hash) => {
                let mut secret = Zeroizing::new(vec![0; hash.length()]);
                entropy.fill(&mut secret);
                Material::Secret(secret, hash)
            }
            Family::Rsa(encoding) => Material::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?, encoding),
            Family::Ec(curve) => Material::Ec(EcdsaKeyPair::generate(curve.signing).map_err(failed)?),
        };
        Ok(Self { algorithm, material })
    }

    /// The key as bytes, to be sealed: PKCS#8, or the secret itself.
    pub fn encode(&self) -> PortResult<Zeroizing<Vec<u8>>> {
        let failed = |_| fault("a key could not be written");
        Ok(Zeroizing::new(match &self.material {
            Material::None => Vec::new(),
            Material::Secret(secret, _) => secret.to_vec(),
            Material::Rsa(pair, _) => pair.as_der().map_err(failed)?.as_ref().to_vec(),
            Material::Ec(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
        }))
    }

    /// The key of bytes that were sealed; `None` if they are not a key for that algorithm.
    #[must_use]
    pub fn decode(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let material = match algorithm.family() {
            Family::None => bytes.is_empty().then_some(Material::None)?,
            Family::Hmac(_) if bytes.is_empty() => return None,
            Family::Hmac(hash) => Material::Secret(Zeroizing::new(bytes.to_vec()), hash),
            Family::Rsa(encoding) => Material::Rsa(RsaKeyPair::from_pkcs8(bytes).ok()?, encoding),
            Family::Ec(curve) => Material::Ec(EcdsaKeyPair::from_pkcs8(curve.signing, bytes).ok()?),
        };
        Some(Self { algorithm, material })
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The signature of a text; empty for [`Algorithm::None`].
    pub fn sign(&self, text: &[u8]) -> PortResult<Vec<u8>> {
        let failed = |_| fault("a message could not be signed");
        Ok(match &self.material {
            Material::None => Vec::new(),
            Material::Secret(secret, hash) => hash.mac(secret, text),
            Material::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), text, &mut signature).map_err(failed)?;
                signature
            }
            Material::Ec(pair) => pair.sign(&SystemRandom::new(), text).map_err(failed)?.as_ref().to_vec(),
        })
    }

    /// Its public half; `None` if it has none.
    pub fn public(&self) -> PortResult<Option<PublicKey>> {
        let failed = |_| fault("a public key could not be written");
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.material {
            Material::None | Material::Secret(..) => return Ok(None),
            Material::Rsa(pair, _) => pair.public_key().as_der(),
            Material::Ec(pair) => pair.public_key().as_der(),
        };
        Ok(Some(PublicKey(der.map_err(failed)?.as_ref().to_vec())))
    }

    /// What receivers verify with, as it is shown once: the public key as PEM, or the secret as base64url. `None` for
    /// [`Algorithm::None`].
    pub fn reveal(&self) -> PortResult<Option<Secret<String>>> {
        Ok(match &self.material {
            Material::None => None,
            Material::Secret(secret, _) => Some(Secret::new(URL_SAFE_NO_PAD.encode(secret))),
            Material::Rsa(..) | Material::Ec(_) => self.public()?.map(|key| Secret::new(key.to_pem())),
        })
    }
}

fn fault(reason: &'static str) -> PortError {
    PortError::unavailable("cryptography", reason)
}

/// The public half of a key pair, as SubjectPublicKeyInfo in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(pub Vec<u8>);

impl PublicKey {
    /// As PEM (RFC 7468): lines of 64 characters, the last line ends too.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let text = STANDARD.encode(&self.0);
        let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, next) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = next;
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        pem
    }

    /// As a JSON Web Key (RFC 7517); `None` if it is not a key for that algorithm.
    #[must_use]
    pub fn to_jwk(&self, kid: Uuid, algorithm: Algorithm) -> Option<Jwk> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let parameters = match algorithm.family() {
            Family::None | Family::Hmac(_) => return None,
            Family::Rsa(_) => {
                let key = RsaPublicKey::from_der(&self.0).ok()?;
                Parameters::Rsa {
                    n: encode(key.modulus().big_endian_without_leading_zero()),
                    e: encode(key.exponent().big_endian_without_leading_zero()),
                }
            }
            Family::Ec(curve) => {
                // The key ends in its point: 4 for "uncompressed", and the coordinates.
                let (_, point) = self.0.split_at_checked(self.0.len().checked_sub(1 + 2 * curve.size)?)?;
                let (x, y) = point.strip_prefix(&[4])?.split_at(curve.size);
                Parameters::Ec { crv: curve.name, x: encode(x), y: encode(y) }
            }
        };
        Some(Jwk { parameters, kid, usage: "sig", alg: algorithm.alg() })
    }
}

/// A public key as a JSON Web Key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    #[serde(flatten)]
    parameters: Parameters,
    kid: Uuid,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
enum Parameters {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::System;

    fn signing() -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::None)
    }

    /// Lengths by algorithm: of the secret, or of the public key in DER (X.509); and of a signature (RFC 7518).
    #[test]
    fn keys_and_signatures_have_the_lengths_of_their_algorithm() {
        for (algorithm, key, signature) in [
            (Algorithm::Hs256, 32, 32),
            (Algorithm::Hs384, 48, 48),
            (Algorithm::Hs512, 64, 64),
            (Algorithm::Rs256, 294, 256),
            (Algorithm::Rs384, 294, 256),
            (Algorithm::Rs512, 294, 256),
            (Algorithm::Es256, 91, 64),
            (Algorithm::Es384, 120, 96),
            (Algorithm::Es512, 158, 132),
        ] {
            let made = SigningKey::generate(algorithm, &System).unwrap();
            let public = made.public().unwrap();
            let length = public.map_or_else(|| made.encode().unwrap().len(), |public| public.0.len());
            assert_eq!((length, made.sign(b"text").unwrap().len()), (key, signature), "{algorithm:?}");
        }
    }

    #[test]
    fn a_key_comes_back_from_its_bytes_for_its_algorithm_alone() {
        for algorithm in signing() {
            let key = SigningKey::generate(algorithm, &System).unwrap();
            let bytes = key.encode().unwrap();
            let back = SigningKey::decode(algorithm, &bytes).unwrap();
            assert_eq!(back.algorithm(), algorithm);
            assert_eq!(back.reveal().unwrap(), key.reveal().unwrap(), "{algorithm:?}");
            assert_eq!(format!("{key:?}"), format!("SigningKey({}, ***)", algorithm.alg()));
            assert!(SigningKey::decode(algorithm, &[]).is_none());
            if algorithm.has_public_key() {
                assert!(SigningKey::decode(algorithm, &bytes[..bytes.len() - 1]).is_none(), "{algorithm:?}");
            }
        }
        let p256 = SigningKey::generate(Algorithm::Es256, &System).unwrap().encode().unwrap();
        for other in [Algorithm::Es384, Algorithm::Es512, Algorithm::Rs256, Algorithm::None] {
            assert!(SigningKey::decode(other, &p256).is_none(), "{other:?}");
        }
        let none = SigningKey::generate(Algorithm::None, &System).unwrap();
        assert!(none.encode().unwrap().is_empty() && none.sign(b"text").unwrap().is_empty());
        assert_eq!(none.reveal().unwrap(), None);
    }

    #[test]
    fn a_public_key_is_shown_as_pem() {
        for (algorithm, last) in [(Algorithm::Rs512, 8), (Algorithm::Es256, 60), (Algorithm::Es384, 32)] {
            let pem = SigningKey::generate(algorithm, &System).unwrap().reveal().unwrap().unwrap().expose().clone();
            let lines: Vec<&str> = pem.lines().collect();
            assert_eq!(lines[0], "-----BEGIN PUBLIC KEY-----");
            assert!(pem.ends_with("\n-----END PUBLIC KEY-----\n"));
            let body = &lines[1..lines.len() - 1];
            assert!(body[..body.len() - 1].iter().all(|line| line.len() == 64), "{pem}");
            assert_eq!(body[body.len() - 1].len(), last, "{pem}");
        }
    }

    #[test]
    fn a_secret_is_shown_as_base64url() {
        let key = SigningKey::generate(Algorithm::Hs384, &System).unwrap();
        let shown = key.reveal().unwrap().unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(shown.expose()).unwrap(), *key.encode().unwrap());
    }

    #[test]
    fn a_public_key_is_published_as_jwk() {
        let kid = Uuid::from_u128(7);
        for algorithm in signing() {
            let public = SigningKey::generate(algorithm, &System).unwrap().public().unwrap();
            let jwk = public.as_ref().and_then(|public| public.to_jwk(kid, algorithm));
            assert_eq!(jwk.is_some(), algorithm.has_public_key());
            let Some(jwk) = jwk else { continue };
            let mut json = serde_json::to_value(&jwk).unwrap();
            let jwk = json.as_object_mut().unwrap();
            let parts: &[(&str, usize)] = match algorithm {
                Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => &[("n", 256), ("e", 3)],
                Algorithm::Es256 => &[("x", 32), ("y", 32)],
                Algorithm::Es384 => &[("x", 48), ("y", 48)],
                _ => &[("x", 66), ("y", 66)],
            };
            for (name, length) in parts {
                let text = jwk.remove(*name).unwrap();
                assert_eq!(URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap().len(), *length, "{algorithm:?}");
            }
            let mut rest = serde_json::json!({"kid": kid, "use": "sig", "alg": algorithm.alg()});
            match algorithm {
                Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => rest["kty"] = "RSA".into(),
                Algorithm::Es256 => rest["crv"] = "P-256".into(),
                Algorithm::Es384 => rest["crv"] = "P-384".into(),
                _ => rest["crv"] = "P-521".into(),
            }
            if rest.get("crv").is_some() {
                rest["kty"] = "EC".into();
            }
            assert_eq!(json, rest);
        }
        let public = SigningKey::generate(Algorithm::Es256, &System).unwrap().public().unwrap().unwrap();
        assert_eq!(public.to_jwk(kid, Algorithm::Rs256), None);
        assert_eq!(PublicKey(public.0[1..].to_vec()).to_jwk(kid, Algorithm::Es512), None);
    }
}

//! Keys that sign JWTs, for the algorithms of RFC 7518, section 3.1.
//!
//! A private key leaves here in one form only, to be sealed: PKCS#8, or the bytes of a secret. Its public half is kept
//! beside it as SubjectPublicKeyInfo (RFC 5280), so that it can be published without opening anything. Key pairs are made
//! with the randomness of the cryptographic library, secrets with the [`Entropy`] that was passed in.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKey as RsaPublicKey};
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RsaSignatureEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Sha256, Sha384, Sha512};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::ports::{Answer, Fault};
use crate::secret::Secret;

/// How a JWT is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Not at all.
    None,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
    ];

    /// As policies name it: `rs256`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hs256 => "hs256",
            Self::Hs384 => "hs384",
            Self::Hs512 => "hs512",
            Self::Rs256 => "rs256",
            Self::Rs384 => "rs384",
            Self::Rs512 => "rs512",
            Self::Es256 => "es256",
            Self::Es384 => "es384",
            Self::Es512 => "es512",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// As RFC 7518 writes it, in `alg`: `RS256`, and `none`.
    #[must_use]
    pub fn alg(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    /// True if its keys have a public half.
    #[must_use]
    pub fn has_public_key(self) -> bool {
        match self.family() {
            Family::None | Family::Hmac(_) => false,
            Family::Rsa(_) | Family::Ec(_) => true,
        }
    }

    pub(super) fn family(self) -> Family {
        match self {
            Self::None => Family::None,
            Self::Hs256 => Family::Hmac(Hash::Sha256),
            Self::Hs384 => Family::Hmac(Hash::Sha384),
            Self::Hs512 => Family::Hmac(Hash::Sha512),
            Self::Rs256 => Family::Rsa(&signature::RSA_PKCS1_SHA256),
            Self::Rs384 => Family::Rsa(&signature::RSA_PKCS1_SHA384),
            Self::Rs512 => Family::Rsa(&signature::RSA_PKCS1_SHA512),
            Self::Es256 => Family::Ec(&P256),
            Self::Es384 => Family::Ec(&P384),
            Self::Es512 => Family::Ec(&P521),
        }
    }
}

/// What an algorithm needs to sign.
pub(super) enum Family {
    None,
    Hmac(Hash),
    Rsa(&'static RsaSignatureEncoding),
    Ec(&'static Curve),
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The shortest secret that RFC 7518, section 3.2, allows; longer ones add nothing.
    fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The HMAC of a text.
    pub(super) fn mac(self, secret: &[u8], text: &[u8]) -> Vec<u8> {
        const ANY: &str = "HMAC takes keys of any length";
        match self {
            Self::Sha256 => {
                Hmac::<Sha256>::new_from_slice(secret).expect(ANY).chain_update(text).finalize().into_bytes().to_vec()
            }
            Self::Sha384 => {
                Hmac::<Sha384>::new_from_slice(secret).expect(ANY).chain_update(text).finalize().into_bytes().to_vec()
            }
            Self::Sha512 => {
                Hmac::<Sha512>::new_from_slice(secret).expect(ANY).chain_update(text).finalize().into_bytes().to_vec()
            }
        }
    }
}

/// An elliptic curve, with the hash that goes with it.
pub(super) struct Curve {
    name: &'static str,
    /// Bytes of a coordinate.
    size: usize,
    /// Signatures are raw `r‖s`, as JWS wants them.
    signing: &'static EcdsaSigningAlgorithm,
}

static P256: Curve = Curve { name: "P-256", size: 32, signing: &signature::ECDSA_P256_SHA256_FIXED_SIGNING };
static P384: Curve = Curve { name: "P-384", size: 48, signing: &signature::ECDSA_P384_SHA384_FIXED_SIGNING };
static P521: Curve = Curve { name: "P-521", size: 66, signing: &signature::ECDSA_P521_SHA512_FIXED_SIGNING };

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
    pub fn generate(algorithm: Algorithm, entropy: &dyn Entropy) -> Answer<Self> {
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
    pub fn encode(&self) -> Answer<Zeroizing<Vec<u8>>> {
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
    pub fn sign(&self, text: &[u8]) -> Answer<Vec<u8>> {
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
    pub fn public(&self) -> Answer<Option<PublicKey>> {
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
    pub fn reveal(&self) -> Answer<Option<Secret<String>>> {
        Ok(match &self.material {
            Material::None => None,
            Material::Secret(secret, _) => Some(Secret::new(URL_SAFE_NO_PAD.encode(secret))),
            Material::Rsa(..) | Material::Ec(_) => self.public()?.map(|key| Secret::new(key.to_pem())),
        })
    }
}

fn fault(reason: &'static str) -> Fault {
    Fault::unavailable("cryptography", reason)
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

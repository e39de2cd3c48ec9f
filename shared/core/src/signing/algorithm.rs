//! The algorithms that sign JWTs (RFC 7518, section 3.1), and what each of them needs.

use aws_lc_rs::signature::{self, EcdsaSigningAlgorithm, RsaSignatureEncoding};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Sha256, Sha384, Sha512};

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
    pub(super) fn length(self) -> usize {
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
    pub(super) name: &'static str,
    /// Bytes of a coordinate.
    pub(super) size: usize,
    /// Signatures are raw `r‖s`, as JWS wants them.
    pub(super) signing: &'static EcdsaSigningAlgorithm,
}

static P256: Curve = Curve { name: "P-256", size: 32, signing: &signature::ECDSA_P256_SHA256_FIXED_SIGNING };

static P384: Curve = Curve { name: "P-384", size: 48, signing: &signature::ECDSA_P384_SHA384_FIXED_SIGNING };

static P521: Curve = Curve { name: "P-521", size: 66, signing: &signature::ECDSA_P521_SHA512_FIXED_SIGNING };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{}\"", algorithm.as_str()));
            let upper = algorithm.as_str().to_uppercase();
            assert_eq!(algorithm.alg(), if algorithm == Algorithm::None { "none" } else { &upper });
        }
        for other in ["", "HS256", "rs255", "es256k", "ps256", " hs256"] {
            assert_eq!(Algorithm::parse(other), None, "{other:?}");
        }
    }
}

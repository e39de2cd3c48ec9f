//! Ciphertext of secrets, and the record that it belongs to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ids::AccountId;

/// Ciphertext of a secret, fit to be stored. Only the [`Vault`](crate::ports::Vault) makes and opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// Stored in base64.
impl serde::Serialize for Sealed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> serde::Deserialize<'de> for Sealed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD.decode(&*text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What a sealed value belongs to. It is authenticated with the ciphertext (section 7, *At rest*), so a value that
/// was moved to another record, or put back in an older version, does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// The account whose data key seals the value.
    pub account: &'a AccountId,
    /// What it is, for instance `webhook`.
    pub kind: &'static str,
    /// The id of the record that holds it.
    pub id: u64,
    /// The version of the record's secrets.
    pub version: u64,
}

impl SealContext<'_> {
    /// The associated data of AES-GCM: unambiguous because no part can contain the separator.
    #[must_use]
    pub fn associated_data(&self) -> Vec<u8> {
        let Self { account, kind, id, version } = self;
        format!("{account}|{kind}|{id}|{version}").into_bytes()
    }
}

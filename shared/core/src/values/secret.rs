//! Values that must never be seen: kept out of `Debug`, wiped when dropped, and sealed at rest.

use zeroize::Zeroize;

use crate::account::AccountId;

/// A value that shows itself as `***`. Reading it is a deliberate act: [`Secret::expose`].
#[derive(Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Ciphertext of a secret, fit to be stored. Only the [`crate::ports::Vault`] makes and opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

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

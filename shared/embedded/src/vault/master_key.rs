//! The master key of a store, and the check value that identifies it.

use std::path::Path;

use aws_lc_rs::aead::LessSafeKey;
use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use rusqlite::OptionalExtension as _;

use super::key_file::{self, KeyFileError, MasterKey};
use super::sealing::{cipher, unseal};
use crate::store::database::Store;

/// The plaintext of the check value.
pub(super) const CHECK: &[u8] = b"hookline";

/// The master key and the check value that it opened. Another check value means another key.
pub(super) struct OpenedMasterKey {
    pub(super) key: MasterKey,
    pub(super) check: Vec<u8>,
}

impl OpenedMasterKey {
    /// Finds the key in the file that opens the store's check value.
    pub(super) fn load(store: &Store, path: &Path) -> Result<Self, KeyFileError> {
        let check = check_value(store)?.ok_or_else(|| KeyFileError::Missing { path: path.to_owned() })?;
        for key in key_file::read(path)? {
            if opens(&key, &check)? {
                return Ok(Self { key, check });
            }
        }
        Err(KeyFileError::Wrong { path: path.to_owned() })
    }

    pub(super) fn cipher(&self) -> PortResult<LessSafeKey> {
        cipher(self.key.as_slice())
    }
}

/// True if the key sealed the check value.
pub(super) fn opens(key: &MasterKey, check: &[u8]) -> PortResult<bool> {
    Ok(unseal(&cipher(key.as_slice())?, b"check", check).is_some_and(|opened| *opened == CHECK))
}

/// True if a key of the file opens the check value.
pub(crate) fn file_opens(path: &Path, check: &[u8]) -> Result<bool, KeyFileError> {
    for key in key_file::read(path)? {
        if opens(&key, check)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The check value of a store; `None` if it has no key yet.
pub(super) fn check_value(store: &Store) -> PortResult<Option<Vec<u8>>> {
    store.read(|connection| connection.query_row("SELECT sealed FROM key_check", [], |row| row.get(0)).optional())
}

/// The associated data of a wrapped data key.
pub(super) fn wrap_context(account: &AccountId) -> Vec<u8> {
    format!("data-key|{account}").into_bytes()
}

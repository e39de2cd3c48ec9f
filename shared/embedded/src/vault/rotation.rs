//! Rotates the master key while the service runs (section 7, *At rest*).
//!
//! First the new key is added to the key file, beside the old one. Then one transaction wraps every data key again and
//! replaces the check value. Then the old key is removed from the file. An interruption at any point leaves a file and
//! a database that fit together, and the rotation can be repeated. A running service notices that a data key does not
//! open and reads the file again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hookline_core::errors::PortError;
use hookline_core::values::Entropy;
use jiff::Timestamp;
use rusqlite::Connection;

use super::key_file;
use super::key_file::{KeyFileError, MasterKey};
use super::master_key::{CHECK, OpenedMasterKey, wrap_context};
use super::sealing::{cipher, seal, unseal};
use crate::store::database::Store;
use crate::store::rows::values::account_id;
use crate::store::sqlite::errors::corrupt;

/// The result of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationSummary {
    /// How many data keys were wrapped again.
    pub data_keys: usize,
    /// The file with the old key; older backups need it.
    pub old_key: PathBuf,
}

/// Gives a store a new master key.
///
/// # Errors
/// If the key file cannot be used, belongs to another store, or is being rotated by another process.
pub async fn rotate_master_key(
    store: &Store,
    path: &Path,
    entropy: Arc<dyn Entropy>,
    now: Timestamp,
) -> Result<RotationSummary, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let lock = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path.with_extension("lock"));
    let lock = lock.map_err(io)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| KeyFileError::Busy { path: path.to_owned() })?;

    let OpenedMasterKey { key: old, .. } = OpenedMasterKey::load(store, path)?;
    let fresh = entropy.key();
    let old_key = path.with_file_name(format!(
        "{}-until-{}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        now.strftime("%Y%m%dT%H%M%S%.3fZ")
    ));
    key_file::write_new(&old_key, &[&old])?;
    key_file::replace(path, &[&fresh, &old])?;
    let data_keys = {
        let fresh = fresh.clone();
        store.api().ask(move |connection| rewrap(connection, &old, &fresh, &*entropy)).await?
    };
    key_file::replace(path, &[&fresh])?;
    Ok(RotationSummary { data_keys, old_key })
}

/// Wraps all data keys again and seals the check value with the new key.
fn rewrap(
    connection: &Connection,
    old: &MasterKey,
    fresh: &MasterKey,
    entropy: &dyn Entropy,
) -> rusqlite::Result<usize> {
    let failed = |fault: PortError| rusqlite::Error::ToSqlConversionFailure(fault.into());
    let (from, to) = (cipher(old.as_slice()).map_err(failed)?, cipher(fresh.as_slice()).map_err(failed)?);
    // Reads all rows first: a row that changes during the read could be seen twice.
    let all: Vec<(String, i64, i64, Vec<u8>)> = connection
        .prepare("SELECT a.id, k.account, k.key, k.wrapped FROM data_keys k JOIN accounts a ON a.num = k.account")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut write = connection.prepare("UPDATE data_keys SET wrapped = ?3 WHERE account = ?1 AND key = ?2")?;
    for (id, account, key, wrapped) in &all {
        let context = wrap_context(&account_id(id)?);
        let opened = unseal(&from, &context, wrapped).ok_or_else(|| corrupt("data key"))?;
        write.execute((account, key, seal(&to, &context, &opened, entropy).map_err(failed)?))?;
    }
    connection.execute("UPDATE key_check SET sealed = ?1", [seal(&to, b"check", CHECK, entropy).map_err(failed)?])?;
    Ok(all.len())
}

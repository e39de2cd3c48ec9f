//! Changing the master key while the service runs (section 7, *At rest*).
//!
//! First the key file gets the new key beside the old one; then one transaction wraps every data key anew and moves the
//! check value on; then the old key leaves the file. Whatever stops in between leaves a file and a database that go
//! together, and the change can simply be made again. A running service notices by a data key that does not open, and
//! reads the file again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hookline_core::clock::Entropy;
use hookline_core::ports::Fault;
use jiff::Timestamp;
use rusqlite::Connection;

use super::key_file;
use super::key_file::{KeyFileError, MasterKey};
use super::master_key::{CHECK, OpenedMasterKey, wrap_context};
use super::sealing::{cipher, seal, unseal};
use crate::store::database::Store;
use crate::store::rows::values::account_id;
use crate::store::sqlite::errors::corrupt;

/// What a change of the master key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationSummary {
    /// How many data keys were wrapped anew.
    pub data_keys: usize,
    /// The file with the old key: backups that were made before need it.
    pub old_key: PathBuf,
}

/// Gives a store a new master key.
///
/// # Errors
/// If the key file cannot be used, is not the store's, or is being changed by somebody else.
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

/// Wraps all data keys anew, and seals the check value by the new key.
fn rewrap(
    connection: &Connection,
    old: &MasterKey,
    fresh: &MasterKey,
    entropy: &dyn Entropy,
) -> rusqlite::Result<usize> {
    let failed = |fault: Fault| rusqlite::Error::ToSqlConversionFailure(fault.into());
    let (from, to) = (cipher(old.as_slice()).map_err(failed)?, cipher(fresh.as_slice()).map_err(failed)?);
    // Read to the end first: what is changed while it is being read may be seen twice.
    let all: Vec<(String, i64, i64, Vec<u8>)> = connection
        .prepare("SELECT a.id, k.account, k.key, k.wrapped FROM data_keys k JOIN accounts a ON a.num = k.account")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut write = connection.prepare("UPDATE data_keys SET wrapped = ?3 WHERE account = ?1 AND key = ?2")?;
    for (id, account, key, wrapped) in &all {
        let context = wrap_context(&account_id(id)?);
        let opened = unseal(&from, &context, wrapped).ok_or_else(|| corrupt("a data key"))?;
        write.execute((account, key, seal(&to, &context, &opened, entropy).map_err(failed)?))?;
    }
    connection.execute("UPDATE key_check SET sealed = ?1", [seal(&to, b"check", CHECK, entropy).map_err(failed)?])?;
    Ok(all.len())
}

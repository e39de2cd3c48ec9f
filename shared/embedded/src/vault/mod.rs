//! Secrets at rest (section 7): AES-256-GCM with a data key for each account. The master key wraps the data keys. It is
//! in a file beside the database, and without it the secrets cannot be opened.

mod key_file;
pub(crate) mod master_key;
mod rotation;
mod sealing;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_lc_rs::aead::LessSafeKey;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::AccountId;
use hookline_core::model::{SealContext, Sealed};
use hookline_core::ports::Vault;
use hookline_core::values::Entropy;
use rusqlite::OptionalExtension as _;
use zeroize::Zeroizing;

pub use self::key_file::KeyFileError;
use self::master_key::{CHECK, OpenedMasterKey, check_value, wrap_context};
pub use self::rotation::{RotationSummary, rotate_master_key};
use self::sealing::{cipher, seal, unseal};
use crate::store::database::Store;
use crate::store::rows::values::account_number;

/// How long an open data key is kept in memory.
const OPEN_FOR: Duration = Duration::from_hours(1);
/// How often the key file is read again while the master key changes.
const MAX_CHANGES: usize = 3;

/// The vault of one store and its key file.
pub struct KeyFileVault {
    store: Store,
    path: PathBuf,
    master: Mutex<Arc<OpenedMasterKey>>,
    entropy: Arc<dyn Entropy>,
    /// Open data keys, and when they were opened.
    open: Mutex<HashMap<i64, (Instant, Arc<LessSafeKey>)>>,
}

impl KeyFileVault {
    /// Opens the key file of a store, and creates it (mode 0600) for a store without one.
    ///
    /// # Errors
    /// If the file is missing although the store has a key, is readable by others, is malformed, or belongs to another
    /// store.
    pub async fn open(store: &Store, path: &Path, entropy: Arc<dyn Entropy>) -> Result<Self, KeyFileError> {
        if check_value(store)?.is_none() {
            let keys = if path.exists() { key_file::read(path)? } else { vec![key_file::make(path, &*entropy)?] };
            let [key, ..] = &keys[..] else { return Err(KeyFileError::Malformed { path: path.to_owned() }) };
            let sealed = seal(&cipher(key.as_slice())?, b"check", CHECK, &*entropy)?;
            let write = move |connection: &rusqlite::Connection| {
                connection.execute("INSERT OR IGNORE INTO key_check (one, sealed) VALUES (1, ?1)", [sealed]).map(|_| ())
            };
            store.api().ask(write).await?;
        } else if !path.exists() {
            return Err(KeyFileError::Missing { path: path.to_owned() });
        }
        let master = Mutex::new(Arc::new(OpenedMasterKey::load(store, path)?));
        Ok(Self { store: store.clone(), path: path.to_owned(), master, entropy, open: Mutex::default() })
    }

    fn master(&self) -> Arc<OpenedMasterKey> {
        Arc::clone(&self.master.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the key file again after a rotation.
    fn reload(&self) -> PortResult<Arc<OpenedMasterKey>> {
        let master =
            OpenedMasterKey::load(&self.store, &self.path).map_err(|error| PortError::unavailable("vault", error))?;
        let master = Arc::new(master);
        *self.master.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&master);
        Ok(master)
    }

    /// The data key of an account, created when it is first needed.
    ///
    /// Open keys are cached by the number of the account, which is read every time. Another process may delete an
    /// account and create it again, and the new account must not use the key of the old one.
    async fn data_key(&self, account: &AccountId) -> PortResult<Arc<LessSafeKey>> {
        let number = self.store.read(|connection| account_number(connection, account))?;
        let number = number.ok_or_else(|| PortError::unavailable("vault", "the account does not exist"))?;
        {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, key)) = open.get(&number).filter(|(since, _)| since.elapsed() < OPEN_FOR) {
                return Ok(Arc::clone(key));
            }
        }
        let mut master = self.master();
        for _ in 0..MAX_CHANGES {
            let wrapped = match self.stored_data_key(account)? {
                Some(wrapped) => Some(wrapped),
                None => self.make_data_key(account, &master).await?,
            };
            let opened = match wrapped {
                Some(wrapped) => unseal(&master.cipher()?, &wrap_context(account), &wrapped),
                None => None,
            };
            if let Some(bytes) = opened {
                let key = Arc::new(cipher(&bytes)?);
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.retain(|_, (since, _)| since.elapsed() < OPEN_FOR);
                open.insert(number, (Instant::now(), Arc::clone(&key)));
                return Ok(key);
            }
            master = self.reload()?;
        }
        Err(PortError::unavailable("vault", "opening a data key failed"))
    }

    fn stored_data_key(&self, account: &AccountId) -> PortResult<Option<Vec<u8>>> {
        self.store.read(|connection| stored_data_key(connection, account))
    }

    /// Stores a new data key unless there is one now, and returns the stored key, wrapped. `None` if the master key
    /// changed in the meantime: a key that it wrapped would never open again.
    async fn make_data_key(&self, account: &AccountId, master: &OpenedMasterKey) -> PortResult<Option<Vec<u8>>> {
        let fresh = self.entropy.key();
        let wrapped = seal(&master.cipher()?, &wrap_context(account), &*fresh, &*self.entropy)?;
        let (account, check) = (account.clone(), master.check.clone());
        let api = self.store.api();
        let made = api.ask(move |connection| {
            let known =
                connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?.exists([account.as_str()])?;
            connection.execute(
                "INSERT OR IGNORE INTO data_keys (account, key, wrapped)
                 SELECT num, 1, ?2 FROM accounts WHERE id = ?1 AND (SELECT sealed FROM key_check) = ?3",
                (account.as_str(), wrapped, check),
            )?;
            Ok((known, stored_data_key(connection, &account)?))
        });
        match made.await? {
            (false, _) => Err(PortError::unavailable("vault", "the account does not exist")),
            (true, wrapped) => Ok(wrapped),
        }
    }
}

fn stored_data_key(connection: &rusqlite::Connection, account: &AccountId) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached(
            "SELECT k.wrapped FROM data_keys k JOIN accounts a ON a.num = k.account
             WHERE a.id = ?1 ORDER BY k.key DESC LIMIT 1",
        )?
        .query_row([account.as_str()], |row| row.get(0))
        .optional()
}

#[async_trait]
impl Vault for KeyFileVault {
    async fn seal(&self, context: SealContext<'_>, value: &[u8]) -> PortResult<Sealed> {
        let key = self.data_key(context.account).await?;
        seal(&key, &context.associated_data(), value, &*self.entropy).map(Sealed)
    }

    async fn open(&self, context: SealContext<'_>, sealed: &Sealed) -> PortResult<Zeroizing<Vec<u8>>> {
        let key = self.data_key(context.account).await?;
        unseal(&key, &context.associated_data(), &sealed.0)
            .ok_or_else(|| PortError::unavailable("vault", "opening a sealed value failed"))
    }
}

//! Secrets at rest (section 7): AES-256-GCM under a data key per account; the data keys wrapped by the master key, which
//! is a file beside the database. Without that file the database opens no secret.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookline_core::account::AccountId;
use hookline_core::clock::Entropy;
use hookline_core::ports::{Answer, Fault, Vault};
use hookline_core::secret::{SealContext, Sealed};
use rusqlite::OptionalExtension as _;
use zeroize::Zeroizing;

use crate::store::Store;

/// First byte of everything sealed: the form `1, key id (1), nonce (12), ciphertext and tag`.
const FORM: u8 = 1;
/// An open data key is kept at most this long.
const OPEN_FOR: Duration = Duration::from_hours(1);
/// What the check value says once it is opened.
const CHECK: &[u8] = b"hookline";

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("the key file {path} cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner may read the file.
    #[error("the key file {path} is readable by others; make it readable by its owner alone (chmod 600)")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The file does not hold a key.
    #[error("the key file {path} does not hold 32 bytes in base64")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// There is a database, but not its key.
    #[error("the database was made with a key file, and {path} is missing; put it back")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The key is not the one that the database was made with.
    #[error("the key file {path} is not the one that the database was made with")]
    Wrong {
        /// The file.
        path: PathBuf,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

/// The vault of one store and one key file.
pub struct KeyFileVault {
    store: Store,
    master: Zeroizing<[u8; 32]>,
    entropy: Arc<dyn Entropy>,
    /// Open data keys, and since when.
    open: Mutex<HashMap<AccountId, (Instant, Arc<LessSafeKey>)>>,
}

impl KeyFileVault {
    /// Opens the key file of a store; makes it (mode 0600) for a store that has none yet.
    ///
    /// # Errors
    /// If the file is missing though the store was made with one, is exposed, malformed, or another store's.
    pub async fn open(store: &Store, path: &Path, entropy: Arc<dyn Entropy>) -> Result<Self, KeyFileError> {
        let check: Option<Vec<u8>> = store
            .read(|connection| connection.query_row("SELECT sealed FROM key_check", [], |row| row.get(0)).optional())?;
        let master = if path.exists() {
            read_key(path)?
        } else if check.is_some() {
            return Err(KeyFileError::Missing { path: path.to_owned() });
        } else {
            make_key(path, &*entropy)?
        };
        let cipher = cipher(&*master)?;
        if let Some(sealed) = check {
            if unseal(&cipher, b"check", &sealed).is_none_or(|opened| *opened != CHECK) {
                return Err(KeyFileError::Wrong { path: path.to_owned() });
            }
        } else {
            let sealed = seal(&cipher, b"check", CHECK, &*entropy)?;
            let write = move |connection: &rusqlite::Connection| {
                connection.execute("INSERT OR IGNORE INTO key_check (one, sealed) VALUES (1, ?1)", [sealed]).map(|_| ())
            };
            store.api().ask(write).await?;
        }
        Ok(Self { store: store.clone(), master, entropy, open: Mutex::default() })
    }

    /// The data key of an account, made when it is first needed.
    async fn data_key(&self, account: &AccountId) -> Answer<Arc<LessSafeKey>> {
        {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, key)) = open.get(account).filter(|(since, _)| since.elapsed() < OPEN_FOR) {
                return Ok(Arc::clone(key));
            }
        }
        let stored: Option<Vec<u8>> = {
            let id = account.clone();
            self.store.read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT k.wrapped FROM data_keys k JOIN accounts a ON a.num = k.account
                         WHERE a.id = ?1 ORDER BY k.key DESC LIMIT 1",
                    )?
                    .query_row([id.as_str()], |row| row.get(0))
                    .optional()
            })?
        };
        let wrapped = match stored {
            Some(wrapped) => wrapped,
            None => self.make_data_key(account).await?,
        };
        let bytes = unseal(&cipher(&*self.master)?, &wrap_context(account), &wrapped)
            .ok_or_else(|| Fault::unavailable("vault", "a data key does not open"))?;
        let key = Arc::new(cipher(&bytes)?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (since, _)| since.elapsed() < OPEN_FOR);
        open.insert(account.clone(), (Instant::now(), Arc::clone(&key)));
        Ok(key)
    }

    /// Stores a new data key, unless somebody else just did; answers the stored one, wrapped.
    async fn make_data_key(&self, account: &AccountId) -> Answer<Vec<u8>> {
        let fresh = self.entropy.key();
        let wrapped = seal(&cipher(&*self.master)?, &wrap_context(account), &*fresh, &*self.entropy)?;
        let id = account.clone();
        let api = self.store.api();
        let stored = api.ask(move |connection| {
            connection.execute(
                "INSERT OR IGNORE INTO data_keys (account, key, wrapped)
                 SELECT num, 1, ?2 FROM accounts WHERE id = ?1",
                (id.as_str(), wrapped),
            )?;
            connection
                .query_row(
                    "SELECT k.wrapped FROM data_keys k JOIN accounts a ON a.num = k.account
                     WHERE a.id = ?1 ORDER BY k.key DESC LIMIT 1",
                    [id.as_str()],
                    |row| row.get(0),
                )
                .optional()
        });
        stored.await?.ok_or_else(|| Fault::unavailable("vault", "there is no such account"))
    }
}

#[async_trait]
impl Vault for KeyFileVault {
    async fn seal(&self, context: SealContext<'_>, value: &[u8]) -> Answer<Sealed> {
        let key = self.data_key(context.account).await?;
        seal(&key, &context.associated_data(), value, &*self.entropy).map(Sealed)
    }

    async fn open(&self, context: SealContext<'_>, sealed: &Sealed) -> Answer<Zeroizing<Vec<u8>>> {
        let key = self.data_key(context.account).await?;
        unseal(&key, &context.associated_data(), &sealed.0)
            .ok_or_else(|| Fault::unavailable("vault", "a sealed value does not open"))
    }
}

/// What a data key is wrapped for.
fn wrap_context(account: &AccountId) -> Vec<u8> {
    format!("data-key|{account}").into_bytes()
}

fn cipher(key: &[u8]) -> Answer<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Fault::unavailable("vault", "a key is malformed"))?;
    Ok(LessSafeKey::new(key))
}

fn seal(key: &LessSafeKey, context: &[u8], value: &[u8], entropy: &dyn Entropy) -> Answer<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    entropy.fill(&mut nonce);
    let mut text = Zeroizing::new(value.to_vec());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut *text)
        .map_err(|_| Fault::unavailable("vault", "a value could not be sealed"))?;
    let mut sealed = vec![FORM, 1];
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&text);
    Ok(sealed)
}

/// `None` if the value was sealed by another key, for another context, or was changed.
fn unseal(key: &LessSafeKey, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (head, rest) = sealed.split_at_checked(2)?;
    let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
    if head != [FORM, 1] {
        return None;
    }
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = key.open_in_place(nonce, Aad::from(context), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    use std::os::unix::fs::PermissionsExt as _;
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.permissions().mode() & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(io)?;
    let malformed = || KeyFileError::Malformed { path: path.to_owned() };
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| malformed())?);
    let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| malformed())?;
    Ok(Zeroizing::new(key))
}

fn make_key(path: &Path, entropy: &dyn Entropy) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let key = entropy.key();
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    let text = Zeroizing::new(STANDARD.encode(*key) + "\n");
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use hookline_core::clock::System;

    use super::*;

    fn key(byte: u8) -> LessSafeKey {
        cipher(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_value_opens_only_with_its_key_and_for_its_context() {
        let sealed = seal(&key(1), b"a|webhook|1|1", b"secret", &System).unwrap();
        assert_eq!(unseal(&key(1), b"a|webhook|1|1", &sealed).unwrap().as_slice(), b"secret");
        assert!(unseal(&key(2), b"a|webhook|1|1", &sealed).is_none());
        assert!(unseal(&key(1), b"a|webhook|1|2", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(unseal(&key(1), b"a|webhook|1|1", &changed).is_none(), "byte {at}");
            assert!(unseal(&key(1), b"a|webhook|1|1", &sealed[..at]).is_none(), "{at} bytes");
        }
        assert_ne!(sealed, seal(&key(1), b"a|webhook|1|1", b"secret", &System).unwrap());
    }

    #[test]
    fn the_key_file_is_private_and_well_formed() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = make_key(&path, &System).unwrap();
        assert_eq!(*read_key(&path).unwrap(), *made);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(make_key(&path, &System), Err(KeyFileError::Io { .. })), "never overwritten");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_key(&path), Err(KeyFileError::Exposed { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "AAAA").unwrap();
        assert!(matches!(read_key(&path), Err(KeyFileError::Malformed { .. })));
    }
}

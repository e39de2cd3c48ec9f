//! Secrets at rest (section 7). A value is sealed with AES-256-GCM under a data key of its account. KMS wraps data keys
//! with the encryption context `{deployment, account}`, so a wrapped key does not open for another account or
//! deployment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::AccountId;
use hookline_core::model::{SealContext, Sealed};
use hookline_core::ports::Vault;
use hookline_core::values::Entropy;
use zeroize::Zeroizing;

use super::clients::explain;
use crate::store::dynamo::Table;
use crate::store::ports::data_keys::WrappedKey;

/// First byte of a sealed value. Its format: `1, number of the data key (1), nonce (12), ciphertext and tag`.
const FORM: u8 = 1;
/// How long an opened data key is kept in memory.
const CACHED_FOR: Duration = Duration::from_hours(1);
/// The number of an account's first data key.
const FIRST: u8 = 1;

/// Opened data keys by account and number, with the time of opening.
type OpenDataKeys = HashMap<(AccountId, u8), (Instant, Arc<LessSafeKey>)>;

/// The vault of one deployment.
pub struct KmsVault {
    client: Client,
    table: Table,
    /// The id, ARN or alias of the master key in KMS.
    master: String,
    /// The name of the deployment, which is part of every encryption context.
    deployment: String,
    entropy: Arc<dyn Entropy>,
    /// The opened data keys.
    open: Mutex<OpenDataKeys>,
    /// The number of each account's newest data key, with the time when it was read.
    newest: Mutex<HashMap<AccountId, (Instant, u8)>>,
}

/// The result of changing the master key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rewrapped {
    /// The number of data keys that the new master key wraps now.
    pub rewrapped: u64,
    /// The number of data keys that another process wrapped at the same time.
    pub overtaken: u64,
}

impl KmsVault {
    /// Creates the vault. `master` is the key that wraps data keys.
    #[must_use]
    pub fn new(client: Client, table: Table, master: &str, deployment: &str, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            client,
            table,
            master: master.to_owned(),
            deployment: deployment.to_owned(),
            entropy,
            open: Mutex::default(),
            newest: Mutex::default(),
        }
    }

    /// The data key that seals new values: the newest one of the account, which is created if there is none.
    async fn sealing_key(&self, account: &AccountId) -> PortResult<(u8, Arc<LessSafeKey>)> {
        let known = {
            let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            newest.get(account).filter(|(since, _)| since.elapsed() < CACHED_FOR).map(|(_, number)| *number)
        };
        let number = if let Some(number) = known {
            number
        } else {
            let stored = match self.table.newest_data_key(account).await? {
                Some(stored) => stored,
                None => self.make_data_key(account).await?,
            };
            let number = stored.number;
            self.unwrap(account, stored).await?;
            let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            newest.insert(account.clone(), (Instant::now(), number));
            number
        };
        Ok((number, self.opening_key(account, number).await?))
    }

    /// A data key by its number.
    async fn opening_key(&self, account: &AccountId, number: u8) -> PortResult<Arc<LessSafeKey>> {
        {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let known = open.get(&(account.clone(), number));
            if let Some((_, key)) = known.filter(|(since, _)| since.elapsed() < CACHED_FOR) {
                return Ok(Arc::clone(key));
            }
        }
        let stored = self.table.data_key(account, number).await?;
        let stored = stored.ok_or_else(|| PortError::unavailable("vault", "a data key does not exist"))?;
        self.unwrap(account, stored).await
    }

    /// Creates and stores the account's first data key. If another process was faster, answers the stored one.
    async fn make_data_key(&self, account: &AccountId) -> PortResult<WrappedKey> {
        let request = self
            .client
            .generate_data_key_without_plaintext()
            .key_id(&self.master)
            .key_spec(aws_sdk_kms::types::DataKeySpec::Aes256)
            .set_encryption_context(Some(self.context(account)));
        let made = request.send().await.map_err(|error| fault(explain(&error)))?;
        let wrapped = made.ciphertext_blob.ok_or_else(|| fault("KMS returned no data key"))?.into_inner();
        self.table.add_data_key(account, WrappedKey { number: FIRST, wrapped }).await
    }

    /// Opens a wrapped data key, and keeps it in memory for a while.
    async fn unwrap(&self, account: &AccountId, stored: WrappedKey) -> PortResult<Arc<LessSafeKey>> {
        let WrappedKey { number, wrapped } = stored;
        let opened = self.decrypt(account, wrapped).await?;
        let key = UnboundKey::new(&AES_256_GCM, &opened).map(LessSafeKey::new);
        let key = Arc::new(key.map_err(|_| fault("a data key has the wrong length"))?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (since, _)| since.elapsed() < CACHED_FOR);
        open.insert((account.clone(), number), (Instant::now(), Arc::clone(&key)));
        Ok(key)
    }

    /// The plaintext of a wrapped data key.
    async fn decrypt(&self, account: &AccountId, wrapped: Vec<u8>) -> PortResult<Zeroizing<Vec<u8>>> {
        let request = self.client.decrypt().ciphertext_blob(Blob::new(wrapped));
        let request = request.set_encryption_context(Some(self.context(account)));
        let opened = request.send().await.map_err(|error| fault(explain(&error)))?;
        opened
            .plaintext
            .map(|bytes| Zeroizing::new(bytes.into_inner()))
            .ok_or_else(|| fault("KMS returned no plaintext"))
    }

    /// The encryption context of the account's data keys.
    fn context(&self, account: &AccountId) -> HashMap<String, String> {
        HashMap::from([("deployment".to_owned(), self.deployment.clone()), ("account".to_owned(), account.to_string())])
    }

    /// Wraps all data keys of an account under another master key. The service keeps working as long as both master
    /// keys may decrypt.
    pub async fn change_master_key(&self, account: &AccountId, to: &str) -> PortResult<Rewrapped> {
        let mut done = Rewrapped::default();
        for key in self.table.data_keys(account).await? {
            let opened = self.decrypt(account, key.wrapped.clone()).await?;
            let request = self.client.encrypt().key_id(to).plaintext(Blob::new(opened.to_vec()));
            let request = request.set_encryption_context(Some(self.context(account)));
            let answer = request.send().await.map_err(|error| fault(explain(&error)))?;
            let wrapped = answer.ciphertext_blob.ok_or_else(|| fault("KMS returned no ciphertext"))?.into_inner();
            if self.table.rewrap_data_key(account, &key, wrapped).await? {
                done.rewrapped += 1;
            } else {
                done.overtaken += 1;
            }
        }
        Ok(done)
    }
}

#[async_trait]
impl Vault for KmsVault {
    async fn seal(&self, context: SealContext<'_>, value: &[u8]) -> PortResult<Sealed> {
        let (number, key) = self.sealing_key(context.account).await?;
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut sealed = value.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context.associated_data()),
            &mut sealed,
        )
        .map_err(|_| fault("sealing a value failed"))?;
        let mut form = vec![FORM, number];
        form.extend_from_slice(&nonce);
        form.append(&mut sealed);
        Ok(Sealed(form))
    }

    async fn open(&self, context: SealContext<'_>, sealed: &Sealed) -> PortResult<Zeroizing<Vec<u8>>> {
        let unreadable = || fault("opening a sealed value failed");
        let (&[FORM, number], rest) = sealed.0.split_first_chunk().ok_or_else(unreadable)? else {
            return Err(unreadable());
        };
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(unreadable)?;
        let key = self.opening_key(context.account, number).await?;
        let mut bytes = Zeroizing::new(ciphertext.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length =
            key.open_in_place(nonce, Aad::from(context.associated_data()), &mut bytes).map_err(|_| unreadable())?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

fn fault(reason: impl std::fmt::Display) -> PortError {
    PortError::unavailable("vault", reason)
}

//! Secrets at rest (section 7): AES-256-GCM under a data key per account; the data keys wrapped by KMS with the context
//! `{deployment, account}`, so a wrapped key that was moved to another account or deployment does not open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use hookline_core::account::AccountId;
use hookline_core::clock::Entropy;
use hookline_core::ports::{Answer, Fault, Vault};
use hookline_core::secret::{SealContext, Sealed};
use zeroize::Zeroizing;

use super::clients::explain;
use crate::store::dynamo::Table;
use crate::store::ports::data_keys::WrappedKey;

/// First byte of everything sealed: the form `1, number of the data key (1), nonce (12), ciphertext and tag`.
const FORM: u8 = 1;
/// An open data key is kept at most this long.
const OPEN_FOR: Duration = Duration::from_hours(1);
/// The number of an account's first data key.
const FIRST: u8 = 1;

/// Data keys by account and number, and since when they are open.
type OpenDataKeys = HashMap<(AccountId, u8), (Instant, Arc<LessSafeKey>)>;

/// The vault of one deployment.
pub struct KmsVault {
    client: Client,
    table: Table,
    /// The master key: an id, ARN or alias of KMS.
    master: String,
    /// The name of the deployment, in every encryption context.
    deployment: String,
    entropy: Arc<dyn Entropy>,
    /// Open data keys, and since when.
    open: Mutex<OpenDataKeys>,
    /// Which number is the newest of an account, and since when that is known.
    newest: Mutex<HashMap<AccountId, (Instant, u8)>>,
}

/// How a change of the master key went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rewrapped {
    /// Data keys that are now wrapped by the new master key.
    pub rewrapped: u64,
    /// Data keys that somebody else wrapped anew at the same moment.
    pub overtaken: u64,
}

impl KmsVault {
    /// The vault whose data keys `master` wraps.
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

    /// The data key that seals: the newest one, made when an account needs its first.
    async fn sealing_key(&self, account: &AccountId) -> Answer<(u8, Arc<LessSafeKey>)> {
        let known = {
            let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            newest.get(account).filter(|(since, _)| since.elapsed() < OPEN_FOR).map(|(_, number)| *number)
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
    async fn opening_key(&self, account: &AccountId, number: u8) -> Answer<Arc<LessSafeKey>> {
        {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let known = open.get(&(account.clone(), number));
            if let Some((_, key)) = known.filter(|(since, _)| since.elapsed() < OPEN_FOR) {
                return Ok(Arc::clone(key));
            }
        }
        let stored = self.table.data_key(account, number).await?;
        let stored = stored.ok_or_else(|| Fault::unavailable("vault", "a data key is missing"))?;
        self.unwrap(account, stored).await
    }

    /// Makes and stores an account's first data key, unless somebody else just did; answers the stored one.
    async fn make_data_key(&self, account: &AccountId) -> Answer<WrappedKey> {
        let request = self
            .client
            .generate_data_key_without_plaintext()
            .key_id(&self.master)
            .key_spec(aws_sdk_kms::types::DataKeySpec::Aes256)
            .set_encryption_context(Some(self.context(account)));
        let made = request.send().await.map_err(|error| fault(explain(&error)))?;
        let wrapped = made.ciphertext_blob.ok_or_else(|| fault("KMS made no data key"))?.into_inner();
        self.table.add_data_key(account, WrappedKey { number: FIRST, wrapped }).await
    }

    /// Opens a wrapped data key, and keeps it open for a while.
    async fn unwrap(&self, account: &AccountId, stored: WrappedKey) -> Answer<Arc<LessSafeKey>> {
        let WrappedKey { number, wrapped } = stored;
        let opened = self.decrypt(account, wrapped).await?;
        let key = UnboundKey::new(&AES_256_GCM, &opened).map(LessSafeKey::new);
        let key = Arc::new(key.map_err(|_| fault("a data key is none"))?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (since, _)| since.elapsed() < OPEN_FOR);
        open.insert((account.clone(), number), (Instant::now(), Arc::clone(&key)));
        Ok(key)
    }

    /// The bytes of a wrapped data key.
    async fn decrypt(&self, account: &AccountId, wrapped: Vec<u8>) -> Answer<Zeroizing<Vec<u8>>> {
        let request = self.client.decrypt().ciphertext_blob(Blob::new(wrapped));
        let request = request.set_encryption_context(Some(self.context(account)));
        let opened = request.send().await.map_err(|error| fault(explain(&error)))?;
        opened.plaintext.map(|bytes| Zeroizing::new(bytes.into_inner())).ok_or_else(|| fault("KMS opened no data key"))
    }

    /// What a data key is wrapped for.
    fn context(&self, account: &AccountId) -> HashMap<String, String> {
        HashMap::from([("deployment".to_owned(), self.deployment.clone()), ("account".to_owned(), account.to_string())])
    }

    /// Wraps all data keys of an account by another master key. While both master keys may open, nothing stands still.
    pub async fn change_master_key(&self, account: &AccountId, to: &str) -> Answer<Rewrapped> {
        let mut done = Rewrapped::default();
        for key in self.table.data_keys(account).await? {
            let opened = self.decrypt(account, key.wrapped.clone()).await?;
            let request = self.client.encrypt().key_id(to).plaintext(Blob::new(opened.to_vec()));
            let request = request.set_encryption_context(Some(self.context(account)));
            let answer = request.send().await.map_err(|error| fault(explain(&error)))?;
            let wrapped = answer.ciphertext_blob.ok_or_else(|| fault("KMS wrapped no data key"))?.into_inner();
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
    async fn seal(&self, context: SealContext<'_>, value: &[u8]) -> Answer<Sealed> {
        let (number, key) = self.sealing_key(context.account).await?;
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut sealed = value.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context.associated_data()),
            &mut sealed,
        )
        .map_err(|_| fault("a value could not be sealed"))?;
        let mut form = vec![FORM, number];
        form.extend_from_slice(&nonce);
        form.append(&mut sealed);
        Ok(Sealed(form))
    }

    async fn open(&self, context: SealContext<'_>, sealed: &Sealed) -> Answer<Zeroizing<Vec<u8>>> {
        let unreadable = || fault("a sealed value does not open");
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

fn fault(reason: impl std::fmt::Display) -> Fault {
    Fault::unavailable("vault", reason)
}

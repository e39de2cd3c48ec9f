//! AES-256-GCM: the format of sealed values, and sealing and opening them.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use hookline_core::errors::{PortError, PortResult};
use hookline_core::values::Entropy;
use zeroize::Zeroizing;

/// The first byte of a sealed value. Its format is `1, key id (1), nonce (12), ciphertext and tag`.
const FORM: u8 = 1;

pub(super) fn cipher(key: &[u8]) -> PortResult<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| PortError::unavailable("vault", "malformed key"))?;
    Ok(LessSafeKey::new(key))
}

pub(super) fn seal(key: &LessSafeKey, context: &[u8], value: &[u8], entropy: &dyn Entropy) -> PortResult<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    entropy.fill(&mut nonce);
    let mut text = Zeroizing::new(value.to_vec());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut *text)
        .map_err(|_| PortError::unavailable("vault", "sealing a value failed"))?;
    let mut sealed = vec![FORM, 1];
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&text);
    Ok(sealed)
}

/// `None` if the value was sealed with another key or for another context, or was changed.
pub(super) fn unseal(key: &LessSafeKey, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
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

#[cfg(test)]
mod tests {
    use hookline_core::values::System;

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
}

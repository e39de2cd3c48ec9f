//! Console links (section 13): how a person gets a token for the console without seeing one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::token::{Person, Role, TokenHash};
use crate::ids::{AccountId, WebhookId};
use crate::values::{Entropy, Secret, milliseconds};

/// A link as it is stored, under the hash of its code, until it is used or too old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleLink {
    /// The token that it goes with: its creator's, or the one that its creator's was given for.
    pub parent: Uuid,
    /// Its creator, who is the person of its token as well.
    pub person: Person,
    /// The role of its token.
    pub role: Role,
    /// The only webhook that its token opens, if it does not open the account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub webhook: Option<WebhookId>,
    /// How long its token works, in minutes.
    pub minutes: u32,
    /// When the creator's token stops working, if ever: its own does then too.
    #[serde(with = "milliseconds::option", skip_serializing_if = "Option::is_none", default)]
    pub parent_ends_at: Option<Timestamp>,
    /// When it was made.
    #[serde(with = "milliseconds")]
    pub created_at: Timestamp,
    /// When it can no longer be used.
    #[serde(with = "milliseconds")]
    pub expires_at: Timestamp,
}

/// Makes the code of a link: its account, a dot, and 32 random bytes in base64url. Shown once, never stored.
#[must_use]
pub fn new_code(account: &AccountId, entropy: &dyn Entropy) -> Secret<String> {
    Secret::new(format!("{account}.{}", URL_SAFE_NO_PAD.encode(*entropy.key())))
}

/// The account of a code, and the hash that its link is stored under.
#[must_use]
pub fn parse_code(code: &str) -> Option<(AccountId, TokenHash)> {
    let (account, _) = code.rsplit_once('.')?;
    Some((AccountId::parse(account)?, TokenHash::of(code)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::System;

    #[test]
    fn a_code_names_its_account() {
        let account = AccountId::parse("wdc").unwrap();
        let code = new_code(&account, &System);
        let (named, hash) = parse_code(code.expose()).unwrap();
        assert_eq!((named, hash), (account, TokenHash::of(code.expose())));
        for bad in ["", ".", "wdc", ".x", "WDC!.x"] {
            assert!(parse_code(bad).is_none(), "{bad}");
        }
    }
}

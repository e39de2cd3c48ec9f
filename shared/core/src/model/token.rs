//! Access tokens: who calls, for which account, and what they may do (section 2, *Authentication*).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::account::Account;
use crate::ids::WebhookId;
use crate::values::{Entropy, Secret};

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Administrator,
    /// Reads everything but secrets.
    Auditor,
    /// `POST /events` and `GET /events/:id`, nothing else.
    Publisher,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Auditor, Self::Publisher];

    /// The role as it is written: `administrator`, `auditor`, `publisher`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Auditor => "auditor",
            Self::Publisher => "publisher",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// What a token opens, within what its role allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenScope {
    /// Its account.
    #[default]
    Account,
    /// Its account, but no console links can be made with it: it was given for one.
    Console,
    /// One webhook with its deliveries, tests and counts, for a console link as well.
    Webhook(WebhookId),
}

impl TokenScope {
    /// The scope as it is stored: nothing, 0, or the id of the webhook.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Account => None,
            Self::Console => Some(0),
            Self::Webhook(id) => Some(id.0),
        }
    }

    /// The scope of that number. There is no webhook 0.
    #[must_use]
    pub fn of(number: Option<u64>) -> Self {
        match number {
            None => Self::Account,
            Some(0) => Self::Console,
            Some(id) => Self::Webhook(WebhookId(id)),
        }
    }

    /// True for the token of a console link. Such tokens are counted apart from all others.
    #[must_use]
    pub fn is_of_link(self) -> bool {
        self != Self::Account
    }
}

/// SHA-256 of a token: all that is stored of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a token as it came in a request.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

/// Makes a token: `hl_` and 32 random bytes in base64url. Shown once, never stored.
#[must_use]
pub fn new_token(entropy: &dyn Entropy) -> Secret<String> {
    Secret::new(format!("hl_{}", URL_SAFE_NO_PAD.encode(*entropy.key())))
}

/// A person, as tokens and audit records name them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Person {
    /// The person's id upstream.
    pub id: u64,
    /// The person's name.
    pub name: String,
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id: what `token list` shows and `token revoke` takes.
    pub id: Uuid,
    /// SHA-256 of the token.
    pub hash: TokenHash,
    /// Whom it belongs to.
    pub person: Person,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
    /// The token that this one was given for, by `POST /token` or a console link; it goes with that one.
    pub parent: Option<Uuid>,
    /// What it opens.
    pub scope: TokenScope,
}

impl Token {
    /// Whose calls it counts among: those of the token that it was given for. The token of a console link counts alone,
    /// so that the person at the console does not use up what the creator's programs may call.
    #[must_use]
    pub fn counted_as(&self) -> Uuid {
        self.parent.filter(|_| !self.scope.is_of_link()).unwrap_or(self.id)
    }
}

/// A caller whose token was good: who, for which account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token that was used.
    pub token: Token,
    /// The account it belongs to.
    pub account: Account,
}

impl Caller {
    /// May read webhooks, policies and deliveries.
    #[must_use]
    pub fn may_read(&self) -> bool {
        matches!(self.token.role, Role::Administrator | Role::Auditor)
    }

    /// May change things, and see the secrets that the API shows.
    #[must_use]
    pub fn may_administer(&self) -> bool {
        self.token.role == Role::Administrator
    }

    /// May publish events and ask after them.
    #[must_use]
    pub fn may_publish(&self) -> bool {
        matches!(self.token.role, Role::Administrator | Role::Publisher)
    }
}

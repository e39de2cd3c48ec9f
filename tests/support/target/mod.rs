//! What a suite of HTTP calls runs against: the router in process ([`router`]), the real process ([`process`]), the
//! router over the ports on AWS ([`aws`]), and the built functions behind a gateway ([`functions`]).

pub mod aws;
pub mod functions;
pub mod process;
pub mod router;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use uuid::Uuid;

use crate::connection::Answer;

/// Ten attempts in less than a second.
const WAIT_SCALE: f64 = 0.0001;

/// Settings that a test may want otherwise; the rest is as the service has it.
#[derive(Debug, Clone)]
pub struct Variation {
    /// How many webhooks an account may have.
    pub max_webhooks: u64,
    /// How many of them may wait for a pattern.
    pub max_pattern_webhooks: u64,
    /// Calls per token and hour.
    pub rate_limit: u32,
    /// Demands `https` of every URI.
    pub require_https: bool,
    /// Template of an account's URL.
    pub account_url: &'static str,
}

impl Default for Variation {
    fn default() -> Self {
        let settings = hookline_core::settings::CoreSettings::default();
        Self {
            max_webhooks: settings.max_webhooks,
            max_pattern_webhooks: settings.max_pattern_webhooks,
            rate_limit: 3600,
            require_https: settings.require_https,
            account_url: "{public_url}/a/{account}",
        }
    }
}

/// A token that was just made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What `token list` shows.
    pub id: Uuid,
    /// The token itself.
    pub secret: String,
}

/// A running service with a store of its own, and the administration that has no HTTP route.
#[async_trait]
pub trait Target: Send + Sync {
    /// Where the service says that its API is.
    fn public_url(&self) -> String;
    /// One call; what is in the request goes as it is.
    async fn send(&self, request: Request<Bytes>) -> Answer;
    /// Creates an account whose answers show times of this zone.
    async fn create_account(&self, id: &str, time_zone: &str);
    /// Disables an account.
    async fn disable_account(&self, id: &str);
    /// Creates a token, which lives for `minutes` if they are given.
    async fn create_token(&self, account: &str, role: &str, minutes: Option<u64>) -> NewToken;
    /// Revokes a token.
    async fn revoke_token(&self, id: Uuid);
    /// True if intake knows the ids of earlier events, and not only fan-out.
    fn knows_repeats(&self) -> bool {
        true
    }
    /// The mails that were sent so far, as text.
    fn mails(&self) -> Vec<String>;
}

/// The mails in a folder, in the order in which they were sent.
fn mails_in(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "eml"));
    files.sort();
    files.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

//! Settings that both runtimes share, and the URLs that follow from them. Every absolute URL comes from here, never
//! from `Host` or a forwarded header (section 1).

use std::time::Duration;

use url::Url;

use crate::account::AccountId;
use crate::endpoint_uri::EndpointHost;

/// Whether an endpoint must prove that it wants our messages (section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// What is registered is used.
    Off,
    /// An endpoint gets nothing but verify messages until it has called back.
    Required,
}

impl Verification {
    /// True if messages may go to a webhook that is verified, or is not.
    #[must_use]
    pub fn is_satisfied_by(self, verified: bool) -> bool {
        match self {
            Self::Off => true,
            Self::Required => verified,
        }
    }
}

/// How this deployment behaves. Made by the runtimes from their environment and files; see there for the names.
#[derive(Debug, Clone)]
pub struct Settings {
    /// First part of every `nodeID`. Default: `hookline`.
    pub domain: String,
    /// Where the API is reached, without a trailing slash.
    pub public_url: String,
    /// Template of an account's URL; `{account}` and `{public_url}` are filled in. Default:
    /// `{public_url}/a/{account}`.
    pub account_url: String,
    /// What `User-Agent` points to.
    pub docs_url: String,
    /// Demands `https` of every URI. Default: off.
    pub require_https: bool,
    /// Whether endpoints are verified. Default: off.
    pub verification: Verification,
    /// Scales the waits between attempts, for tests and demonstrations: 0.001 turns 15 s into 15 ms. Default: 1.
    pub wait_scale: f64,
    /// How long a run may last. Default: 72 hours.
    pub run_expires_after: Duration,
    /// So many failures without a success disable a webhook. Default: 20.
    pub disable_after_failures: u32,
    /// But only if the first of them is so long ago. Default: 7 days.
    pub disable_after: Duration,
    /// How long an event is kept. Default: 33 days.
    pub events_kept: Duration,
    /// How long a delivery record is kept. Default: 30 days.
    pub deliveries_kept: Duration,
    /// How many webhooks an account may have. Default: 10,000.
    pub max_webhooks: u64,
    /// How many of them may wait for a pattern. Default: 100.
    pub max_pattern_webhooks: u64,
    /// How many event types of its own an account may have. Default: 100.
    pub max_event_types: u64,
    /// How many webhook policies an account may have. Default: 1,000.
    pub max_policies: u64,
    /// Allows policies with `jwt_alg` `none`, whose JWTs nobody can verify. Default: off.
    pub allow_unsigned_jwt: bool,
    /// How many events an account may publish per second over HTTP, on average; 0 is off. Counted by each process for
    /// itself. Default: off.
    pub publish_rate: u32,
    /// How many tokens an account may have, not counting those that `POST /token` gives. Default: 1,000.
    pub max_tokens: u64,
    /// At most one mail about failures per webhook, and per address of an account, in this time. Default: 20 minutes.
    pub mail_interval: Duration,
    /// So many mails about failures per account and day. Default: 200.
    pub mails_per_day: u32,
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            domain: "hookline".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            account_url: "{public_url}/a/{account}".to_owned(),
            docs_url: "https://hookline.example/docs".to_owned(),
            require_https: false,
            verification: Verification::Off,
            wait_scale: 1.0,
            run_expires_after: DAY * 3,
            disable_after_failures: 20,
            disable_after: DAY * 7,
            events_kept: DAY * 33,
            deliveries_kept: DAY * 30,
            max_webhooks: 10_000,
            max_pattern_webhooks: 100,
            max_event_types: 100,
            max_policies: 1000,
            allow_unsigned_jwt: false,
            publish_rate: 0,
            max_tokens: 1000,
            mail_interval: Duration::from_mins(20),
            mails_per_day: 200,
        }
    }
}

impl Settings {
    /// The URL of an account, without a trailing slash.
    #[must_use]
    pub fn account_url(&self, account: &AccountId) -> String {
        self.account_url.replace("{public_url}", &self.public_url).replace("{account}", account.as_str())
    }

    /// `User-Agent` of every message.
    #[must_use]
    pub fn user_agent(&self) -> String {
        format!("hookline/{} (+{})", env!("CARGO_PKG_VERSION"), self.docs_url)
    }

    /// The endpoint host of the service itself, which no webhook may name.
    #[must_use]
    pub fn own_host(&self) -> Option<EndpointHost> {
        Url::parse(&self.public_url).ok().and_then(|url| EndpointHost::of(&url))
    }

    /// A wait, scaled.
    #[must_use]
    pub fn scaled(&self, wait: Duration) -> Duration {
        wait.mul_f64(self.wait_scale)
    }
}

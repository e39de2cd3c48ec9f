//! Settings that both runtimes share, and the URLs that follow from them. Every absolute URL comes from here, never
//! from `Host` or a forwarded header (section 1).

mod frame_ancestors;
mod source;

use std::time::Duration;

use url::Url;

pub use self::frame_ancestors::FrameAncestor;
pub use self::source::{SettingError, Source};
use crate::ids::AccountId;
use crate::values::EndpointHost;

/// Whether an endpoint must confirm that it accepts messages (section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationMode {
    /// Endpoints need no confirmation.
    Off,
    /// An endpoint gets only verify messages until it has called back.
    Required,
}

impl VerificationMode {
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
pub struct CoreSettings {
    /// First part of every `nodeID`. Default: `hookline`.
    pub domain: String,
    /// Where the API is reached, without a trailing slash.
    pub public_url: String,
    /// Template of an account's URL; `{account}` and `{public_url}` are filled in. Default:
    /// `{public_url}/a/{account}`.
    pub account_url: String,
    /// Hosts at which the API answers and that never name an account, besides that of the public URL. Default: none.
    pub service_hosts: Vec<String>,
    /// What `User-Agent` points to.
    pub docs_url: String,
    /// Demands `https` of every URI. Default: off.
    pub require_https: bool,
    /// Whether endpoints are verified. Default: off.
    pub verification: VerificationMode,
    /// Scales the waits between attempts, for tests and demonstrations: 0.001 turns 15 s into 15 ms. Default: 1.
    pub wait_scale: f64,
    /// How long a run may last. Default: 72 hours.
    pub run_expires_after: Duration,
    /// The number of failures without a success that disables a webhook. Default: 20.
    pub disable_after_failures: u32,
    /// A webhook is disabled only if the first of these failures is at least this long ago. Default: 7 days.
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
    /// Allows policies with `jwt_alg` `none`, whose JWTs cannot be verified. Default: off.
    pub allow_unsigned_jwt: bool,
    /// How many events an account may publish per second over HTTP, on average; 0 is off. Counted by each process for
    /// itself. Default: off.
    pub publish_rate: u32,
    /// How many tokens an account may have, not counting those that `POST /token` gives. Default: 1,000.
    pub max_tokens: u64,
    /// At most one mail about failures per webhook, and per address of an account, in this time. Default: 20 minutes.
    pub mail_interval: Duration,
    /// The maximum number of mails per account and day. Default: 200.
    pub mails_per_day: u32,
    /// The maximum number of addressees of these mails. Default: 1,000.
    pub mail_addressees_per_day: u32,
    /// Whether `/console` is served. Default: on.
    pub console: bool,
    /// The pages that may embed the console. Default: none.
    pub console_frame_ancestors: Vec<FrameAncestor>,
}

impl Default for CoreSettings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            domain: "hookline".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            account_url: "{public_url}/a/{account}".to_owned(),
            service_hosts: Vec::new(),
            docs_url: "https://hookline.example/docs".to_owned(),
            require_https: false,
            verification: VerificationMode::Off,
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
            mail_addressees_per_day: 1000,
            console: true,
            console_frame_ancestors: Vec::new(),
        }
    }
}

impl CoreSettings {
    /// Reads and checks the settings that both runtimes share. Times to keep records and the length of a run are not
    /// configurable.
    ///
    /// # Errors
    /// The first setting that is invalid.
    pub fn read(source: &Source<'_>) -> Result<Self, SettingError> {
        let default = Self::default();
        let settings = Self {
            domain: source.text("domain").unwrap_or(default.domain),
            public_url: source.text("public_url").unwrap_or(default.public_url),
            account_url: source.text("account_url").unwrap_or(default.account_url),
            service_hosts: source.list("service_hosts")?,
            docs_url: source.text("docs_url").unwrap_or(default.docs_url),
            require_https: source.parsed("require_https", default.require_https)?,
            verification: match source.word("verification", &["off", "required"])? {
                "required" => VerificationMode::Required,
                _ => VerificationMode::Off,
            },
            wait_scale: source.parsed("wait_scale", default.wait_scale)?,
            run_expires_after: default.run_expires_after,
            disable_after_failures: source.parsed("disable_after_failures", default.disable_after_failures)?,
            disable_after: source.minutes("disable_after_minutes", default.disable_after)?,
            events_kept: default.events_kept,
            deliveries_kept: default.deliveries_kept,
            max_webhooks: source.parsed("max_webhooks", default.max_webhooks)?,
            max_pattern_webhooks: source.parsed("max_pattern_webhooks", default.max_pattern_webhooks)?,
            max_event_types: source.parsed("max_event_types", default.max_event_types)?,
            max_policies: source.parsed("max_policies", default.max_policies)?,
            allow_unsigned_jwt: source.parsed("allow_unsigned_jwt", default.allow_unsigned_jwt)?,
            publish_rate: source.parsed("publish_rate", default.publish_rate)?,
            max_tokens: source.parsed("max_tokens", default.max_tokens)?,
            mail_interval: source.minutes("mail_interval_minutes", default.mail_interval)?,
            mails_per_day: source.parsed("mails_per_day", default.mails_per_day)?,
            mail_addressees_per_day: source.parsed("mail_addressees_per_day", default.mail_addressees_per_day)?,
            console: source.word("console", &["on", "off"])? == "on",
            console_frame_ancestors: source.list("console_frame_ancestors")?,
        };
        settings.check()?;
        Ok(settings)
    }

    /// Checks the settings and returns the first that is invalid.
    ///
    /// # Errors
    /// Its name, and what it must be.
    pub fn check(&self) -> Result<(), SettingError> {
        const BASE: &str = "must be an http(s) URL without user, query, fragment and trailing slash";
        let account_url = &self.account_url;
        let checks = [
            (is_base(&self.public_url), "public_url", BASE),
            (account_url.matches("{account}").count() == 1, "account_url", "must contain {account} once"),
            (is_base(&self.filled(account_url, "a")), "account_url", BASE),
            (is_link(&self.docs_url), "docs_url", "must be an http(s) URL without user, spaces and parentheses"),
            (
                is_visible(&self.domain) && !self.domain.contains('/'),
                "domain",
                "must be visible ASCII characters without a slash",
            ),
            (self.wait_scale > 0.0 && self.wait_scale <= 1.0, "wait_scale", "must be over 0 and at most 1"),
            (self.disable_after_failures > 0, "disable_after_failures", "must be at least 1"),
        ];
        let bad = checks.into_iter().find(|(good, ..)| !good);
        bad.map_or(Ok(()), |(_, name, reason)| Err(SettingError::new(name, reason)))
    }

    fn filled(&self, template: &str, account: &str) -> String {
        template.replace("{public_url}", &self.public_url).replace("{account}", account)
    }

    /// The URL of an account, without a trailing slash.
    #[must_use]
    pub fn account_url(&self, account: &AccountId) -> String {
        self.filled(&self.account_url, account.as_str())
    }

    /// `User-Agent` of every message.
    #[must_use]
    pub fn user_agent(&self) -> String {
        format!("hookline/{} (+{})", env!("CARGO_PKG_VERSION"), self.docs_url)
    }

    /// True for the endpoint host of the service itself, which no webhook may name; also with the dot at the end that
    /// makes no other name of it (RFC 1034).
    #[must_use]
    pub fn is_own(&self, host: &EndpointHost) -> bool {
        let own = Url::parse(&self.public_url).ok().and_then(|url| EndpointHost::of(&url));
        own.is_some_and(|own| own.as_str().replace(".:", ":") == host.as_str().replace(".:", ":"))
    }

    /// A wait, scaled.
    #[must_use]
    pub fn scaled(&self, wait: Duration) -> Duration {
        wait.mul_f64(self.wait_scale)
    }
}

/// Visible ASCII characters, and at least one. A URL parser would silently drop some of the others.
fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// True for an absolute http(s) URL without user info that can stand in a header's comment (RFC 9110, 5.6.5).
#[must_use]
pub fn is_link(text: &str) -> bool {
    let parsed = Url::parse(text).ok().filter(|_| is_visible(text) && !text.contains(['(', ')']));
    parsed.is_some_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// A URL that paths are added to.
fn is_base(text: &str) -> bool {
    is_link(text) && !text.ends_with('/') && !text.contains(['?', '#', '{', '}', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_settings() {
        assert_eq!(CoreSettings::default().check(), Ok(()));
        for (public_url, account_url) in [
            ("https://hooks.example.com", "https://{account}.hooks.example.com"),
            ("https://hooks.example.com:8443/hooks", "{public_url}/a/{account}"),
            ("http://[::1]:8080", "{public_url}/{account}/api"),
        ] {
            let (public_url, account_url) = (public_url.to_owned(), account_url.to_owned());
            assert_eq!(CoreSettings { public_url, account_url, ..CoreSettings::default() }.check(), Ok(()));
        }
    }

    #[test]
    fn the_service_knows_itself() {
        let settings =
            CoreSettings { public_url: "https://api.example.com/hooks".to_owned(), ..CoreSettings::default() };
        let own = |uri: &str| settings.is_own(&EndpointHost::of(&Url::parse(uri).unwrap()).unwrap());
        for uri in ["https://api.example.com/x", "https://API.example.com:443", "https://api.example.com./"] {
            assert!(own(uri), "{uri}");
        }
        for uri in ["https://api.example.com:8443", "http://api.example.com", "https://example.com", "https://a.b"] {
            assert!(!own(uri), "{uri}");
        }
    }

    #[test]
    fn bad_settings_are_named() {
        let bad = |change: fn(&mut CoreSettings, &str), value: &str| {
            let mut settings = CoreSettings::default();
            change(&mut settings, value);
            settings.check().map_err(|bad| bad.name)
        };
        for url in [
            "",
            "hooks",
            "ftp://a",
            "http://",
            "http://a/",
            "http://a/?q",
            "http://a?q",
            "http://a#f",
            "http://u:p@a",
            "http://u@a",
            "http://@a",
            "http://a\nb",
            "http://a b",
            " http://a",
            "http://a/ä",
        ] {
            assert_eq!(bad(|settings, value| settings.public_url = value.into(), url), Err("public_url"), "{url:?}");
        }
        for url in [
            "https://h",
            "{account}",
            "https://h/{account}?x",
            "{public_url}/a/{account}/",
            "https://{account}.{account}.h",
            "{public_url}/{tenant}/{account}",
            "ftp://{account}",
        ] {
            assert_eq!(bad(|settings, value| settings.account_url = value.into(), url), Err("account_url"), "{url:?}");
        }
        for url in ["", "a\r\nX: y", "https://a/\u{1}", "mailto:a@b", "https://u:p@a", "https://a/(x)", "https://ä"] {
            assert_eq!(bad(|settings, value| settings.docs_url = value.into(), url), Err("docs_url"), "{url:?}");
        }
        for domain in ["", "a/b", "a b", "a\nb", "ü"] {
            assert_eq!(bad(|settings, value| settings.domain = value.into(), domain), Err("domain"), "{domain:?}");
        }
        for scale in [0.0, -1.0, 1.5, f64::NAN] {
            let settings = CoreSettings { wait_scale: scale, ..CoreSettings::default() };
            assert_eq!(settings.check().map_err(|bad| bad.name), Err("wait_scale"), "{scale}");
        }
        let settings = CoreSettings { disable_after_failures: 0, ..CoreSettings::default() };
        assert_eq!(settings.check().map_err(|bad| bad.name), Err("disable_after_failures"));
    }
}

//! The settings of the functions, read once from the environment. An invalid value ends the start with its name and the
//! reason. A function only needs the settings that it uses.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use aws_credential_types::Credentials;
use hookline_core::settings::{CoreSettings as Core, VerificationMode};
use ipnet::IpNet;

use crate::clients::{AwsAccess, AwsEndpoints};

/// Why settings are rejected.
#[derive(Debug, thiserror::Error)]
pub enum FunctionSettingsError {
    /// A required variable is missing.
    #[error("{0} is not set")]
    Missing(String),
    /// A value is invalid.
    #[error("{name}: {reason}")]
    Bad {
        /// The variable.
        name: String,
        /// The reason.
        reason: String,
    },
}

/// The settings of a function. A field's variable has the name of the field in upper case, after `HOOKLINE_`.
#[derive(Debug, Clone)]
pub struct FunctionSettings {
    /// The settings that both runtimes share: `public_url` (required), `account_url`, `domain`, `docs_url`,
    /// `require_https`, `verification` (`off` or `required`), `wait_scale`, `max_webhooks`, `max_pattern_webhooks`,
    /// `max_policies`, `max_tokens`, `max_event_types`, `allow_unsigned_jwt`, `mail_interval_minutes`, `mails_per_day`,
    /// `publish_rate`.
    pub core: Core,
    /// `deployment`: the name of the deployment, which is part of every encryption context. Default: `hookline`.
    pub deployment: String,
    /// `table`: the name of the table. Required.
    pub table: String,
    /// `events_queue_url`: needed to publish and to fan out.
    pub events_queue_url: Option<String>,
    /// `events_dead_letters_url`: where messages of the events queue go that cannot be decoded.
    pub events_dead_letters_url: Option<String>,
    /// `deliveries_queue_url`: needed to cause deliveries and to make them.
    pub deliveries_queue_url: Option<String>,
    /// `deliveries_dead_letters_url`: where messages of the deliveries queue go that cannot be decoded.
    pub deliveries_dead_letters_url: Option<String>,
    /// `master_key`: id, ARN or alias of the KMS key that wraps data keys. Needed to use secrets.
    pub master_key: Option<String>,
    /// `uploads_bucket`: the bucket for uploads. Without this and `attachments_bucket` there are no attachments.
    pub uploads_bucket: Option<String>,
    /// `attachments_bucket`: the bucket that keeps attachments.
    pub attachments_bucket: Option<String>,
    /// `mail_sender`: the sender of mails. Without one, no mail is sent.
    pub mail_sender: Option<String>,
    /// `mail_configuration_set`: the configuration set of SES. Default: none.
    pub mail_configuration_set: Option<String>,
    /// `rate_limit`: calls per token and hour, publishing not counted. Default: 3600.
    pub rate_limit: u32,
    /// `allow_cidrs`: private address ranges that messages may go to, separated by commas. Default: none.
    pub allow_cidrs: Vec<IpNet>,
    /// `log`: the log filter, in the syntax of `RUST_LOG`. Default: `info`.
    pub log: String,
}

impl FunctionSettings {
    /// Reads the settings from the environment of the process.
    pub fn read() -> Result<Self, FunctionSettingsError> {
        Self::from(&environment)
    }

    /// Reads the settings from an environment.
    pub fn from(environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, FunctionSettingsError> {
        let from = Source(environment);
        let default = Core::default();
        let core = Core {
            domain: from.text("domain").unwrap_or(default.domain),
            public_url: from.required("public_url")?,
            account_url: from.text("account_url").unwrap_or(default.account_url),
            docs_url: from.text("docs_url").unwrap_or(default.docs_url),
            require_https: from.parsed("require_https", default.require_https)?,
            verification: match from.text("verification").as_deref() {
                None | Some("off") => VerificationMode::Off,
                Some("required") => VerificationMode::Required,
                Some(_) => return Err(bad("verification", "must be off or required")),
            },
            wait_scale: from.parsed("wait_scale", default.wait_scale)?,
            run_expires_after: default.run_expires_after,
            disable_after_failures: default.disable_after_failures,
            disable_after: default.disable_after,
            events_kept: default.events_kept,
            deliveries_kept: default.deliveries_kept,
            max_webhooks: from.parsed("max_webhooks", default.max_webhooks)?,
            max_pattern_webhooks: from.parsed("max_pattern_webhooks", default.max_pattern_webhooks)?,
            max_tokens: from.parsed("max_tokens", default.max_tokens)?,
            max_event_types: from.parsed("max_event_types", default.max_event_types)?,
            max_policies: from.parsed("max_policies", default.max_policies)?,
            allow_unsigned_jwt: from.parsed("allow_unsigned_jwt", default.allow_unsigned_jwt)?,
            publish_rate: from.parsed("publish_rate", default.publish_rate)?,
            mails_per_day: from.parsed("mails_per_day", default.mails_per_day)?,
            mail_interval: from.minutes("mail_interval_minutes", default.mail_interval)?,
        };
        core.check().map_err(|error| bad(error.name, error.reason))?;
        let list = from.text("allow_cidrs").unwrap_or_default();
        let cidrs = list.split(',').map(str::trim).filter(|part| !part.is_empty());
        let cidrs = cidrs.map(|part| part.parse().map_err(|error: ipnet::AddrParseError| bad("allow_cidrs", error)));
        Ok(Self {
            core,
            deployment: from.text("deployment").unwrap_or_else(|| "hookline".to_owned()),
            table: from.required("table")?,
            events_queue_url: from.text("events_queue_url"),
            events_dead_letters_url: from.text("events_dead_letters_url"),
            deliveries_queue_url: from.text("deliveries_queue_url"),
            deliveries_dead_letters_url: from.text("deliveries_dead_letters_url"),
            master_key: from.text("master_key"),
            uploads_bucket: from.text("uploads_bucket"),
            attachments_bucket: from.text("attachments_bucket"),
            mail_sender: from.text("mail_sender"),
            mail_configuration_set: from.text("mail_configuration_set"),
            rate_limit: match from.parsed("rate_limit", 3600)? {
                0 => return Err(bad("rate_limit", "must be at least 1")),
                calls => calls,
            },
            allow_cidrs: cidrs.collect::<Result<_, _>>()?,
            log: from.text("log").unwrap_or_else(|| "info".to_owned()),
        })
    }
}

/// Reads what Lambda puts into the environment of a function: the region, and the credentials of its role.
pub(crate) fn access() -> Result<AwsAccess, FunctionSettingsError> {
    let required = |name: &str| environment(name).ok_or_else(|| FunctionSettingsError::Missing(name.to_owned()));
    let (key, secret) = (required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
    let credentials = Credentials::new(key, secret, environment("AWS_SESSION_TOKEN"), None, "environment");
    let endpoints =
        AwsEndpoints { all: environment("AWS_ENDPOINT_URL"), dynamodb: environment("AWS_ENDPOINT_URL_DYNAMODB") };
    Ok(AwsAccess { region: required("AWS_REGION")?, credentials, endpoints })
}

/// Reads a variable. An empty one counts as not set.
#[expect(clippy::disallowed_methods, reason = "settings are read here, once")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where settings come from.
struct Source<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Source<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.0)(&variable(name)).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str) -> Result<String, FunctionSettingsError> {
        self.text(name).ok_or_else(|| FunctionSettingsError::Missing(variable(name)))
    }

    fn parsed<T: FromStr<Err: Display>>(&self, name: &str, default: T) -> Result<T, FunctionSettingsError> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|error: T::Err| bad(name, error)),
        }
    }

    fn minutes(&self, name: &str, default: Duration) -> Result<Duration, FunctionSettingsError> {
        Ok(Duration::from_secs(self.parsed(name, default.as_secs() / 60)?.saturating_mul(60)))
    }
}

fn variable(name: &str) -> String {
    format!("HOOKLINE_{}", name.to_ascii_uppercase())
}

fn bad(name: &str, reason: impl Display) -> FunctionSettingsError {
    FunctionSettingsError::Bad { name: variable(name), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<FunctionSettings, String> {
        let always = [("HOOKLINE_PUBLIC_URL", "https://hooks.example.com"), ("HOOKLINE_TABLE", "hookline")];
        let find = |name: &str| {
            let found = variables.iter().chain(&always).find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        FunctionSettings::from(&find).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_set_counts_and_the_rest_has_its_default() {
        let settings = read(&[("HOOKLINE_RATE_LIMIT", "7"), ("HOOKLINE_ALLOW_CIDRS", "10.0.0.0/8, ::1/128")]).unwrap();
        assert_eq!((settings.rate_limit, settings.allow_cidrs.len()), (7, 2));
        assert_eq!(settings.core.max_webhooks, Core::default().max_webhooks);
        assert_eq!((settings.master_key, settings.deployment.as_str()), (None, "hookline"));
    }

    #[test]
    fn bad_values_are_refused_with_their_name() {
        for (name, value) in [
            ("HOOKLINE_PUBLIC_URL", ""),
            ("HOOKLINE_PUBLIC_URL", "hooks"),
            ("HOOKLINE_PUBLIC_URL", "https://hooks.example.com/"),
            ("HOOKLINE_TABLE", ""),
            ("HOOKLINE_ACCOUNT_URL", "https://hooks.example.com"),
            ("HOOKLINE_REQUIRE_HTTPS", "perhaps"),
            ("HOOKLINE_VERIFICATION", "on"),
            ("HOOKLINE_WAIT_SCALE", "2"),
            ("HOOKLINE_DOMAIN", "a/b"),
            ("HOOKLINE_RATE_LIMIT", "-1"),
            ("HOOKLINE_RATE_LIMIT", "0"),
            ("HOOKLINE_DOCS_URL", "https://a b"),
            ("HOOKLINE_ALLOW_CIDRS", "10.0.0.0/99"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(name), "{name}={value}: {error}");
        }
    }
}

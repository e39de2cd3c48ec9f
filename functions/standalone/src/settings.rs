//! The settings of `hookline serve`, read once: from a TOML file, then from the environment, then from the command line;
//! the later wins. Unknown names and bad values are refused at start, with the name and the reason.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hookline_core::settings::VerificationMode;
use hookline_embedded::ConcurrencyLimits;
use ipnet::IpNet;
use serde::Deserialize;

use crate::arguments::ServeArgs;
use crate::output::CommandError;

/// All settings. In the file they have the names of the fields; in the environment `HOOKLINE_` and the name in upper case,
/// lists separated by commas.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServeSettings {
    /// `HOOKLINE_LISTEN`: the address to listen on. Default: `127.0.0.1:8080`.
    pub(crate) listen: SocketAddr,
    /// `HOOKLINE_DATA`: the data folder. Default: `./hookline-data`.
    pub(crate) data: PathBuf,
    /// `HOOKLINE_ALLOW_CIDRS`: ranges that messages may go to although they are private. Default: none.
    pub(crate) allow_cidrs: Vec<IpNet>,
    /// `HOOKLINE_EXTRA_ROOTS`: a PEM file with certificates that are trusted beside the system's. Default: none.
    pub(crate) extra_roots: Option<PathBuf>,
    /// `HOOKLINE_PUBLIC_URL`: where the API is reached. Default: the listen address.
    pub(crate) public_url: Option<String>,
    /// `HOOKLINE_ACCOUNT_URL`: template of account URLs. Default: `{public_url}/a/{account}`.
    pub(crate) account_url: String,
    /// `HOOKLINE_DOMAIN`: first part of node ids. Default: `hookline`.
    pub(crate) domain: String,
    /// `HOOKLINE_DOCS_URL`: what the `User-Agent` of messages points to.
    pub(crate) docs_url: String,
    /// `HOOKLINE_REQUIRE_HTTPS`: demand `https` of every webhook. Default: false.
    pub(crate) require_https: bool,
    /// `HOOKLINE_VERIFICATION`: `off`, or `required`: an endpoint gets nothing until it has called back. Default: `off`.
    pub(crate) verification: String,
    /// `HOOKLINE_WAIT_SCALE`: scales the waits between attempts, over 0 to 1. Default: 1.
    pub(crate) wait_scale: f64,
    /// `HOOKLINE_MAX_WEBHOOKS`: webhooks per account. Default: 10000.
    pub(crate) max_webhooks: u64,
    /// `HOOKLINE_MAX_PATTERN_WEBHOOKS`: webhooks with a pattern per account. Default: 100.
    pub(crate) max_pattern_webhooks: u64,
    /// `HOOKLINE_MAX_EVENT_TYPES`: event types of its own per account. Default: 100.
    pub(crate) max_event_types: u64,
    /// `HOOKLINE_MAX_POLICIES`: webhook policies per account. Default: 1000.
    pub(crate) max_policies: u64,
    /// `HOOKLINE_ALLOW_UNSIGNED_JWT`: allow policies with `jwt_alg` `none`. Default: false.
    pub(crate) allow_unsigned_jwt: bool,
    /// `HOOKLINE_PUBLISH_RATE`: events per account and second over HTTP, on average; 0 is off. Default: 0.
    pub(crate) publish_rate: u32,
    /// `HOOKLINE_DISABLE_AFTER_FAILURES`: so many failures without a success disable a webhook. Default: 20.
    pub(crate) disable_after_failures: u32,
    /// `HOOKLINE_DISABLE_AFTER_MINUTES`: but only if the first of them is so long ago. Default: 10080, 7 days.
    pub(crate) disable_after_minutes: u64,
    /// `HOOKLINE_MAIL_INTERVAL_MINUTES`: at most one mail about failures per webhook, and per address of an account, in
    /// this time. Default: 20.
    pub(crate) mail_interval_minutes: u64,
    /// `HOOKLINE_MAILS_PER_DAY`: mails about failures per account and day. Default: 200.
    pub(crate) mails_per_day: u32,
    /// `HOOKLINE_MAIL_SENDER`: from whom mails come. Default: `Hookline <hookline@localhost>`.
    pub(crate) mail_sender: String,
    /// `HOOKLINE_MAIL_FOLDER`: where mails are written when there is no mail server. Default: `mails` in the data folder.
    pub(crate) mail_folder: Option<PathBuf>,
    /// `HOOKLINE_SMTP_HOST`: the mail server. Default: none, mails are files.
    pub(crate) smtp_host: Option<String>,
    /// `HOOKLINE_SMTP_PORT`: its port. Default: the usual one.
    pub(crate) smtp_port: Option<u16>,
    /// `HOOKLINE_SMTP_SECURITY`: `tls`, `starttls` or `none`. Default: `tls`.
    pub(crate) smtp_security: String,
    /// `HOOKLINE_SMTP_USER`: who logs in there. Default: nobody.
    pub(crate) smtp_user: Option<String>,
    /// `HOOKLINE_SMTP_PASSWORD_FILE`: the file with that user's password.
    pub(crate) smtp_password_file: Option<PathBuf>,
    /// `HOOKLINE_IN_FLIGHT`: deliveries at once. Default: 512.
    pub(crate) in_flight: usize,
    /// `HOOKLINE_IN_FLIGHT_PER_HOST`: deliveries at once to one endpoint host. Default: 64.
    pub(crate) in_flight_per_host: usize,
    /// `HOOKLINE_RATE_LIMIT`: calls per token and hour, publishing not counted. Default: 3600.
    pub(crate) rate_limit: u32,
    /// `HOOKLINE_TRUSTED_PROXIES`: ranges of proxies whose `X-Forwarded-For` is believed. Default: none.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// `HOOKLINE_LOG_FORMAT`: `text` or `json`. Default: `text`. What is logged: `RUST_LOG`, default `info`.
    pub(crate) log_format: String,
}

impl Default for ServeSettings {
    fn default() -> Self {
        let core = hookline_core::settings::CoreSettings::default();
        let in_flight = ConcurrencyLimits::default();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("./hookline-data"),
            allow_cidrs: Vec::new(),
            extra_roots: None,
            public_url: None,
            account_url: core.account_url,
            domain: core.domain,
            docs_url: core.docs_url,
            require_https: core.require_https,
            verification: "off".to_owned(),
            wait_scale: core.wait_scale,
            max_webhooks: core.max_webhooks,
            max_pattern_webhooks: core.max_pattern_webhooks,
            max_event_types: core.max_event_types,
            max_policies: core.max_policies,
            allow_unsigned_jwt: core.allow_unsigned_jwt,
            publish_rate: core.publish_rate,
            disable_after_failures: core.disable_after_failures,
            disable_after_minutes: core.disable_after.as_secs() / 60,
            mail_interval_minutes: 20,
            mails_per_day: core.mails_per_day,
            mail_sender: "Hookline <hookline@localhost>".to_owned(),
            mail_folder: None,
            smtp_host: None,
            smtp_port: None,
            smtp_security: "tls".to_owned(),
            smtp_user: None,
            smtp_password_file: None,
            in_flight: in_flight.total,
            in_flight_per_host: in_flight.per_host,
            rate_limit: 3600,
            trusted_proxies: Vec::new(),
            log_format: "text".to_owned(),
        }
    }
}

/// How a setting is written in the environment.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Number,
    Boolean,
    List,
}

/// Every setting, and its form.
const NAMES: [(&str, Form); 33] = [
    ("listen", Form::Text),
    ("data", Form::Text),
    ("allow_cidrs", Form::List),
    ("extra_roots", Form::Text),
    ("public_url", Form::Text),
    ("account_url", Form::Text),
    ("domain", Form::Text),
    ("docs_url", Form::Text),
    ("require_https", Form::Boolean),
    ("verification", Form::Text),
    ("wait_scale", Form::Number),
    ("max_webhooks", Form::Number),
    ("max_pattern_webhooks", Form::Number),
    ("max_event_types", Form::Number),
    ("max_policies", Form::Number),
    ("allow_unsigned_jwt", Form::Boolean),
    ("publish_rate", Form::Number),
    ("disable_after_failures", Form::Number),
    ("disable_after_minutes", Form::Number),
    ("mail_interval_minutes", Form::Number),
    ("mails_per_day", Form::Number),
    ("mail_sender", Form::Text),
    ("mail_folder", Form::Text),
    ("smtp_host", Form::Text),
    ("smtp_port", Form::Number),
    ("smtp_security", Form::Text),
    ("smtp_user", Form::Text),
    ("smtp_password_file", Form::Text),
    ("in_flight", Form::Number),
    ("in_flight_per_host", Form::Number),
    ("rate_limit", Form::Number),
    ("trusted_proxies", Form::List),
    ("log_format", Form::Text),
];

impl ServeSettings {
    /// Reads the settings of `hookline serve`.
    pub(crate) fn read(arguments: &ServeArgs) -> Result<Self, CommandError> {
        let file = match &arguments.config {
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                CommandError::Usage(format!("the settings file {} cannot be read: {error}", path.display()))
            })?,
            None => String::new(),
        };
        let mut settings = Self::merge(&file, environment, variables()).map_err(CommandError::Usage)?;
        if let Some(listen) = arguments.listen {
            settings.listen = listen;
        }
        if let Some(data) = &arguments.data {
            settings.data.clone_from(data);
        }
        settings.allow_cidrs.extend(&arguments.allow_cidr);
        Ok(settings)
    }

    /// The settings of a file's text and of an environment, of which the names are given as well.
    fn merge(
        file: &str,
        environment: impl Fn(&str) -> Option<String>,
        variables: impl Iterator<Item = String>,
    ) -> Result<Self, String> {
        let mut table: toml::Table = file.parse().map_err(|error| format!("the settings file: {error}"))?;
        for (name, form) in NAMES {
            let variable = format!("HOOKLINE_{}", name.to_ascii_uppercase());
            if let Some(text) = environment(&variable) {
                let value = value(&text, form).ok_or_else(|| format!("{variable}: {text:?} is not a value for it"))?;
                table.insert(name.to_owned(), value);
            }
        }
        if let Some(unknown) = unknown_variable(variables) {
            return Err(format!("{unknown} is not a setting"));
        }
        let settings: Self = table.try_into().map_err(|error| format!("the settings: {error}"))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), String> {
        self.core(self.listen).check().map_err(|error| error.to_string())?;
        let checks = [
            (self.in_flight > 0, "in_flight must be at least 1"),
            (self.in_flight_per_host > 0, "in_flight_per_host must be at least 1"),
            (self.rate_limit > 0, "rate_limit must be at least 1"),
            (self.smtp_port != Some(0), "smtp_port must be at least 1"),
            (["off", "required"].contains(&self.verification.as_str()), "verification must be off or required"),
            (["text", "json"].contains(&self.log_format.as_str()), "log_format must be text or json"),
            (
                ["tls", "starttls", "none"].contains(&self.smtp_security.as_str()),
                "smtp_security must be tls, starttls or none",
            ),
            (
                self.smtp_user.is_some() == self.smtp_password_file.is_some(),
                "smtp_user and smtp_password_file go together",
            ),
        ];
        match checks.into_iter().find(|(good, _)| !good) {
            Some((_, reason)) => Err(reason.to_owned()),
            None => Ok(()),
        }
    }

    /// What the service itself needs to know; `listens` is the address that it got.
    pub(crate) fn core(&self, listens: SocketAddr) -> hookline_core::settings::CoreSettings {
        hookline_core::settings::CoreSettings {
            domain: self.domain.clone(),
            public_url: self.public_url.clone().unwrap_or_else(|| format!("http://{listens}")),
            account_url: self.account_url.clone(),
            docs_url: self.docs_url.clone(),
            require_https: self.require_https,
            verification: if self.verification == "required" {
                VerificationMode::Required
            } else {
                VerificationMode::Off
            },
            wait_scale: self.wait_scale,
            max_webhooks: self.max_webhooks,
            max_pattern_webhooks: self.max_pattern_webhooks,
            max_event_types: self.max_event_types,
            max_policies: self.max_policies,
            allow_unsigned_jwt: self.allow_unsigned_jwt,
            publish_rate: self.publish_rate,
            disable_after_failures: self.disable_after_failures,
            disable_after: Duration::from_secs(self.disable_after_minutes.saturating_mul(60)),
            mail_interval: Duration::from_secs(self.mail_interval_minutes.saturating_mul(60)),
            mails_per_day: self.mails_per_day,
            ..hookline_core::settings::CoreSettings::default()
        }
    }

    /// The limits of the workers.
    pub(crate) fn limits(&self) -> ConcurrencyLimits {
        ConcurrencyLimits { total: self.in_flight, per_host: self.in_flight_per_host }
    }

    /// Where mails are written when there is no mail server.
    pub(crate) fn mail_folder(&self) -> PathBuf {
        self.mail_folder.clone().unwrap_or_else(|| self.data.join("mails"))
    }
}

/// A value from its text; `None` if it has another form.
fn value(text: &str, form: Form) -> Option<toml::Value> {
    match form {
        Form::Text => Some(text.into()),
        Form::Number => text.parse::<i64>().map(Into::into).or_else(|_| text.parse::<f64>().map(Into::into)).ok(),
        Form::Boolean => text.parse::<bool>().ok().map(Into::into),
        Form::List => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Some(parts.map(toml::Value::from).collect::<Vec<_>>().into())
        }
    }
}

/// Variables that are no settings of the service: what the other commands and the mail server need.
const OTHER_VARIABLES: [&str; 4] = ["HOOKLINE_TOKEN", "HOOKLINE_SECRET", "HOOKLINE_URL", "HOOKLINE_SMTP_PASSWORD"];

/// The first variable that looks like a setting and is none.
fn unknown_variable(mut variables: impl Iterator<Item = String>) -> Option<String> {
    variables.find(|variable| {
        let setting = variable.strip_prefix("HOOKLINE_").map(str::to_ascii_lowercase);
        setting.is_some_and(|setting| NAMES.iter().all(|(name, _)| *name != setting))
            && !OTHER_VARIABLES.contains(&variable.as_str())
    })
}

/// The names of the variables of the environment.
fn variables() -> impl Iterator<Item = String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "settings are read here, once")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The secret in a file, or else in a variable: a secret is never an argument.
pub(crate) fn secret(file: Option<&Path>, variable: &str) -> Result<Option<String>, CommandError> {
    match file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| CommandError::Usage(format!("{} cannot be read: {error}", path.display())))?;
            Ok(Some(text.trim().to_owned()))
        }
        None => Ok(environment(variable)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(file: &str, variables: &[(&str, &str)]) -> Result<ServeSettings, String> {
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let names = variables.iter().map(|(name, _)| (*name).to_owned());
        ServeSettings::merge(file, value, names)
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let settings = merged(
            "wait_scale = 0.5\nlisten = \"127.0.0.1:1\"\nallow_cidrs = [\"10.0.0.0/8\"]",
            &[("HOOKLINE_LISTEN", "127.0.0.1:2"), ("HOOKLINE_TRUSTED_PROXIES", "127.0.0.1/32, ::1/128")],
        )
        .unwrap();
        assert_eq!(settings.listen, SocketAddr::from(([127, 0, 0, 1], 2)));
        assert!((settings.wait_scale - 0.5).abs() < f64::EPSILON);
        assert_eq!((settings.allow_cidrs.len(), settings.trusted_proxies.len()), (1, 2));
        assert!(merged("", &[("HOOKLINE_TOKEN", "hl_x"), ("HOOKLINE_URL", "x"), ("PATH", "/")]).is_ok());
        assert!(merged("", &[("HOOKLINE_WAIT_SCALE", "1"), ("HOOKLINE_REQUIRE_HTTPS", "true")]).unwrap().require_https);
    }

    #[test]
    fn bad_values_are_refused_with_their_name() {
        for (file, variable, value, name) in [
            ("nonsense = 1", "", "", "nonsense"),
            ("listen = 7", "", "", "listen"),
            ("", "HOOKLINE_LISTEN", "nowhere", "listen"),
            ("", "HOOKLINE_REQUIRE_HTTPS", "perhaps", "HOOKLINE_REQUIRE_HTTPS"),
            ("", "HOOKLINE_WAIT_SCALE", "0", "wait_scale"),
            ("", "HOOKLINE_WAIT_SCALE", "2", "wait_scale"),
            ("", "HOOKLINE_IN_FLIGHT", "-1", "in_flight"),
            ("", "HOOKLINE_ALLOW_CIDRS", "1.2.3/99", "allow_cidrs"),
            ("", "HOOKLINE_PUBLIC_URL", "hooks", "public_url"),
            ("", "HOOKLINE_ACCOUNT_URL", "https://hooks.example.com", "account_url"),
            ("", "HOOKLINE_SMTP_USER", "ada", "smtp_user"),
            ("", "HOOKLINE_LOG_FORMAT", "xml", "log_format"),
            ("", "HOOKLINE_RATE_LIMIT", "0", "rate_limit"),
            ("", "HOOKLINE_SMTP_PORT", "0", "smtp_port"),
            ("", "HOOKLINE_DOCS_URL", "a\r\nX: y", "docs_url"),
            ("", "HOOKLINE_DOMAIN", "a b", "domain"),
            ("", "HOOKLINE_REQUIRE_HTTP", "true", "HOOKLINE_REQUIRE_HTTP"),
            ("", "HOOKLINE_VERIFICATION", "on", "verification"),
        ] {
            let error = merged(file, &[(variable, value)]).unwrap_err();
            assert!(error.contains(name), "{file:?} {variable}={value}: {error}");
        }
    }

    /// Every field can be set in the environment.
    #[test]
    fn the_names_are_those_of_the_fields() {
        for (name, _) in NAMES {
            let error = merged(&format!("{name} = {{}}"), &[]).unwrap_err();
            assert!(!error.contains("unknown field"), "{name}: {error}");
        }
        let unknown = merged("nonsense = 1", &[]).unwrap_err();
        let told = unknown.matches('`').count() / 2 - 1;
        assert_eq!(told, NAMES.len(), "{unknown}");
    }
}

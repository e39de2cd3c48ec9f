//! The settings of the functions, read once from the environment. An invalid value ends the start with its name and the
//! reason. A function only needs the settings that it uses.

use aws_credential_types::Credentials;
use hookline_core::settings::{CoreSettings, SettingError, Source};
use hookline_core::values::allowed_ports::AllowedPorts;
use ipnet::IpNet;

use crate::clients::{AwsAccess, AwsEndpoints};

/// A setting that is missing or invalid.
#[derive(Debug, thiserror::Error)]
#[error("{variable} {reason}")]
pub struct FunctionSettingsError {
    variable: String,
    reason: String,
}

impl FunctionSettingsError {
    /// A variable that is not set.
    pub(crate) fn missing(variable: impl Into<String>) -> Self {
        Self { variable: variable.into(), reason: "is not set".to_owned() }
    }
}

impl From<SettingError> for FunctionSettingsError {
    fn from(SettingError { name, reason }: SettingError) -> Self {
        Self { variable: variable(name), reason }
    }
}

/// The settings of a function. A field's variable has the name of the field in upper case, after `HOOKLINE_`.
#[derive(Debug, Clone)]
pub struct FunctionSettings {
    /// The settings that both runtimes share, which [`CoreSettings::read`] reads. `public_url` is required.
    pub core: CoreSettings,
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
    /// `allow_ports`: ports that messages may go to, such as `443,8000-8999`. Default: all but those of mail, shells, file
    /// shares and databases.
    pub allow_ports: AllowedPorts,
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
        let find = |name: &str| environment(&variable(name));
        let source = Source::new(&find);
        source.required("public_url")?;
        Ok(Self {
            core: CoreSettings::read(&source)?,
            deployment: source.text("deployment").unwrap_or_else(|| "hookline".to_owned()),
            table: source.required("table")?,
            events_queue_url: source.text("events_queue_url"),
            events_dead_letters_url: source.text("events_dead_letters_url"),
            deliveries_queue_url: source.text("deliveries_queue_url"),
            deliveries_dead_letters_url: source.text("deliveries_dead_letters_url"),
            master_key: source.text("master_key"),
            uploads_bucket: source.text("uploads_bucket"),
            attachments_bucket: source.text("attachments_bucket"),
            mail_sender: source.text("mail_sender"),
            mail_configuration_set: source.text("mail_configuration_set"),
            rate_limit: match source.parsed("rate_limit", 3600)? {
                0 => return Err(SettingError::new("rate_limit", "must be at least 1").into()),
                calls => calls,
            },
            allow_cidrs: source.list("allow_cidrs")?,
            allow_ports: source.parsed("allow_ports", AllowedPorts::default())?,
            log: source.text("log").unwrap_or_else(|| "info".to_owned()),
        })
    }
}

/// Reads what Lambda puts into the environment of a function: the region, and the credentials of its role.
pub(crate) fn access() -> Result<AwsAccess, FunctionSettingsError> {
    let required = |name: &str| environment(name).ok_or_else(|| FunctionSettingsError::missing(name));
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

fn variable(name: &str) -> String {
    format!("HOOKLINE_{}", name.to_ascii_uppercase())
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
    fn values_are_read_and_the_rest_take_their_defaults() {
        let settings = read(&[
            ("HOOKLINE_RATE_LIMIT", "7"),
            ("HOOKLINE_ALLOW_CIDRS", "10.0.0.0/8, ::1/128"),
            ("HOOKLINE_DISABLE_AFTER_FAILURES", "5"),
            ("HOOKLINE_DISABLE_AFTER_MINUTES", "90"),
        ])
        .unwrap();
        assert_eq!((settings.core.disable_after_failures, settings.core.disable_after.as_secs()), (5, 5400));
        assert_eq!((settings.rate_limit, settings.allow_cidrs.len()), (7, 2));
        let listed = read(&[("HOOKLINE_ALLOW_PORTS", "443")]).unwrap().allow_ports;
        assert!(listed.contains(443) && !listed.contains(80) && settings.allow_ports.contains(80));
        assert!(read(&[("HOOKLINE_ALLOW_PORTS", "http")]).is_err());
        assert_eq!(settings.core.max_webhooks, CoreSettings::default().max_webhooks);
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
            ("HOOKLINE_DISABLE_AFTER_FAILURES", "0"),
            ("HOOKLINE_DISABLE_AFTER_MINUTES", "soon"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(name), "{name}={value}: {error}");
        }
    }
}

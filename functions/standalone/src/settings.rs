//! The settings of `hookline serve`, read once: from a TOML file, then from the environment, then from the command line.
//! Later values win. Unknown names and bad values are refused at the start, with the name, the reason and an example.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hookline_core::settings::{CoreSettings, SettingError, Source};
use hookline_core::values::allowed_ports::AllowedPorts;
use hookline_embedded::ConcurrencyLimits;
use ipnet::IpNet;

use crate::arguments::{AddressRange, ServeArgs};
use crate::output::CommandError;

mod traces;

pub(crate) use self::traces::{TraceSampler, TraceSettings};

/// All settings. In the file they have the names of the fields; in the environment `HOOKLINE_` and the name in upper case,
/// lists separated by commas.
#[derive(Debug, Clone)]
pub(crate) struct ServeSettings {
    /// `HOOKLINE_LISTEN`: the address to listen on. Default: `127.0.0.1:8080`.
    pub(crate) listen: SocketAddr,
    /// `HOOKLINE_METRICS_LISTEN`: the address on which metrics are shown, to everybody who can reach it; a port alone is
    /// one of loopback. Default: none.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// `HOOKLINE_DATA`: the data folder. Default: `./hookline-data`.
    pub(crate) data: PathBuf,
    /// `HOOKLINE_ALLOW_CIDRS`: ranges that messages may go to although they are private. Default: none.
    pub(crate) allow_cidrs: Vec<IpNet>,
    /// `HOOKLINE_ALLOW_PORTS`: ports that messages may go to, such as `443,8000-8999`. Default: all but those of mail, shells,
    /// file shares and databases.
    pub(crate) allow_ports: AllowedPorts,
    /// `HOOKLINE_EXTRA_ROOTS`: a PEM file with certificates that are trusted beside the system's. Default: none.
    pub(crate) extra_roots: Option<PathBuf>,
    /// `HOOKLINE_PUBLIC_URL`: where the API is reached. Default: the listen address.
    pub(crate) public_url: Option<String>,
    /// The settings that both runtimes share, which [`CoreSettings::read`] reads.
    pub(crate) core: CoreSettings,
    /// `HOOKLINE_MAIL_SENDER`: from whom mails come. Default: `Hookline <hookline@localhost>`.
    pub(crate) mail_sender: String,
    /// `HOOKLINE_MAIL_FOLDER`: where mails are written when there is no mail server. Default: `mails` in the data folder.
    pub(crate) mail_folder: Option<PathBuf>,
    /// `HOOKLINE_SMTP_HOST`: the mail server. Default: none, mails are files.
    pub(crate) smtp_host: Option<String>,
    /// `HOOKLINE_SMTP_PORT`: its port. Default: the usual one.
    pub(crate) smtp_port: Option<u16>,
    /// `HOOKLINE_SMTP_SECURITY`: `tls`, `starttls` or `none`. Default: `tls`.
    pub(crate) smtp_security: &'static str,
    /// `HOOKLINE_SMTP_USER`: the user to log in with. Default: no login.
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
    pub(crate) log_format: &'static str,
    /// Where traces go, by the variables of OpenTelemetry. Default: nowhere.
    pub(crate) traces: Option<TraceSettings>,
}

impl Default for ServeSettings {
    /// # Panics
    /// Never: the defaults are valid.
    fn default() -> Self {
        Self::from(&Source::new(&|_| None)).expect("the defaults are valid")
    }
}

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
        settings.traces = TraceSettings::read(environment).map_err(CommandError::Usage)?;
        Ok(settings)
    }

    /// The settings of a file's text and of an environment, of which the names are given as well.
    fn merge(
        file: &str,
        environment: impl Fn(&str) -> Option<String>,
        variables: impl Iterator<Item = String>,
    ) -> Result<Self, String> {
        let table: toml::Table = file.parse().map_err(|error| format!("the settings file: {error}"))?;
        let texts: BTreeMap<String, String> = table
            .into_iter()
            .map(|(name, value)| match text_of(value) {
                Some(text) => Ok((name, text)),
                None => Err(format!("{name} must be a text, a number, true or false, or a list of texts")),
            })
            .collect::<Result<_, _>>()?;
        let find = |name: &str| environment(&variable(name)).or_else(|| texts.get(name).cloned());
        let source = Source::new(&find);
        let settings =
            Self::from(&source).map_err(|SettingError { name, reason }| match environment(&variable(name)) {
                Some(_) => format!("{} {reason}", variable(name)),
                None => format!("{name} {reason}"),
            })?;
        let known =
            |name: &str| name.strip_prefix("HOOKLINE_").is_none_or(|name| source.knows(&name.to_ascii_lowercase()));
        let unknown = texts.keys().find(|name| !source.knows(name)).cloned();
        let mut variables = variables.filter(|name| !OTHER_VARIABLES.contains(&name.as_str()));
        match unknown.or_else(|| variables.find(|name| !known(name))) {
            Some(unknown) => Err(format!("{unknown} is not a setting")),
            None => Ok(settings),
        }
    }

    fn from(source: &Source<'_>) -> Result<Self, SettingError> {
        let in_flight = ConcurrencyLimits::default();
        let address = SettingError::new("listen", "must be an address and a port, for instance 127.0.0.1:8080");
        let settings = Self {
            listen: source.parsed("listen", SocketAddr::from(([127, 0, 0, 1], 8080))).map_err(|_| address)?,
            metrics_listen: source.text("metrics_listen").map(|text| metrics_address(&text)).transpose()?,
            data: source.text("data").unwrap_or_else(|| "./hookline-data".to_owned()).into(),
            allow_cidrs: ranges(source, "allow_cidrs")?,
            allow_ports: source.parsed("allow_ports", AllowedPorts::default())?,
            extra_roots: source.text("extra_roots").map(PathBuf::from),
            public_url: source.text("public_url"),
            core: CoreSettings::read(source)?,
            mail_sender: source.text("mail_sender").unwrap_or_else(|| "Hookline <hookline@localhost>".to_owned()),
            mail_folder: source.text("mail_folder").map(PathBuf::from),
            smtp_host: source.text("smtp_host"),
            smtp_port: source
                .optional("smtp_port")
                .map_err(|_| SettingError::new("smtp_port", "must be a port, for instance 587"))?,
            smtp_security: source.word("smtp_security", &["tls", "starttls", "none"])?,
            smtp_user: source.text("smtp_user"),
            smtp_password_file: source.text("smtp_password_file").map(PathBuf::from),
            in_flight: number(source, "in_flight", in_flight.total)?,
            in_flight_per_host: number(source, "in_flight_per_host", in_flight.per_host)?,
            rate_limit: number(source, "rate_limit", 3600)?,
            trusted_proxies: ranges(source, "trusted_proxies")?,
            log_format: source.word("log_format", &["text", "json"])?,
            traces: None,
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingError> {
        let checks = [
            (self.in_flight > 0, "in_flight", "must be at least 1"),
            (self.in_flight_per_host > 0, "in_flight_per_host", "must be at least 1"),
            (self.rate_limit > 0, "rate_limit", "must be at least 1"),
            (self.smtp_port != Some(0), "smtp_port", "must be at least 1"),
            (
                self.smtp_user.is_some() == self.smtp_password_file.is_some(),
                "smtp_user",
                "and smtp_password_file go together",
            ),
        ];
        if let Some((_, name, reason)) = checks.into_iter().find(|(good, ..)| !good) {
            return Err(SettingError::new(name, reason));
        }
        let host = self.smtp_host.as_deref().unwrap_or("localhost");
        if self.smtp_security == "none" && self.smtp_user.is_some() && !is_this_machine(host) {
            let reason = format!(
                "is none, so the password of smtp_user would go to {host} unencrypted: use tls or starttls, for instance \
                 HOOKLINE_SMTP_SECURITY=starttls"
            );
            return Err(SettingError::new("smtp_security", reason));
        }
        Ok(())
    }

    /// What works, but probably not as the operator expects.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.listen.ip().is_unspecified() && self.public_url.is_none() {
            warnings.push(format!(
                "public_url is not set: links and callbacks in messages point to http://{}, which receivers cannot reach. \
                 Set it to the address that they use, for instance HOOKLINE_PUBLIC_URL=https://hooks.example.com",
                self.listen
            ));
        }
        warnings
    }

    /// The settings for the core. `listens` is the address that the server listens on.
    pub(crate) fn core(&self, listens: SocketAddr) -> CoreSettings {
        let public_url = self.public_url.clone().unwrap_or_else(|| format!("http://{listens}"));
        CoreSettings { public_url, ..self.core.clone() }
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

/// An address, or a port of loopback.
fn metrics_address(text: &str) -> Result<SocketAddr, SettingError> {
    let port = || text.parse().ok().map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)));
    let reason = "must be a port, or an address and a port, for instance 127.0.0.1:9464";
    text.parse().ok().or_else(port).ok_or_else(|| SettingError::new("metrics_listen", reason))
}

/// Ranges of addresses.
fn ranges(source: &Source<'_>, name: &'static str) -> Result<Vec<IpNet>, SettingError> {
    Ok(source.list::<AddressRange>(name)?.into_iter().map(|AddressRange(range)| range).collect())
}

/// A whole number, or its default if it is not set.
fn number<T: FromStr<Err: Display> + Copy + Display>(
    source: &Source<'_>,
    name: &'static str,
    default: T,
) -> Result<T, SettingError> {
    let reason = format!("must be a whole number, for instance {default}");
    source.parsed(name, default).map_err(|_| SettingError::new(name, reason))
}

/// True for loopback.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// The text of a value in the file, as the environment would have it: the parts of a list with commas between them.
fn text_of(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(value) => Some(value.to_string()),
        toml::Value::Array(values) => {
            let parts = values.into_iter().map(|value| value.as_str().map(str::to_owned));
            parts.collect::<Option<Vec<_>>>().map(|parts| parts.join(","))
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// The variable of a setting.
fn variable(name: &str) -> String {
    format!("HOOKLINE_{}", name.to_ascii_uppercase())
}

/// The limit of tokens per account, for the commands that create tokens without the service.
pub(crate) fn max_tokens() -> Result<u64, CommandError> {
    let find = |name: &str| environment(&variable(name));
    let limit = Source::new(&find).parsed("max_tokens", CoreSettings::default().max_tokens);
    limit.map_err(|SettingError { name, reason }| CommandError::Usage(format!("{} {reason}", variable(name))))
}

/// Variables that are no settings of the service: what the other commands and the mail server need.
const OTHER_VARIABLES: [&str; 4] = ["HOOKLINE_TOKEN", "HOOKLINE_SECRET", "HOOKLINE_URL", "HOOKLINE_SMTP_PASSWORD"];

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
        assert!((settings.core.wait_scale - 0.5).abs() < f64::EPSILON);
        assert_eq!((settings.allow_cidrs.len(), settings.trusted_proxies.len()), (1, 2));
        assert!(merged("", &[("HOOKLINE_TOKEN", "hl_x"), ("HOOKLINE_URL", "x"), ("PATH", "/")]).is_ok());
        assert!(
            merged("", &[("HOOKLINE_WAIT_SCALE", "1"), ("HOOKLINE_REQUIRE_HTTPS", "true")]).unwrap().core.require_https
        );
        assert_eq!(merged("max_tokens = 5", &[]).unwrap().core.max_tokens, 5);
    }

    #[test]
    fn metrics_are_shown_on_loopback_unless_an_address_is_given() {
        let address = |file: &str| merged(file, &[]).unwrap().metrics_listen.map(|address| address.to_string());
        assert_eq!(address(""), None);
        assert_eq!(address("metrics_listen = 9464").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(address("metrics_listen = \"0.0.0.0:9464\"").as_deref(), Some("0.0.0.0:9464"));
        assert_eq!(address("metrics_listen = \"[::1]:9464\"").as_deref(), Some("[::1]:9464"));
    }

    #[test]
    fn bad_values_are_refused_with_their_name() {
        for (file, variable, value, name) in [
            ("nonsense = 1", "", "", "nonsense"),
            ("listen = 7", "", "", "listen"),
            ("listen = {}", "", "", "listen"),
            ("allow_cidrs = [7]", "", "", "allow_cidrs"),
            ("require_https = \"perhaps\"", "", "", "require_https"),
            ("", "HOOKLINE_LISTEN", "nowhere", "HOOKLINE_LISTEN"),
            ("", "HOOKLINE_REQUIRE_HTTPS", "perhaps", "HOOKLINE_REQUIRE_HTTPS"),
            ("", "HOOKLINE_WAIT_SCALE", "0", "HOOKLINE_WAIT_SCALE"),
            ("", "HOOKLINE_WAIT_SCALE", "2", "HOOKLINE_WAIT_SCALE"),
            ("", "HOOKLINE_IN_FLIGHT", "-1", "HOOKLINE_IN_FLIGHT"),
            ("", "HOOKLINE_ALLOW_CIDRS", "1.2.3/99", "HOOKLINE_ALLOW_CIDRS"),
            ("", "HOOKLINE_ALLOW_PORTS", "80,https", "HOOKLINE_ALLOW_PORTS"),
            ("allow_ports = \"9-1\"", "", "", "allow_ports"),
            ("", "HOOKLINE_PUBLIC_URL", "hooks", "HOOKLINE_PUBLIC_URL"),
            ("", "HOOKLINE_ACCOUNT_URL", "https://hooks.example.com", "HOOKLINE_ACCOUNT_URL"),
            ("", "HOOKLINE_SMTP_USER", "ada", "HOOKLINE_SMTP_USER"),
            ("", "HOOKLINE_LOG_FORMAT", "xml", "HOOKLINE_LOG_FORMAT"),
            ("", "HOOKLINE_RATE_LIMIT", "0", "HOOKLINE_RATE_LIMIT"),
            ("", "HOOKLINE_SMTP_PORT", "0", "HOOKLINE_SMTP_PORT"),
            ("", "HOOKLINE_DOCS_URL", "a\r\nX: y", "HOOKLINE_DOCS_URL"),
            ("", "HOOKLINE_DOMAIN", "a b", "HOOKLINE_DOMAIN"),
            ("", "HOOKLINE_REQUIRE_HTTP", "true", "HOOKLINE_REQUIRE_HTTP"),
            ("", "HOOKLINE_VERIFICATION", "on", "HOOKLINE_VERIFICATION"),
        ] {
            let error = merged(file, &[(variable, value)]).unwrap_err();
            assert!(error.contains(name), "{file:?} {variable}={value}: {error}");
        }
    }

    #[test]
    fn bad_values_are_refused_in_words_with_an_example() {
        for (file, variable, value, told) in [
            ("", "HOOKLINE_IN_FLIGHT", "-1", "HOOKLINE_IN_FLIGHT must be a whole number, for instance 512"),
            ("in_flight = \"many\"", "", "", "in_flight must be a whole number, for instance 512"),
            ("", "HOOKLINE_SMTP_PORT", "70000", "HOOKLINE_SMTP_PORT must be a port, for instance 587"),
            ("", "HOOKLINE_LISTEN", "8080", "must be an address and a port, for instance 127.0.0.1:8080"),
            ("", "HOOKLINE_METRICS_LISTEN", "on", "an address and a port, for instance 127.0.0.1:9464"),
            ("metrics_listen = 70000", "", "", "an address and a port, for instance 127.0.0.1:9464"),
            ("", "HOOKLINE_ALLOW_CIDRS", "127.0.0.1", "write 127.0.0.1/32 for this one address"),
            ("trusted_proxies = [\"::1\"]", "", "", "write ::1/128 for this one address"),
        ] {
            let error = merged(file, &[(variable, value)]).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_mail_password_leaves_the_machine_only_encrypted() {
        let file = |host: &str, security: &str| {
            let login = "smtp_user = \"ada\"\nsmtp_password_file = \"/run/password\"";
            merged(&format!("smtp_host = \"{host}\"\nsmtp_security = \"{security}\"\n{login}"), &[])
        };
        let error = file("mail.example.com", "none").unwrap_err();
        assert!(error.contains("unencrypted") && error.contains("HOOKLINE_SMTP_SECURITY=starttls"), "{error}");
        for (host, security) in
            [("localhost", "none"), ("127.0.0.1", "none"), ("[::1]", "none"), ("mail.example.com", "tls")]
        {
            assert!(file(host, security).is_ok(), "{host} {security}");
        }
        assert!(merged("smtp_host = \"mail.example.com\"\nsmtp_security = \"none\"", &[]).is_ok());
    }

    #[test]
    fn all_interfaces_without_a_public_url_are_worth_a_warning() {
        let warnings = |file: &str| merged(file, &[]).unwrap().warnings();
        for listen in ["0.0.0.0:8080", "[::]:8080"] {
            let told = warnings(&format!("listen = \"{listen}\""));
            assert!(told.len() == 1 && told[0].contains("HOOKLINE_PUBLIC_URL=https://hooks.example.com"), "{told:?}");
        }
        assert!(warnings("listen = \"0.0.0.0:8080\"\npublic_url = \"https://hooks.example.com\"").is_empty());
        assert!(warnings("").is_empty());
    }
}

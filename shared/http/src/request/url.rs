//! The URL of a request: the account that it names, and the path of its route (section 2).
//!
//! Every route answers at the root, below `/v1` and below the account URL, with or without a trailing slash and a `.json`
//! ending. This file reduces all of these to one form, before the routes see the path.

use hookline_core::ids::AccountId;
use hookline_core::settings::CoreSettings;
use http::header::HOST;
use http::{HeaderMap, Uri};

/// The public URL and the account URL template, parsed.
#[derive(Debug)]
pub(crate) struct PublicUrls {
    /// The path of the public URL, without a trailing slash.
    public_path: String,
    /// The template's path below the public URL: the parts before and after the account.
    account_path: Option<(String, String)>,
    /// The template's host: the parts before and after the account.
    account_host: Option<(String, String)>,
    /// The template's path, if the account is in the host.
    host_path: String,
    /// Hosts that are never an account's, whatever the template matches.
    service_hosts: Vec<String>,
}

/// The URL of a request, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestUrl {
    /// The account in its path or host.
    pub(crate) account: Option<String>,
    /// The path as the request has it, below the account URL or the public URL.
    pub(crate) path: String,
    /// The path of the route.
    pub(crate) route: String,
}

impl PublicUrls {
    /// Parses the URLs of the settings.
    pub(crate) fn of(settings: &CoreSettings) -> Self {
        let (public_host, public_path) = host_and_path(&settings.public_url);
        let listed = settings.service_hosts.iter().map(String::as_str);
        let template = settings.account_url.replace("{public_url}", &settings.public_url);
        let (host, path) = host_and_path(&template);
        let in_path = path.split_once("{account}").map(|(before, after)| {
            let before = below(before, public_path).unwrap_or(before);
            (before.to_owned(), after.to_owned())
        });
        let in_host = host
            .split_once("{account}")
            .map(|(before, after)| (before.to_ascii_lowercase(), after.to_ascii_lowercase()));
        Self {
            public_path: public_path.to_owned(),
            account_path: in_path,
            account_host: in_host,
            host_path: path.to_owned(),
            service_hosts: listed.chain([public_host]).map(normalised_host).collect(),
        }
    }

    /// Parses the URL of a request.
    pub(crate) fn locate(&self, uri: &Uri, headers: &HeaderMap) -> RequestUrl {
        let path = uri.path();
        let (account, path) = self
            .account_in_path(below(path, &self.public_path).unwrap_or(path))
            .map(|(account, rest)| (account.to_owned(), rest))
            .or_else(|| self.account_in_host(uri, headers, path))
            .map_or_else(
                || (None, below(path, &self.public_path).unwrap_or(path)),
                |(account, rest)| (Some(account), rest),
            );
        let path = if path.is_empty() { "/" } else { path };
        RequestUrl { account, path: path.to_owned(), route: route_of(path).to_owned() }
    }

    fn account_in_path<'a>(&self, path: &'a str) -> Option<(&'a str, &'a str)> {
        let (before, after) = self.account_path.as_ref()?;
        let rest = path.strip_prefix(before.as_str())?;
        let (account, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let rest = below(rest, after)?;
        (!account.is_empty()).then_some((account, rest))
    }

    fn account_in_host<'a>(&self, uri: &Uri, headers: &HeaderMap, path: &'a str) -> Option<(String, &'a str)> {
        let (before, after) = self.account_host.as_ref()?;
        let host = uri.host().or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()))?;
        let host = normalised_host(host.rsplit_once(':').map_or(host, |(host, _)| host));
        if self.service_hosts.contains(&host) {
            return None;
        }
        let account = AccountId::parse(host.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?)?;
        Some((account.to_string(), below(path, &self.host_path).unwrap_or(path)))
    }
}

/// The host without port, and the path without trailing slash, of an absolute URL that may have placeholders.
fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (authority.rsplit_once(':').map_or(authority, |(host, _)| host), path.trim_end_matches('/'))
}

/// A host name without its trailing dot and in lower case, which make no difference (RFC 1034, RFC 4343).
fn normalised_host(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// The path below a prefix, if it starts with the prefix as whole segments.
fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path without version, trailing slash and `.json`.
fn route_of(path: &str) -> &str {
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_suffix(".json").filter(|rest| !rest.ends_with('/')).unwrap_or(path);
    let path = below(path, "/v1").unwrap_or(path);
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(settings: &CoreSettings, url: &str, host: &str) -> (Option<String>, String, String) {
        let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
        let url = PublicUrls::of(settings).locate(&url.parse().unwrap(), &headers);
        (url.account, url.path, url.route)
    }

    fn settings(public_url: &str, account_url: &str) -> CoreSettings {
        CoreSettings { public_url: public_url.into(), account_url: account_url.into(), ..CoreSettings::default() }
    }

    #[test]
    fn a_path_has_one_form() {
        let settings = CoreSettings::default();
        for (path, account, route) in [
            ("/", None, "/"),
            ("/v1", None, "/"),
            ("/v1/", None, "/"),
            ("/v1.json", None, "/"),
            ("/v1/.json", None, "/.json"),
            ("/webhooks", None, "/webhooks"),
            ("/v1/webhooks/", None, "/webhooks"),
            ("/v1/webhooks.json", None, "/webhooks"),
            ("/v1/webhooks/3.json/", None, "/webhooks/3"),
            ("/v1x", None, "/v1x"),
            ("/a/wdc", Some("wdc"), "/"),
            ("/a/wdc/webhooks", Some("wdc"), "/webhooks"),
            ("/a/wdc/v1/webhooks.json?x=/a/b", Some("wdc"), "/webhooks"),
            ("/a/", None, "/a"),
            ("/.json", None, "/.json"),
            ("//", None, "/"),
        ] {
            let found = located(&settings, path, "evil.example");
            assert_eq!((found.0.as_deref(), found.2.as_str()), (account, route), "{path}");
        }
        assert_eq!(located(&settings, "/v1/webhooks.json?x", "h").1, "/v1/webhooks.json");
        assert_eq!(located(&settings, "/a/wdc/webhooks", "h").1, "/webhooks");
    }

    #[test]
    fn an_account_may_be_in_the_host() {
        let settings = settings("https://hooks.example.com", "https://{account}.hooks.example.com");
        assert_eq!(located(&settings, "/webhooks", "wdc.hooks.example.com:443").0.as_deref(), Some("wdc"));
        for host in ["WDC.Hooks.Example.COM", "wdc.hooks.example.com.", "wdc.hooks.example.com.:443"] {
            assert_eq!(located(&settings, "/webhooks", host).0.as_deref(), Some("wdc"), "{host}");
        }
        assert_eq!(located(&settings, "/webhooks", "hooks.example.com").0, None);
        assert_eq!(located(&settings, "/webhooks", ".hooks.example.com").0, None);
        assert_eq!(located(&settings, "/webhooks", "a.b.hooks.example.com").0, None);
    }

    #[test]
    fn the_hosts_of_the_service_are_never_accounts() {
        let urls = settings("https://api.example.com", "https://{account}.example.com");
        let settings = CoreSettings { service_hosts: vec!["OAuth.example.com".into()], ..urls };
        for host in
            ["api.example.com", "API.Example.com.", "api.example.com:443", "oauth.example.com", "OAUTH.example.com"]
        {
            assert_eq!(
                located(&settings, "/v1/webhooks", host),
                (None, "/v1/webhooks".into(), "/webhooks".into()),
                "{host}"
            );
        }
        assert_eq!(located(&settings, "/webhooks", "wdc.example.com").0.as_deref(), Some("wdc"));
        assert_eq!(located(&settings, "/webhooks", "apis.example.com").0.as_deref(), Some("apis"));
    }

    #[test]
    fn the_public_url_may_have_a_path_that_a_proxy_takes_off_or_leaves() {
        let settings = settings("https://x.example/hooks", "{public_url}/a/{account}");
        for path in ["/hooks/v1/webhooks", "/v1/webhooks", "/hooks/webhooks"] {
            assert_eq!(located(&settings, path, "x").2, "/webhooks", "{path}");
        }
        for path in ["/hooks/a/wdc/webhooks", "/a/wdc/webhooks"] {
            assert_eq!(located(&settings, path, "x").0.as_deref(), Some("wdc"), "{path}");
        }
    }
}

//! The URI of an endpoint: parsed once, shown with its password masked (section 3, `uri`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::secret::Secret;

/// What a masked password looks like, in answers and in input that keeps the stored one.
pub const MASK: &str = "***";

/// The longest URI, in characters.
pub const MAX_URI: usize = 2048;

/// Scheme, host and port: what throttling and the address guard think in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EndpointHost(String);

impl EndpointHost {
    /// `scheme://host:port`, the port always written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads what [`EndpointHost::as_str`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_http = text.starts_with("http://") || text.starts_with("https://");
        let host = Self::of(&Url::parse(text).ok().filter(|_| is_http)?)?;
        (host.as_str() == text).then_some(host)
    }

    /// Its hash: the fair-queue group of its messages.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let hash = Sha256::digest(&self.0);
        u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
    }

    /// The endpoint host of an absolute http(s) URL; `None` for any other URL.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        Some(Self(format!("{}://{host}:{port}", url.scheme())))
    }
}

/// An absolute http(s) URI without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUri {
    text: String,
    url: Url,
    host: EndpointHost,
    user: Option<String>,
    has_password: bool,
}

/// A URI as it was given: the part that may be shown, and the password that may not.
#[derive(Debug, Clone)]
pub struct GivenUri {
    /// The URI, its password masked.
    pub uri: EndpointUri,
    /// The password, percent-decoded, if one was given.
    pub password: Option<Secret<String>>,
    /// The password was given as `***`: keep the stored one.
    pub keeps_password: bool,
}

/// Stored with its password masked.
impl serde::Serialize for EndpointUri {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.masked())
    }
}

impl<'de> serde::Deserialize<'de> for EndpointUri {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::stored(&text).ok_or_else(|| serde::de::Error::custom("not an endpoint URI"))
    }
}

impl EndpointUri {
    /// Parses a URI as an administrator gives it: `http` or `https`, with a host, without a fragment, control
    /// characters, spaces or backslashes. `None` if it is not such a URI.
    #[must_use]
    pub fn parse(given: &str) -> Option<GivenUri> {
        let forbidden = |c: char| c.is_control() || c.is_whitespace() || c == '\\' || c == '#';
        if given.chars().count() > MAX_URI || given.contains(forbidden) {
            return None;
        }
        let (scheme, rest) = given.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        let (user_info, host_and_port) = match authority.rsplit_once('@') {
            Some((user_info, host_and_port)) => (Some(user_info), host_and_port),
            None => (None, authority),
        };
        let after_authority = &rest[authority.len()..];
        if host_and_port.is_empty() || user_info.is_some_and(|info| info.contains('@')) {
            return None;
        }
        let url = Url::parse(&format!("{scheme}://{host_and_port}{after_authority}")).ok()?;
        let host = EndpointHost::of(&url).filter(|_| url.port() != Some(0))?;
        let (mut text, mut user, mut password, mut keeps_password) = (given.to_owned(), None, None, false);
        if let Some(user_info) = user_info {
            let (raw_user, raw_password) = match user_info.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (user_info, None),
            };
            user = Some(decode(raw_user).filter(|user| !user.contains(':'))?);
            if let Some(raw_password) = raw_password {
                keeps_password = raw_password == MASK;
                password = Some(Secret::new(decode(raw_password)?));
                text = format!("{scheme}://{raw_user}:{MASK}@{host_and_port}{after_authority}");
            }
        }
        let uri = Self { text, url, host, user, has_password: password.is_some() };
        Some(GivenUri { uri, password: password.filter(|_| !keeps_password), keeps_password })
    }

    /// Parses a URI as it is stored, its password masked.
    #[must_use]
    pub fn stored(text: &str) -> Option<Self> {
        Self::parse(text).map(|given| given.uri)
    }

    /// The URI as it was given, the password shown as `***`.
    #[must_use]
    pub fn masked(&self) -> &str {
        &self.text
    }

    /// The URI to connect to, without user info.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn host(&self) -> &EndpointHost {
        &self.host
    }

    /// True when the URI was given with a password, which is kept elsewhere.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// True when the URI names a user.
    #[must_use]
    pub fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// True if a stored password still belongs to this URI: scheme, user, host and port are the same.
    #[must_use]
    pub fn same_login(&self, other: &Self) -> bool {
        self.host == other.host && self.user == other.user
    }

    /// The value of `Authorization` that the user info asks for (RFC 7617).
    #[must_use]
    pub fn basic_authorization(&self, password: Option<&Secret<String>>) -> Option<Secret<String>> {
        let user = self.user.as_deref()?;
        let password = password.map_or("", |password| password.expose().as_str());
        let pair = zeroize::Zeroizing::new(format!("{user}:{password}"));
        Some(Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
    }

    /// The URI for mails: password and every query value masked (section 9).
    #[must_use]
    pub fn for_mail(&self) -> String {
        let Some((before, query)) = self.text.split_once('?') else { return self.text.clone() };
        let masked = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) => format!("{name}={MASK}"),
            None => MASK.to_owned(),
        });
        format!("{before}?{}", masked.collect::<Vec<_>>().join("&"))
    }
}

impl fmt::Display for EndpointUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Percent-decodes user info; `None` if it is not UTF-8 or holds control characters.
fn decode(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    (!decoded.contains(char::is_control)).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> String {
        EndpointUri::parse(text).expect(text).uri.host().as_str().to_owned()
    }

    #[test]
    fn valid_uris() {
        assert_eq!(host("https://Example.com"), "https://example.com:443");
        assert_eq!(host("HTTP://example.com:8080?a=b"), "http://example.com:8080");
        assert_eq!(host("https://bücher.example/ü"), "https://xn--bcher-kva.example:443");
        assert_eq!(host("https://example.com./x"), "https://example.com.:443");
        assert_eq!(host("http://[::1]:9000/"), "http://[::1]:9000");
        assert_eq!(host("http://0x7f.1/"), "http://127.0.0.1:80");
    }

    #[test]
    fn hosts_are_read_as_they_are_written() {
        for text in ["https://example.com:443", "http://xn--bcher-kva.example:80", "http://[::1]:9000"] {
            assert_eq!(EndpointHost::parse(text).expect(text).as_str(), text);
        }
        for bad in ["", "https://example.com", "https://example.com:443/", "https://EXAMPLE.com:443", "ftp://a:21", "x"]
        {
            assert_eq!(EndpointHost::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn invalid_uris() {
        for bad in [
            "",
            "x",
            "ftp://a/b",
            "http://",
            "http:///x",
            "https:example.com",
            "http://a b",
            "http://a/\n",
            "http://a/#f",
            "http://a\\b",
            "//a/b",
            "http://u@v@w/",
            "http://a:0/",
            "http://a:99999/",
            "http://[::1",
            "http://:80/",
            "http://u%3Ax@a/",
            "http://u:%0a@a/",
            "http://u:%ff@a/",
            "http://@/",
        ] {
            assert!(EndpointUri::parse(bad).is_none(), "{bad:?}");
        }
        assert!(EndpointUri::parse(&format!("http://a/{}", "x".repeat(MAX_URI))).is_none());
    }

    #[test]
    fn a_password_is_masked_and_sent_as_basic() {
        let given = EndpointUri::parse("https://ada%40example.com:p%40ss:w@example.com/x?y=z").unwrap();
        assert_eq!(given.uri.masked(), "https://ada%40example.com:***@example.com/x?y=z");
        assert_eq!(given.uri.for_mail(), "https://ada%40example.com:***@example.com/x?y=***");
        assert_eq!(given.uri.url().as_str(), "https://example.com/x?y=z");
        let header = given.uri.basic_authorization(given.password.as_ref()).unwrap();
        assert_eq!(header.expose(), &format!("Basic {}", STANDARD.encode("ada@example.com:p@ss:w")));
        assert!(!format!("{given:?}").contains("p@ss"));

        let kept = EndpointUri::parse(given.uri.masked()).unwrap();
        assert!(kept.keeps_password && kept.password.is_none() && kept.uri.same_login(&given.uri));
        assert_eq!(EndpointUri::stored(given.uri.masked()), Some(given.uri));
    }
}

//! The URI of an endpoint: parsed once, shown with its password masked (section 3, `uri`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::{Position, Url};

use super::endpoint_host::EndpointHost;
use super::secret::Secret;
use super::uri_parts::{UriError, UriParts, is_invisible};

/// What a masked password looks like, in answers and in input that keeps the stored one.
pub const MASK: &str = "***";

/// The longest URI, in characters.
pub const MAX_URI: usize = 2048;

/// An absolute http(s) URI without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUri {
    text: String,
    url: Url,
    target: String,
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
    /// Parses a URI as an administrator gives it: `http` or `https`, with a host, without a fragment. Path and query are
    /// sent as they are given, so everything that a client or server on the way would change is refused. Surrounding
    /// spaces are not part of it.
    pub fn parse(given: &str) -> Result<GivenUri, UriError> {
        let given = given.trim_matches(' ');
        if given.chars().count() > MAX_URI {
            return Err(UriError::Malformed);
        }
        if let Some((position, c)) = (1..).zip(given.chars()).find(|(_, c)| c.is_control() || is_invisible(*c)) {
            return Err(UriError::Character { c, position });
        }
        let parts = UriParts::split(given).ok_or(UriError::Malformed)?;
        parts.check(given)?;
        Self::from_parts(&parts, parts.after_authority)
    }

    /// The URI of parts that were checked, or that are stored.
    fn from_parts(parts: &UriParts<'_>, after_authority: &str) -> Result<GivenUri, UriError> {
        let UriParts { scheme, user_info, host_and_port, .. } = parts;
        let text = format!("{scheme}://{host_and_port}{after_authority}");
        let url = Url::parse(&text).map_err(|_| UriError::Malformed)?;
        let host = EndpointHost::of(&url).filter(|_| url.port() != Some(0)).ok_or(UriError::Malformed)?;
        let slash = if after_authority.starts_with('/') { "" } else { "/" };
        let target = format!("{slash}{after_authority}");
        let (mut text, mut user, mut password, mut keeps_password) = (text, None, None, false);
        if let Some(user_info) = user_info {
            let (raw_user, raw_password) = match user_info.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (*user_info, None),
            };
            user = Some(decode(raw_user).filter(|user| !user.contains(':')).ok_or(UriError::Malformed)?);
            text = format!("{scheme}://{user_info}@{host_and_port}{after_authority}");
            if let Some(raw_password) = raw_password {
                keeps_password = raw_password == MASK;
                password = Some(Secret::new(decode(raw_password).ok_or(UriError::Malformed)?));
                text = format!("{scheme}://{raw_user}:{MASK}@{host_and_port}{after_authority}");
            }
        }
        let uri = Self { text, url, target, host, user, has_password: password.is_some() };
        Ok(GivenUri { uri, password: password.filter(|_| !keeps_password), keeps_password })
    }

    /// Parses a URI as it is stored, its password masked. One that was stored before the rules of [`EndpointUri::parse`]
    /// is read as it was sent then: normalised.
    #[must_use]
    pub fn stored(text: &str) -> Option<Self> {
        if let Ok(given) = Self::parse(text) {
            return Some(given.uri);
        }
        let parts = UriParts::split(text)?;
        let url = Url::parse(&format!("{}://{}{}", parts.scheme, parts.host_and_port, parts.after_authority)).ok()?;
        Self::from_parts(&parts, &url[Position::BeforePath..Position::AfterQuery]).ok().map(|given| given.uri)
    }

    /// The URI as it was given, the password shown as `***`.
    #[must_use]
    pub fn masked(&self) -> &str {
        &self.text
    }

    /// The scheme, host and port to connect to. Its path and query may be normalised: what is sent is
    /// [`EndpointUri::target`].
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The request target: path and query to the byte as they were given.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The value of `Host`: the name in the form that DNS takes, and the port unless it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
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
        assert_eq!(host("https://bücher.example/x"), "https://xn--bcher-kva.example:443");
        assert_eq!(host("https://example.com./x"), "https://example.com.:443");
        assert_eq!(host("http://[::1]:9000/"), "http://[::1]:9000");
        assert_eq!(host("http://0x7f.1/"), "http://127.0.0.1:80");
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
            "http://a/#f",
            "http://a#f",
            "http://a?b#f",
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
            "http://a:80:90/",
            "http://%ff/",
        ] {
            assert_eq!(EndpointUri::parse(bad).map(|given| given.uri), Err(UriError::Malformed), "{bad:?}");
        }
        assert!(EndpointUri::parse(&format!("http://a/{}", "x".repeat(MAX_URI))).is_err());
    }

    #[test]
    fn path_and_query_are_sent_as_they_are_written() {
        for (uri, target) in [
            ("http://a", "/"),
            ("http://a?", "/?"),
            ("http://a?b=c", "/?b=c"),
            ("http://a/", "/"),
            ("http://a//b//c;v=1/x=1,2?s='x'&t=%2E%2e/../?", "//b//c;v=1/x=1,2?s='x'&t=%2E%2e/../?"),
            ("http://a/%2e%2ehidden/a%2eb/...?q", "/%2e%2ehidden/a%2eb/...?q"),
            ("  http://a/b  ", "/b"),
            ("http://u:p@a:8080/%7Eb!$&'()*+,;=:@", "/%7Eb!$&'()*+,;=:@"),
        ] {
            let parsed = EndpointUri::parse(uri).expect(uri).uri;
            assert_eq!(parsed.target(), target, "{uri}");
            assert!(parsed.masked().ends_with(uri.trim().strip_prefix("http://u:p").unwrap_or(uri.trim())), "{uri}");
            assert_eq!(EndpointUri::stored(parsed.masked()).expect(uri), parsed);
        }
        let authority = |uri: &str| EndpointUri::parse(uri).expect(uri).uri.authority().to_owned();
        assert_eq!(authority("http://u:p@Hook.example:80/x"), "hook.example");
        assert_eq!(authority("https://hook.example:80?x"), "hook.example:80");
        assert_eq!(authority("http://[::1]:9000/"), "[::1]:9000");
    }

    #[test]
    fn characters_that_would_not_be_sent_are_named() {
        let refused = |uri: &str| EndpointUri::parse(uri).map(|given| given.uri).expect_err(uri).to_string();
        for (uri, c, position) in [
            ("http://a/{id}", "'{'", 10),
            ("http://a/b c", "a space", 11),
            ("http://a/\"", "'\"'", 10),
            ("http://a\\b", "'\\'", 9),
            ("http://u:p@a/?x=[1]", "'['", 17),
            ("http://a/ü", "'ü' (U+00FC)", 10),
            ("http://a/100%", "'%'", 13),
            ("http://a/%zz", "'%'", 10),
            ("http://a b/", "a space", 9),
            ("http://a<b>/", "'<'", 9),
            ("http://a%20b/", "a space", 9),
        ] {
            let expected =
                format!("is invalid: {c} at position {position} is not allowed unless it is percent-encoded");
            assert_eq!(refused(uri), expected, "{uri}");
        }
        for (uri, c, position) in [
            ("http://a/\n", "the control character U+000A", 10),
            ("http://a/\t", "the control character U+0009", 10),
            ("\u{feff}http://a/", "the invisible character U+FEFF", 1),
            ("http://a/\u{a0}", "the invisible character U+00A0", 10),
            ("http://pay\u{200b}pal.example/", "the invisible character U+200B", 11),
            ("http://pay\u{ad}pal.example/", "the invisible character U+00AD", 11),
            ("http://pay%C2%ADpal.example/", "the invisible character U+00AD", 11),
            ("http://a.example/\u{202e}gpj", "the invisible character U+202E", 18),
        ] {
            let expected = format!("is invalid: {c} at position {position} is not allowed");
            assert_eq!(refused(uri), expected, "{uri}");
        }
        for segment in ["..", ".", "%2e%2E", ".%2e", "%2E"] {
            for uri in
                [format!("http://a/b/{segment}/c"), format!("http://a/{segment}"), format!("http://a/{segment}?q")]
            {
                assert_eq!(refused(&uri), format!("is invalid: the dot segment '{segment}' is not allowed"));
            }
        }
        let user_info = refused("http://ada:p{w@a/");
        assert!(!user_info.contains('{') && user_info.contains("password"), "{user_info}");
        for host in ["a..b", ".a", "..", "a\u{3002}\u{3002}b", &"x".repeat(64), &"x.".repeat(130)] {
            let error = refused(&format!("http://{host}/"));
            assert!(error.starts_with("is invalid: its host has "), "{host}: {error}");
        }
    }

    /// Characters that a host name drops are found by what they do, not by a list.
    #[test]
    fn no_character_of_a_host_vanishes() {
        for c in (0..=0x1_ffff).chain(0xe_0000..=0xe_0fff).filter_map(char::from_u32).filter(|c| !c.is_ascii()) {
            let Ok(given) = EndpointUri::parse(&format!("http://a{c}b.example/")) else { continue };
            assert_ne!(given.uri.authority(), "ab.example", "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn a_uri_of_before_these_rules_is_read_as_it_was_sent() {
        for (stored, target) in
            [("http://a/b/../c", "/c"), ("https://ada:***@a/ü?x={1}", "/%C3%BC?x={1}"), ("http://a/'", "/'")]
        {
            assert_eq!(EndpointUri::stored(stored).expect(stored).target(), target);
        }
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

//! The parts of a URI as they are written, and why a text is not the URI of an endpoint.

use percent_encoding::percent_decode_str;

/// Why a text is not the URI of an endpoint. The words continue a sentence such as *Uri is invalid*.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It is not an absolute http(s) URI with a host, or it has a fragment.
    #[error("is invalid")]
    Malformed,
    /// A character that RFC 3986 does not allow, or that is invisible. The position counts characters from 1.
    #[error("is invalid: {} at position {position} is not allowed{}", shown(*c), remedy(*c))]
    Character {
        /// The character.
        c: char,
        /// Where it is.
        position: usize,
    },
    /// The user name or password has a character that must be percent-encoded. Which one is a secret.
    #[error("is invalid: its user name or password has a character that must be percent-encoded")]
    UserInfo,
    /// A path segment that means this or the parent folder: clients on the way would resolve it.
    #[error("is invalid: the dot segment '{0}' is not allowed")]
    DotSegment(String),
    /// A part of the host's name between dots that is empty or too long.
    #[error("is invalid: its host has {0}")]
    Host(&'static str),
}

/// A character as it is named to people.
fn shown(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '!'..='~' => format!("'{c}'"),
        _ if c.is_control() => format!("the control character U+{:04X}", u32::from(c)),
        _ if is_invisible(c) => format!("the invisible character U+{:04X}", u32::from(c)),
        _ => format!("'{c}' (U+{:04X})", u32::from(c)),
    }
}

fn remedy(c: char) -> &'static str {
    if c.is_control() || is_invisible(c) { "" } else { " unless it is percent-encoded" }
}

/// The parts of a URI, as they are written.
pub(super) struct UriParts<'a> {
    pub(super) scheme: &'a str,
    pub(super) user_info: Option<&'a str>,
    pub(super) host_and_port: &'a str,
    pub(super) after_authority: &'a str,
}

impl<'a> UriParts<'a> {
    pub(super) fn split(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let (authority, after_authority) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        let (user_info, host_and_port) = match authority.rsplit_once('@') {
            Some((user_info, host_and_port)) => (Some(user_info), host_and_port),
            None => (None, authority),
        };
        let is_whole = !host_and_port.is_empty() && user_info.is_none_or(|info| !info.contains('@'));
        (is_whole && !after_authority.contains('#')).then_some(Self {
            scheme,
            user_info,
            host_and_port,
            after_authority,
        })
    }

    /// Refuses everything that would not be sent as it is written. `text` is the whole URI.
    pub(super) fn check(&self, text: &str) -> Result<(), UriError> {
        if self.user_info.is_some_and(|info| find_forbidden(info, |c| c == ':').is_some()) {
            return Err(UriError::UserInfo);
        }
        let before =
            |part: &str| text.len() - self.after_authority.len() - if part.is_empty() { 0 } else { part.len() };
        let position = |offset: usize| text[..offset].chars().count() + 1;
        if let Some((offset, c)) = find_forbidden(self.after_authority, |c| matches!(c, ':' | '@' | '/' | '?')) {
            return Err(UriError::Character { c, position: position(before("") + offset) });
        }
        let path = self.after_authority.split('?').next().unwrap_or_default();
        let is_dots = |segment: &&str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if let Some(segment) = path.split('/').find(is_dots) {
            return Err(UriError::DotSegment(segment.to_owned()));
        }
        self.check_host().map_err(|error| match error {
            UriError::Character { c, position: at } => {
                UriError::Character { c, position: position(before(self.host_and_port)) + at }
            }
            other => other,
        })
    }

    /// Refuses a host that names another one than it seems to. Positions count from 0 in the host.
    fn check_host(&self) -> Result<(), UriError> {
        if self.host_and_port.starts_with('[') {
            return Ok(());
        }
        let host = self.host_and_port.split(':').next().filter(|host| !host.is_empty()).ok_or(UriError::Malformed)?;
        // In a percent-encoded host the characters count that it stands for.
        let decoded = percent_decode_str(host).decode_utf8().map_err(|_| UriError::Malformed)?;
        for (position, c) in decoded.chars().enumerate().filter(|(_, c)| !is_in_names(*c)) {
            // What a host name would drop or refuse: asked of one character, so that it can be named.
            let is_kept = url::Host::parse(&format!("a{c}b")).is_ok_and(|host| host.to_string() != "ab");
            if c.is_control() || is_invisible(c) || !is_kept {
                return Err(UriError::Character { c, position });
            }
        }
        let name = decoded.strip_suffix(['.', '\u{3002}']).unwrap_or(&decoded);
        if name.split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']).any(str::is_empty) {
            return Err(UriError::Host("an empty label: two dots in a row, or one at its start"));
        }
        let ascii = url::Host::parse(&decoded).map_err(|_| UriError::Malformed)?.to_string();
        if ascii.split('.').any(|label| label.len() > 63) {
            return Err(UriError::Host("a label of more than 63 bytes"));
        }
        if ascii.len() > 254 {
            return Err(UriError::Host("more than 253 bytes"));
        }
        Ok(())
    }
}

/// ASCII characters of host names.
fn is_in_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')
}

/// The first character that RFC 3986 does not allow in a part, beside those that this part allows.
fn find_forbidden(part: &str, also: impl Fn(char) -> bool) -> Option<(usize, char)> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c) || also(c);
    part.char_indices().find(|(offset, c)| match c {
        '%' => !part.as_bytes()[offset + 1..].iter().take(2).filter(|byte| byte.is_ascii_hexdigit()).count().eq(&2),
        c => !is_allowed(*c),
    })
}

/// True for a character that cannot be seen: spaces of all kinds but the ASCII one, and those that Unicode calls default
/// ignorable or format characters.
pub(super) fn is_invisible(c: char) -> bool {
    (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

//! Mail addresses: bare, syntactically valid, and unable to inject anything into a mail's head.

use std::fmt;

/// A bare address such as `ada@example.com` (RFC 5321 without quoted local parts, comments and address literals).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailAddress(String);

impl MailAddress {
    /// Parses one bare address; `None` if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let local_ok = local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let domain_ok = domain.len() <= 253 && domain.split('.').all(label);
        (local_ok && domain_ok).then(|| Self(text.to_owned()))
    }

    /// Parses a comma-separated list of at most `most` bare addresses; spaces around them are fine.
    #[must_use]
    pub fn parse_list(text: &str, most: usize) -> Option<Vec<Self>> {
        let addresses: Vec<_> = text.split(',').map(|part| Self::parse(part.trim())).collect::<Option<_>>()?;
        (addresses.len() <= most).then_some(addresses)
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b", "ada@example.com", "a.b+c@x-y.example", "o'neil@example.com"] {
            assert!(MailAddress::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a b@c",
            "a@b..c",
            ".a@b",
            "a.@b",
            "a@-b",
            "a@b-",
            "a@b\r\nBcc: c@d",
            "Ada <a@b>",
            "a@[127.0.0.1]",
            "\"a b\"@c",
            "a@b,c@d",
            "ä@b",
            "a@b@c d",
        ] {
            assert!(MailAddress::parse(bad).is_none(), "{bad:?}");
        }
        assert_eq!(MailAddress::parse_list("a@b, c@d", 20).map(|list| list.len()), Some(2));
        assert_eq!(MailAddress::parse_list("a@b,,c@d", 20), None);
        assert_eq!(MailAddress::parse_list("a@b,c@d", 1), None);
    }
}

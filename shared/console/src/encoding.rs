//! `Accept-Encoding` (RFC 9110, section 12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// A form that a file is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentCoding {
    Identity,
    Gzip,
    Brotli,
}

impl ContentCoding {
    /// The smallest form that the client takes.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
        let mut best = Self::Identity;
        for part in values.flat_map(|value| value.split(',')) {
            let mut parts = part.split(';').map(str::trim);
            let coding = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "br" => Self::Brotli,
                "gzip" | "x-gzip" => Self::Gzip,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            let is_refused = weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
            if !is_refused && best != Self::Brotli {
                best = coding;
            }
        }
        best
    }

    /// The value of `Content-Encoding`.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_accepted_form_is_chosen() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", ContentCoding::Brotli),
            ("br;q=0.1, gzip", ContentCoding::Brotli),
            ("BR", ContentCoding::Brotli),
            ("gzip, br;q=0", ContentCoding::Gzip),
            ("gzip;q=1.0", ContentCoding::Gzip),
            ("gzip;q=0.000, br; q=0", ContentCoding::Identity),
            ("identity", ContentCoding::Identity),
            ("", ContentCoding::Identity),
            ("brotli, gz", ContentCoding::Identity),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]);
            assert_eq!(ContentCoding::negotiate(&headers), expected, "{value:?}");
        }
        assert_eq!(ContentCoding::negotiate(&HeaderMap::new()), ContentCoding::Identity);
    }
}

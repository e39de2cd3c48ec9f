//! The value of `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date in one of three forms.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;

/// The forms of an HTTP date (RFC 9110, section 5.6.7): the usual one, RFC 850's and asctime's.
const FORMS: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// How long the endpoint asks for a pause, from `now` on. `None` if the value is neither a number of seconds nor a
/// date. A date in the past is no wait at all.
#[must_use]
pub fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than can be counted are a very long time.
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    Some(Duration::try_from(date(value)?.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// An HTTP date.
pub(crate) fn date(value: &str) -> Option<Timestamp> {
    let date = FORMS.iter().find_map(|form| strtime::parse(form, value).and_then(|date| date.to_datetime()).ok())?;
    Some(DateTime::in_tz(date, "UTC").ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_dates_and_garbage() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = Timestamp::from_second(784_111_777 - 60).unwrap();
        let minute = Some(Duration::from_mins(1));
        for (value, expected) in [
            ("60", minute),
            ("  60\t", minute),
            ("0", Some(Duration::ZERO)),
            ("184467440737095516160", Some(Duration::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", minute),
            ("Sunday, 06-Nov-94 08:49:37 GMT", minute),
            ("Sun Nov  6 08:49:37 1994", minute),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(Duration::ZERO)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("60 s", None),
            ("6e1", None),
            ("soon", None),
            ("Sun, 06 Nov 1994", None),
            ("Sun, 06 Nov 1994 08:49:37 PST", None),
            ("Sun, 36 Nov 1994 08:49:37 GMT", None),
            ("\u{664}", None),
        ] {
            assert_eq!(parse(value, now), expected, "{value:?}");
        }
    }
}

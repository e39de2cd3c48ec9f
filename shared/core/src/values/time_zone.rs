//! Time zones of accounts, and how a timestamp is written in an answer.

use jiff::Timestamp;

/// A time zone by its IANA name. Default: UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(jiff::tz::TimeZone);

impl TimeZone {
    /// The zone with this IANA name, e.g. `Europe/Amsterdam`; `None` if there is none.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == "UTC" {
            return Some(Self::default());
        }
        jiff::tz::TimeZone::get(name).ok().map(Self)
    }

    /// Its IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// ISO 8601, whole seconds, with offset: `2026-11-25T09:30:00+00:00` (section 2, *Output types*).
    #[must_use]
    pub fn format(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.0.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_whole_seconds_and_an_offset() {
        let at = Timestamp::from_millisecond(1_795_599_000_999).unwrap();
        assert_eq!(TimeZone::default().format(at), "2026-11-25T09:30:00+00:00");
        assert_eq!(TimeZone::parse("Europe/Amsterdam").unwrap().format(at), "2026-11-25T10:30:00+01:00");
        assert_eq!(TimeZone::parse("Mars/Olympus"), None);
        assert_eq!(TimeZone::parse("UTC").unwrap().name(), "UTC");
    }
}

//! `traceparent` of W3C Trace Context: the place of a piece of work in a trace (section 12).

use std::fmt::{self, Write as _};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;
/// The flags that version 00 knows: sampled, and that the trace id is random.
const KNOWN_FLAGS: u8 = 3;

/// The trace and the span that a piece of work belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The id of the trace; not all zero.
    pub trace_id: [u8; 16],
    /// The id of the span; not all zero.
    pub span_id: [u8; 8],
    /// The flags that version 00 knows.
    pub flags: u8,
}

impl TraceParent {
    /// Reads the value of the header. `None` if it is not exactly what W3C Trace Context describes. A version later than
    /// 00 is read as far as version 00 goes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (fields, rest) = text.as_bytes().split_at_checked(55)?;
        let dashes = [fields[2], fields[35], fields[52]] == [b'-'; 3];
        let [version] = from_hex(&fields[..2])?;
        let whole = rest.is_empty() || (version > 0 && rest[0] == b'-');
        let (trace_id, span_id) = (from_hex(&fields[3..35])?, from_hex(&fields[36..52])?);
        let [flags] = from_hex(&fields[53..])?;
        let valid = dashes && whole && version != 0xff && trace_id != [0; 16] && span_id != [0; 8];
        valid.then_some(Self { trace_id, span_id, flags: flags & KNOWN_FLAGS })
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }
}

/// Lower-case digits as bytes.
fn from_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, _) = digits.as_chunks::<2>();
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"));
        f.write_str("00-")?;
        hex(f, &self.trace_id)?;
        f.write_char('-')?;
        hex(f, &self.span_id)?;
        write!(f, "-{:02x}", self.flags)
    }
}

impl Serialize for TraceParent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceParent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("no traceparent"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_again() {
        let read = TraceParent::parse(GOOD).unwrap();
        assert_eq!((read.trace_id[0], read.span_id[1], read.flags), (0x4b, 0xf0, 1));
        assert_eq!(read.to_string(), GOOD);
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(json, format!("\"{GOOD}\""));
        assert_eq!(serde_json::from_str::<TraceParent>(&json).unwrap(), read);
        assert!(serde_json::from_str::<TraceParent>("\"\"").is_err());
    }

    #[test]
    fn unknown_flags_and_the_rest_of_later_versions_are_left_out() {
        let (start, _) = GOOD.rsplit_once('-').unwrap();
        for (flags, kept, sampled) in [("00", "00", false), ("ff", "03", true), ("fe", "02", false)] {
            let read = TraceParent::parse(&format!("{start}-{flags}")).unwrap();
            assert_eq!((read.to_string(), read.is_sampled()), (format!("{start}-{kept}"), sampled));
        }
        for later in [format!("cc{}", &GOOD[2..]), format!("01{}-what-ever", &GOOD[2..])] {
            assert_eq!(TraceParent::parse(&later).map(|read| read.to_string()).as_deref(), Some(GOOD), "{later}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let zero_trace = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let zero_span = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", "0".repeat(16));
        for bad in [
            String::new(),
            GOOD[..54].to_owned(),
            format!("{GOOD}-"),
            format!("{GOOD}0"),
            format!(" {GOOD}"),
            format!("{GOOD} "),
            format!("ff{}", &GOOD[2..]),
            format!("01{}.", &GOOD[2..]),
            format!("0g{}", &GOOD[2..]),
            GOOD.to_uppercase(),
            GOOD.replace('-', "_"),
            GOOD.replacen("4b", "é", 1),
            GOOD.replacen("4b", "4B", 1),
            zero_trace,
            zero_span,
        ] {
            assert_eq!(TraceParent::parse(&bad), None, "{bad:?}");
        }
    }
}

//! Reads the expiry of a certificate (RFC 5280, section 4.1) for test reports.
//!
//! The certificate has not been verified at this point, so it may hold anything. Any deviation from the expected structure
//! makes it unreadable.

use jiff::Timestamp;
use jiff::civil::DateTime;

/// DER tags of the fields that are read or skipped.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `notAfter` of a certificate in DER.
pub(crate) fn expires_at(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if let Some((_, after)) = element(rest, VERSION) {
        rest = after;
    }
    // Serial number, algorithm and issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, rest) = element(rest, tag)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, not_after) = time(validity)?;
    time(not_after).map(|(time, _)| time)
}

/// The content of the first element, which must have this tag, and the bytes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        // The long form: the number of length bytes. More than four would mean over 4 GiB.
        let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = after;
    }
    rest.split_at_checked(length).filter(|_| found == tag)
}

/// A time, and the bytes after it.
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest, century) = match element(der, UTC_TIME) {
        // RFC 5280: two-digit years from 50 belong to the last century.
        Some((text, rest)) => (text, rest, if text.first()? >= &b'5' { "19" } else { "20" }),
        None => element(der, GENERALIZED_TIME).map(|(text, rest)| (text, rest, ""))?,
    };
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let digits = format!("{century}{digits}");
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits[from..to].parse::<i8>().ok();
    let year = digits[..4].parse().ok()?;
    let time = DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?, 0).ok()?;
    Some((time.in_tz("UTC").ok()?.timestamp(), rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn der(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["hook.example".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 2, 3);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        for year in [1999, 2001, 2049, 2050, 4096] {
            let expected = format!("{year}-02-03T00:00:00Z").parse().unwrap();
            assert_eq!(expires_at(&der(year)), Some(expected), "{year}");
        }
    }

    #[test]
    fn malformed_certificates_are_unreadable() {
        let good = der(2030);
        for length in 0..good.len() / 2 {
            // Cut off, the outer length is wrong.
            assert_eq!(expires_at(&good[..length]), None, "{length}");
        }
        for bad in [&[][..], &[0x30], &[0x30, 0x84], &[0x30, 0xff, 1, 1], &[0x30, 0x80], &[0x31, 0]] {
            assert_eq!(expires_at(bad), None, "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, at in 0_usize..400, byte: u8) {
            expires_at(&bytes);
            let mut changed = der(2030);
            if let Some(place) = changed.get_mut(at) {
                *place = byte;
            }
            expires_at(&changed);
        }
    }
}

//! Reads what messages and test reports say about a certificate: when it is valid, and who issued it (RFC 5280).
//!
//! The certificate has not been verified at this point, so it may hold anything. Any deviation from the expected structure
//! makes it unreadable.

use jiff::Timestamp;
use jiff::civil::DateTime;

/// DER tags of the fields that are read or skipped.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING_1: u8 = 0x81;
const BIT_STRING_2: u8 = 0x82;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// 2.5.4.3, the common name.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// 1.3.6.1.5.5.7.1.1, authority information access.
const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
/// 1.3.6.1.5.5.7.48.2, where the issuer's certificate can be fetched.
const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 2];

/// The longest name that is shown, in characters.
const MAX_NAME: usize = 64;

/// The fields of a certificate that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CertificateFields<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// The certificate says where its issuer's certificate is: it was issued by an intermediate.
    pub(crate) has_issuer_address: bool,
}

impl<'a> CertificateFields<'a> {
    /// Reads a certificate in DER.
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let (certificate, _) = element(der, SEQUENCE)?;
        let (mut rest, _) = element(certificate, SEQUENCE)?;
        if let Some((_, after)) = element(rest, VERSION) {
            rest = after;
        }
        let (_serial, rest) = element(rest, INTEGER)?;
        let (_algorithm, rest) = element(rest, SEQUENCE)?;
        let (issuer, rest) = element(rest, SEQUENCE)?;
        let (validity, rest) = element(rest, SEQUENCE)?;
        let (subject, rest) = element(rest, SEQUENCE)?;
        let (not_before, validity) = time(validity)?;
        let (not_after, _) = time(validity)?;
        let has_issuer_address = has_issuer_address(rest).unwrap_or(false);
        Some(Self { issuer, subject, not_before, not_after, has_issuer_address })
    }

    /// True if the certificate names itself as its issuer.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// True if `other` has the name of this certificate's issuer.
    pub(crate) fn is_issued_by(&self, other: &Self) -> bool {
        self.issuer == other.subject
    }

    /// The issuer's common name, as far as it is plain text: the endpoint can write anything here.
    pub(crate) fn issuer_name(&self) -> Option<String> {
        let mut sets = self.issuer;
        while let Some((set, rest)) = element(sets, SET) {
            sets = rest;
            let (pair, _) = element(set, SEQUENCE)?;
            let (kind, value) = element(pair, OBJECT_IDENTIFIER)?;
            if kind == COMMON_NAME {
                let (_, text, _) = any_element(value)?;
                let is_plain = |c: &char| c.is_ascii_alphanumeric() || " .,-_()&'".contains(*c);
                let name: String = std::str::from_utf8(text).ok()?.chars().filter(is_plain).take(MAX_NAME).collect();
                return Some(name).filter(|name| !name.trim().is_empty());
            }
        }
        None
    }
}

/// Looks through what follows the subject: public key, unique ids, extensions.
fn has_issuer_address(rest: &[u8]) -> Option<bool> {
    let (_key, mut rest) = element(rest, SEQUENCE)?;
    for tag in [BIT_STRING_1, BIT_STRING_2] {
        if let Some((_, after)) = element(rest, tag) {
            rest = after;
        }
    }
    let (extensions, _) = element(rest, EXTENSIONS)?;
    let (mut extensions, _) = element(extensions, SEQUENCE)?;
    while let Some((extension, rest)) = element(extensions, SEQUENCE) {
        extensions = rest;
        let (kind, mut value) = element(extension, OBJECT_IDENTIFIER)?;
        if kind != AUTHORITY_INFO_ACCESS {
            continue;
        }
        if let Some((_critical, after)) = element(value, BOOLEAN) {
            value = after;
        }
        let (value, _) = element(value, OCTET_STRING)?;
        let (mut descriptions, _) = element(value, SEQUENCE)?;
        while let Some((description, rest)) = element(descriptions, SEQUENCE) {
            descriptions = rest;
            if element(description, OBJECT_IDENTIFIER)?.0 == CA_ISSUERS {
                return Some(true);
            }
        }
    }
    Some(false)
}

/// The content of the first element, which must have this tag, and the bytes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    any_element(der).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// The tag and content of the first element, and the bytes after it.
fn any_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        // The long form: the number of length bytes. More than four would mean over 4 GiB.
        let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = after;
    }
    rest.split_at_checked(length).map(|(content, rest)| (tag, content, rest))
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
    use rcgen::{CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair, date_time_ymd};

    use super::*;

    fn der(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["hook.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(1990, 5, 6);
        params.not_after = date_time_ymd(year, 2, 3);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        for year in [1999, 2001, 2049, 2050, 4096] {
            let der = der(year);
            let fields = CertificateFields::read(&der).unwrap();
            assert_eq!(fields.not_after, format!("{year}-02-03T00:00:00Z").parse().unwrap());
            assert_eq!(fields.not_before, "1990-05-06T00:00:00Z".parse().unwrap());
            assert!(fields.is_self_issued() && !fields.has_issuer_address);
        }
    }

    #[test]
    fn issuers_are_recognised() {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::OrganizationName, "Example");
        authority.distinguished_name.push(DnType::CommonName, "Sub\u{1b}[31m CA \u{202e}1");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let mut leaf = CertificateParams::new(vec!["hook.example".to_owned()]).unwrap();
        // One description: caIssuers, a URI of one character.
        let access = vec![0x30, 13, 0x30, 11, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 1, b'x'];
        leaf.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], with_lengths(access))];
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &authority).unwrap();
        let (leaf, authority) = (leaf.der().to_vec(), authority.der().to_vec());
        let (leaf, authority) = (CertificateFields::read(&leaf).unwrap(), CertificateFields::read(&authority).unwrap());
        assert!(leaf.has_issuer_address && !leaf.is_self_issued() && leaf.is_issued_by(&authority));
        assert!(authority.is_self_issued() && !authority.has_issuer_address && !authority.is_issued_by(&leaf));
        assert_eq!(leaf.issuer_name().as_deref(), Some("Sub31m CA 1"));
    }

    /// The two outer lengths, from the content.
    fn with_lengths(mut der: Vec<u8>) -> Vec<u8> {
        let length = u8::try_from(der.len()).unwrap();
        (der[1], der[3]) = (length - 2, length - 4);
        der
    }

    #[test]
    fn malformed_certificates_are_unreadable() {
        let good = der(2030);
        for length in 0..good.len() / 2 {
            // Cut off, the outer length is wrong.
            assert_eq!(CertificateFields::read(&good[..length]), None, "{length}");
        }
        for bad in [&[][..], &[0x30], &[0x30, 0x84], &[0x30, 0xff, 1, 1], &[0x30, 0x80], &[0x31, 0]] {
            assert_eq!(CertificateFields::read(bad), None, "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, at in 0_usize..400, byte: u8) {
            CertificateFields::read(&bytes);
            let mut changed = der(2030);
            if let Some(place) = changed.get_mut(at) {
                *place = byte;
            }
            if let Some(fields) = CertificateFields::read(&changed) {
                fields.issuer_name();
            }
        }
    }
}

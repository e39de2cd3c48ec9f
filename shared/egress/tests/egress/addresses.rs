//! Every way to write an address that no endpoint may have: refused at save, or at connect with the reason.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hookline_core::model::ErrorClass::AddressNotAllowed;
use hookline_core::ports::Transport as _;
use hookline_core::values::EndpointUri;
use hookline_egress::guard::AddressGuard;
use hookline_egress::{Egress, EgressSettings};
use proptest::prelude::*;

use crate::{Names, addresses, failure, post, uri};

/// IPv4 addresses that section 8 forbids.
const FORBIDDEN_V4: [&str; 46] = [
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.1.2.3",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.0.1.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.255.255",
    "172.16.0.1",
    "172.17.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.2.1",
    "192.0.2.255",
    "192.31.196.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1.254",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "224.0.0.251",
    "239.255.255.250",
    "232.1.1.1",
    "240.0.0.1",
    "247.1.2.3",
    "250.0.0.1",
    "255.255.255.254",
    "255.255.255.255",
];

/// IPv6 addresses that section 8 forbids.
const FORBIDDEN_V6: [&str; 44] = [
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::1",
    "100::1",
    "100:0:0:1::1",
    "1::1",
    "1fff:ffff::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:1ff::1",
    "2001:db8::1",
    "2001:db8:ffff::1",
    "2002::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3ffe::1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];

/// Addresses that messages may go to.
const PUBLIC: [&str; 16] = [
    "1.1.1.1",
    "8.8.8.8",
    "11.0.0.1",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.17",
    "172.32.0.1",
    "192.0.1.1",
    "198.20.0.1",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450::1",
    "2003::1",
    "3ffd::1",
];

/// Names that always mean a forbidden address.
const FORBIDDEN_NAMES: [&str; 14] = [
    "localhost",
    "LOCALHOST",
    "LocalHost.",
    "a.localhost",
    "a.b.localhost.",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
    "metadata",
    "metadata.google.internal",
    "metadata.google.internal.",
    "instance-data.ec2.internal",
];

fn closed() -> Egress {
    Egress::with_resolver(EgressSettings::default(), Names::script("hook.example", &[addresses(&[], 0)])).unwrap()
}

/// The notations of an IPv4 address that URLs know.
fn notations(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let number = u32::from(address);
    let [hex, low] = [u32::from(address) >> 16, number & 0xffff];
    vec![
        address.to_string(),
        format!("{address}."),
        number.to_string(),
        format!("0x{number:x}"),
        format!("0X{number:08X}"),
        format!("0{number:o}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("{a}.{}", number & 0x00ff_ffff),
        format!("{a}.{b}.{low}"),
        format!("%3{address}"),
        address.to_string().replace('.', "。"),
        address.to_string().chars().map(fullwidth).collect(),
        format!("[::ffff:{address}]"),
        format!("[0:0:0:0:0:ffff:{hex:x}:{low:x}]"),
        format!("[::{address}]"),
        format!("[64:ff9b::{address}]"),
        format!("[2002:{hex:x}:{low:x}::1]"),
        format!("[2001:0:{hex:x}:{low:x}::1]"),
    ]
}

fn fullwidth(c: char) -> char {
    char::from_u32(u32::from(c) + 0xfee0).filter(|_| c.is_ascii_digit()).unwrap_or(c)
}

#[tokio::test]
async fn forbidden_literals_are_refused_at_save_and_at_connect() {
    let egress = closed();
    let literals = FORBIDDEN_V4.iter().flat_map(|address| notations(address.parse().unwrap()));
    let literals = literals.chain(FORBIDDEN_V6.iter().map(|address| format!("[{address}]")));
    let mut count = 0;
    for literal in literals {
        let text = format!("http://{literal}:1/x");
        assert!(!egress.permits(&uri(&text)), "{literal}");
        let exchange = post(&egress, &text).await;
        assert_eq!(exchange.result.unwrap_err(), failure(AddressNotAllowed, "Address not allowed"), "{literal}");
        assert_eq!((exchange.address, exchange.timings.connect), (None, None), "{literal}");
        count += 1;
    }
    assert!(count >= 800, "{count}");
}

#[tokio::test]
async fn forbidden_answers_are_refused_at_connect() {
    for address in FORBIDDEN_V4.iter().chain(&FORBIDDEN_V6) {
        let names = Names::script("hook.example", &[addresses(&[address], 60)]);
        let egress = Egress::with_resolver(EgressSettings::default(), names).unwrap();
        assert!(egress.permits(&uri("http://hook.example/")), "asks no resolver");
        let exchange = post(&egress, "http://hook.example/").await;
        assert_eq!(exchange.result.unwrap_err(), failure(AddressNotAllowed, "Address not allowed"), "{address}");
        assert_eq!(exchange.address, None, "{address}");
    }
}

#[tokio::test]
async fn names_of_forbidden_addresses_are_refused_at_save() {
    let egress = closed();
    for name in FORBIDDEN_NAMES {
        assert!(!egress.permits(&uri(&format!("https://ada:p@{name}:8080/x"))), "{name}");
    }
    for name in
        ["example.com", "localhost.example.com", "my-localhost", "10.example.com", "printer.local", "a.internal"]
    {
        assert!(egress.permits(&uri(&format!("https://{name}/"))), "{name}");
    }
}

#[test]
fn public_addresses_pass() {
    let guard = AddressGuard::default();
    for address in PUBLIC {
        assert!(guard.permits(address.parse().unwrap()), "{address}");
    }
    for zoned in
        ["http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[::1/", "http://1.2.3.4.5/", "http://256.1.1.1/"]
    {
        assert!(EndpointUri::parse(zoned).is_err(), "{zoned}");
    }
}

/// The IPv6 addresses that lead to an IPv4 address.
fn embeddings(address: Ipv4Addr) -> [Ipv6Addr; 7] {
    let v4 = u128::from(u32::from(address));
    [
        v4,
        0xffff << 32 | v4,
        0xffff << 48 | v4,
        0x0064_ff9b << 96 | v4,
        0x0064_ff9b_0001 << 80 | v4,
        0x2002 << 112 | v4 << 80 | 1,
        0x2001_0000 << 96 | v4 << 64 | (v4 ^ 0xffff_ffff),
    ]
    .map(Ipv6Addr::from)
}

proptest! {
    #[test]
    fn no_embedding_passes(bits: u32, low: u64) {
        let guard = AddressGuard::default();
        for embedded in embeddings(bits.into()) {
            prop_assert!(!guard.permits(embedded.into()), "{}", embedded);
        }
        let site = Ipv6Addr::from(u128::from(low) | 0xfe80 << 112);
        prop_assert!(!guard.permits(site.into()));
    }

    #[test]
    fn save_and_connect_read_a_literal_alike(bits: u32, wide: u128) {
        let guard = AddressGuard::default();
        let v4 = Ipv4Addr::from(bits);
        let plain = notations(v4);
        for literal in &plain[..10] {
            let uri = uri(&format!("http://{literal}/"));
            prop_assert_eq!(uri.url().host_str().map(str::to_owned), Some(v4.to_string()));
            prop_assert_eq!(guard.permits_uri(&uri), guard.permits(v4.into()));
        }
        let v6 = Ipv6Addr::from(wide);
        let uri = uri(&format!("http://[{v6}]/"));
        let host = uri.url().host_str().unwrap().trim_matches(['[', ']']);
        prop_assert_eq!(host.parse::<IpAddr>().unwrap(), IpAddr::from(v6));
        prop_assert_eq!(guard.permits_uri(&uri), guard.permits(v6.into()));
    }
}

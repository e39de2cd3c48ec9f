//! The search for canaries: in bytes of every kind, in every spelling, whole or in part.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// So much of a spelling is found, in either case. More of it than this never stands somewhere by accident.
const PIECE: usize = 12;

/// Knows the canaries.
#[derive(Default)]
pub(super) struct Search {
    /// Pieces of spellings in lower case: whose they are, and what must follow.
    pieces: HashMap<[u8; PIECE], Vec<(&'static str, Vec<u8>)>>,
    /// The first two bytes of the pieces: they rule out most places of a text.
    starts: Vec<bool>,
}

impl Search {
    /// A search for nothing yet.
    pub(super) fn new() -> Self {
        Self { pieces: HashMap::new(), starts: vec![false; 1 << 16] }
    }

    /// Plants a canary: a text or key that must be seen nowhere, not even in part.
    pub(super) fn plant(&mut self, name: &'static str, canary: &[u8]) {
        for spelling in spellings(canary) {
            assert!(spelling.len() >= PIECE, "{name} is too short to be found");
            for piece in spelling.to_ascii_lowercase().windows(PIECE) {
                self.put(piece, name, &[]);
            }
        }
    }

    /// Plants what only a secret begins with, whose parts are no secrets.
    pub(super) fn plant_beginning(&mut self, name: &'static str, beginning: &[u8]) {
        for spelling in spellings(beginning) {
            let spelling = spelling.to_ascii_lowercase();
            let (piece, rest) = spelling.split_at(PIECE);
            self.put(piece, name, rest);
        }
    }

    fn put(&mut self, piece: &[u8], name: &'static str, rest: &[u8]) {
        self.starts[start(piece)] = true;
        self.pieces.entry(piece.try_into().expect("a piece")).or_default().push((name, rest.to_vec()));
    }

    /// The first canary in these bytes, with what stands around it.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<String> {
        let lower = bytes.to_ascii_lowercase();
        lower.windows(PIECE).enumerate().filter(|(_, piece)| self.starts[start(piece)]).find_map(|(at, piece)| {
            let follows = |rest: &[u8]| lower[at + PIECE..].starts_with(rest);
            let (name, _) = self.pieces.get(piece)?.iter().find(|(_, rest)| follows(rest))?;
            let around = &bytes[at.saturating_sub(60)..bytes.len().min(at + 60)];
            Some(format!("{name} in …{}…", around.escape_ascii()))
        })
    }
}

fn start(piece: &[u8]) -> usize {
    usize::from(piece[0]) << 8 | usize::from(piece[1])
}

/// A canary as it is, in base64 wherever it begins, in hex, percent-encoded and escaped.
pub(super) fn spellings(canary: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = canary.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let mut spellings = vec![canary.to_vec(), hex.into_bytes(), canary.escape_ascii().collect()];
    for offset in 0..3 {
        let shifted = [&[0; 2][..offset], canary].concat();
        let encoded = STANDARD.encode(&shifted);
        let inner = encoded[(offset * 8).div_ceil(6)..shifted.len() * 8 / 6].to_owned();
        spellings.push(inner.replace('+', "-").replace('/', "_").into_bytes());
        spellings.push(inner.into_bytes());
    }
    let percent = percent_encoding::percent_encode(canary, percent_encoding::NON_ALPHANUMERIC);
    spellings.push(percent.to_string().into_bytes());
    if let Ok(text) = std::str::from_utf8(canary) {
        let json = serde_json::to_string(text).expect("a text becomes JSON");
        spellings.push(json.trim_matches('"').as_bytes().to_vec());
        spellings.push(json.replace('/', "\\/").trim_matches('"').as_bytes().to_vec());
    }
    spellings
}

/// A mail as it is, and as its reader sees it: without soft line breaks and other line ends, escapes decoded.
pub(super) fn readings_of_a_mail(mail: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(mail).replace("=\r\n", "");
    let mut parts = text.split('=');
    let mut read = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                read.push(byte);
                read.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => read.extend_from_slice(&[b"=", part.as_bytes()].concat()),
        }
    }
    vec![mail.to_vec(), text.replace("\r\n", "").into_bytes(), read]
}

/// The beginnings of private keys in PKCS #8, which say only what kind of key follows.
pub(super) fn plant_private_keys(search: &mut Search) {
    search.plant_beginning("a private key as PEM", b"-----BEGIN PRIVATE KEY-----");
    search.plant_beginning("a private RSA key", b"\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
    let on_p256 = b"\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    search.plant_beginning("a private key on P-256", on_p256);
}

#[test]
fn private_keys_are_known_by_how_they_begin_and_public_ones_are_no_secret() {
    let mut search = Search::new();
    plant_private_keys(&mut search);
    let openssl = |arguments: &[&str], input: &[u8]| {
        let mut openssl = Command::new("openssl");
        let openssl = openssl.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut openssl = openssl.spawn().expect("openssl is installed");
        openssl.stdin.take().expect("stdin is piped").write_all(input).expect("openssl reads the key");
        openssl.wait_with_output().expect("openssl ends").stdout
    };
    for kind in [&["RSA"][..], &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
        let pem = openssl(&[&["genpkey", "-algorithm"], kind].concat(), b"");
        assert!(search.find(&pem).is_some_and(|found| found.starts_with("a private key as PEM")), "{kind:?}");
        let key = openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &pem);
        for spelling in spellings(&key) {
            assert!(search.find(&spelling).is_some(), "{kind:?}");
        }
        let public = openssl(&["pkey", "-inform", "DER", "-pubout"], &key);
        assert!(public.starts_with(b"-----BEGIN PUBLIC KEY"), "{kind:?}");
        assert_eq!(search.find(&public), None);
    }
}

#[test]
fn the_search_finds_what_was_planted() {
    let canary = "Tr0ub4dor&3 \"Ж\"/x";
    let mut search = Search::new();
    search.plant("a password", canary.as_bytes());
    for spelling in spellings(canary.as_bytes()) {
        let part = &spelling[spelling.len() - PIECE..];
        for found in [&spelling[..], &spelling.to_ascii_uppercase(), &spelling[..PIECE], part] {
            let text = [b"before ", found, b" after"].concat();
            assert!(search.find(&text).is_some_and(|found| found.starts_with("a password")), "{found:?}");
        }
    }
    let mail = b"Subject: x\r\n\r\nlogin: Tr0ub4d=\r\nor&3 =22=D0=96=22/x";
    assert_eq!(search.find(mail), None);
    assert!(readings_of_a_mail(mail).iter().any(|reading| search.find(reading).is_some()));
    assert_eq!(search.find("Tr0ub4dor&4 is another".as_bytes()), None);
}

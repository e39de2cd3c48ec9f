//! Good inputs that were damaged: bytes changed, cut, put in and repeated. Nothing panics, what comes back is what went in,
//! nothing that was signed verifies with another content, and the router answers as it does to anything ([`arbitrary`]). The
//! good ones are in `corpus`: a request in a line has method and path, query, header and body between tabs.

use std::sync::LazyLock;

use hookline_core::ids::AccountId;
use hookline_core::rules::event_input;
use hookline_core::signing::jws::sign;
use hookline_core::signing::{Algorithm, SigningKey, VerifyingKey};
use hookline_core::values::{EndpointUri, System};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use serde_json::value::RawValue;

use crate::arbitrary::{Arbitrary, Stage};

const URIS: &str = include_str!("corpus/uris.txt");
const EVENTS: &str = include_str!("corpus/events.txt");
const REQUESTS: &str = include_str!("corpus/requests.txt");
const JOSE_HEADERS: &str = include_str!("corpus/tokens.txt");

/// A damage.
#[derive(Debug, Clone)]
enum Damage {
    Change(Index, u8),
    Put(Index, Vec<u8>),
    Remove(Index, usize),
    /// Copies a piece to another place, so many times.
    Repeat(Index, usize, Index, usize),
    Cut(Index),
}

impl Damage {
    fn apply(self, bytes: &mut Vec<u8>) {
        let place = |at: Index, bytes: &[u8]| at.index(bytes.len() + 1);
        match self {
            Self::Change(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            Self::Change(..) => {}
            Self::Put(at, piece) => {
                let at = place(at, bytes);
                bytes.splice(at..at, piece);
            }
            Self::Remove(at, length) => {
                let at = place(at, bytes);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Self::Repeat(at, length, to, times) => {
                let at = place(at, bytes);
                let piece = bytes[at..(at + length).min(bytes.len())].repeat(times);
                let to = place(to, bytes);
                bytes.splice(to..to, piece);
            }
            Self::Cut(at) => bytes.truncate(place(at, bytes)),
        }
    }
}

/// What has a meaning in one input or another.
const PIECES: [&[u8]; 20] = [
    b"\0",
    b"\r\n",
    b"%",
    b"%00",
    b"%2e",
    b"..",
    b"\"",
    b"\\",
    b"\\u0000",
    b"{",
    b"[[[[",
    b"}",
    b",",
    b"=",
    b"<>",
    b"\xff",
    "\u{202e}".as_bytes(),
    b"null",
    b"-9223372036854775809",
    b"1e999",
];

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let any_index = any::<Index>;
    let damage = prop_oneof![
        3 => (any_index(), any::<u8>()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        3 => (any_index(), select(&PIECES[..])).prop_map(|(at, piece)| Damage::Put(at, piece.to_vec())),
        2 => (any_index(), 1..9_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        1 => (any_index(), 1..40_usize, any_index(), 1..60_usize)
            .prop_map(|(at, length, to, times)| Damage::Repeat(at, length, to, times)),
        1 => any_index().prop_map(Damage::Cut),
    ];
    prop::collection::vec(damage, 0..5)
}

fn damaged(good: &[u8], damages: Vec<Damage>) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for damage in damages {
        damage.apply(&mut bytes);
    }
    bytes
}

fn text(good: &str, damages: Vec<Damage>) -> String {
    String::from_utf8_lossy(&damaged(good.as_bytes(), damages)).into_owned()
}

fn lines(corpus: &'static str) -> impl Strategy<Value = &'static str> {
    select(corpus.lines().collect::<Vec<_>>())
}

/// Keys of several kinds, and what a receiver verifies their tokens with.
static KEYS: LazyLock<Vec<(Algorithm, SigningKey, VerifyingKey)>> = LazyLock::new(|| {
    let made = [Algorithm::Hs256, Algorithm::Es256, Algorithm::Es512].map(|algorithm| {
        let key = SigningKey::generate(algorithm, &System).expect("a key");
        let shown = match key.public().expect("a key") {
            Some(public) => public.to_pem(),
            None => key.reveal().expect("a key").expect("a secret").expose().clone(),
        };
        (algorithm, key, VerifyingKey::parse(&shown).expect("what is shown can be read"))
    });
    made.into()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_uri_that_is_taken_is_stored_as_it_is_shown(good in lines(URIS), damages in damages()) {
        let given = text(good, damages);
        let Ok(taken) = EndpointUri::parse(&given) else { return Ok(()) };
        let shown = taken.uri.masked();
        prop_assert!(shown.len() <= 6 * given.len() + 16, "{} shows {}", given, shown);
        prop_assert_eq!(EndpointUri::stored(shown), Some(taken.uri.clone()));
        prop_assert!(!taken.uri.for_mail().contains(char::is_control));
    }

    #[test]
    fn a_damaged_event_that_is_taken_keeps_its_payload(good in lines(EVENTS), damages in damages()) {
        let given = text(good, damages);
        let Ok(raw) = serde_json::from_str::<Box<RawValue>>(&given) else { return Ok(()) };
        let account = AccountId::parse("wdc");
        if let Ok(event) = event_input::parse(&raw, account.as_ref(), &[], Timestamp::UNIX_EPOCH, &System) {
            let payload = std::str::from_utf8(event.payload.as_bytes()).expect("JSON is text");
            prop_assert!(payload == "{}" || given.contains(payload), "{} is not in {}", payload, given);
            prop_assert!(event.head.object_id >= 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_token_verifies_only_with_the_content_that_was_signed(
        key in 0..3_usize, header in lines(JOSE_HEADERS), payload in "\\PC{0,30}", damages in damages(),
    ) {
        let (algorithm, key, verifying) = &KEYS[key];
        let header = header.replace("ALG", algorithm.alg());
        let good = sign(header.as_bytes(), payload.as_bytes(), key).expect("it is signed");
        prop_assert_eq!(verifying.verify(&good), Ok(payload.clone().into_bytes()));
        let bad = text(&good, damages);
        if let Ok(read) = verifying.verify(&bad) {
            prop_assert_eq!(read, payload.as_bytes());
            prop_assert_eq!(bad.rsplit_once('.').map(|(signed, _)| signed), good.rsplit_once('.').map(|(signed, _)| signed));
        }
        for (_, _, other) in KEYS.iter().filter(|(other, ..)| other != algorithm) {
            prop_assert!(other.verify(&good).is_err() && other.verify(&bad).is_err());
        }
        // Also what is no key at all is read without a panic.
        drop(VerifyingKey::parse(&bad));
    }
}

/// Bytes of a query as a client sends them: what no URI may have is encoded.
fn query(bytes: &[u8]) -> String {
    let plain = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    let one = |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    bytes.iter().map(one).collect()
}

/// A header that the HTTP library would read.
fn header_value(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.retain(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f));
    bytes
}

#[test]
fn damaged_requests_are_answered() {
    let stage = Stage::start();
    let cursor = stage.cursor();
    let good = REQUESTS.lines().map(|line| line.replace("CURSOR", &cursor)).collect::<Vec<_>>();
    let requests = (select(good), damages(), damages(), damages(), 0..3_usize).prop_map(
        |(line, of_query, of_header, of_body, which)| {
            let mut fields = line.split('\t');
            let mut field = || fields.next().expect("four fields between tabs");
            let (operation, query_text, header, body) = (field(), field(), field(), field());
            let (method, path) = operation.split_once(' ').expect("a method and a path");
            let (name, value) = header.split_once(": ").expect("a header");
            // One of them at a time gets far, all together do not.
            let if_it_is = |number: usize, damages: Vec<Damage>| if which == number { damages } else { Vec::new() };
            Arbitrary {
                template: Some(path.replace("/1", "/{id}")),
                method: method.to_owned(),
                path: format!("/v1{path}"),
                query: query(&damaged(query_text.as_bytes(), if_it_is(0, of_query))),
                headers: vec![(name.to_owned(), header_value(damaged(value.as_bytes(), if_it_is(1, of_header))))],
                body: damaged(body.as_bytes(), if_it_is(2, of_body)),
                token: true,
            }
        },
    );
    let config = Config { cases: 1500, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let outcome = TestRunner::new(config).run(&requests, |one| stage.send(one));
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

//! Masks secrets in what an endpoint sent back (section 10): an endpoint that echoes our request must not make us store
//! what we masked.
//!
//! A secret is recognised however an echo spells it: in another case, percent-encoded, escaped for JSON or HTML, in hex,
//! in base64 at any offset, with its non-ASCII characters garbled. It is also recognised where the text ends before the
//! secret does, because the text was cut.
//!
//! An endpoint chooses what it sends, so the work must not depend on it. One [`SecretAutomaton`] holds all spellings of
//! all secrets that no escape can change. The text is read three times, with its escapes taken apart to different depths
//! ([`EscapeReading`]), and the automaton goes over each reading once. So the work is linear in the text and in the
//! secrets; it is counted, and a text for which the count would pass [`MAX_STEPS`] is masked as a whole.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use crate::model::WebhookSecrets;
use crate::values::Secret;
use crate::values::endpoint_uri::MASK;

use super::secret_automaton::SecretAutomaton;
use super::text_reading::{EscapeReading, read, symbols};

/// Shorter values would tear holes into every text, and are no secrets.
const SHORTEST: usize = 4;

/// How many steps one record may take. Far more than 8 KiB of headers and 1 KiB of a body need, whatever they hold.
const MAX_STEPS: u64 = 2_000_000;

/// How many steps are taken without a pause: less than a millisecond.
const TURN: u64 = 100_000;

/// The secrets that an endpoint knows: those of one request, and those that it got before.
pub(crate) struct Redactor {
    automaton: SecretAutomaton,
    /// The first part of the JWT that was sent, which no other token has.
    token_header: Option<String>,
    /// Steps taken so far.
    steps: u64,
    /// When this many are taken, other tasks get their turn.
    turn_ends: u64,
}

impl Redactor {
    /// For the answer to a request with these headers, whose body is the token if there is one.
    pub(crate) fn new(
        secrets: &WebhookSecrets,
        authorization: Option<&Secret<String>>,
        signatures: &Secret<String>,
        token: Option<&Secret<String>>,
    ) -> Self {
        let mut values: Vec<&str> = Vec::new();
        values.extend(secrets.uri_password.iter().map(|value| value.expose().as_str()));
        values.extend(secrets.header_values.iter().map(|value| value.expose().as_str()));
        values.extend(secrets.code.iter().map(|code| code.value().expose().as_str()));
        let signing = secrets.retiring.iter().map(|old| &old.secret).chain([&secrets.signing]);
        values.extend(signing.filter_map(|secret| secret.reveal().strip_prefix("whsec_")));
        let signatures = signatures.expose().split(' ');
        values.extend(signatures.filter_map(|signature| signature.strip_prefix("v1,")));
        if let Some(value) = authorization {
            values.push(value.expose());
            values.extend(value.expose().strip_prefix("Basic "));
        }
        let token = token.map(|token| token.expose().as_str());
        values.extend(token.and_then(|token| token.rsplit_once('.')).map(|(_, signature)| signature));
        let patterns: Vec<_> = values.into_iter().flat_map(spellings).collect();
        let automaton = SecretAutomaton::new(patterns.iter().map(|pattern| pattern.as_slice()));
        let token_header = token.map(|token| token.split_once('.').map_or(token, |(header, _)| header).to_owned());
        let steps = automaton.build_steps();
        Self { automaton, token_header, steps, turn_ends: TURN }
    }

    /// Masks secrets in a header. `Retry-After` keeps its name, which is none: an end of it that looks like the beginning
    /// of a secret must not make us miss what it asks.
    pub(crate) fn redact_header(&mut self, name: &mut String, value: &mut String) {
        if !name.eq_ignore_ascii_case("Retry-After") {
            self.redact(name);
        }
        self.redact(value);
    }

    /// Masks secrets in a text.
    pub(crate) fn redact(&mut self, text: &mut String) {
        if let Some(header) = &self.token_header
            && text.contains(header.as_str())
        {
            *text = without_token(text, header);
        }
        let mut found = Vec::new();
        for reading in [EscapeReading::Literal, EscapeReading::Once, EscapeReading::Nested] {
            self.find(text, reading, &mut found);
        }
        if self.steps > MAX_STEPS {
            MASK.clone_into(text);
        } else if !found.is_empty() {
            *text = masked(text, found);
        }
    }

    /// True once for every few hundred thousand steps: the caller then lets other tasks go on.
    pub(crate) fn takes_long(&mut self) -> bool {
        let is_over = self.steps >= self.turn_ends;
        if is_over {
            self.turn_ends = self.steps + TURN;
        }
        is_over
    }

    /// Where secrets are, as this reading shows them.
    fn find(&mut self, text: &str, reading: EscapeReading, found: &mut Vec<Range<usize>>) {
        if self.steps > MAX_STEPS {
            return;
        }
        let read = read(text, reading);
        let characters = &read.characters;
        let (mut state, mut end_state) = (0, 0);
        for (at, character) in characters.iter().enumerate() {
            let (next, steps) = self.automaton.step(state, character.symbol());
            state = next;
            self.steps += steps;
            let length = self.automaton.found(state);
            if length > 0 {
                found.push(characters[at + 1 - length].start..character.end);
            }
            if at + 1 + read.cut == characters.len() {
                end_state = state;
            }
        }
        // A secret that has begun may have been cut, with or without half an escape.
        for (state, cut) in [(state, 0), (end_state, read.cut)] {
            let begun = self.automaton.depth(state);
            if begun >= SHORTEST {
                found.push(characters[characters.len() - cut - begun].start..text.len());
            }
        }
        self.steps += text.len() as u64;
    }

    /// How much was done: building and reading.
    #[cfg(test)]
    fn steps(&self) -> u64 {
        self.steps
    }
}

/// The text with these places masked. Places that overlap are one.
fn masked(text: &str, mut found: Vec<Range<usize>>) -> String {
    found.sort_by_key(|place| place.start);
    let (mut clean, mut seen) = (String::with_capacity(text.len()), 0);
    for place in found {
        if place.start >= seen {
            clean.push_str(&text[seen..place.start]);
            clean.push_str(MASK);
        }
        seen = seen.max(place.end);
    }
    clean.push_str(&text[seen..]);
    clean
}

/// The symbols of a secret, and of what it becomes in base64 and hex.
fn spellings(secret: &str) -> Vec<Zeroizing<Vec<u8>>> {
    let digits = secret.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: Zeroizing<String> =
        Zeroizing::new(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect());
    let mut spellings = vec![
        symbols(secret, EscapeReading::Literal),
        symbols(secret, EscapeReading::Nested),
        symbols(&hex, EscapeReading::Literal),
    ];
    for offset in 0..3 {
        let shifted = Zeroizing::new([&[0; 2][..offset], secret.as_bytes()].concat());
        // The first characters hold bits of what stands before the secret, the last one bits of what follows.
        let (first, end) = ((offset * 8).div_ceil(6), shifted.len() * 8 / 6);
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&*shifted));
        let inner = &encoded[first.min(end)..end];
        let for_urls = Zeroizing::new(inner.replace('+', "-").replace('/', "_"));
        spellings.push(symbols(inner, EscapeReading::Literal));
        spellings.push(symbols(&for_urls, EscapeReading::Literal));
    }
    spellings.retain(|spelling| spelling.len() >= SHORTEST);
    spellings.into_iter().map(Zeroizing::new).collect()
}

/// A text without the token of this header, also where it was cut off: the header and all that goes with it.
fn without_token(text: &str, header: &str) -> String {
    let mut rest = text;
    let mut clean = String::new();
    while let Some(at) = rest.find(header) {
        let (before, found) = rest.split_at(at);
        clean.push_str(before);
        clean.push_str(MASK);
        let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '%');
        rest = found.trim_start_matches(belongs);
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;
    use crate::values::System;

    const SECRET: &str = "Tr0ub4dor&3 \"é\\%41/ß🚀<?>+x";

    fn redactor(secret: &str) -> Redactor {
        let mut secrets = WebhookSecrets::new(&System);
        secrets.uri_password = Some(Secret::new(secret.to_owned()));
        Redactor::new(&secrets, None, &Secret::default(), None)
    }

    fn redacted(redactor: &mut Redactor, text: &str) -> String {
        let mut text = text.to_owned();
        redactor.redact(&mut text);
        text
    }

    #[test]
    fn a_host_may_say_when_to_come_again() {
        let mut redactor = redactor("after-all-this");
        for (name, clean) in [("Retry-After", "Retry-After"), ("retry-after", "retry-after"), ("X-After", "X-***")] {
            let (mut name, mut value) = (name.to_owned(), "300".to_owned());
            redactor.redact_header(&mut name, &mut value);
            assert_eq!((&*name, &*value), (clean, "300"));
        }
    }

    /// The secret in every spelling that an echo is known for.
    fn spellings() -> Vec<String> {
        let percent = |set| percent_encoding::utf8_percent_encode(SECRET, set).to_string();
        let json = serde_json::to_string(SECRET).unwrap();
        let json = json[1..json.len() - 1].to_owned();
        let unit = |unit: &u16| format!("\\u{unit:04x}");
        let units = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(unit).collect::<Vec<_>>().concat();
        let ascii_json: String = json.chars().map(|c| if c.is_ascii() { c.to_string() } else { units(c) }).collect();
        let html: Vec<_> = SECRET.chars().map(|c| format!("&#x{:X};", u32::from(c))).collect();
        let named = SECRET.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
        let questions = |c: char| if c.is_ascii() { c.to_string() } else { "?".repeat(c.len_utf8()) };
        let hex: Vec<_> = SECRET.bytes().map(|byte| format!("{byte:02X}")).collect();
        let mut spellings = vec![
            SECRET.to_owned(),
            SECRET.to_ascii_lowercase(),
            SECRET.to_ascii_uppercase(),
            percent(percent_encoding::NON_ALPHANUMERIC),
            percent(percent_encoding::NON_ALPHANUMERIC).to_lowercase(),
            url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect(),
            json.replace('/', "\\/"),
            json.replace('\\', "\\\\").replace('"', "\\\""),
            json,
            ascii_json,
            format!("{SECRET:?}").trim_matches('"').to_owned(),
            SECRET.escape_default().to_string(),
            html.concat(),
            named,
            SECRET.chars().map(questions).collect(),
            SECRET.bytes().map(char::from).collect(),
            hex.concat(),
        ];
        for before in ["", "a", "ab"] {
            let text = format!("{before}{SECRET}");
            // Without the characters that belong to what stands around it in part.
            let inner = |encoded: String| encoded[(before.len() * 8).div_ceil(6)..text.len() * 8 / 6].to_owned();
            spellings.push(inner(STANDARD.encode(&text)));
            spellings.push(inner(URL_SAFE_NO_PAD.encode(&text)));
        }
        spellings
    }

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let mut redactor = redactor(SECRET);
        for spelling in spellings() {
            for (before, after) in [("", ""), ("password=", ";"), ("\"", "\"}"), ("é ", " é")] {
                let clean = redacted(&mut redactor, &format!("{before}{spelling}{after} and {spelling}{after}"));
                assert_eq!(clean, format!("{before}***{after} and ***{after}"), "{spelling}");
            }
        }
        for other in ["", "Tr0ub4dor", "Tr0ub4dor&4 and what follows", "***", "Tr0ub4dor&amp;", "%", "\\u00"] {
            let text = format!("{other}, which is another");
            assert_eq!(redacted(&mut redactor, &text), text);
        }
    }

    #[test]
    fn a_secret_that_was_cut_is_found_as_far_as_it_goes() {
        let mut redactor = redactor(SECRET);
        for spelling in spellings() {
            let bytes = spelling.as_bytes();
            for cut in 0..bytes.len() {
                let clean = redacted(&mut redactor, &format!("is: {}", String::from_utf8_lossy(&bytes[..cut])));
                let left = clean.strip_prefix("is: ").unwrap_or_else(|| panic!("{clean}"));
                // Less than the shortest secret may stay, in the longest spelling of a character.
                assert!(left == MASK || cut < SHORTEST * 8, "{left} of {spelling}");
                assert!(left.chars().count() < 8 * SHORTEST, "{left} of {spelling}");
            }
        }
        assert_eq!(redacted(&mut redactor, "is: Tr0"), "is: Tr0");
        assert_eq!(redacted(&mut redactor, "is: Tr0u"), "is: ***");
        assert_eq!(redacted(&mut redactor, "is: tr0ub4dor&3%20%2"), "is: ***");
        assert_eq!(redacted(&mut redactor, "is: tr0ub4dor&3 \"\u{fffd}"), "is: ***");
    }

    #[test]
    fn everything_that_a_request_told_and_that_the_endpoint_knows_is_secret() {
        let mut secrets = WebhookSecrets::new(&System);
        secrets.header_values = vec![Secret::new("application".to_owned()), Secret::new("app".to_owned())];
        let authorization = Secret::new("Basic YWRhOnB3".to_owned());
        let signatures = Secret::new("v1,Zmlyc3Q= v1,c2Vjb25k".to_owned());
        let mut redactor = Redactor::new(&secrets, Some(&authorization), &signatures, None);
        let text = "Basic YWRhOnB3 ywrhonb3 Zmlyc3Q= v1,c2Vjb25k application app";
        assert_eq!(redacted(&mut redactor, text), "*** *** *** v1,*** *** app");
        let signing = secrets.signing.reveal();
        assert_eq!(redacted(&mut redactor, &format!("wrong secret {signing}, sorry")), "wrong secret whsec_***, sorry");
    }

    #[test]
    fn secrets_that_overlap_leave_no_rest() {
        let mut secrets = WebhookSecrets::new(&System);
        secrets.header_values = ["abcdef", "defghi", "cde1"].map(|value| Secret::new(value.to_owned())).into();
        let mut redactor = Redactor::new(&secrets, None, &Secret::default(), None);
        assert_eq!(redacted(&mut redactor, "x abcdefghi y abcdefabcdef z"), "x *** y ****** z");
    }

    #[test]
    fn an_echoed_token_is_masked_whole_cut_off_or_in_part() {
        let secrets = WebhookSecrets::new(&System);
        let token = Secret::new("eyJraWQiOiIxIn0.eyJkYXRhIjp7fX0.c2lnbmF0dXJl-_".to_owned());
        let mut redactor = Redactor::new(&secrets, None, &Secret::default(), Some(&token));
        for (text, clean) in [
            ("nothing", "nothing"),
            (
                r#"got {"jwt":"eyJraWQiOiIxIn0.eyJkYXRhIjp7fX0.c2lnbmF0dXJl-_"} twice: eyJraWQiOiIxIn0.e, é"#,
                r#"got {"jwt":"***"} twice: ***, é"#,
            ),
            ("eyJraWQiOiIxIn0.eyJkYXRh", "***"),
            ("eyJraWQiOiIxIn0%2EeyJkYXRh", "***"),
            ("signature: c2lnbmF0dXJl-_;", "signature: ***;"),
            ("signature: c2lnbmF0", "signature: ***"),
            ("eyJraWQiOiIyIn0.other", "eyJraWQiOiIyIn0.other"),
        ] {
            assert_eq!(redacted(&mut redactor, text), clean, "{text}");
        }
        let mut without = Redactor::new(&secrets, None, &Secret::default(), None);
        assert_eq!(redacted(&mut without, "eyJraWQiOiIxIn0.x"), "eyJraWQiOiIxIn0.x");
    }

    #[test]
    fn a_secret_may_end_in_the_middle_of_an_escape() {
        for secret in ["abc%4", "abc&lt", "abc\\u00", "abc%", "abcd\\"] {
            let mut redactor = redactor(secret);
            for after in ["", "1", "41", ";", "e9 "] {
                let clean = redacted(&mut redactor, &format!("x {secret}{after}"));
                assert!(clean.starts_with("x ***"), "{secret} before {after}: {clean}");
            }
        }
    }

    /// Steps for the answer of one endpoint, `count` times this header. The signing secret is the same in every comparison.
    fn steps(signing: &WebhookSecrets, secrets: &[String], header: &str, count: usize) -> u64 {
        let mut known = signing.clone();
        known.header_values = secrets.iter().map(|secret| Secret::new(secret.clone())).collect();
        let mut redactor = Redactor::new(&known, None, &Secret::default(), None);
        for _ in 0..count {
            redactor.redact(&mut header.to_owned());
        }
        redactor.steps()
    }

    /// At most twice, and a little for what does not grow.
    #[track_caller]
    fn assert_linear(once: u64, twice: u64, what: &str) {
        assert!(twice <= once * 2 + once / 10 + 2000, "{what}: {once} steps, then {twice}");
    }

    #[test]
    fn eight_kib_of_backslashes_cost_no_more_than_other_text() {
        let secrets: Vec<String> = (0..20).map(|n| format!("secret-{n}-{}", "x".repeat(380))).collect();
        let signing = WebhookSecrets::new(&System);
        let plain = steps(&signing, &secrets, &"y".repeat(8192), 1);
        for bytes in
            ["\\", "%", "&", "\"", "\\\"", "%5c", "&#", "+", ";", "}", "%25", "secret-", "xxxx", "\\u", "?", "é"]
        {
            let steps = steps(&signing, &secrets, &bytes.repeat(8192 / bytes.len()), 1);
            assert!(steps < plain * 2, "{bytes}: {steps} steps, {plain} for letters");
        }
        assert!(plain < MAX_STEPS);
    }

    #[test]
    fn past_the_budget_a_text_is_masked_as_a_whole() {
        let mut redactor = redactor("a secret");
        let mut text = "harmless ".repeat(200_000);
        redactor.redact(&mut text);
        assert_eq!(text, MASK);
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(48))]
        #[test]
        fn twice_the_input_is_at_most_twice_the_work(
            piece in r#"([\\%"&;#+x5cu0-9a-z{}?é]|sec|secret|%5c|&quot;|\\u00){1,12}"#,
            secret in "[ -~é]{4,60}",
            length in 1_usize..100,
            secrets in 1_usize..6,
            headers in 1_usize..8,
        ) {
            let many: Vec<String> = (0..secrets * 2).map(|n| format!("{secret}{n}{piece}")).collect();
            let few = &many[..secrets];
            let signing = WebhookSecrets::new(&System);
            let near = &secret[..secret.char_indices().last().map_or(0, |(at, _)| at)];
            for piece in [piece.as_str(), near, &format!("{near}{piece}")] {
                let text = piece.repeat(length);
                let once = steps(&signing, few, &text, headers);
                assert_linear(once, steps(&signing, few, &piece.repeat(length * 2), headers), "the text");
                assert_linear(once, steps(&signing, few, &text, headers * 2), "the headers");
                assert_linear(once, steps(&signing, &many, &text, headers), "the secrets");
            }
        }
    }
}

//! Takes what is secret out of what an endpoint sent back (section 10, *secrets masked*): an endpoint that echoes our
//! request must not make us store what we masked.
//!
//! A secret is recognised however an echo spells it: in another case, percent-encoded, escaped for JSON or HTML, in
//! hex, in base64 at any offset, with its non-ASCII characters garbled; and also where the text ends before the secret
//! does, because the text was cut.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use crate::model::WebhookSecrets;
use crate::values::Secret;
use crate::values::endpoint_uri::MASK;

/// Shorter values would tear holes into every text, and are no secrets.
const MIN_LENGTH: usize = 4;

/// Knows what one request told an endpoint, and what else the endpoint knows.
pub(crate) struct Redactor {
    /// What is looked for.
    forms: Vec<Zeroizing<String>>,
    /// The first part of the JWT that was sent, which no other token has.
    token_header: Option<String>,
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
        let mut forms: Vec<_> = values.into_iter().flat_map(forms).collect();
        forms.sort_by(|one, other| one.as_str().cmp(other));
        forms.dedup();
        let token_header = token.map(|token| token.split_once('.').map_or(token, |(header, _)| header).to_owned());
        Self { forms, token_header }
    }

    /// A header without what is secret. `Retry-After` keeps its name, which is none: an end of it that looks like the
    /// beginning of a secret must not make us miss what it asks.
    pub(crate) fn clean_header(&self, name: &mut String, value: &mut String) {
        if !name.eq_ignore_ascii_case("Retry-After") {
            self.clean(name);
        }
        self.clean(value);
    }

    /// The text without what is secret.
    pub(crate) fn clean(&self, text: &mut String) {
        if let Some(header) = &self.token_header
            && text.contains(header.as_str())
        {
            *text = without_token(text, header);
        }
        let mut found: Vec<Range<usize>> = self.forms.iter().flat_map(|form| places(text, form)).collect();
        if found.is_empty() {
            return;
        }
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
        *text = clean;
    }
}

/// A secret, and what it becomes in base64 and hex.
fn forms(secret: &str) -> Vec<Zeroizing<String>> {
    let digits = secret.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    let mut forms = vec![secret.to_owned(), hex];
    for offset in 0..3 {
        let shifted = Zeroizing::new([&[0; 2][..offset], secret.as_bytes()].concat());
        // The first characters hold bits of what stands before the secret, the last one bits of what follows.
        let (first, end) = ((offset * 8).div_ceil(6), shifted.len() * 8 / 6);
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&*shifted));
        forms.push(encoded[first.min(end)..end].replace('+', "-").replace('/', "_"));
        forms.push(encoded[first.min(end)..end].to_owned());
    }
    // Backslashes are passed over, wherever they stand: an echo puts them before characters, more than once if nested.
    for form in &mut forms {
        form.retain(|c| c != '\\');
    }
    forms.retain(|form| form.chars().count() >= MIN_LENGTH);
    forms.into_iter().map(Zeroizing::new).collect()
}

/// Where a form stands in a text.
fn places<'a>(text: &'a str, form: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let first = form.chars().next();
    let starts = move |c: char| matches!(c, '%' | '&' | '+' | '\\') || first.is_some_and(|first| are_alike(c, first));
    text.char_indices().filter(move |(_, c)| starts(*c)).filter_map(move |(start, _)| {
        let rest = &text[start..];
        if differs(rest, form) {
            return None;
        }
        let length =
            length(rest, form, EscapeReading::Escaped).or_else(|| length(rest, form, EscapeReading::Literal))?;
        Some(start..start + length)
    })
}

/// True if a text clearly begins otherwise than a form: letters and digits are never the beginning of an escape. Almost
/// all places are ruled out by this, in far less time than it takes to read them in every way.
fn differs(text: &str, form: &str) -> bool {
    let plain = text.bytes().take_while(u8::is_ascii_alphanumeric).map(char::from);
    plain.zip(form.chars()).any(|(c, wanted)| !are_alike(c, wanted))
}

/// What is tried first where a text can be read in two ways.
#[derive(Clone, Copy)]
enum EscapeReading {
    Literal,
    Escaped,
}

/// How much of the start of a text spells this form, or as much of it as there was room for.
fn length(text: &str, form: &str, reading: EscapeReading) -> Option<usize> {
    let (mut rest, mut found, mut wanted) = (text, 0, form.chars().peekable());
    while let Some(c) = wanted.next() {
        if is_cut_off(rest) {
            return (found >= MIN_LENGTH).then_some(text.len());
        }
        rest = after(rest, c, reading)?;
        found += 1;
        if is_garbled(c) {
            // As many as there are here stand for as many as there are there.
            while wanted.next_if(|next| is_garbled(*next)).is_some() {}
            while let Some(next) = after(rest, c, reading) {
                rest = next;
            }
        }
    }
    Some(text.len() - rest.len())
}

/// What follows this character, if it stands at the start of the text.
fn after(text: &str, c: char, reading: EscapeReading) -> Option<&str> {
    let text = without_backslashes(text);
    let literal = || {
        let text = without_backslashes(text.trim_start_matches('\\'));
        text.chars().next().filter(|first| are_alike(*first, c)).map(|first| &text[first.len_utf8()..])
    };
    let escaped = || unescaped(text).filter(|(meant, _)| are_alike(*meant, c)).map(|(_, rest)| rest);
    match reading {
        EscapeReading::Literal => literal().or_else(escaped),
        EscapeReading::Escaped => escaped().or_else(literal),
    }
}

/// What follows the escapes that mean a backslash.
fn without_backslashes(mut text: &str) -> &str {
    while let Some(('\\', rest)) = unescaped(text) {
        text = rest;
    }
    text
}

fn are_alike(one: char, other: char) -> bool {
    one.eq_ignore_ascii_case(&other) || (is_garbled(one) && is_garbled(other))
}

/// True for a character that an echo can turn into others: bytes that are not ASCII become `?` in kept headers, and
/// something else in every wrong character set.
fn is_garbled(c: char) -> bool {
    !c.is_ascii() || c == '?'
}

/// The character that an escape at the start of the text means, and what follows it.
fn unescaped(text: &str) -> Option<(char, &str)> {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
    // Of more than one byte or unit all parts are garbled characters, and any number of them is like any other.
    let meant = |number: u32| u8::try_from(number).ok().filter(u8::is_ascii).map_or('\u{fffd}', char::from);
    let hex = |digits: usize, rest: &'_ str| {
        rest.get(..digits)
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|hex| number(hex, 16))
    };
    if let Some(rest) = text.strip_prefix('+') {
        return Some((' ', rest));
    }
    if let Some(rest) = text.strip_prefix('%') {
        return Some((meant(hex(2, rest)?), &rest[2..]));
    }
    if let Some(rest) = text.strip_prefix('&') {
        let (name, rest) = rest.split_at_checked(rest.bytes().take(9).position(|byte| byte == b';')?)?;
        let c = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let digits = name.strip_prefix('#')?;
                let hex = digits.strip_prefix(['x', 'X']);
                meant(hex.map_or_else(|| number(digits, 10), |digits| number(digits, 16))?)
            }
        };
        return Some((c, &rest[1..]));
    }
    let rest = text.strip_prefix('\\')?.trim_start_matches('\\');
    let (kind, rest) = rest.split_at_checked(1)?;
    match kind {
        "x" => Some((meant(hex(2, rest)?), &rest[2..])),
        "u" if rest.starts_with('{') => {
            let (digits, rest) = rest[1..].split_once('}').filter(|(digits, _)| digits.len() <= 6)?;
            Some((meant(number(digits, 16)?), rest))
        }
        "u" => Some((meant(hex(4, rest)?), &rest[4..])),
        "t" => Some(('\t', rest)),
        _ => None,
    }
}

/// True if the text ends here, also when the cut went through a character or an escape.
fn is_cut_off(text: &str) -> bool {
    let text = without_backslashes(text).trim_end_matches('\u{fffd}');
    let begun =
        |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'#' | b'{' | b'\\'));
    text.is_empty()
        || (text.len() < 10 && text.starts_with(['%', '&', '\\']) && unescaped(text).is_none() && begun(&text[1..]))
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
    use super::*;
    use crate::values::System;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    const SECRET: &str = "Tr0ub4dor&3 \"é\\%41/ß🚀<?>+x";

    fn scrubber(secret: &str) -> Redactor {
        let mut secrets = WebhookSecrets::new(&System);
        secrets.uri_password = Some(Secret::new(secret.to_owned()));
        Redactor::new(&secrets, None, &Secret::default(), None)
    }

    fn scrubbed(scrubber: &Redactor, text: &str) -> String {
        let mut text = text.to_owned();
        scrubber.clean(&mut text);
        text
    }

    #[test]
    fn a_host_may_say_when_to_come_again() {
        let scrubber = scrubber("after-all-this");
        for (name, clean) in [("Retry-After", "Retry-After"), ("retry-after", "retry-after"), ("X-After", "X-***")] {
            let (mut name, mut value) = (name.to_owned(), "300".to_owned());
            scrubber.clean_header(&mut name, &mut value);
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
        let scrubber = scrubber(SECRET);
        for spelling in spellings() {
            for (before, after) in [("", ""), ("password=", ";"), ("\"", "\"}"), ("é ", " é")] {
                let clean = scrubbed(&scrubber, &format!("{before}{spelling}{after} and {spelling}{after}"));
                assert_eq!(clean, format!("{before}***{after} and ***{after}"), "{spelling}");
            }
        }
        for other in ["", "Tr0ub4dor", "Tr0ub4dor&4 and what follows", "***", "Tr0ub4dor&amp;", "%", "\\u00"] {
            let text = format!("{other}, which is another");
            assert_eq!(scrubbed(&scrubber, &text), text);
        }
    }

    #[test]
    fn a_secret_that_was_cut_is_found_as_far_as_it_goes() {
        let scrubber = scrubber(SECRET);
        for spelling in spellings() {
            let bytes = spelling.as_bytes();
            for cut in 0..bytes.len() {
                let clean = scrubbed(&scrubber, &format!("is: {}", String::from_utf8_lossy(&bytes[..cut])));
                let left = clean.strip_prefix("is: ").unwrap_or_else(|| panic!("{clean}"));
                // Less than the shortest secret may stay, in the longest spelling of a character.
                assert!(left == MASK || cut < MIN_LENGTH * 8, "{left} of {spelling}");
                assert!(left.chars().count() < 8 * MIN_LENGTH, "{left} of {spelling}");
            }
        }
        assert_eq!(scrubbed(&scrubber, "is: Tr0"), "is: Tr0");
        assert_eq!(scrubbed(&scrubber, "is: Tr0u"), "is: ***");
        assert_eq!(scrubbed(&scrubber, "is: tr0ub4dor&3%20%2"), "is: ***");
        assert_eq!(scrubbed(&scrubber, "is: tr0ub4dor&3 \"\u{fffd}"), "is: ***");
    }

    #[test]
    fn everything_that_a_request_told_and_that_the_endpoint_knows_is_secret() {
        let mut secrets = WebhookSecrets::new(&System);
        secrets.header_values = vec![Secret::new("application".to_owned()), Secret::new("app".to_owned())];
        let authorization = Secret::new("Basic YWRhOnB3".to_owned());
        let signatures = Secret::new("v1,Zmlyc3Q= v1,c2Vjb25k".to_owned());
        let scrubber = Redactor::new(&secrets, Some(&authorization), &signatures, None);
        let text = "Basic YWRhOnB3 ywrhonb3 Zmlyc3Q= v1,c2Vjb25k application app";
        assert_eq!(scrubbed(&scrubber, text), "*** *** *** v1,*** *** app");
        let signing = secrets.signing.reveal();
        assert_eq!(scrubbed(&scrubber, &format!("wrong secret {signing}, sorry")), "wrong secret whsec_***, sorry");
    }

    #[test]
    fn secrets_that_overlap_leave_no_rest() {
        let mut secrets = WebhookSecrets::new(&System);
        secrets.header_values = ["abcdef", "defghi", "cde1"].map(|value| Secret::new(value.to_owned())).into();
        let scrubber = Redactor::new(&secrets, None, &Secret::default(), None);
        assert_eq!(scrubbed(&scrubber, "x abcdefghi y abcdefabcdef z"), "x *** y ****** z");
    }

    #[test]
    fn an_echoed_token_is_masked_whole_cut_off_or_in_part() {
        let secrets = WebhookSecrets::new(&System);
        let token = Secret::new("eyJraWQiOiIxIn0.eyJkYXRhIjp7fX0.c2lnbmF0dXJl-_".to_owned());
        let scrubber = Redactor::new(&secrets, None, &Secret::default(), Some(&token));
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
            assert_eq!(scrubbed(&scrubber, text), clean, "{text}");
        }
        let without = Redactor::new(&secrets, None, &Secret::default(), None);
        assert_eq!(scrubbed(&without, "eyJraWQiOiIxIn0.x"), "eyJraWQiOiIxIn0.x");
    }
}

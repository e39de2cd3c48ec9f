//! Reads a text as those who echo a secret write it: the characters that escapes stand for, and where each of them is in
//! the text. Linear in the text, however its escapes are nested.

/// How deep escapes are taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EscapeReading {
    /// Every character stands for itself.
    Literal,
    /// Escapes stand for characters, and those for themselves.
    Once,
    /// What an escape stands for may be part of another escape.
    Nested,
}

/// Stands for any number of characters that an echo can turn into others: bytes that are not ASCII become `?` in kept
/// headers, and something else in every wrong character set.
const GARBLED: u8 = 0x80;

/// The longest escape that is understood, in characters: `&#1114111;`.
const MAX_ESCAPE: usize = 10;

/// A character that was read, and the bytes of the text that stand for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadCharacter {
    c: char,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// An escape stood for it.
    is_decoded: bool,
}

impl ReadCharacter {
    /// The symbol that stands for this character and those alike: upper and lower case, a space and its sign in forms.
    pub(crate) fn symbol(&self) -> u8 {
        match self.c {
            '?' => GARBLED,
            '+' => b' ',
            c => u8::try_from(c).ok().filter(u8::is_ascii).map_or(GARBLED, |byte| byte.to_ascii_lowercase()),
        }
    }
}

/// A text as it was read.
#[derive(Debug)]
pub(crate) struct ReadText {
    /// Without backslashes: an echo puts them before characters, more than once if it is nested.
    pub(crate) characters: Vec<ReadCharacter>,
    /// How many of them, at the end, may be an escape that was cut off.
    pub(crate) cut: usize,
}

/// Reads a text.
pub(crate) fn read(text: &str, reading: EscapeReading) -> ReadText {
    let mut read = Vec::with_capacity(text.len());
    for (start, c) in text.char_indices() {
        push(&mut read, ReadCharacter { c, start, end: start + c.len_utf8(), is_decoded: false }, reading);
    }
    let cut = cut_escape(&read);
    let mut characters: Vec<ReadCharacter> = Vec::with_capacity(read.len());
    for character in read.into_iter().filter(|character| character.c != '\\') {
        match characters.last_mut() {
            // As many as there are here stand for as many as there are there.
            Some(last) if last.symbol() == GARBLED && character.symbol() == GARBLED => last.end = character.end,
            _ => characters.push(character),
        }
    }
    ReadText { characters, cut }
}

/// The symbols of a text.
pub(crate) fn symbols(text: &str, reading: EscapeReading) -> Vec<u8> {
    read(text, reading).characters.iter().map(ReadCharacter::symbol).collect()
}

/// How many characters at the end, backslashes left out, may be an escape that was cut off.
fn cut_escape(read: &[ReadCharacter]) -> usize {
    for (behind, character) in read.iter().rev().take(MAX_ESCAPE).enumerate() {
        match character.c {
            '\\' => return behind,
            '%' | '&' => return behind + 1,
            '#' | '{' => {}
            c if c.is_ascii_alphanumeric() => {}
            _ => return 0,
        }
    }
    0
}

/// Adds a character, and replaces the escape that it completes.
fn push(read: &mut Vec<ReadCharacter>, mut character: ReadCharacter, reading: EscapeReading) {
    while let Some((length, c)) = completed(read, character, reading) {
        let first = read.len() + 1 - length;
        character = ReadCharacter { c, start: read[first].start, end: character.end, is_decoded: true };
        read.truncate(first);
    }
    // Of a row of backslashes one is enough.
    if character.c != '\\' || read.last().is_none_or(|last| last.c != '\\') {
        read.push(character);
    }
}

/// The escape that ends with this character: its length, and what it stands for.
fn completed(read: &[ReadCharacter], last: ReadCharacter, reading: EscapeReading) -> Option<(usize, char)> {
    let is_nested = reading == EscapeReading::Nested;
    if reading == EscapeReading::Literal || last.is_decoded && !is_nested {
        return None;
    }
    // The characters before, the nearest first.
    let before = |distance: usize| {
        let character = read.get(read.len().checked_sub(distance)?)?;
        (is_nested || !character.is_decoded).then_some(character.c)
    };
    let is_escape = |escape: &[char]| escape.iter().rev().zip(1..).all(|(c, distance)| before(distance) == Some(*c));
    let hex = |count: usize| {
        let digits = (1..count).rev().map(before).chain([Some(last.c)]);
        digits.map(|digit| digit?.to_digit(16)).try_fold(0, |number, digit| Some(number * 16 + digit?))
    };
    match last.c {
        ';' => (2..MAX_ESCAPE).find(|distance| before(*distance) == Some('&')).and_then(|distance| {
            let name: String = (1..distance).rev().map_while(before).collect();
            named(&name).map(|c| (distance + 1, c))
        }),
        '}' => (2..MAX_ESCAPE - 2).find(|distance| before(*distance) == Some('{')).and_then(|distance| {
            let digits: String = (1..distance).rev().map_while(before).collect();
            let is_unicode = before(distance + 1) == Some('u') && before(distance + 2) == Some('\\');
            let number = u32::from_str_radix(&digits, 16).ok().filter(|_| is_unicode)?;
            Some((distance + 3, meant(number)))
        }),
        't' if is_escape(&['\\']) => Some((2, '\t')),
        c if c.is_ascii_hexdigit() => {
            if before(2) == Some('%') {
                return Some((3, meant(hex(2)?)));
            }
            if before(3) == Some('\\') && before(2) == Some('x') {
                return Some((4, meant(hex(2)?)));
            }
            let is_unicode = before(5) == Some('\\') && before(4) == Some('u');
            hex(4).filter(|_| is_unicode).map(|number| (6, meant(number)))
        }
        _ => None,
    }
}

fn named(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let hex = digits.strip_prefix(['x', 'X']);
            meant(hex.map_or_else(|| digits.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok())?)
        }
    })
}

/// Of a character of more than one byte or unit all parts are garbled, and any number of them is like any other.
fn meant(number: u32) -> char {
    u8::try_from(number).ok().filter(u8::is_ascii).map_or('\u{fffd}', char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, reading: EscapeReading) -> String {
        read(text, reading)
            .characters
            .iter()
            .map(|character| if character.symbol() == GARBLED { '?' } else { character.c })
            .collect()
    }

    #[test]
    fn escapes_stand_for_characters() {
        for (escaped, once, nested) in [
            ("a%20b+c", "a b+c", "a b+c"),
            ("%2541%zz%4", "%41%zz%4", "A%zz%4"),
            ("&lt;&#65;&#x4A;&nbsp;&amp;gt;", "<AJ&nbsp;&gt;", "<AJ&nbsp;>"),
            (r#"\"\\\"\/\x41\u0042\u{43}\u{1F680}\t\q"#, "\"\"/ABC?\tq", "\"\"/ABC?\tq"),
            ("é%C3%A9?\u{fffd}x", "?x", "?x"),
            ("%5Cu0041", "u0041", "A"),
            ("%25252541", "%252541", "A"),
        ] {
            assert_eq!(text(escaped, EscapeReading::Once), once, "{escaped}");
            assert_eq!(text(escaped, EscapeReading::Nested), nested, "{escaped}");
        }
        assert_eq!(text(r"a%20\u0041", EscapeReading::Literal), "a%20u0041");
    }

    #[test]
    fn characters_know_their_place() {
        let places: Vec<_> =
            read("é%2541x", EscapeReading::Nested).characters.iter().map(|c| (c.start, c.end)).collect();
        assert_eq!(places, [(0, 2), (2, 7), (7, 8)]);
    }

    #[test]
    fn an_escape_may_be_cut_off() {
        let cut = |text: &str| read(text, EscapeReading::Nested).cut;
        let texts = ["ab", "ab%", "ab%2", "ab&#x1F6", "ab\\\\u00", "a; b", "&0123456789ab"];
        assert_eq!(texts.map(cut), [0, 1, 2, 6, 3, 0, 0]);
    }
}

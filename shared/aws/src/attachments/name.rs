//! The name of a file as S3 gives it back: what is not ASCII comes as encoded words (RFC 2047).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

/// The name. What is not an encoded word of UTF-8 stays as it is; blanks between two of them are none.
pub(super) fn decoded(text: &str) -> String {
    let mut name = String::new();
    let mut after_word = false;
    for part in text.split_inclusive(' ') {
        let word = word(part.trim_end_matches(' '));
        if let (true, Some(_)) = (after_word, &word) {
            name.truncate(name.trim_end_matches(' ').len());
        }
        after_word = word.is_some();
        let blank = if after_word && part.ends_with(' ') { " " } else { "" };
        name.push_str(word.as_deref().unwrap_or(part));
        name.push_str(blank);
    }
    name
}

/// One encoded word.
fn word(text: &str) -> Option<String> {
    let inner = text.strip_prefix("=?")?.strip_suffix("?=")?;
    let mut parts = inner.splitn(3, '?');
    let (charset, encoding, data) = (parts.next()?, parts.next()?, parts.next()?);
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(data).ok()?,
        "Q" | "q" => percent_decode_str(&data.replace('%', "=25").replace('=', "%").replace('_', " ")).collect(),
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_read_and_all_else_is_kept() {
        for (given, name) in [
            ("plan.pdf", "plan.pdf"),
            ("a  b.txt", "a  b.txt"),
            ("=?UTF-8?B?0JbQuNC30L3RjC5wZGY=?=", "Жизнь.pdf"),
            ("=?utf-8?Q?=C3=A9t=C3=A9_100%.txt?=", "été 100%.txt"),
            ("=?UTF-8?B?0JY=?= =?UTF-8?B?0JY=?=", "ЖЖ"),
            ("=?UTF-8?B?0JY=?= x", "Ж x"),
            ("=?latin1?Q?=E9?=", "=?latin1?Q?=E9?="),
            ("=?UTF-8?B?!?=", "=?UTF-8?B?!?="),
        ] {
            assert_eq!(decoded(given), name);
        }
    }
}

//! Encoded words (RFC 2047): how text that is not ASCII stands in the header of a mail, and in the metadata of a file
//! on S3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

/// The text for people. What is not an encoded word of UTF-8 stays as it is; blanks between two of them are none.
#[must_use]
pub fn decoded(text: &str) -> String {
    let mut read = String::new();
    let mut after_word = false;
    for part in text.split_inclusive(' ') {
        let word = word(part.trim_end_matches(' '));
        if let (true, Some(_)) = (after_word, &word) {
            read.truncate(read.trim_end_matches(' ').len());
        }
        after_word = word.is_some();
        let blank = if after_word && part.ends_with(' ') { " " } else { "" };
        read.push_str(word.as_deref().unwrap_or(part));
        read.push_str(blank);
    }
    read
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
        for (given, read) in [
            ("plan.pdf", "plan.pdf"),
            ("a  b.txt", "a  b.txt"),
            ("=?UTF-8?B?0JbQuNC30L3RjC5wZGY=?=", "Жизнь.pdf"),
            ("=?utf-8?Q?=C3=A9t=C3=A9_100%.txt?=", "été 100%.txt"),
            ("=?UTF-8?B?0JY=?= =?UTF-8?B?0JY=?=", "ЖЖ"),
            ("=?UTF-8?B?0JY=?= x", "Ж x"),
            ("=?latin1?Q?=E9?=", "=?latin1?Q?=E9?="),
            ("=?UTF-8?B?!?=", "=?UTF-8?B?!?="),
        ] {
            assert_eq!(decoded(given), read);
        }
    }
}

//! The files of a crate as the rules see them: their text without comments, strings and tests.

use std::collections::BTreeMap;
use std::path::Path;

/// The files of one crate, by the path of their module: `store/rows/values`.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) files: BTreeMap<String, Source>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) text: String,
}

impl Sources {
    /// Reads all but `lib.rs`, `main.rs` and files of tests.
    pub(crate) fn read(root: &Path) -> Self {
        let mut texts = Vec::new();
        collect(root, "", &mut texts);
        assert!(texts.len() > 1, "no files below {}", root.display());
        Self::of(texts.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    }

    /// The files of these paths and texts.
    pub(crate) fn of<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let texts: Vec<(&str, &str)> = texts.collect();
        let file = |(path, text): &(&str, &str)| {
            let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
            (module.to_owned(), Source { text: production(text) })
        };
        let is_code = |(path, _): &&(&str, &str)| {
            let parts: Vec<&str> = path.split('/').collect();
            !matches!(*path, "lib.rs" | "main.rs") && !parts.iter().any(|part| matches!(*part, "tests" | "tests.rs"))
        };
        Self { files: texts.iter().filter(is_code).map(file).collect() }
    }
}

fn collect(folder: &Path, prefix: &str, texts: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder can be listed").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push((format!("{prefix}{name}"), std::fs::read_to_string(&path).expect("a text")));
        }
    }
}

/// The text without comments, strings and what only tests compile.
fn production(text: &str) -> String {
    without_tests(&without_comments_and_strings(text))
}

fn without_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut kept, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let rest = &text.as_bytes()[at..];
        let skipped = if rest.starts_with(b"//") {
            end_of(rest, b"\n")
        } else if rest.starts_with(b"/*") {
            end_of(rest, b"*/")
        } else if let Some(hashes) = raw_string(rest, kept.last()) {
            let closing = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
            2 + hashes + end_of(&rest[2 + hashes..], &closing)
        } else if rest[0] == b'"' {
            quoted(rest, b'"')
        } else if rest[0] == b'\'' && (rest.get(1) == Some(&b'\\') || rest.get(2) == Some(&b'\'')) {
            quoted(rest, b'\'')
        } else {
            kept.push(rest[0]);
            at += 1;
            continue;
        };
        kept.push(b' ');
        at += skipped;
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// How many bytes there are until after the first of these.
fn end_of(bytes: &[u8], last: &[u8]) -> usize {
    let found = bytes.windows(last.len()).position(|window| window == last);
    found.map_or(bytes.len(), |at| at + last.len())
}

/// The length of a literal with its quotes.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// The number of `#` of a raw string that begins here. `before` is the character before.
fn raw_string(bytes: &[u8], before: Option<&u8>) -> Option<usize> {
    if bytes[0] != b'r' || before.is_some_and(|byte| byte.is_ascii_alphanumeric() && *byte != b'b' || *byte == b'_') {
        return None;
    }
    let hashes = bytes[1..].iter().take_while(|byte| **byte == b'#').count();
    (bytes.get(1 + hashes) == Some(&b'"')).then_some(hashes)
}

/// Cuts every item after `#[cfg(test)]`.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        kept.push_str(before);
        let end = after.find([';', '{']).expect("an item has an end");
        rest = if after[end..].starts_with(';') { &after[end + 1..] } else { after_block(&after[end..]) };
    }
    kept + rest
}

/// What follows the block that begins here.
fn after_block(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    panic!("a block has no end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_tests_are_left_out() {
        let text = "a; // crate::x\n/* crate::x */ b('\"', '\\'', \"crate::x \\\" y\", r#\"crate::x\"#, br\"x\");\n\
                    fn lifetime<'a>(x: &'a str) {}\n#[cfg(test)]\nuse crate::x;\n#[cfg(test)]\nmod tests { fn x() { crate::x } }\nc";
        let left = production(text);
        assert!(!left.contains("crate"), "{left}");
        assert!(left.contains("a;") && left.contains("lifetime<'a>(x: &'a str)") && left.ends_with('c'), "{left}");
    }

    #[test]
    fn files_are_known_by_their_module() {
        let sources = Sources::of(
            [("lib.rs", ""), ("a/mod.rs", ""), ("a/b.rs", ""), ("c.rs", ""), ("c/tests.rs", "")].into_iter(),
        );
        assert_eq!(sources.files.keys().collect::<Vec<_>>(), ["a", "a/b", "c"]);
    }
}

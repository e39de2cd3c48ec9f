//! What a file names: every path in it that begins at the crate, at its folder or at itself.

use crate::source::{Source, Sources};

/// A path as the file that it leads to, and what is named there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// As it is written: `crate::store::rows::values`.
    pub(crate) written: String,
    /// From the root of the crate on: `store`, `rows`, `values`.
    pub(crate) path: Vec<String>,
}

impl Import {
    /// The file that the path leads to, if there is one: the longest that is the beginning of the path.
    pub(crate) fn file<'a>(&self, sources: &'a Sources) -> Option<&'a str> {
        (1..=self.path.len()).rev().find_map(|length| {
            let module = self.path[..length].join("/");
            sources.files.get_key_value(&module).map(|(name, _)| name.as_str())
        })
    }
}

/// All paths in the file of that module.
pub(crate) fn imports(module: &str, source: &Source) -> Vec<Import> {
    let own: Vec<&str> = module.split('/').collect();
    let mut found = Vec::new();
    for start in ["crate", "super", "self"] {
        for (at, _) in source.text.match_indices(&format!("{start}::")) {
            let before = source.text[..at].trim_end();
            let is_path = source.text[..at].ends_with("::");
            let is_word =
                before.len() == at && source.text[..at].ends_with(|last: char| last.is_alphanumeric() || last == '_');
            // `pub(in crate::store)` says who may see something and names nothing.
            if is_path || is_word || before.ends_with("(in") {
                continue;
            }
            let place = [own.clone(), inline_modules(&source.text[..at])].concat();
            for path in paths(&source.text[at..]) {
                found.push(Import { path: from_the_root(&place, &path), written: path.join("::") });
            }
        }
    }
    found
}

/// The modules inside the file that are still open at the end of this text.
fn inline_modules(text: &str) -> Vec<&str> {
    let (mut blocks, mut last) = (Vec::new(), 0);
    for (at, character) in text.char_indices().filter(|(_, character)| matches!(character, '{' | '}' | ';')) {
        let before = &text[last..at];
        match character {
            '{' => blocks.push(before.rsplit_once("mod ").map(|(_, name)| name.trim())),
            '}' => drop(blocks.pop()),
            _ => {}
        }
        last = at + 1;
    }
    blocks.into_iter().flatten().collect()
}

/// The names of a path from the root of the crate on.
fn from_the_root(own: &[&str], path: &[String]) -> Vec<String> {
    let mut base: Vec<String> = own.iter().map(|part| (*part).to_owned()).collect();
    let mut names = path.iter();
    match path.first().map(String::as_str) {
        Some("crate") => {
            base.clear();
            names.next();
        }
        Some("self") => {
            names.next();
        }
        _ => {}
    }
    for name in names {
        if name == "super" {
            base.pop();
        } else {
            base.push(name.clone());
        }
    }
    base
}

/// The paths that begin here: more than one if it ends in braces.
fn paths(text: &str) -> Vec<Vec<String>> {
    let name: String = text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect();
    let rest = &text[name.len()..];
    let Some(after) = rest.strip_prefix("::") else { return vec![vec![name]] };
    let tails = match after.chars().next() {
        Some('{') => group(&after[1..]).into_iter().flat_map(paths).collect(),
        Some(first) if first.is_alphanumeric() || first == '_' => paths(after),
        _ => vec![Vec::new()],
    };
    tails.into_iter().map(|tail| [vec![name.clone()], tail].concat()).collect()
}

/// The parts of a group in braces, of which the opening brace is gone.
fn group(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth > 0 => {}
            ',' | '}' => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        if character == '}' && start == at + 1 {
            break;
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(module: &str, text: &str) -> Vec<String> {
        let source = Source { text: text.to_owned() };
        imports(module, &source).iter().map(|import| import.path.join("/")).collect()
    }

    #[test]
    fn paths_lead_from_the_root() {
        assert_eq!(of("a/b", "use crate::c::D; fn x(y: crate::e::f::G) {}"), ["c/D", "e/f/G"]);
        assert_eq!(of("a/b", "use super::c::D;"), ["a/c/D"]);
        assert_eq!(of("a/b", "use super::super::c;"), ["c"]);
        assert_eq!(of("a", "use self::c::D;"), ["a/c/D"]);
        assert_eq!(of("a", "use crate::c::{D, e::{F, g}, h};"), ["c/D", "c/e/F", "c/e/g", "c/h"]);
        assert_eq!(of("a", "use crate::c::*;"), ["c"]);
        assert_eq!(
            of("a", "fn f() {} mod x { use super::D; fn g() { super::super::e::F } } use super::h;"),
            ["a/D", "e/F", "h"]
        );
    }

    #[test]
    fn what_names_nothing_of_the_crate_is_left_out() {
        assert!(of("a", "pub(in crate::store) fn x() {} hookline_core::crate_x::y; mycrate::x; Self::y").is_empty());
    }
}

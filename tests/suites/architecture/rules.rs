//! The rules, each as the list of the places that break it.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::imports;
use crate::source::{Source, Sources};

/// The folders of a crate from the ground up; those on one line do not know each other.
pub(crate) type Floors = &'static [&'static [&'static str]];

/// Every import that goes up or sideways.
///
/// # Panics
/// When no line names a file.
pub(crate) fn against_the_order(sources: &Sources, floors: Floors) -> Vec<String> {
    if floors.is_empty() {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for (module, source) in &sources.files {
        // The `mod.rs` of a folder that holds others declares them, and nothing more.
        if is_above_others(module, floors) {
            if let Some(item) =
                ["fn ", "struct ", "enum ", "impl ", "trait "].iter().find(|item| source.text.contains(**item))
            {
                wrong.push(format!("{module}/mod.rs holds {item}… beside declarations"));
            }
            continue;
        }
        let own = room(module, floors).unwrap_or_else(|| panic!("{module} has no place in the order of the folders"));
        for import in imports(module, source) {
            match room(&import.path.join("/"), floors) {
                Some(other) if other.1 == own.1 || other.0 < own.0 => {}
                Some(other) => wrong.push(format!("{module} imports {} of {}", import.written, other.1)),
                None => wrong.push(format!("{module} imports {}, which is in no folder", import.written)),
            }
        }
    }
    wrong
}

fn is_above_others(module: &str, floors: Floors) -> bool {
    floors.concat().iter().any(|room| room.starts_with(&format!("{module}/")))
}

/// The line and the name of the folder that a path lies in: the longest that is listed.
fn room(path: &str, floors: Floors) -> Option<(usize, &'static str)> {
    let is_in = |room: &&str| path.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let listed = floors.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (floor, *room)));
    listed.filter(|(_, room)| is_in(room)).max_by_key(|(_, room)| room.len())
}

/// Files that import each other, directly or through others: each circle once.
pub(crate) fn circles(sources: &Sources) -> Vec<String> {
    let graph = graph(sources);
    let reaches: BTreeMap<&str, BTreeSet<&str>> = graph.keys().map(|file| (*file, reachable(file, &graph))).collect();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (file, known) in &reaches {
        let circle: Vec<&str> = known.iter().filter(|other| reaches[**other].contains(file)).copied().collect();
        if circle.len() > 1 && circle.iter().all(|other| seen.insert(*other)) {
            wrong.push(format!("a circle of {}", circle.join(", ")));
        }
    }
    wrong
}

/// Which file imports which.
fn graph(sources: &Sources) -> BTreeMap<&str, BTreeSet<&str>> {
    let edges = |(module, source): (&String, &Source)| {
        imports(module, source)
            .iter()
            .filter_map(|import| import.file(sources))
            .filter(|other| other != module)
            .collect()
    };
    sources.files.iter().map(|file| (file.0.as_str(), edges(file))).collect()
}

fn reachable<'a>(from: &'a str, graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut known, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(graph[file].iter().filter(|other| known.insert(**other)));
    }
    known
}

/// Every import of a name through the `mod.rs` of a folder that the file is in.
pub(crate) fn through_a_parent(sources: &Sources) -> Vec<String> {
    let mut wrong = Vec::new();
    for (module, source) in &sources.files {
        for import in imports(module, source) {
            let is_parent = |file: &str| module.starts_with(&format!("{file}/"));
            if import.file(sources).is_some_and(is_parent) || import.path.is_empty() || import.written == "super" {
                wrong.push(format!("{module} imports {}", import.written));
            }
        }
    }
    wrong
}

/// What a crate names of `core` that it need not see. The workers and the functions run the use cases, so they see them.
pub(crate) fn seen_of_core(path: &str, sources: &Sources) -> Vec<String> {
    let (runs_use_cases, is_limited) = match path {
        "shared/egress/src" => (None, true),
        "shared/embedded/src" => (Some("workers"), true),
        "shared/aws/src" => (Some("lambda"), true),
        _ => (None, false),
    };
    let is_free =
        |module: &str| runs_use_cases.is_some_and(|room| module == room || module.starts_with(&format!("{room}/")));
    let files = sources.files.iter().filter(|(module, _)| is_limited && !is_free(module));
    let hidden = files.flat_map(|(module, source)| {
        let named = ["use_cases", "rules"].into_iter().filter(|room| names_of_core(&source.text).contains(*room));
        named.map(move |room| format!("{module} imports hookline_core::{room}"))
    });
    hidden.collect()
}

/// The rooms of `core` that a text names.
fn names_of_core(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, start) in text.match_indices("hookline_core::") {
        let after = &text[at + start.len()..];
        let named: Vec<&str> = match after.strip_prefix('{') {
            Some(group) => group.split_once("};").map_or(group, |(inside, _)| inside).split([',', '{', '}']).collect(),
            None => vec![after],
        };
        let name = |part: &str| part.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        rooms.extend(named.into_iter().map(name));
    }
    rooms
}

/// Crates of ours that a shared crate names, other than `core`.
pub(crate) fn foreign_crates(path: &str, sources: &Sources) -> Vec<String> {
    let allowed = match path {
        "shared/core/src" | "shared/console/src" => &[][..],
        "shared/http/src" => &["hookline_core", "hookline_console"],
        _ => &["hookline_core"],
    };
    let crates =
        ["hookline_core", "hookline_console", "hookline_http", "hookline_aws", "hookline_embedded", "hookline_egress"];
    let banned = crates.into_iter().filter(|name| path.starts_with("shared/") && !allowed.contains(name));
    let named = banned.flat_map(|name| {
        let files = sources.files.iter().filter(move |(_, source)| source.text.contains(&format!("{name}::")));
        files.map(move |(module, _)| format!("{module} imports {name}"))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOORS: Floors = &[&["low", "beside"], &["mid/a", "mid/b"], &["high"]];

    fn sources(texts: &[(&str, &str)]) -> Sources {
        Sources::of(texts.iter().copied())
    }

    #[test]
    fn an_import_upwards_or_sideways_is_found() {
        let order = |file: &str, text: &str| against_the_order(&sources(&[(file, text)]), FLOORS).len();
        assert_eq!(order("high/x.rs", "use crate::low::A; use crate::mid::a::B;"), 0);
        assert_eq!(order("low.rs", "use crate::low::A;"), 0);
        assert_eq!(order("low.rs", "use crate::high::x::A;"), 1);
        assert_eq!(order("low.rs", "fn f() { crate::beside::g() }"), 1);
        assert_eq!(order("low.rs", "use crate::Name;"), 1);
        assert_eq!(order("mid/a/x.rs", "use super::super::b::{C, d::E};"), 2);
        assert_eq!(order("mid/mod.rs", "pub(crate) mod a;"), 0);
        assert_eq!(order("mid/mod.rs", "struct X;"), 1);
    }

    #[test]
    #[should_panic(expected = "attic/x has no place")]
    fn a_file_without_a_place_is_refused() {
        against_the_order(&sources(&[("attic/x.rs", "")]), FLOORS);
    }

    #[test]
    fn circles_are_found_however_long_they_are() {
        let good = [("a.rs", "use crate::b::B; use crate::c::C;"), ("b.rs", "use crate::c::C;"), ("c.rs", "")];
        assert!(circles(&sources(&good)).is_empty());
        let long = [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "use crate::a::A;")];
        assert_eq!(circles(&sources(&long)), ["a circle of a, b, c"]);
        let siblings = [("x/a.rs", "use super::b::B;"), ("x/b.rs", "use super::a::A;"), ("x/mod.rs", "mod a; mod b;")];
        assert_eq!(circles(&sources(&siblings)), ["a circle of x/a, x/b"]);
        let parent = [("x/mod.rs", "use self::a::A; struct X;"), ("x/a.rs", "use crate::x::X;")];
        assert_eq!(circles(&sources(&parent)), ["a circle of x, x/a"]);
    }

    #[test]
    fn an_import_through_the_own_folder_is_found() {
        let parents =
            |text: &str| through_a_parent(&sources(&[("x/mod.rs", ""), ("x/a.rs", text), ("x/b.rs", "")])).len();
        assert_eq!(parents("use super::b::B; use crate::y::Y;"), 0);
        assert_eq!(parents("use super::X;"), 1);
        assert_eq!(parents("use super::{b::B, X};"), 1);
        assert_eq!(parents("use super::*;"), 1);
        assert_eq!(parents("use crate::x::X;"), 1);
    }

    #[test]
    fn what_an_adapter_need_not_see_is_found() {
        let seen = |path: &str, file: &str, text: &str| seen_of_core(path, &sources(&[(file, text)])).len();
        assert_eq!(seen("shared/embedded/src", "workers/mod.rs", "use hookline_core::use_cases::deliver;"), 0);
        assert_eq!(seen("shared/embedded/src", "store/x.rs", "use hookline_core::use_cases::deliver;"), 1);
        assert_eq!(seen("shared/aws/src", "vault.rs", "use hookline_core::{model::A, rules::{b, c}};"), 1);
        assert_eq!(seen("shared/egress/src", "lib.rs.rs", "use hookline_core::model::rules_of;"), 0);
        assert_eq!(seen("shared/http/src", "router.rs", "use hookline_core::use_cases::deliver;"), 0);
        assert_eq!(foreign_crates("shared/http/src", &sources(&[("a.rs", "use hookline_aws::B;")])).len(), 1);
        assert_eq!(foreign_crates("shared/http/src", &sources(&[("a.rs", "use hookline_core::B;")])).len(), 0);
        for (path, found) in [("shared/http/src", 0), ("shared/embedded/src", 1)] {
            assert_eq!(foreign_crates(path, &sources(&[("a.rs", "use hookline_console::B;")])).len(), found);
        }
    }
}

//! The order of the code: a folder imports only the folders on earlier lines of its crate's list, below. Folders on one
//! line do not import each other. No files import each other in a circle, a file imports its siblings as
//! `super::sibling::Name` and never through the `mod.rs` above it, and the adapters see of `core` what they implement.
//!
//! There is no list of exceptions. A new folder must be given its place in the lists, or the test panics.

mod imports;
mod rules;
mod source;

use std::path::{Path, PathBuf};

use crate::rules::{Floors, against_the_order, circles, foreign_crates, seen_of_core, through_a_parent};
use crate::source::Sources;

const CORE: Floors = &[
    &["values", "errors"],
    &["ids", "signing"],
    &["settings"],
    &["model"],
    &["rules", "ports"],
    &["service"],
    &["use_cases"],
];

const EMBEDDED: Floors = &[
    &["queue", "data_folder", "mailer"],
    &["store/sqlite"],
    &["store/database"],
    &["store/rows"],
    &["store/lists", "store/load", "store/retention", "store/due_work", "vault"],
    &["store/ports", "workers"],
    &["attachments"],
    &["service", "backup"],
];

const AWS: Floors = &[
    &["clients", "encoding"],
    &["settings", "mailer", "queues", "store/dynamo"],
    &["store/keys"],
    &["store/items"],
    &["store/lists"],
    &["store/ports"],
    &["attachments", "vault"],
    &["lambda"],
];

const HTTP: Floors = &[
    &["response", "limits"],
    &["listing"],
    &["request", "views", "input"],
    &["pipeline", "resources", "console"],
    &["routes"],
    &["openapi", "gateway"],
    &["router"],
];

const STANDALONE: Floors = &[
    &["arguments", "output", "jwt"],
    &["private_file"],
    &["settings", "server", "readiness"],
    &["metrics", "traces"],
    &["assembly"],
    &["commands"],
];

/// Every crate with its order; one without folders has none.
const CRATES: [(&str, Floors); 8] = [
    ("shared/core/src", CORE),
    ("shared/console/src", &[&["encoding", "files"], &["respond"]]),
    ("shared/egress/src", &[]),
    ("shared/http/src", HTTP),
    ("shared/embedded/src", EMBEDDED),
    ("shared/aws/src", AWS),
    ("functions/standalone/src", STANDALONE),
    ("functions/admin/src", &[]),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).expect("a workspace").to_owned()
}

/// Applies a rule to every crate and shows all that break it.
#[track_caller]
fn holds_in_every_crate(rule: impl Fn(&str, &Sources, Floors) -> Vec<String>) {
    let mut wrong = Vec::new();
    for (path, floors) in CRATES {
        let sources = Sources::read(&workspace().join(path));
        wrong.extend(rule(path, &sources, floors).into_iter().map(|line| format!("{path}: {line}")));
    }
    assert!(wrong.is_empty(), "{} places:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_folder_imports_one_above_or_beside_it() {
    holds_in_every_crate(|_, sources, floors| against_the_order(sources, floors));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    holds_in_every_crate(|_, sources, _| circles(sources));
}

#[test]
fn no_file_imports_through_the_folder_that_it_is_in() {
    holds_in_every_crate(|_, sources, _| through_a_parent(sources));
}

#[test]
fn adapters_see_of_core_what_they_implement() {
    holds_in_every_crate(|path, sources, _| seen_of_core(path, sources));
}

#[test]
fn adapters_know_core_and_not_each_other() {
    holds_in_every_crate(|path, sources, _| foreign_crates(path, sources));
}

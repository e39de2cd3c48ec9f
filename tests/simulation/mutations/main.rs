//! Tests of the simulation: each patch in this folder breaks one rule of the engine, and the simulation must notice.
//!
//! A patch begins with what it breaks, and with a line `Caught by:` that holds a part of the violation that it must
//! cause. It is applied to a copy of the sources below the target folder, where nothing but the core, the embedded store
//! and the simulation is compiled again. Before all patches the copy is tried as it is: it must pass. So must one that
//! breaks nothing, and a patch that does not fit must be told.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What is compiled again for every patch, without optimisation, because that is faster than what it saves.
const PACKAGES: [&str; 3] = ["hookline-core", "hookline-embedded", "hookline-simulation"];
/// A number of units that no other build uses: so cargo keeps the mutated code apart from the real one, though both are
/// built into one folder, which spares the building of everything that they depend on.
const UNITS: u32 = 61;
/// Seeds that are tried; a mutation is caught by the first few.
const SEEDS: u32 = 200;
/// What the workspace consists of.
const SOURCES: [&str; 7] = [".cargo", "Cargo.lock", "Cargo.toml", "functions", "shared", "tests", "clippy.toml"];

/// A copy of the workspace's sources.
struct Copy {
    workspace: PathBuf,
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn new() -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace").to_owned();
        // <target>/debug/deps/mutations-<hash>
        let program = std::env::current_exe().expect("this program is a file");
        let target = program.ancestors().nth(3).expect("a target folder").to_owned();
        let root = target.join("mutations");
        Self { workspace, root, target }
    }

    /// Brings every file back to what it is in the workspace; files that are so already are not touched, so that cargo
    /// does not build them again.
    fn restore(&self) {
        let mut known = BTreeSet::new();
        for source in SOURCES {
            self.restore_below(Path::new(source), &mut known);
        }
        self.remove_strangers(Path::new(""), &known);
    }

    fn restore_below(&self, path: &Path, known: &mut BTreeSet<PathBuf>) {
        known.insert(path.to_owned());
        let (from, to) = (self.workspace.join(path), self.root.join(path));
        if from.is_dir() {
            fs::create_dir_all(&to).expect("a folder of the copy");
            for entry in fs::read_dir(&from).expect("a folder of the workspace") {
                let name = entry.expect("an entry of a folder").file_name();
                if name != "target" && name != "node_modules" {
                    self.restore_below(&path.join(name), known);
                }
            }
        } else {
            let content = fs::read(&from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
            if fs::read(&to).ok().as_ref() != Some(&content) {
                fs::write(&to, content).expect("a file of the copy");
            }
        }
    }

    fn remove_strangers(&self, path: &Path, known: &BTreeSet<PathBuf>) {
        for entry in fs::read_dir(self.root.join(path)).expect("a folder of the copy") {
            let path = path.join(entry.expect("an entry of a folder").file_name());
            let file = self.root.join(&path);
            match (known.contains(&path), file.is_dir()) {
                (true, true) => self.remove_strangers(&path, known),
                (true, false) => {}
                (false, true) => fs::remove_dir_all(file).expect("a folder of the copy"),
                (false, false) => fs::remove_file(file).expect("a file of the copy"),
            }
        }
    }

    /// Applies a patch; what git says if it does not fit.
    fn apply(&self, patch: &Path) -> Result<(), String> {
        let applied = Command::new("git")
            .args(["apply", "--whitespace=nowarn"])
            .arg(patch)
            .current_dir(&self.root)
            // The target folder may lie in a repository: this is none.
            .env("GIT_CEILING_DIRECTORIES", &self.target)
            .output()
            .expect("git runs");
        if applied.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&applied.stderr).into_owned()) }
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(&self.root).args(["test", "--quiet", "--workspace", "--test", "simulation"]);
        cargo.args(["--offline", "--locked"]);
        for package in PACKAGES {
            for setting in ["opt-level=0", "debug=0", &format!("codegen-units={UNITS}")] {
                cargo.arg("--config").arg(format!("profile.dev.package.{package}.{setting}"));
            }
        }
        cargo.args(arguments);
        cargo.env("CARGO_TARGET_DIR", &self.target).env("CARGO_INCREMENTAL", "1");
        cargo.env("HOOKLINE_SEEDS", SEEDS.to_string()).env_remove("HOOKLINE_SEED");
        cargo.output().expect("cargo runs")
    }

    /// Builds and runs the simulation: whether it passed, and what it said.
    fn simulate(&self) -> Result<(bool, String), String> {
        let built = self.cargo(&["--no-run"]);
        if !built.status.success() {
            return Err(String::from_utf8_lossy(&built.stderr).into_owned());
        }
        let ran = self.cargo(&["--", "thousands_of_seeds"]);
        Ok((ran.status.success(), String::from_utf8_lossy(&ran.stdout).into_owned()))
    }
}

/// Fits nowhere.
const STALE: &str = "Caught by: x

--- a/Cargo.toml
+++ b/Cargo.toml
@@ -1,2 +1,2 @@
 [workspace of another time]
-gone
+new
";
/// Breaks nothing.
const HARMLESS: &str = "Caught by: x

--- /dev/null
+++ b/shared/core/src/harmless.txt
@@ -0,0 +1 @@
+nothing
";

/// The violation that a patch must cause.
fn expected(patch: &Path) -> String {
    let text = fs::read_to_string(patch).expect("a patch is text");
    let named = text.lines().find_map(|line| line.strip_prefix("Caught by: "));
    named.unwrap_or_else(|| panic!("{} does not say what it is caught by", patch.display())).to_owned()
}

/// What is wrong with a patch, or with the simulation that it should be caught by.
fn objection(copy: &Copy, patch: &Path) -> Option<String> {
    copy.restore();
    if let Err(why) = copy.apply(patch) {
        return Some(format!("the patch no longer applies; make it anew:\n{why}"));
    }
    match copy.simulate() {
        Err(why) => Some(format!("the mutated sources do not compile:\n{why}")),
        Ok((true, _)) => Some(format!("{SEEDS} seeds did not catch it")),
        Ok((false, said)) => {
            let expected = expected(patch);
            (!said.contains(&expected)).then(|| format!("it was caught, but not by {expected:?}:\n{said}"))
        }
    }
}

#[test]
fn every_mutation_is_caught() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutations");
    let files = fs::read_dir(&folder).expect("the patches").map(|entry| entry.expect("an entry of a folder").path());
    let mut patches: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "patch")).collect();
    patches.sort();
    assert!(patches.len() >= 10, "there are {} patches only", patches.len());

    let copy = Copy::new();
    fs::create_dir_all(&copy.root).expect("a folder for the copy");
    copy.restore();
    let (passes, said) = copy.simulate().unwrap_or_else(|why| panic!("the copy does not compile:\n{why}"));
    assert!(passes, "the simulation fails without any mutation:\n{said}");

    for (patch, why) in [(STALE, "the patch no longer applies"), (HARMLESS, "did not catch it")] {
        let file = copy.target.join("mutation.patch");
        fs::write(&file, patch).expect("a patch");
        let objection = objection(&copy, &file).unwrap_or_default();
        assert!(objection.contains(why), "instead of {why:?}: {objection}");
    }

    let failed: Vec<String> = patches
        .iter()
        .filter_map(|patch| Some(format!("{}: {}", patch.file_name()?.display(), objection(&copy, patch)?)))
        .collect();
    assert!(failed.is_empty(), "{} of {} mutations:\n{}", failed.len(), patches.len(), failed.join("\n"));
}

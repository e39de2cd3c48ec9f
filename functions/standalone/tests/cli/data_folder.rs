//! The data folder belongs to its owner alone.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use hookline_process::hookline::Start;

use crate::{run, stderr, stdout};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("the mode can be set");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_with_mode_0755_becomes_private_and_so_is_every_file_in_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    set_mode(&data, 0o755);
    let hookline = Start::on(&data).serve().await;
    assert_eq!(mode(&data), 0o700);
    let names: Vec<_> =
        std::fs::read_dir(&data).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert!(names.len() > 3, "{names:?}");
    for path in names.iter().filter(|path| path.is_file()) {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    drop(hookline);

    // A command tells what it changed.
    set_mode(&data, 0o755);
    set_mode(&data.join("hookline.db"), 0o644);
    let listed = run(&["account", "list", "--data", &data.to_string_lossy()]);
    assert!(stderr(&listed).contains("(mode 0755); its mode is now 0700"), "{}", stderr(&listed));
    assert!(listed.status.success() && stdout(&listed).starts_with("main\t"), "{listed:?}");
    assert_eq!((mode(&data), mode(&data.join("hookline.db"))), (0o700, 0o600));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_names_what_it_leaves_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    hookline.command(&["backup", &at("backup")]);
    let backup = rusqlite::Connection::open(at("backup")).expect("a database");
    let trigger = "CREATE TRIGGER \"t\u{1b}[2J\" AFTER INSERT ON webhooks BEGIN DELETE FROM tokens; END";
    backup.execute_batch(trigger).expect("a trigger");
    drop(backup);
    let restored = run(&["restore", &at("backup"), "--data", &at("restored")]);
    assert!(restored.status.success(), "{restored:?}");
    let said = stderr(&restored);
    assert!(said.contains("not restored, as no version of Hookline writes it: trigger t\\u001b[2J"), "{said}");
}

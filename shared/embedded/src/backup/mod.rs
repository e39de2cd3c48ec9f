//! `hookline backup` and `hookline restore` (section 11).
//!
//! A backup is one SQLite file. It holds a consistent copy of the database, taken while the service runs, and one more
//! table with the attachment files. Attachment files never change, and an unreferenced file stays for an hour, so every
//! file that the copy refers to still exists. The key file is not part of a backup: a backup alone reveals no secret.
//! The file gets its name only when it is complete and on disk, and only its owner can read it.
//!
//! Restore checks the file and its key first. It never touches the folder of a running service, and it replaces
//! existing data only on request. It copies rows into a new database ([`contents`]) and migrates those of an older
//! version.

mod contents;
mod error;
mod files;

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};
use tempfile::NamedTempFile;

use self::contents::BackupContents;
pub use self::error::{BackupError, BackupSummary, RestoreSummary};
use self::error::{io_at, sqlite_at};
use self::files::AttachmentFiles;
use crate::data_folder::DataFolder;
use crate::store::sqlite::errors::StoreOpenError;
use crate::store::sqlite::schema;
use crate::vault::KeyFileError;
use crate::vault::master_key::file_opens;

/// How long a copy waits at its start for a process that has locked the whole file.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes a consistent copy of a data folder to a new file. A service may be running on the folder.
///
/// # Errors
/// If there is no database, if the file exists, or if reading or writing fails. No file is left behind.
pub fn backup(folder: &DataFolder, to: &Path) -> Result<BackupSummary, BackupError> {
    let database = folder.database();
    if !database.is_file() {
        return Err(BackupError::NoDatabase { path: folder.path().to_owned() });
    }
    if to.exists() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    // Readable by its owner alone, and removed when it is dropped.
    let copy = temporary_beside(to)?;
    {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&database, flags).map_err(sqlite_at(&database))?;
        connection.busy_timeout(PATIENCE).map_err(sqlite_at(&database))?;
        // One read transaction gives a consistent state despite concurrent writes. `VACUUM INTO` accepts an empty file.
        let name = copy.path().to_string_lossy().into_owned();
        connection.execute("VACUUM INTO ?1", [name]).map_err(sqlite_at(to))?;
    }
    let backed_up = files::take(copy.path(), folder)?;
    copy.as_file().sync_all().map_err(io_at(to))?;
    copy.persist_noclobber(to).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists { path: to.to_owned() },
        _ => BackupError::Io { path: to.to_owned(), source: error.error },
    })?;
    File::open(folder_of(to)).and_then(|folder| folder.sync_all()).map_err(io_at(to))?;
    Ok(backed_up)
}

/// Restores a backup into a data folder and creates the folder if needed. Existing data is replaced only with
/// `replace`.
///
/// # Errors
/// If the file is not a backup, if the folder is in use, or if its key file does not belong to the backup. Nothing has
/// changed then.
pub fn restore(file: &Path, folder: &DataFolder, replace: bool) -> Result<RestoreSummary, BackupError> {
    let Inspected { backup, version, contents, key_check } = inspect(file)?;
    let path = folder.path();
    folder.make().map_err(io_at(path))?;
    let lock = folder.lock().map_err(io_at(path))?;
    let Some(_lock) = lock else { return Err(BackupError::Running { path: path.to_owned() }) };
    if !replace && folder.is_in_use().map_err(io_at(path))? {
        return Err(BackupError::NotEmpty { path: path.to_owned() });
    }
    let key_file = folder.key_file();
    let needs_key = match key_check {
        Some(_) if !key_file.exists() => true,
        Some(check) if !file_opens(&key_file, &check)? => {
            return Err(KeyFileError::Wrong { path: key_file }.into());
        }
        Some(_) | None => false,
    };

    let database = folder.database();
    let copy = temporary_beside(&database)?;
    fill(copy.path(), &backup, version, &contents).map_err(|error| match error {
        StoreOpenError::Sqlite { source, .. } if source.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            no_backup(file, source.to_string())
        }
        StoreOpenError::Sqlite { source, .. } => sqlite_at(&database)(source),
        other => no_backup(file, other.to_string()),
    })?;
    let files = if contents.has_files { files::give(&backup, file, folder)? } else { AttachmentFiles::default() };
    copy.as_file().sync_all().map_err(io_at(&database))?;
    files.put(folder)?;
    // SQLite must never read the log of another database into this one.
    for suffix in ["-wal", "-shm"] {
        let mut name = database.clone().into_os_string();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_at(Path::new(&name))(error)),
            Ok(()) | Err(_) => {}
        }
    }
    copy.persist(&database).map_err(|error| BackupError::Io { path: database, source: error.error })?;
    folder.sync().map_err(io_at(path))?;
    Ok(RestoreSummary { needs_key, left_behind: contents.left_behind })
}

/// Makes a database of the newest schema with the rows of a backup.
fn fill(path: &Path, backup: &Connection, version: i64, contents: &BackupContents) -> Result<(), StoreOpenError> {
    let failed = |source| StoreOpenError::Sqlite { path: path.to_owned(), source };
    let mut connection = Connection::open(path).map_err(failed)?;
    // Of a copy that fails, nothing is kept.
    connection.pragma_update(None, "journal_mode", "off").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "off").map_err(failed)?;
    let transaction = connection.transaction().map_err(failed)?;
    schema::create(&transaction, version).and_then(|()| contents.copy(backup, &transaction)).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    schema::migrate(&mut connection, path)
}

/// A backup that was found to be complete.
struct Inspected {
    backup: Connection,
    /// Its version of the schema.
    version: i64,
    contents: BackupContents,
    /// Its check value of the master key, if it has one.
    key_check: Option<Vec<u8>>,
}

/// Checks that a file is a complete backup of a known version.
fn inspect(file: &Path) -> Result<Inspected, BackupError> {
    File::open(file).map_err(io_at(file))?;
    let refused = |error: rusqlite::Error| no_backup(file, error.to_string());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let backup = Connection::open_with_flags(file, flags).map_err(refused)?;
    // What its schema says is not trusted, nor how its pages are laid out.
    backup.pragma_update(None, "trusted_schema", "off").map_err(refused)?;
    backup.pragma_update(None, "cell_size_check", "on").map_err(refused)?;
    let application: i32 = backup.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(refused)?;
    if application != schema::APPLICATION_ID {
        return Err(no_backup(file, "not a database of Hookline".to_owned()));
    }
    let version: i64 = backup.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(refused)?;
    if !(1..=schema::known()).contains(&version) {
        let known = schema::known();
        return Err(no_backup(file, format!("schema {version}; this version knows schemas up to {known}")));
    }
    let verdict: String = backup.pragma_query_value(None, "integrity_check", |row| row.get(0)).map_err(refused)?;
    if verdict != "ok" {
        return Err(no_backup(file, format!("damaged: {verdict}")));
    }
    let contents = BackupContents::of(&backup, version).map_err(refused)?;
    let contents = contents.map_err(|lacks| no_backup(file, lacks))?;
    let key_check =
        backup.query_row("SELECT sealed FROM key_check", [], |row| row.get(0)).optional().map_err(refused)?;
    Ok(Inspected { backup, version, contents, key_check })
}

fn no_backup(file: &Path, reason: String) -> BackupError {
    BackupError::NoBackup { path: file.to_owned(), reason }
}

/// Creates a temporary file in the folder of another file, readable by its owner alone.
fn temporary_beside(path: &Path) -> Result<NamedTempFile, BackupError> {
    tempfile::Builder::new().prefix(".hookline-").tempfile_in(folder_of(path)).map_err(io_at(path))
}

/// The folder that contains a path.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

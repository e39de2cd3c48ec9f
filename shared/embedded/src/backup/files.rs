//! Copies attachment files into a backup and out of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hookline_core::model::AttachmentKey;
use rusqlite::Connection;

use super::error::{BackupError, BackupSummary, io_at, sqlite_at};
use crate::attachments::path_in;
use crate::data_folder::DataFolder;

/// A table that only backup files have.
pub(super) const TABLE: &str = "backup_attachments";

/// Copies the file of every attachment in the copied database into it.
pub(super) fn take(copy: &Path, folder: &DataFolder) -> Result<BackupSummary, BackupError> {
    let failed = sqlite_at(copy);
    let mut connection = Connection::open(copy).map_err(&failed)?;
    let transaction = connection.transaction().map_err(&failed)?;
    transaction
        .execute_batch(&format!("CREATE TABLE {TABLE} (key TEXT PRIMARY KEY, content BLOB NOT NULL)"))
        .map_err(&failed)?;
    let (mut attachments, mut missing) = (0, 0);
    {
        let mut keys = transaction.prepare("SELECT key FROM attachments WHERE size IS NOT NULL").map_err(&failed)?;
        let mut put =
            transaction.prepare(&format!("INSERT INTO {TABLE} (key, content) VALUES (?1, ?2)")).map_err(&failed)?;
        let mut rows = keys.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let text: String = row.get(0).map_err(&failed)?;
            let Some(key) = AttachmentKey::parse(&text) else {
                missing += 1;
                continue;
            };
            let path = path_in(folder.path(), &key);
            match std::fs::read(&path) {
                Ok(content) => {
                    put.execute((text, content)).map_err(&failed)?;
                    attachments += 1;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing += 1,
                Err(error) => return Err(io_at(&path)(error)),
            }
        }
    }
    transaction.commit().map_err(&failed)?;
    Ok(BackupSummary { attachments, missing })
}

/// Files that were extracted from a backup and wait to be moved into place.
#[derive(Default)]
pub(super) struct AttachmentFiles {
    folder: Option<PathBuf>,
}

/// Extracts the files from a backup that has the table of them.
pub(super) fn give(backup: &Connection, file: &Path, folder: &DataFolder) -> Result<AttachmentFiles, BackupError> {
    let failed = sqlite_at(file);
    let waiting = folder.path().join(".restored-attachments");
    remove_folder(&waiting)?;
    make(&waiting)?;
    let mut statement =
        backup.prepare(&format!("SELECT key, content FROM main.{TABLE} NOT INDEXED")).map_err(&failed)?;
    let mut rows = statement.query([]).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        let text: String = row.get(0).map_err(&failed)?;
        let Some(key) = AttachmentKey::parse(&text) else { continue };
        let path = waiting.join(key.account().as_str()).join(key.id().to_string());
        make(path.parent().unwrap_or(&waiting))?;
        let content = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(&failed)?;
        write(&path, content).map_err(io_at(&path))?;
    }
    Ok(AttachmentFiles { folder: Some(waiting) })
}

impl AttachmentFiles {
    /// Moves the files into place and replaces those that are there.
    pub(super) fn put(self, folder: &DataFolder) -> Result<(), BackupError> {
        let place = folder.attachments();
        remove_folder(&place)?;
        let Some(waiting) = self.folder else { return Ok(()) };
        std::fs::rename(&waiting, &place).map_err(io_at(&place))
    }
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn make(folder: &Path) -> Result<(), BackupError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io_at(folder))
}

fn remove_folder(folder: &Path) -> Result<(), BackupError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_at(folder)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

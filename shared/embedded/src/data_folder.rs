//! The data folder holds everything that an embedded service stores.
//!
//! | name | content |
//! |---|---|
//! | `hookline.db` (with `-wal` and `-shm` while it is open) | the database |
//! | `attachments` | the files attached to webhooks, `<account>/<uuid>` |
//! | `key` | the master key, mode 0600; the secrets in the database need it |
//! | `key-until-…` | a replaced master key; older backups need it |
//! | `key.lock` | locked while the master key is rotated |
//! | `lock` | locked by the running service |

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The subfolder for attachments.
pub(crate) const ATTACHMENTS: &str = "attachments";

/// The path of a data folder, which may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    path: PathBuf,
}

/// The lock of the one process that may write to a data folder. The operating system releases it when the process ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl DataFolder {
    /// The data folder at a path.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join("hookline.db")
    }

    /// The key file.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.path.join("key")
    }

    /// The subfolder for attachments.
    #[must_use]
    pub fn attachments(&self) -> PathBuf {
        self.path.join(ATTACHMENTS)
    }

    /// Creates the folder if it does not exist, for its owner alone. A folder that others can read or write, and the files in it, become
    /// private too; then this returns the mode that the folder had.
    pub fn make(&self) -> io::Result<Option<u32>> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let mode = std::fs::metadata(&self.path)?.permissions().mode() & 0o7777;
        if !is_open_to_others(mode) {
            return Ok(None);
        }
        std::fs::set_permissions(&self.path, Permissions::from_mode(0o700))?;
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            // Those of links are the modes of other files.
            if entry.file_type()?.is_file() && is_open_to_others(entry.metadata()?.permissions().mode()) {
                std::fs::set_permissions(entry.path(), Permissions::from_mode(0o600))?;
            }
        }
        Ok(Some(mode))
    }

    /// Locks an existing folder; `None` if another process has locked it.
    pub fn lock(&self) -> io::Result<Option<FolderLock>> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.path.join("lock"))?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(FolderLock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// True if the folder holds anything that a restore would replace. A key file alone does not count: it may be there
    /// already for the database to come.
    pub(crate) fn is_in_use(&self) -> io::Result<bool> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            let harmless = matches!(&*name, "key" | "key.lock" | "lock") || name.starts_with("key-until-");
            if !harmless {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes the names in the folder durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

fn is_open_to_others(mode: u32) -> bool {
    mode & 0o077 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_holds_the_lock() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(temporary.path().join("a/b"));
        assert!(!folder.is_in_use().unwrap());
        folder.make().unwrap();
        let lock = folder.lock().unwrap();
        assert!(lock.is_some() && folder.lock().unwrap().is_none());
        drop(lock);
        assert!(folder.lock().unwrap().is_some());
    }

    #[test]
    fn a_folder_is_in_use_once_it_holds_more_than_a_key() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(temporary.path());
        for name in ["key", "key.lock", "lock", "key-until-20261125T093000Z"] {
            std::fs::write(temporary.path().join(name), "").unwrap();
            assert!(!folder.is_in_use().unwrap(), "{name}");
        }
        std::fs::write(temporary.path().join("admin-token"), "").unwrap();
        assert!(folder.is_in_use().unwrap());
    }

    #[test]
    fn a_folder_that_others_can_read_becomes_private_with_its_files() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(temporary.path().join("data"));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(folder.make().unwrap(), None);
        std::fs::write(folder.database(), "").unwrap();
        std::fs::set_permissions(folder.database(), Permissions::from_mode(0o644)).unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        assert_eq!(folder.make().unwrap(), Some(0o755));
        assert_eq!((mode(folder.path()), mode(&folder.database())), (0o700, 0o600));
        assert_eq!(folder.make().unwrap(), None);
        let _lock = folder.lock().unwrap().unwrap();
        assert_eq!(mode(&folder.path().join("lock")) & 0o077, 0);
    }
}

//! The key file: the master key as one line of base64. During a rotation it has two lines, the new key before the old
//! one, so that every data key opens with one of them.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookline_core::errors::PortError;
use hookline_core::values::Entropy;
use zeroize::Zeroizing;

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("the key file {path} cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Other users may read the file.
    #[error("the key file {path} is readable by others; make it readable by its owner alone (chmod 600)")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The file does not hold a key.
    #[error("the key file {path} does not hold 32 bytes in base64")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// There is a database, but its key file is missing.
    #[error("the key file {path} of the database is missing; put it back")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The key is not the one of the database.
    #[error("the key file {path} does not belong to the database")]
    Wrong {
        /// The file.
        path: PathBuf,
    },
    /// Another process is rotating the key.
    #[error("another process is rotating the key in {path}")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// A master key.
pub(super) type MasterKey = Zeroizing<[u8; 32]>;

/// Reads the keys of a file: one or two.
pub(super) fn read(path: &Path) -> Result<Vec<MasterKey>, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.permissions().mode() & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(io)?;
    let malformed = || KeyFileError::Malformed { path: path.to_owned() };
    let mut keys = Vec::with_capacity(2);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let bytes = Zeroizing::new(STANDARD.decode(line).map_err(|_| malformed())?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| malformed())?;
        keys.push(Zeroizing::new(key));
    }
    if (1..=2).contains(&keys.len()) { Ok(keys) } else { Err(malformed()) }
}

/// Creates a file with a new key. Never overwrites one.
pub(super) fn make(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, KeyFileError> {
    let key = entropy.key();
    write_new(path, &[&key])?;
    Ok(key)
}

/// Creates a file, for its owner alone, and waits until it is on disk.
pub(super) fn write_new(path: &Path, keys: &[&MasterKey]) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut text = Zeroizing::new(String::with_capacity(128));
    for key in keys {
        STANDARD.encode_string(key.as_slice(), &mut text);
        text.push('\n');
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    sync_folder_of(path).map_err(io)
}

/// Replaces a file atomically: it holds either the old or the new keys at any time.
pub(super) fn replace(path: &Path, keys: &[&MasterKey]) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let fresh = path.with_extension("new");
    // A file left behind by a crash was never in use.
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        Ok(()) | Err(_) => {}
    }
    write_new(&fresh, keys)?;
    std::fs::rename(&fresh, path).and_then(|()| sync_folder_of(path)).map_err(io)
}

/// Makes the names in a folder durable.
fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use hookline_core::values::System;

    use super::*;

    #[test]
    fn the_key_file_is_private_and_well_formed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = make(&path, &System).unwrap();
        assert_eq!(read(&path).unwrap(), [made]);
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        assert!(matches!(make(&path, &System), Err(KeyFileError::Io { .. })), "never overwritten");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Exposed { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let line = STANDARD.encode([1; 32]);
        for (text, keys) in [
            (line.clone(), Some(1)),
            (format!("{line}\n\n {line}\n"), Some(2)),
            (String::new(), None),
            ("AAAA".to_owned(), None),
            (format!("{line}\nx"), None),
            (format!("{line}\n{line}\n{line}\n"), None),
        ] {
            std::fs::write(&path, &text).unwrap();
            assert_eq!(read(&path).ok().map(|keys| keys.len()), keys, "{text:?}");
        }

        std::fs::write(path.with_extension("new"), "left behind").unwrap();
        let (new, old) = (System.key(), System.key());
        replace(&path, &[&new, &old]).unwrap();
        assert_eq!(read(&path).unwrap(), [new, old]);
        assert_eq!((mode(), path.with_extension("new").exists()), (0o600, false));
    }
}

//! Files that only their owner can read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::output::CommandError;

/// Writes a new file of one text, ending in a newline.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{}", text.trim_end())
    };
    write().map_err(|error: std::io::Error| CommandError::of(format!("{} cannot be written: {error}", path.display())))
}

//! `hookline backup`, `hookline restore` and `hookline key rotate`.

use std::sync::Arc;

use hookline_core::values::{Clock as _, System};
use hookline_embedded::{BackupError, BackupSummary, DataFolder, RestoreSummary, rotate_master_key};
use serde_json::json;

use crate::arguments::{BackupArgs, KeyCommand, RestoreArgs};
use crate::assembly::open_existing;
use crate::output::{CommandError, one_line, say, show};

/// `hookline backup FILE`
pub(crate) fn backup(arguments: &BackupArgs) -> Result<(), CommandError> {
    let BackupArgs { file, folder } = arguments;
    let data = DataFolder::at(&folder.data);
    let BackupSummary { attachments, missing } = hookline_embedded::backup(&data, file).map_err(CommandError::of)?;
    if missing > 0 {
        say(&format!("hookline: the files of {missing} attachments were not found and are not in the backup"));
    }
    let key = data.key_file();
    let text = format!(
        "wrote {}; keep a copy of the key file {} elsewhere: without it no secret in the backup opens",
        file.display(),
        key.display()
    );
    show(folder.json, &json!({"file": file, "key_file": key, "attachments": attachments, "missing": missing}), &text)
}

/// `hookline restore FILE`
pub(crate) fn restore(arguments: &RestoreArgs) -> Result<(), CommandError> {
    let RestoreArgs { file, replace, folder } = arguments;
    let data = DataFolder::at(&folder.data);
    let restored = hookline_embedded::restore(file, &data, *replace).map_err(|error| match error {
        BackupError::NotEmpty { .. } => CommandError::of(format!("{error}: add --replace to replace what it holds")),
        error => CommandError::of(error),
    })?;
    let RestoreSummary { needs_key, left_behind } = restored;
    for unknown in &left_behind {
        say(&format!("hookline: not restored, as no version of Hookline writes it: {}", one_line(unknown)));
    }
    let (path, key) = (data.path(), data.key_file());
    let mut text = format!("restored {} into {}", file.display(), path.display());
    if needs_key {
        text.push_str(&format!(
            "; put the key file that goes with it at {} (mode 0600) before it is served",
            key.display()
        ));
    }
    show(folder.json, &json!({"data": path, "needs_key": needs_key, "left_behind": left_behind}), &text)
}

/// `hookline key …`
pub(crate) async fn key(command: KeyCommand) -> Result<(), CommandError> {
    match command {
        KeyCommand::Rotate { folder } => {
            let store = open_existing(&folder.data)?;
            let key_file = DataFolder::at(&folder.data).key_file();
            let rotated = rotate_master_key(&store, &key_file, Arc::new(System), System.now()).await;
            let rotated = rotated.map_err(CommandError::of)?;
            let text = format!(
                "changed the master key, which wraps the data keys of {} accounts; the old one is in {}: backups made until \
                 now need it, delete it when there are none left",
                rotated.data_keys,
                rotated.old_key.display()
            );
            show(folder.json, &json!({"data_keys": rotated.data_keys, "old_key_file": rotated.old_key}), &text)
        }
    }
}

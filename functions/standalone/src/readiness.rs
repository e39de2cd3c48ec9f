//! The check behind `GET /readyz`: can the process do its work (section 2)?
//!
//! A service that cannot write accepts no events, so the check writes: a row of the database, and a small file in the data
//! folder. The file is needed because the write-ahead log may have room left on a disk that is full. Probes need no token, so
//! the result is kept for a moment, and many probes cause few writes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hookline_embedded::Store;
use hookline_http::Readiness;
use tokio::sync::Mutex;

/// How long a result is kept.
const KEPT_FOR: Duration = Duration::from_millis(500);
/// The size of the file that is written, in bytes.
const PROBE: usize = 64 * 1024;

/// Checks that the store and the data folder take writes.
pub(crate) struct ProcessReadiness {
    store: Store,
    folder: PathBuf,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl ProcessReadiness {
    pub(crate) fn new(store: Store, folder: PathBuf) -> Self {
        Self { store, folder, last: Mutex::default() }
    }

    async fn check(&self) -> Result<(), String> {
        self.store.check_write().await.map_err(|error| error.to_string())?;
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || write_probe(&folder)).await;
        written.map_err(|error| error.to_string())?.map_err(|error| format!("data folder takes no writes: {error}"))
    }
}

/// Writes a file that has no name, so that nothing is left of it.
fn write_probe(folder: &Path) -> std::io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&vec![0; PROBE])?;
    file.sync_data()
}

#[async_trait]
impl Readiness for ProcessReadiness {
    async fn ready(&self) -> Result<(), String> {
        let mut last = self.last.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < KEPT_FOR
        {
            return result.clone();
        }
        let result = self.check().await;
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

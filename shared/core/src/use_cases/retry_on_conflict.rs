//! Changes that read a record, apply an input and write the record back under its version.

use crate::errors::PortError;

/// How often a change is applied again after another change was written first. Each conflict means that one of them
/// succeeded.
const MAX_CONFLICTS: usize = 1000;

/// Calls `change` until it returns a value. `None` means that another change was written between its read and its
/// write; the next call reads the record again. `what` names the record for the error of a change that never succeeds.
pub(crate) async fn retry_on_conflict<T, E: From<PortError>, F: Future<Output = Result<Option<T>, E>>>(
    what: &str,
    change: impl Fn() -> F,
) -> Result<T, E> {
    for _ in 0..MAX_CONFLICTS {
        if let Some(done) = change().await? {
            return Ok(done);
        }
    }
    Err(PortError::unavailable("store", format!("{what} changes too often to be written")).into())
}

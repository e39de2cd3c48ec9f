//! Open files: how many this process can have, and how many of them can be connections of clients. Files that messages in
//! flight need are set aside, so that clients never stop the service's work.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::limits::MAX_CONNECTIONS;
use crate::output::CommandError;

/// Files of the database, name servers, mails and logs, with some to spare.
const OWN: u64 = 64;
/// The least number of clients that is a service.
const MIN_CONNECTIONS: u64 = 16;

/// How many clients can be connected at once. The usual limit of 1,024 files is soon reached, so this raises it to what the
/// system allows.
pub(crate) fn room_for_clients(in_flight: usize) -> Result<usize, CommandError> {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(error = %error, "raising the limit of open files failed");
    }
    room(getrlimit(Resource::Nofile).current, in_flight)
}

fn room(limit: Option<u64>, in_flight: usize) -> Result<usize, CommandError> {
    let Some(limit) = limit else { return Ok(MAX_CONNECTIONS) };
    let needed = OWN.saturating_add(u64::try_from(in_flight).unwrap_or(u64::MAX));
    match limit.saturating_sub(needed) {
        left if left >= MIN_CONNECTIONS => Ok(usize::try_from(left).unwrap_or(usize::MAX).min(MAX_CONNECTIONS)),
        _ => Err(CommandError::of(format!(
            "the limit of open files is {limit}, and {in_flight} messages in flight need at least {}: raise the limit \
             (ulimit -n) or lower in_flight",
            needed.saturating_add(MIN_CONNECTIONS)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_messages_leave() {
        assert_eq!(room(None, 512).ok(), Some(4096));
        assert_eq!(room(Some(1 << 20), 512).ok(), Some(4096));
        assert_eq!(room(Some(1024), 512).ok(), Some(448));
        assert_eq!(room(Some(592), 512).ok(), Some(16));
        assert!(room(Some(591), 512).is_err());
        assert!(room(Some(1024), usize::MAX).is_err());
    }
}

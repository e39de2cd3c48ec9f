//! Waiting for a condition, with a deadline. Nothing here sleeps a fixed time in the hope that something has happened.

use std::time::{Duration, Instant};

/// Asks again and again until the answer is `Some`.
///
/// # Panics
/// When `limit` has passed, naming what was awaited.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, limit: Duration, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

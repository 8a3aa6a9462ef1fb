//! Waiting for what should happen soon.

use std::time::{Duration, Instant};

/// Longest wait for something that should happen soon.
pub const SOON: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks again and again until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so().await {
        assert!(Instant::now() < deadline, "still waiting: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

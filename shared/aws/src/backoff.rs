//! Waiting between tries, within the deadline.

use std::time::Duration;

use millrace_lambda::Deadline;

/// Most tries of one request.
const TRIES_LIMIT: u32 = 8;
/// Longest wait before the second try; it doubles with every further one.
const FIRST_WAIT_MS: u64 = 25;
/// Longest wait before any try.
const WAIT_LIMIT_MS: u64 = 2_000;

/// Exponential backoff with full jitter: execution environments that were throttled together come back apart.
#[derive(Debug)]
pub struct Backoff {
    deadline: Deadline,
    tries: u32,
}

impl Backoff {
    /// Tries until this deadline.
    pub fn new(deadline: Deadline) -> Self {
        Self { deadline, tries: 1 }
    }

    /// Waits for the next try; false when there is none left, or no time for it.
    pub async fn wait(&mut self) -> bool {
        let limit_ms = (FIRST_WAIT_MS << self.tries.min(16)).min(WAIT_LIMIT_MS);
        let wait = Duration::from_millis(fastrand::u64(0..=limit_ms));
        if self.tries >= TRIES_LIMIT || !self.deadline.allows(wait) {
            return false;
        }
        self.tries += 1;
        tokio::time::sleep(wait).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_end() {
        let mut backoff = Backoff::new(Deadline::NONE);
        let mut tries = 1;
        while backoff.wait().await {
            tries += 1;
        }
        assert_eq!(tries, TRIES_LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn no_try_begins_at_the_deadline() {
        assert!(!Backoff::new(Deadline::after(Duration::ZERO)).wait().await);
    }
}

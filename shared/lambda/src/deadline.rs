//! When an invocation must stop beginning new things.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// Share of the time left at the start that is kept for answering, as a divisor.
const MARGIN_SHARE: u32 = 10;
/// Most time kept for answering.
const MARGIN_LIMIT: Duration = Duration::from_secs(5);

/// The end of an invocation, less a margin to answer in; or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

/// The time for new things is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the invocation's deadline is near")]
pub struct DeadlineNear;

impl Deadline {
    /// No deadline.
    pub const NONE: Self = Self(None);

    /// The deadline of an invocation that ends at `ends_at_epoch_ms`, seen at `now_epoch_ms`. One already past at
    /// the start means none: `cargo lambda watch` sends one of the year 1970.
    pub fn new(ends_at_epoch_ms: u64, now_epoch_ms: u64) -> Self {
        match ends_at_epoch_ms.checked_sub(now_epoch_ms) {
            None | Some(0) => Self::NONE,
            Some(left_ms) => Self::after(Duration::from_millis(left_ms)),
        }
    }

    /// A deadline this far away.
    pub fn after(left: Duration) -> Self {
        let margin = (left / MARGIN_SHARE).min(MARGIN_LIMIT);
        Self(Instant::now().checked_add(left.saturating_sub(margin)))
    }

    /// Whether nothing new may begin.
    pub fn is_near(self) -> bool {
        self.0.is_some_and(|at| Instant::now() >= at)
    }

    /// Whether there is time to wait this long and still begin something.
    pub fn allows(self, wait: Duration) -> bool {
        self.0.is_none_or(|at| Instant::now() + wait < at)
    }

    /// Runs something to its end, or to the deadline.
    ///
    /// # Errors
    /// When the deadline comes first; what was begun may or may not have taken effect.
    pub async fn bound<T>(self, work: impl Future<Output = T>) -> Result<T, DeadlineNear> {
        match self.0 {
            None => Ok(work.await),
            Some(at) => tokio::time::timeout_at(at, work).await.map_err(|_| DeadlineNear),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_margin_is_kept() {
        let deadline = Deadline::new(10_000, 0);
        assert!(
            !deadline.is_near()
                && deadline.allows(Duration::from_secs(8))
                && !deadline.allows(Duration::from_secs(9))
        );
        tokio::time::advance(Duration::from_millis(9_000)).await;
        assert!(deadline.is_near());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_past_at_the_start_is_none() {
        let deadline = Deadline::new(600_000, 1_700_000_000_000);
        assert_eq!(deadline, Deadline::NONE);
        assert!(!deadline.is_near());
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_bounded() {
        let deadline = Deadline::after(Duration::from_secs(1));
        assert_eq!(deadline.bound(async { 5 }).await, Ok(5));
        assert_eq!(deadline.bound(std::future::pending::<()>()).await, Err(DeadlineNear));
    }
}

//! The process that calls: an invocation that may die at any of its calls.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Notify;

tokio::task_local! {
    static PROCESS: Process;
}

#[derive(Clone, Debug)]
struct Process {
    id: u64,
    died: Arc<Notify>,
}

/// The process died at one of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crashed;

/// Runs work as a process of this id: a crash among its calls ends all of it at once.
///
/// # Errors
/// When it crashed.
pub async fn run_process<T>(id: u64, work: impl Future<Output = T>) -> Result<T, Crashed> {
    let process = Process { id, died: Arc::new(Notify::new()) };
    let died = Arc::clone(&process.died);
    tokio::select! {
        biased;
        () = died.notified() => Err(Crashed),
        done = PROCESS.scope(process, work) => Ok(done),
    }
}

/// The id of the process that runs now; `None` outside of any.
pub fn process_id() -> Option<u64> {
    PROCESS.try_with(|process| process.id).ok()
}

/// Ends the process that runs now. Outside of any, it is as if the call hung.
pub(crate) async fn crash() -> ! {
    // A notice given before anybody waits is kept.
    let _ = PROCESS.try_with(|process| process.died.notify_one());
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_crash_ends_the_process_and_names_are_its_own() {
        assert_eq!(run_process(7, async { process_id() }).await, Ok(Some(7)));
        assert_eq!(run_process(8, async { crash().await }).await.map(|()| 0), Err(Crashed));
        assert_eq!(process_id(), None);
    }
}

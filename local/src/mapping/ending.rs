//! How a run ends that consumes what its own functions put into the streams.

use tokio::sync::watch;

/// Where a mapping stands that has nothing under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Idle {
    /// Records read so far.
    pub(super) records: u64,
    /// Pages in a row that held nothing, of the shard with the fewest.
    pub(super) empty_pages: u64,
}

/// What a mapping is watched by.
pub(crate) type Watched = watch::Receiver<Option<Idle>>;

/// One mapping's part in the end of a run. It reports how long its stream has been empty, and learns when the end has
/// come.
#[derive(Debug)]
pub(crate) struct Ending {
    stands: watch::Sender<Option<Idle>>,
    has_come: watch::Receiver<bool>,
}

impl Ending {
    /// A mapping's part, and what to watch it by. The end comes when `end` says so.
    pub(crate) fn new(end: &watch::Sender<bool>) -> (Self, Watched) {
        let (stands, watched) = watch::channel(None);
        (Self { stands, has_come: end.subscribe() }, watched)
    }

    /// Reports how idle the mapping is; `None` while something is under way.
    pub(super) fn stands(&self, idle: Option<Idle>) {
        self.stands.send_if_modified(|stands| std::mem::replace(stands, idle) != idle);
    }

    /// Whether the mapping ends at the tips of its shards.
    pub(super) fn has_come(&self) -> bool {
        *self.has_come.borrow()
    }
}

/// Resolves once nothing is under way anywhere.
///
/// What one mapping's function puts into a stream, another has yet to read. So each must have found its stream empty, and
/// found it empty again after all had, without a record in between: no work was left then that could have put any.
pub(crate) async fn quiet(mappings: &mut [Watched]) {
    loop {
        for mapping in mappings.iter_mut() {
            idle(mapping, |found| found.empty_pages >= 1).await;
        }
        let now: Option<Vec<Idle>> = mappings.iter().map(|mapping| *mapping.borrow()).collect();
        let Some(now) = now else { continue };
        let mut still = true;
        for (mapping, before) in mappings.iter_mut().zip(now) {
            // The page that was being asked for may have ended before this moment; the one after it did not. A record
            // makes the count of pages begin again. A mapping that was idle for long would take as long to reach it
            // again.
            let moved = |found: Idle| found.records != before.records;
            let enough = |found: Idle| moved(found) || found.empty_pages >= before.empty_pages + 2;
            still &= !moved(idle(mapping, enough).await);
        }
        if still {
            return;
        }
    }
}

/// Waits until a mapping stands idle, and so that it is enough.
async fn idle(mapping: &mut Watched, enough: impl Fn(Idle) -> bool) -> Idle {
    if let Ok(found) = mapping.wait_for(|now| now.is_some_and(&enough)).await
        && let Some(idle) = *found
    {
        return idle;
    }
    // The mapping has ended, with an error that its own task reports.
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_stood_still_for_long_need_not_do_so_again_behind_a_record() {
        let (ending, watched) = Ending::new(&watch::Sender::new(false));
        ending.stands(Some(Idle { records: 1, empty_pages: 1_000 }));
        let read_another = async {
            tokio::task::yield_now().await;
            ending.stands(None);
            for empty_pages in 0..100 {
                ending.stands(Some(Idle { records: 2, empty_pages }));
                tokio::task::yield_now().await;
            }
        };
        let mut mappings = [watched];
        tokio::select! {
            () = quiet(&mut mappings) => {}
            () = read_another => panic!("a hundred empty pages are not enough"),
        }
    }

    #[tokio::test]
    async fn what_one_mapping_puts_another_has_yet_to_read() {
        let end = watch::Sender::new(false);
        let ((one, watched_one), (other, watched_other)) = (Ending::new(&end), Ending::new(&end));
        one.stands(Some(Idle { records: 1, empty_pages: 1 }));
        other.stands(Some(Idle { records: 0, empty_pages: 1 }));
        let mut mappings = [watched_one, watched_other];
        let run = async {
            tokio::task::yield_now().await;
            other.stands(Some(Idle { records: 1, empty_pages: 1 }));
            for empty_pages in 2..=3 {
                one.stands(Some(Idle { records: 1, empty_pages }));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = quiet(&mut mappings) => panic!("the other has read a record since"),
            () = run => {}
        }
    }
}

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

/// One mapping's part in the end of a run: it tells how long its stream has been empty, and is told when the end has come.
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

    /// Tells where the mapping stands; `None` while something is under way.
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
            idle(mapping, 1).await;
        }
        let now: Option<Vec<Idle>> = mappings.iter().map(|mapping| *mapping.borrow()).collect();
        let Some(now) = now else { continue };
        let mut still = true;
        for (mapping, before) in mappings.iter_mut().zip(now) {
            // The page that was being asked for may have been cut before; the one after it was not.
            still &= idle(mapping, before.empty_pages + 2).await.records == before.records;
        }
        if still {
            return;
        }
    }
}

/// Waits until a mapping has found its stream empty so often. It may read records in between.
async fn idle(mapping: &mut Watched, empty_pages: u64) -> Idle {
    let mut last = None;
    while let Ok(found) = mapping.wait_for(|now| now.is_some() && *now != last).await {
        last = *found;
        if let Some(idle) = last.filter(|idle| idle.empty_pages >= empty_pages) {
            return idle;
        }
    }
    // The mapping has ended, with an error that its own task tells.
    std::future::pending().await
}

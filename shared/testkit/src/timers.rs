//! A table of timers in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use millrace_domain::timer::{Minute, StoredTimer, TimeBucket, Timer, sort_key, sort_key_beyond, timer_of};
use millrace_lambda::ports::NotAccepted;
use millrace_lambda::timers::{DuePage, DueTimers, TableError, TimerSink};
use millrace_lambda::{Clock, Deadline};

/// Timers in memory, placed by a clock as the real ones are; clones are the same table.
#[derive(Clone, Debug)]
pub struct MemoryTimers {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct State {
    /// Partition and sort keys.
    items: BTreeSet<(String, String)>,
    cursor: Option<Minute>,
    /// For each call to come, the index at which it fails.
    set_failures: VecDeque<Option<usize>>,
    delete_failures: VecDeque<Option<usize>>,
    read_failures: BTreeMap<TimeBucket, usize>,
    cursor_failures: usize,
    page_limit: Option<usize>,
}

impl MemoryTimers {
    /// An empty table, whose writers go by this clock.
    pub fn new(clock: Clock) -> Self {
        Self { state: Arc::default(), clock }
    }

    /// An empty table, whose writers' clock stands still, in epoch milliseconds.
    pub fn at(now_ms: i64) -> Self {
        Self::new(Clock::new(move || now_ms))
    }

    /// Each setting to come fails at the timer of this index; `None` is one that succeeds.
    pub fn script_sets(&self, failures: impl IntoIterator<Item = Option<usize>>) {
        self.lock().set_failures.extend(failures);
    }

    /// Each deletion to come fails at the timer of this index, and at those behind it; `None` is one that succeeds.
    pub fn script_deletes(&self, failures: impl IntoIterator<Item = Option<usize>>) {
        self.lock().delete_failures.extend(failures);
    }

    /// The next reads of a time bucket, as many, fail.
    pub fn fail_reads(&self, time_bucket: TimeBucket, times: usize) {
        self.lock().read_failures.insert(time_bucket, times);
    }

    /// The next reads and moves of the cursor, as many, fail.
    pub fn fail_cursor(&self, times: usize) {
        self.lock().cursor_failures = times;
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.set_failures.clear();
        state.delete_failures.clear();
        state.read_failures.clear();
        state.cursor_failures = 0;
    }

    /// Pages have at most so many timers.
    pub fn page(&self, limit: usize) {
        self.lock().page_limit = Some(limit);
    }

    /// Puts a timer in place, whatever the clock says.
    pub fn insert(&self, stored: &StoredTimer) {
        self.insert_raw(stored.time_bucket, &sort_key(&stored.timer));
    }

    /// Puts an item in place, of any sort key.
    pub fn insert_raw(&self, time_bucket: TimeBucket, sort_key: &str) {
        self.lock().items.insert((time_bucket.to_string(), sort_key.to_owned()));
    }

    /// The partition and sort keys of all items, in order.
    pub fn items(&self) -> Vec<(String, String)> {
        self.lock().items.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no call panics while it holds the table")
    }

    fn cursor_call(&self) -> Result<MutexGuard<'_, State>, TableError> {
        let mut state = self.lock();
        if state.cursor_failures > 0 {
            state.cursor_failures -= 1;
            return Err(scripted());
        }
        Ok(state)
    }
}

fn scripted() -> TableError {
    TableError("the script fails it".to_owned())
}

impl TimerSink for MemoryTimers {
    async fn set(&self, timers: &[Timer], _deadline: Deadline) -> Result<(), NotAccepted> {
        let now_ms = self.clock.now_ms();
        let failure = self.lock().set_failures.pop_front().flatten().filter(|index| *index < timers.len());
        for timer in timers.iter().take(failure.unwrap_or(timers.len())) {
            self.insert(&StoredTimer::new(timer.clone(), now_ms));
        }
        match failure {
            None => Ok(()),
            Some(first) => Err(NotAccepted { first, why: scripted().0 }),
        }
    }
}

impl DueTimers for MemoryTimers {
    async fn read_due(
        &self,
        time_bucket: TimeBucket,
        until_ms: i64,
        limit: usize,
        from: Option<&str>,
        _deadline: Deadline,
    ) -> Result<DuePage, TableError> {
        // Runs that overlap take turns.
        tokio::task::yield_now().await;
        let mut state = self.lock();
        if let Some(times) = state.read_failures.get_mut(&time_bucket).filter(|times| **times > 0) {
            *times -= 1;
            return Err(scripted());
        }
        let limit = limit.min(state.page_limit.unwrap_or(limit));
        let key = |sort: &str| (time_bucket.to_string(), sort.to_owned());
        let start = from.map_or(Bound::Included(key("")), |from| Bound::Excluded(key(from)));
        let due = state.items.range((start, Bound::Excluded(key(&sort_key_beyond(until_ms)))));
        let found: Vec<_> = due.take(limit).map(|(_, sort)| sort.clone()).collect();
        let timers: Vec<_> = found.iter().filter_map(|sort| timer_of(sort).ok()).collect();
        let corrupt = found.len() - timers.len();
        let next = found.into_iter().nth(limit.saturating_sub(1));
        Ok(DuePage { timers, corrupt, next })
    }

    async fn delete(&self, timers: &[StoredTimer], _deadline: Deadline) -> Vec<Result<(), TableError>> {
        tokio::task::yield_now().await;
        let mut state = self.lock();
        let fails_at = state.delete_failures.pop_front().flatten().unwrap_or(timers.len());
        let mut delete = |(index, stored): (usize, &StoredTimer)| {
            if index >= fails_at {
                return Err(scripted());
            }
            state.items.remove(&(stored.time_bucket.to_string(), sort_key(&stored.timer)));
            Ok(())
        };
        timers.iter().enumerate().map(&mut delete).collect()
    }

    async fn cursor(&self, _deadline: Deadline) -> Result<Option<Minute>, TableError> {
        Ok(self.cursor_call()?.cursor)
    }

    async fn oldest(&self, _deadline: Deadline) -> Result<Option<Minute>, TableError> {
        let state = self.cursor_call()?;
        Ok(state.items.iter().filter_map(|(time_bucket, _)| TimeBucket::minute_of(time_bucket)).min())
    }

    async fn move_cursor(&self, to: Minute, _deadline: Deadline) -> Result<(), TableError> {
        let mut state = self.cursor_call()?;
        state.cursor = state.cursor.max(Some(to));
        Ok(())
    }
}

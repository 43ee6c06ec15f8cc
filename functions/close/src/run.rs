//! One run: what is due, minute by minute, into the stream and out of the table.

use std::ops::ControlFlow;

use futures::future::join_all;
use millrace_domain::timer::{Minute, StoredTimer, TimeBucket, first_cursor, minutes_to_take};
use millrace_lambda::Deadline;
use millrace_lambda::record_stream::{Put, RecordStream};
use millrace_lambda::timers::{DuePage, DueTimers, TableError};

use crate::answer::{Failed, Taken};
use crate::record::{DEADLINE_NEAR, STEP_TIME, record};

/// Most timers of one page.
const PAGE_LIMIT_TIMERS: usize = 1_000;
/// Timers that are gathered before they are put: two full calls of the stream.
const PUT_TIMERS: usize = 1_000;
/// Time buckets that are read side by side: most are empty.
const READ_TIME_BUCKETS: usize = 16;

/// Takes what is due at `now_ms` (epoch milliseconds), at most `limit` timers and as far as the deadline allows.
///
/// A crash anywhere does no harm, nor does another run at the same time. A timer is deleted once the stream has it, and
/// the cursor moves once everything up to it is deleted; what is repeated rings at a state that has done its work. The
/// cursor never reaches the present minute, whose time buckets may still be written to. A run reads the minutes before
/// it again for as long as a slow writer may reach them.
///
/// # Errors
/// When the table or the stream did not take its part. What else could be done was; the rest is left for the next run.
pub async fn run<T: DueTimers, R: RecordStream>(
    timers: &T,
    stream: &R,
    limit: usize,
    now_ms: i64,
    deadline: Deadline,
) -> Result<Taken, Failed<Taken>> {
    let (cursor, after) = match where_to_begin(timers, now_ms, deadline).await {
        Ok(found) => found,
        Err(error) => {
            let why = format!("the cursor could not be read: {error}");
            return Err(Failed { why, done: Taken::default() });
        }
    };
    let mut run = Run {
        timers,
        stream,
        limit,
        now_ms,
        deadline,
        gathered: Vec::new(),
        done: Taken::default(),
        unfinished: None,
        trouble: None,
    };
    run.take_all(after).await;
    run.finish(cursor).await
}

/// The cursor, and the minute behind which to begin. Before the first run, however late it comes, that is before the oldest
/// time bucket there is.
async fn where_to_begin<T: DueTimers>(
    timers: &T,
    now_ms: i64,
    deadline: Deadline,
) -> Result<(Option<Minute>, Minute), TableError> {
    match timers.cursor(deadline).await? {
        Some(cursor) => Ok((Some(cursor), cursor)),
        None => Ok((None, first_cursor(timers.oldest(deadline).await?, now_ms))),
    }
}

struct Run<'r, T, R> {
    timers: &'r T,
    stream: &'r R,
    limit: usize,
    now_ms: i64,
    deadline: Deadline,
    /// Timers that were read and wait to be put.
    gathered: Vec<StoredTimer>,
    done: Taken,
    /// The first minute of which something is left.
    unfinished: Option<Minute>,
    /// The first trouble, which fails the invocation at its end.
    trouble: Option<String>,
}

impl<T: DueTimers, R: RecordStream> Run<'_, T, R> {
    async fn take_all(&mut self, after: Minute) {
        let mut time_buckets = minutes_to_take(after, self.now_ms).flat_map(TimeBucket::all_of);
        loop {
            let side_by_side: Vec<_> = time_buckets.by_ref().take(READ_TIME_BUCKETS).collect();
            let Some(first) = side_by_side.first() else { break };
            if self.is_near_deadline() {
                self.leave(first.minute);
                break;
            }
            let pages = join_all(side_by_side.iter().map(|time_bucket| self.read(*time_bucket, None))).await;
            for (time_bucket, page) in side_by_side.into_iter().zip(pages) {
                if self.take_time_bucket(time_bucket, page).await.is_break() {
                    self.leave(time_bucket.minute);
                    // Even so, what was read before the trouble goes out.
                    let _ = self.put_gathered().await;
                    return;
                }
            }
        }
        let _ = self.put_gathered().await;
    }

    async fn read(&self, time_bucket: TimeBucket, from: Option<&str>) -> Result<DuePage, TableError> {
        self.timers.read_due(time_bucket, self.now_ms, PAGE_LIMIT_TIMERS, from, self.deadline).await
    }

    /// Gathers a time bucket's timers to its end, and puts them when there are enough. Breaks where the run must end.
    async fn take_time_bucket(
        &mut self,
        time_bucket: TimeBucket,
        mut page: Result<DuePage, TableError>,
    ) -> ControlFlow<()> {
        loop {
            let DuePage { timers, corrupt, next } = match page {
                Ok(page) => page,
                Err(error) => {
                    self.fail(format!("the table of timers could not be read: {error}"));
                    return ControlFlow::Break(());
                }
            };
            self.done.corrupt += corrupt as u64;
            for timer in timers {
                if self.gathered.len() as u64 + self.done.due >= self.limit as u64 {
                    self.done.error = "the limit of a run is reached".to_owned();
                    return ControlFlow::Break(());
                }
                self.gathered.push(StoredTimer { time_bucket, timer });
            }
            if self.gathered.len() >= PUT_TIMERS {
                self.put_gathered().await?;
            }
            let Some(from) = next else { return ControlFlow::Continue(()) };
            page = self.read(time_bucket, Some(&from)).await;
        }
    }

    /// Puts what was gathered, and deletes what the stream has accepted, never anything else. Breaks where nothing was
    /// done of it: what comes behind would fare no better.
    async fn put_gathered(&mut self) -> ControlFlow<()> {
        let gathered = std::mem::take(&mut self.gathered);
        if gathered.is_empty() {
            return ControlFlow::Continue(());
        }
        if self.is_near_deadline() {
            gathered.iter().for_each(|stored| self.leave(stored.time_bucket.minute));
            return ControlFlow::Break(());
        }
        self.done.due += gathered.len() as u64;
        let (mut sent, mut records) = (Vec::new(), Vec::new());
        for stored in gathered {
            match record(&stored.timer) {
                Ok(record) => {
                    records.push(record);
                    sent.push(stored);
                }
                Err(error) => self.not_done(&stored, format!("a timer cannot be written: {error}")),
            }
        }
        let mut accepted = Vec::with_capacity(sent.len());
        for (stored, put) in sent.into_iter().zip(self.stream.put(&records, self.deadline).await) {
            match put {
                Put::Accepted => accepted.push(stored),
                Put::NotAccepted(why) | Put::Rejected(why) => {
                    self.not_done(&stored, format!("the stream did not accept every timer: {why}"));
                }
            }
        }
        self.done.put += accepted.len() as u64;
        self.delete(&accepted).await
    }

    async fn delete(&mut self, accepted: &[StoredTimer]) -> ControlFlow<()> {
        let mut deleted = 0;
        for (stored, answer) in accepted.iter().zip(self.timers.delete(accepted, self.deadline).await) {
            match answer {
                Ok(()) => deleted += 1,
                Err(error) => self.not_done(stored, format!("not every timer could be deleted: {error}")),
            }
        }
        self.done.deleted += deleted;
        if deleted == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Moves the cursor as far as everything was taken.
    async fn finish(mut self, cursor: Option<Minute>) -> Result<Taken, Failed<Taken>> {
        let present = Minute::of(self.now_ms);
        let whole = self.unfinished.map_or(present, |minute| minute.min(present)).plus(-1);
        let mut reached = cursor;
        if cursor.is_none_or(|cursor| whole > cursor) {
            match self.timers.move_cursor(whole, self.deadline).await {
                Ok(()) => reached = Some(whole),
                Err(error) => self.fail(format!("the cursor could not be moved: {error}")),
            }
        }
        self.done.complete = self.unfinished.is_none();
        self.done.cursor = reached.map(|minute| minute.to_string());
        match self.trouble {
            None => Ok(self.done),
            Some(why) => Err(Failed { why, done: self.done }),
        }
    }

    fn leave(&mut self, minute: Minute) {
        self.unfinished = Some(self.unfinished.map_or(minute, |first| first.min(minute)));
    }

    fn not_done(&mut self, stored: &StoredTimer, why: String) {
        self.leave(stored.time_bucket.minute);
        self.fail(why);
    }

    fn fail(&mut self, why: String) {
        self.trouble.get_or_insert(why);
    }

    /// Whether no further step may begin; says so in the answer.
    fn is_near_deadline(&mut self) -> bool {
        let is_near = !self.deadline.allows(STEP_TIME);
        if is_near {
            self.done.error = DEADLINE_NEAR.to_owned();
        }
        is_near
    }
}

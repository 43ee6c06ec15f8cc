//! What a run does when a part of it fails: all that it can, and the invocation fails.

use std::time::Duration;

use close::run;
use millrace_domain::timer::StoredTimer;
use millrace_lambda::Deadline;
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};
use millrace_lambda::timers::{DueTimers, TimerSink};
use millrace_testkit::{MemoryStream, MemoryTimers};

use crate::harness::{NO_LIMIT, NOW_MS, at, left, minute, put_keys, run_at, set_in_time, sort, taken, timer};

#[tokio::test]
async fn only_what_the_stream_accepted_is_deleted() {
    let set: Vec<_> = (0..5).map(|number| timer(&format!("u{number}"), number - 9)).collect();
    let (timers, stream) = (set_in_time(&set), MemoryStream::default());
    stream.script([Some(2)]);
    let failed = run_at(0, &timers, &stream).await.unwrap_err();
    assert_eq!(failed.why, "the stream did not accept every timer: the script fails it");
    assert_eq!(
        (failed.done.due, failed.done.put, failed.done.deleted, failed.done.complete),
        (5, 4, 4, false)
    );
    assert_eq!(failed.done.cursor, Some(minute(-8)), "before the time bucket of which something is left");
    assert_eq!(left(&timers), [sort("u2", -7)]);
    assert_eq!(run_at(1, &timers, &stream).await, Ok(taken(1, 0)));
}

#[tokio::test]
async fn a_stream_that_takes_nothing_ends_the_run() {
    let (timers, stream) = (set_in_time(&[timer("u", -3)]), MemoryStream::default());
    run_at(-5, &timers, &stream).await.unwrap();
    stream.script([Some(0)]);
    let failed = run_at(0, &timers, &stream).await.unwrap_err();
    assert_eq!((failed.done.put, failed.done.complete, failed.done.cursor), (0, false, Some(minute(-4))));
    assert_eq!(left(&timers), [sort("u", -3)]);
}

#[tokio::test]
async fn a_timer_that_the_stream_rejects_holds_the_cursor_and_no_other_timer() {
    let (timers, stream) = (set_in_time(&[timer("rejected", -3), timer("u", -2)]), MemoryStream::default());
    stream.reject("rejected");
    for minutes in 0..30 {
        let failed = run_at(minutes, &timers, &stream).await.unwrap_err();
        assert_eq!(failed.done.cursor, Some(minute(-4)));
    }
    assert_eq!((put_keys(&stream), left(&timers)), (vec!["u".to_owned()], vec![sort("rejected", -3)]));
}

#[tokio::test]
async fn what_could_not_be_deleted_comes_again() {
    let (timers, stream) = (set_in_time(&[timer("a", -5), timer("b", -4)]), MemoryStream::default());
    timers.script_deletes([Some(1)]);
    let failed = run_at(0, &timers, &stream).await.unwrap_err();
    assert_eq!(failed.why, "not every timer could be deleted: the script fails it");
    assert_eq!((failed.done.put, failed.done.deleted, failed.done.cursor), (2, 1, Some(minute(-5))));
    assert_eq!(run_at(1, &timers, &stream).await, Ok(taken(1, 0)));
    assert_eq!(put_keys(&stream), ["a", "b", "b"]);
}

#[tokio::test]
async fn the_cursor_never_passes_a_time_bucket_that_was_not_read() {
    let set = [timer("a", -8), timer("b", -5), timer("c", -2)];
    let (timers, stream) = (set_in_time(&set), MemoryStream::default());
    timers.fail_reads(StoredTimer::new(set[1].clone(), 0).time_bucket, 20);
    for minutes in 0..20 {
        let failed = run_at(minutes, &timers, &stream).await.unwrap_err();
        assert_eq!(failed.why, "the table of timers could not be read: the script fails it");
        assert_eq!(failed.done.cursor, Some(minute(-6)));
    }
    assert_eq!(put_keys(&stream), ["a"], "what was read before it goes out");
    assert_eq!(run_at(20, &timers, &stream).await, Ok(taken(2, 19)));
}

#[tokio::test]
async fn without_its_cursor_a_run_fails_and_does_nothing() {
    let (timers, stream) = (set_in_time(&[timer("u", -5)]), MemoryStream::default());
    timers.fail_cursor(1);
    let failed = run_at(0, &timers, &stream).await.unwrap_err();
    assert_eq!(failed.why, "the cursor could not be read: the script fails it");
    assert_eq!((failed.done.complete, stream.calls()), (false, 0));
    assert_eq!(run_at(0, &timers, &stream).await, Ok(taken(1, -1)));
}

/// Accepts records and dies before the run hears of it.
struct Dies(MemoryStream);

impl RecordStream for Dies {
    async fn put(&self, records: &[OutgoingRecord], deadline: Deadline) -> Vec<Put> {
        self.0.put(records, deadline).await;
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_put_and_deletion_repeats_the_event_byte_for_byte() {
    let (timers, stream) = (set_in_time(&[timer("u", -5)]), MemoryStream::default());
    let dies = Dies(stream.clone());
    let crashed = tokio::time::timeout(Duration::from_secs(1), run_at(0, &timers, &dies)).await;
    assert!(crashed.is_err() && left(&timers) == [sort("u", -5)]);
    assert_eq!(timers.cursor(Deadline::NONE).await, Ok(None));
    assert_eq!(run_at(1, &timers, &stream).await, Ok(taken(1, 0)));
    let put = stream.accepted();
    assert!(put.len() == 2 && put[0] == put[1]);
}

/// Accepts records, and their consumer sets the next timer before the run hears of it.
struct Rearms(MemoryStream, MemoryTimers);

impl RecordStream for Rearms {
    async fn put(&self, records: &[OutgoingRecord], deadline: Deadline) -> Vec<Put> {
        let answers = self.0.put(records, deadline).await;
        self.1.set(&[timer("u", 40)], deadline).await.unwrap();
        answers
    }
}

#[tokio::test]
async fn a_timer_that_is_set_anew_meanwhile_is_not_deleted() {
    let (timers, stream) = (set_in_time(&[timer("u", -1)]), MemoryStream::default());
    assert_eq!(run_at(0, &timers, &Rearms(stream.clone(), timers.clone())).await, Ok(taken(1, -1)));
    assert_eq!(left(&timers), [sort("u", 40)]);
    assert_eq!(run_at(41, &timers, &stream).await, Ok(taken(1, 40)));
}

#[tokio::test]
async fn a_cursor_that_cannot_be_moved_fails_the_run_and_loses_nothing() {
    let (timers, stream) = (MemoryTimers::at(at(-20)), MemoryStream::default());
    run_at(-20, &timers, &stream).await.unwrap();
    timers.set(&[timer("u", -18)], Deadline::NONE).await.unwrap();
    let stuck = Stuck(stream.clone(), timers.clone());
    let failed = run(&timers, &stuck, NO_LIMIT, NOW_MS, Deadline::NONE).await.unwrap_err();
    assert_eq!(failed.why, "the cursor could not be moved: the script fails it");
    assert_eq!((failed.done.deleted, failed.done.cursor), (1, Some(minute(-21))));
    assert_eq!(run_at(0, &timers, &stream).await, Ok(taken(0, -1)));
}

/// Accepts records, and from then on the cursor cannot be moved.
struct Stuck(MemoryStream, MemoryTimers);

impl RecordStream for Stuck {
    async fn put(&self, records: &[OutgoingRecord], deadline: Deadline) -> Vec<Put> {
        self.1.fail_cursor(1);
        self.0.put(records, deadline).await
    }
}

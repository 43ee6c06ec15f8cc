//! What a run takes, and what it leaves.

use std::time::Duration;

use close::run;
use millrace_domain::timer::StoredTimer;
use millrace_lambda::Deadline;
use millrace_lambda::timers::DueTimers;
use millrace_testkit::{MemoryStream, MemoryTimers};

use crate::harness::{
    NO_LIMIT, NOW_MS, at, left, minute, neighbours, put_keys, record, run_at, set_in_time, sort, taken, timer,
};

#[tokio::test]
async fn a_timer_that_is_due_becomes_an_event_of_its_key_and_is_gone() {
    let (timers, stream) = (set_in_time(&[timer("u", -1)]), MemoryStream::default());
    assert_eq!(run_at(0, &timers, &stream).await, Ok(taken(1, -1)));
    assert_eq!(stream.accepted(), [record(&timer("u", -1))]);
    assert!(timers.items().is_empty());
}

#[tokio::test]
async fn what_is_not_yet_due_stays_until_it_is() {
    let mut later = timer("later", 0);
    later.due_at_ms += 1;
    let (timers, stream) = (set_in_time(&[timer("now", 0), later.clone()]), MemoryStream::default());
    assert_eq!(run_at(0, &timers, &stream).await, Ok(taken(1, -1)));
    assert_eq!(put_keys(&stream), ["now"]);
    assert_eq!(run_at(1, &timers, &stream).await, Ok(taken(1, 0)));
    assert_eq!(put_keys(&stream), ["now", "later"]);
}

#[tokio::test]
async fn an_idle_run_moves_the_cursor_to_the_minute_before() {
    let (timers, stream) = (MemoryTimers::at(NOW_MS), MemoryStream::default());
    assert_eq!(run_at(0, &timers, &stream).await, Ok(taken(0, -1)));
    assert_eq!(stream.calls(), 0);
    assert_eq!(run_at(-30, &timers, &stream).await, Ok(taken(0, -1)), "a clock that goes back moves nothing");
}

#[tokio::test]
async fn the_first_run_takes_everything_however_late_it_comes() {
    let days_ago = -3 * 24 * 60;
    let (timers, stream) = (
        set_in_time(&[timer("old", days_ago), timer("now", 0), timer("later", 60)]),
        MemoryStream::default(),
    );
    assert_eq!(run_at(0, &timers, &stream).await, Ok(taken(2, -1)));
    assert_eq!(put_keys(&stream), ["old", "now"]);
}

#[tokio::test]
async fn a_backlog_of_hours_is_taken_in_the_order_of_time() {
    let set: Vec<_> =
        (0..480).flat_map(|due| (0..5).map(move |user| timer(&format!("u{due}-{user}"), due))).collect();
    let (timers, stream) = (set_in_time(&set), MemoryStream::default());
    run_at(0, &MemoryTimers::at(NOW_MS), &stream).await.unwrap();
    assert_eq!(run_at(-1, &timers, &stream).await, Ok(taken(0, -2)));
    assert_eq!(run_at(480, &timers, &stream).await, Ok(taken(2_400, 479)));
    let put: Vec<_> =
        stream.accepted().iter().map(|record| String::from_utf8_lossy(&record.data).into_owned()).collect();
    let minutes: Vec<_> =
        put.iter().map(|text| text.split("\"due_at_ms\":").nth(1).unwrap().to_owned()).collect();
    assert!(minutes.is_sorted() && timers.items().is_empty());
    assert_eq!(stream.calls(), 3, "sparse time buckets share their calls");
}

#[tokio::test]
async fn a_slow_writer_is_found_in_the_last_sixteen_minutes_that_were_taken() {
    for minutes in 0..=16 {
        let (timers, stream) = (MemoryTimers::at(NOW_MS), MemoryStream::default());
        assert_eq!(run_at(1, &timers, &stream).await, Ok(taken(0, 0)));
        // The writer has read its clock before the time bucket was taken, and its write takes effect behind that.
        let slow = StoredTimer::new(timer("slow", -60), at(-minutes - 1));
        assert_eq!(slow.time_bucket.minute.to_string(), minute(-minutes));
        timers.insert(&slow);
        run_at(2, &timers, &stream).await.unwrap();
        assert_eq!(put_keys(&stream).len(), usize::from(minutes < 16), "{minutes} minutes");
    }
}

#[tokio::test]
async fn a_limit_is_kept_and_the_next_run_goes_on() {
    let set: Vec<_> = (0..25).map(|number| timer(&format!("u{number}"), number - 30)).collect();
    let (timers, stream) = (set_in_time(&set), MemoryStream::default());
    run_at(-31, &timers, &stream).await.unwrap();
    for (round, cursor) in [(10, -21), (20, -11)] {
        let answer = run(&timers, &stream, 10, NOW_MS, Deadline::NONE).await.unwrap();
        assert_eq!((answer.due, answer.complete, answer.cursor), (10, false, Some(minute(cursor))));
        assert_eq!(answer.error, "the limit of a run is reached");
        assert_eq!((stream.accepted().len(), timers.items().len()), (round, 25 - round));
    }
    assert_eq!(run(&timers, &stream, 10, NOW_MS, Deadline::NONE).await, Ok(taken(5, -1)));
    let keys: Vec<_> = set.into_iter().map(|timer| timer.key).collect();
    assert_eq!(put_keys(&stream), keys);
}

#[tokio::test]
async fn a_limit_that_is_just_enough_leaves_nothing() {
    let set: Vec<_> = neighbours(10).iter().map(|key| timer(key, -5)).collect();
    let (timers, stream) = (set_in_time(&set), MemoryStream::default());
    assert_eq!(run(&timers, &stream, 10, NOW_MS, Deadline::NONE).await, Ok(taken(10, -1)));
}

#[tokio::test]
async fn a_time_bucket_is_read_page_by_page() {
    let set: Vec<_> = neighbours(7).iter().map(|key| timer(key, -5)).collect();
    let (timers, stream) = (set_in_time(&set), MemoryStream::default());
    timers.page(2);
    assert_eq!(run_at(0, &timers, &stream).await, Ok(taken(7, -1)));
    assert!(timers.items().is_empty());
}

#[tokio::test(start_paused = true)]
async fn near_the_deadline_nothing_begins_and_everything_is_left() {
    let (timers, stream) = (set_in_time(&[timer("u", -5)]), MemoryStream::default());
    run_at(-6, &timers, &stream).await.unwrap();
    let near = Deadline::after(Duration::from_secs(2));
    let answer = run(&timers, &stream, NO_LIMIT, NOW_MS, near).await.unwrap();
    assert_eq!((answer.due, answer.complete, answer.cursor), (0, false, Some(minute(-7))));
    assert_eq!(answer.error, "the invocation's deadline is near");
    assert_eq!(run_at(0, &timers, &stream).await, Ok(taken(1, -1)));
}

#[tokio::test]
async fn runs_that_overlap_put_twice_and_lose_nothing() {
    let set: Vec<_> = (0..50).map(|number| timer(&format!("u{number:02}"), number % 10 - 10)).collect();
    let (timers, stream) = (set_in_time(&set), MemoryStream::default());
    let (one, other) = tokio::join!(run_at(0, &timers, &stream), run_at(1, &timers, &stream));
    assert_eq!((one.unwrap().complete, other.unwrap().complete), (true, true));
    let mut keys = put_keys(&stream);
    assert!(keys.len() > 50, "they do overlap");
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 50);
    assert!(timers.items().is_empty());
    let cursor = timers.cursor(Deadline::NONE).await.unwrap().unwrap();
    assert_eq!(cursor.to_string(), minute(0), "the one behind leaves the cursor where it is");
}

#[tokio::test]
async fn an_item_that_is_no_timer_stays_and_holds_nothing_up() {
    let (timers, stream) = (set_in_time(&[timer("u", -5)]), MemoryStream::default());
    timers.insert_raw(StoredTimer::new(timer("u", -5), 0).time_bucket, "0 no timer");
    let answer = run_at(0, &timers, &stream).await.unwrap();
    assert_eq!((answer.put, answer.corrupt, answer.cursor), (1, 1, Some(minute(-1))));
    assert_eq!(left(&timers), ["0 no timer"]);
}

#[tokio::test]
async fn of_two_timers_of_a_key_each_goes_when_it_is_due() {
    let (timers, stream) = (set_in_time(&[timer("u", -1), timer("u", 0)]), MemoryStream::default());
    assert_eq!(run_at(-1, &timers, &stream).await, Ok(taken(1, -2)));
    assert_eq!(left(&timers), [sort("u", 0)]);
}

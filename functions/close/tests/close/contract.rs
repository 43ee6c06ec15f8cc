//! What every table of timers does.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use millrace_aws::DynamoTimers;
use millrace_aws::dynamodb::timers::{CURSOR, MINUTE, TIME_BUCKET, TIMER};
use millrace_domain::timer::{Minute, StoredTimer, TimeBucket, Timer};
use millrace_lambda::timers::{DuePage, DueTimers, TimerSink};
use millrace_lambda::{Clock, Deadline, Meter};
use millrace_testkit::{MemoryStream, MemoryTimers};

use crate::emulator::{Emulator, TIMERS, client};
use crate::harness::{NOW_MS, at, minute, neighbours, run_at, taken, timer};

/// Each rule runs against each table.
macro_rules! rules {
    ($($rule:ident),+ $(,)?) => {
        mod in_memory_table {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(&super::MemoryTimers::at(super::NOW_MS)).await;
            })+
        }
        mod dynamodb_table {
            $(#[tokio::test]
            async fn $rule() {
                let emulator = super::Emulator::start().await;
                super::$rule(&emulator.timers()).await;
            })+
        }
    };
}

rules!(
    a_timer_is_read_in_the_time_bucket_of_its_due_minute_and_no_other,
    a_timer_already_due_is_in_the_next_minute,
    a_timer_set_twice_is_there_once,
    what_is_not_due_is_not_read,
    pages_follow_one_another_in_the_order_of_time,
    more_timers_than_a_request_takes_are_set_and_deleted,
    deleting_takes_what_is_named_and_nothing_else,
    the_cursor_only_moves_forward,
    the_oldest_time_bucket_is_found_and_the_cursor_is_none,
    nothing_is_asked_for_no_timers,
    a_run_empties_the_table,
);

trait Table: TimerSink + DueTimers {}
impl<T: TimerSink + DueTimers> Table for T {}

async fn page(
    table: &impl Table,
    time_bucket: TimeBucket,
    until_ms: i64,
    limit: usize,
    from: Option<&str>,
) -> DuePage {
    table.read_due(time_bucket, until_ms, limit, from, Deadline::NONE).await.unwrap()
}

async fn whole(table: &impl Table, time_bucket: TimeBucket) -> Vec<Timer> {
    page(table, time_bucket, i64::MAX, 1_000, None).await.timers
}

async fn set(table: &impl Table, timers: &[Timer]) {
    assert_eq!(table.set(timers, Deadline::NONE).await, Ok(()));
}

fn stored(timer: &Timer) -> StoredTimer {
    StoredTimer::new(timer.clone(), NOW_MS)
}

async fn a_timer_is_read_in_the_time_bucket_of_its_due_minute_and_no_other(table: &impl Table) {
    let late = timer("user \"1\"#ü", 40);
    set(table, std::slice::from_ref(&late)).await;
    for minute in [39, 40, 41] {
        for time_bucket in TimeBucket::all_of(Minute::of(at(minute))) {
            let expected: &[Timer] =
                if time_bucket == stored(&late).time_bucket { std::slice::from_ref(&late) } else { &[] };
            assert_eq!(whole(table, time_bucket).await, expected);
        }
    }
}

async fn a_timer_already_due_is_in_the_next_minute(table: &impl Table) {
    let due = timer("u", -500);
    set(table, std::slice::from_ref(&due)).await;
    assert_eq!(stored(&due).time_bucket.minute, Minute::of(at(1)));
    assert_eq!(whole(table, stored(&due).time_bucket).await, [due]);
}

async fn a_timer_set_twice_is_there_once(table: &impl Table) {
    let twice = timer("u", 40);
    set(table, &[twice.clone(), timer("v", 40), twice.clone()]).await;
    set(table, std::slice::from_ref(&twice)).await;
    let found = whole(table, stored(&twice).time_bucket).await;
    assert_eq!(found.iter().filter(|timer| timer.key == "u").count(), 1);
}

async fn what_is_not_due_is_not_read(table: &impl Table) {
    let keys = neighbours(3);
    let moments: Vec<_> = keys
        .iter()
        .zip([-1, 0, 1])
        .map(|(key, ms)| Timer { key: key.clone(), due_at_ms: at(40) + ms })
        .collect();
    set(table, &moments).await;
    let found = page(table, stored(&moments[0]).time_bucket, at(40), 10, None).await;
    assert_eq!(found, DuePage { timers: moments[..2].to_vec(), corrupt: 0, next: None });
}

async fn pages_follow_one_another_in_the_order_of_time(table: &impl Table) {
    let mut timers: Vec<_> = neighbours(7)
        .into_iter()
        .zip(0..)
        .map(|(key, ms)| Timer { key, due_at_ms: at(40) - 1_000 * ms })
        .collect();
    set(table, &timers).await;
    timers.sort_by_key(|timer| timer.due_at_ms);
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = page(table, stored(&timers[0]).time_bucket, at(41), 3, from.as_deref()).await;
        assert!(page.timers.len() <= 3);
        found.extend(page.timers);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(found, timers);
}

async fn more_timers_than_a_request_takes_are_set_and_deleted(table: &impl Table) {
    let timers: Vec<_> = (0..130).map(|number| timer(&format!("u{number}"), 40)).collect();
    set(table, &timers).await;
    let mut all = Vec::new();
    for time_bucket in TimeBucket::all_of(Minute::of(at(40))) {
        let of_time_bucket = whole(table, time_bucket).await;
        all.extend(of_time_bucket.into_iter().map(|timer| StoredTimer { time_bucket, timer }));
    }
    assert_eq!(all.len(), 130);
    let mut twice = all.clone();
    twice.push(all[0].clone());
    assert_eq!(table.delete(&twice, Deadline::NONE).await, vec![Ok(()); 131]);
    for time_bucket in TimeBucket::all_of(Minute::of(at(40))) {
        assert_eq!(whole(table, time_bucket).await, []);
    }
}

async fn deleting_takes_what_is_named_and_nothing_else(table: &impl Table) {
    let (first, again) = (timer("u", 40), Timer { due_at_ms: at(40) + 1, ..timer("u", 40) });
    set(table, &[first.clone(), again.clone()]).await;
    let absent = stored(&timer("v", 40));
    assert_eq!(table.delete(&[stored(&first), absent], Deadline::NONE).await, [Ok(()), Ok(())]);
    assert_eq!(whole(table, stored(&first).time_bucket).await, [again]);
}

async fn the_cursor_only_moves_forward(table: &impl Table) {
    assert_eq!(table.cursor(Deadline::NONE).await, Ok(None));
    for (to, cursor) in [(3, 3), (1, 3), (3, 3), (4, 4)] {
        assert_eq!(table.move_cursor(Minute::of(at(to)), Deadline::NONE).await, Ok(()));
        assert_eq!(table.cursor(Deadline::NONE).await, Ok(Some(Minute::of(at(cursor)))));
    }
}

async fn the_oldest_time_bucket_is_found_and_the_cursor_is_none(table: &impl Table) {
    assert_eq!(table.oldest(Deadline::NONE).await, Ok(None));
    assert_eq!(table.move_cursor(Minute::of(at(-900)), Deadline::NONE).await, Ok(()));
    assert_eq!(table.oldest(Deadline::NONE).await, Ok(None));
    let timers: Vec<_> = (0..50).map(|number| timer(&format!("u{number}"), 40 + number * 7 % 50)).collect();
    set(table, &timers).await;
    assert_eq!(table.oldest(Deadline::NONE).await, Ok(Some(Minute::of(at(40)))));
}

async fn nothing_is_asked_for_no_timers(table: &impl Table) {
    set(table, &[]).await;
    assert_eq!(table.delete(&[], Deadline::NONE).await, []);
}

async fn a_run_empties_the_table(table: &impl Table) {
    let stream = MemoryStream::default();
    assert_eq!(run_at(0, table, &stream).await, Ok(taken(0, -1)));
    let timers: Vec<_> = (0..200).map(|number| timer(&format!("u{number}"), number % 30)).collect();
    set(table, &timers).await;
    assert_eq!(run_at(30, table, &stream).await, Ok(taken(200, 29)));
    assert_eq!(run_at(31, table, &stream).await, Ok(taken(0, 30)));
    assert_eq!(stream.accepted().len(), 200);
}

#[tokio::test]
async fn an_item_that_is_no_timer_is_counted_and_a_broken_cursor_is_no_first_run() {
    let emulator = Emulator::start().await;
    let (table, time_bucket) = (emulator.timers(), stored(&timer("u", 40)).time_bucket);
    let put = |time_bucket: String, timer: &str, minute: &str| {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = emulator.client.put_item().table_name(TIMERS).item(TIME_BUCKET, text(&time_bucket));
        put.item(TIMER, text(timer)).item(MINUTE, text(minute)).send()
    };
    put(time_bucket.to_string(), "0 no timer", "").await.unwrap();
    put(CURSOR.to_owned(), CURSOR, "today").await.unwrap();
    assert_eq!(
        page(&table, time_bucket, i64::MAX, 9, None).await,
        DuePage { corrupt: 1, ..DuePage::default() }
    );
    let error = table.cursor(Deadline::NONE).await.unwrap_err();
    assert_eq!(error.to_string(), "the cursor: \"today\" is no minute such as 2026-11-21T12:34");
}

#[tokio::test]
async fn a_timer_is_one_write_unit_and_an_empty_time_bucket_one_read_unit_at_the_most() {
    let emulator = Emulator::start().await;
    let timers: Vec<_> = (0..50).map(|number| timer(&format!("u{number}"), 40)).collect();
    set(&emulator.timers(), &timers).await;
    let usage = emulator.meter.take();
    assert_eq!((usage.write_requests, usage.write_capacity_units, usage.request_retries), (2, 50, 0));
    whole(&emulator.timers(), stored(&timer("u", 90)).time_bucket).await;
    let usage = emulator.meter.take();
    assert!(usage.read_requests == 1 && usage.read_capacity_units <= 1, "{usage:?}");
}

#[tokio::test]
async fn a_table_that_is_missing_or_silent_takes_nothing_and_says_so() {
    let emulator = Emulator::start().await;
    let meter = || Arc::new(Meter::default());
    let missing =
        DynamoTimers::new(emulator.client.clone(), "missing".to_owned(), Clock::new(|| NOW_MS), meter());
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = client(&format!("http://{nobody}"));
    let silent = DynamoTimers::new(nobody, TIMERS.to_owned(), Clock::new(|| NOW_MS), meter());
    for table in [missing, silent] {
        let deadline = Deadline::after(Duration::from_millis(300));
        let failed = table.set(&[timer("u", 40), timer("v", 40)], deadline).await.unwrap_err();
        assert_eq!(failed.first, 0);
        assert!(table.delete(&[stored(&timer("u", 40))], deadline).await[0].is_err());
        assert!(table.cursor(deadline).await.is_err());
        assert!(table.move_cursor(Minute::of(NOW_MS), deadline).await.is_err());
        assert!(
            table.read_due(stored(&timer("u", 40)).time_bucket, NOW_MS, 9, None, deadline).await.is_err()
        );
        let failed = run_at(0, &table, &MemoryStream::default()).await.unwrap_err();
        assert!(failed.why.starts_with("the cursor could not be read: "), "{}", failed.why);
    }
    assert_eq!(minute(0), "2010-12-01T08:26");
}

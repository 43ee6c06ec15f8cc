//! Sessions that stay open because their timer is gone.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use close::{Answer, Close, CloseError, Config, Failed, Request, Swept, sweep};
use millrace_aws::dynamodb::{FORMAT, KEY};
use millrace_domain::fold::KeyState;
use millrace_domain::session::{SessionSettings, SessionState};
use millrace_domain::time::MINUTE_MS;
use millrace_domain::timer::Timer;
use millrace_lambda::timers::OpenSessions;
use millrace_lambda::{Clock, Deadline};
use millrace_testkit::{
    BatchBuilder, MemorySignals, MemoryStore, MemoryStream, MemoryTimers, START_MS, event,
};

use crate::emulator::{Emulator, SESSIONS};
use crate::harness::{put_keys, record};
use crate::sessions::{CLOSES_AT_MS, consume};

/// When the timers of sessions at [`START_MS`] are known to be lost.
const LOST_AT_MS: i64 = CLOSES_AT_MS + 17 * MINUTE_MS;

/// Sessions of these users, whose timers are gone.
async fn without_timers(users: &[&str]) -> MemoryStore<SessionState> {
    let (store, timers) = (MemoryStore::default(), MemoryTimers::at(START_MS));
    let events: Vec<_> = users.iter().map(|user| event("1", user)).collect();
    let batch = BatchBuilder::starting_at(1).events(&events).build();
    consume(store.clone(), &MemorySignals::default(), &timers, &batch).await;
    store
}

async fn sweep_at(
    now_ms: i64,
    sessions: &impl OpenSessions,
    stream: &MemoryStream,
) -> Result<Swept, Failed<Swept>> {
    let settings = SessionSettings::default();
    sweep(sessions, stream, &settings, 1_000, None, now_ms, Deadline::NONE).await
}

fn complete(users_with_open_sessions: u64, users_without_timer: u64) -> Swept {
    let put = users_without_timer;
    Swept { users_with_open_sessions, users_without_timer, put, complete: true, ..Swept::default() }
}

#[tokio::test]
async fn a_session_whose_timer_is_gone_is_found_once_it_cannot_come_any_more() {
    let (store, stream) = (without_timers(&["u"]).await, MemoryStream::default());
    let may_come_ms = CLOSES_AT_MS + 16 * MINUTE_MS;
    assert_eq!(sweep_at(may_come_ms, &store, &stream).await, Ok(complete(1, 0)));
    assert_eq!(sweep_at(may_come_ms + 1, &store, &stream).await, Ok(complete(1, 1)));
    assert_eq!(stream.accepted(), [record(&Timer { key: "u".to_owned(), due_at_ms: CLOSES_AT_MS })]);

    let (signals, timers) = (MemorySignals::default(), MemoryTimers::at(START_MS));
    let batch = stream.drain_into(BatchBuilder::starting_at(2)).build();
    consume(store.clone(), &signals, &timers, &batch).await;
    assert!(store.item("u").unwrap().state.windows.open().is_empty());
    assert_eq!(sweep_at(LOST_AT_MS, &store, &stream).await, Ok(complete(0, 0)));
}

#[tokio::test]
async fn a_sweep_ends_at_its_limit_and_goes_on_where_it_ended() {
    let users: Vec<_> = (0..2_500).map(|number| format!("u{number:04}")).collect();
    let names: Vec<_> = users.iter().map(String::as_str).collect();
    let (store, stream) = (without_timers(&names).await, MemoryStream::default());
    let (clock, timers) = (Clock::new(|| LOST_AT_MS), MemoryTimers::at(LOST_AT_MS));
    let config = Config { run_limit_timers: 1_500, ..Config::for_testing() };
    let close = Close::new(&config, timers, store, stream.clone(), clock);
    let mut request = Request { sweep: true, ..Request::default() };
    let Ok(Answer::Swept(first)) = close.call(&request, Deadline::NONE).await else { panic!("no sweep") };
    assert_eq!((first.put, first.complete, first.next_start_after.as_deref()), (2_000, false, Some("u1999")));
    assert_eq!(first.error, "the limit of a run is reached");
    request.start_after = first.next_start_after;
    let second = close.call(&request, Deadline::NONE).await;
    assert_eq!(second, Ok(Answer::Swept(complete(500, 500))));
    assert_eq!(put_keys(&stream), users);
}

#[tokio::test]
async fn a_sweep_that_fails_says_from_where_to_try_again() {
    let (store, stream) = (without_timers(&["u", "v", "w"]).await, MemoryStream::default());
    stream.script([Some(1)]);
    let failed = sweep_at(LOST_AT_MS, &store, &stream).await.unwrap_err();
    assert_eq!(failed.why, "the stream did not accept every timer: the script fails it");
    let done = Swept { users_with_open_sessions: 3, users_without_timer: 3, put: 2, ..Swept::default() };
    assert_eq!(failed.done, done, "the whole page again");
    store.script_reads([true]);
    let failed = sweep_at(LOST_AT_MS, &store, &stream).await.unwrap_err();
    assert_eq!(failed.why, "the sessions could not be read: the script fails it");
    assert_eq!(sweep_at(LOST_AT_MS, &store, &stream).await, Ok(complete(3, 3)));
}

#[tokio::test]
async fn a_request_cannot_move_the_cursor_ahead_of_the_clock() {
    let close = Close::new(
        &Config::for_testing(),
        MemoryTimers::at(START_MS),
        MemoryStore::<SessionState>::default(),
        MemoryStream::default(),
        Clock::new(|| START_MS),
    );
    let at = |now_ms| Request { now_at_ms: Some(now_ms), ..Request::default() };
    let ahead = CloseError::AheadOfTheClock { now_at_ms: START_MS + 1, clock_ms: START_MS };
    assert_eq!(close.call(&at(START_MS + 1), Deadline::NONE).await, Err(ahead));
    let Ok(Answer::Taken(taken)) = close.call(&at(START_MS), Deadline::NONE).await else { panic!("no run") };
    assert_eq!(taken.cursor.as_deref(), Some("2010-12-01T08:25"));
}

#[tokio::test]
async fn dynamodb_finds_the_same_sessions_as_memory() {
    let emulator = Emulator::start().await;
    let memory = MemoryStore::<SessionState>::default();
    let users: Vec<_> = (0..20).map(|number| format!("u{number:02}")).collect();
    let views: Vec<_> = users.iter().map(|user| event("1", user).adds("a", 1)).collect();
    // Some of the sessions close, and some go on in a second window while the first is still open.
    let later: Vec<_> = users
        .iter()
        .step_by(3)
        .map(|user| event("2", user).at_minute(35))
        .chain(users.iter().skip(1).step_by(3).map(|user| event("3", user).at_minute(200)))
        .collect();
    let timers = MemoryTimers::at(START_MS);
    for batch in [
        BatchBuilder::starting_at(1).events(&views).build(),
        BatchBuilder::starting_at(100).events(&later).build(),
    ] {
        consume(memory.clone(), &MemorySignals::default(), &timers, &batch).await;
        consume(emulator.store(), &MemorySignals::default(), &timers, &batch).await;
    }
    let mut found = [Vec::new(), Vec::new()];
    for (found, limit) in found.iter_mut().zip([7, 1_000]) {
        let mut from = None;
        loop {
            let page = emulator.sessions().read_open(limit, from.as_deref(), Deadline::NONE).await.unwrap();
            assert_eq!((page.corrupt, page.newer_format), (0, 0));
            found.extend(page.sessions);
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
    }
    let expected = memory.read_open(1_000, None, Deadline::NONE).await.unwrap();
    assert_eq!(found, [expected.sessions.clone(), expected.sessions]);
    let (real, in_memory) = (MemoryStream::default(), MemoryStream::default());
    for now_ms in [LOST_AT_MS, LOST_AT_MS + 200 * MINUTE_MS] {
        assert_eq!(
            sweep_at(now_ms, &emulator.sessions(), &real).await,
            sweep_at(now_ms, &memory, &in_memory).await
        );
    }
    let sorted = |stream: &MemoryStream| {
        let mut keys = put_keys(stream);
        keys.sort_unstable();
        keys
    };
    assert!(sorted(&real) == sorted(&in_memory) && real.accepted().len() > 20);
}

#[tokio::test]
async fn items_that_cannot_be_read_are_counted_apart_from_those_of_a_newer_format() {
    let emulator = Emulator::start().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let format = |format: u32| AttributeValue::N(format.to_string());
    let (known, newer) = (SessionState::READS_FORMAT, SessionState::READS_FORMAT + 1);
    for (key, format, session) in [
        ("broken", Some(format(known)), Some(text("no window"))),
        ("without a format", None, Some(AttributeValue::M(HashMap::new()))),
        ("newer", Some(format(newer)), None),
    ] {
        let put = emulator.client.put_item().table_name(SESSIONS).item(KEY, text(key));
        let put = format.into_iter().fold(put, |put, format| put.item(FORMAT, format));
        session.into_iter().fold(put, |put, session| put.item("session", session)).send().await.unwrap();
    }
    let swept = sweep_at(LOST_AT_MS, &emulator.sessions(), &MemoryStream::default()).await;
    let expected = Swept { items_corrupt: 2, items_newer_format: 1, complete: true, ..Swept::default() };
    assert_eq!(swept, Ok(expected));
}

//! A sweep: sessions that stay open because their timer is gone.

use millrace_domain::session::SessionSettings;
use millrace_lambda::Deadline;
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};
use millrace_lambda::timers::{OpenSessions, OpenSessionsPage};

use crate::answer::{Failed, Swept};
use crate::record::{DEADLINE_NEAR, STEP_TIME, record};

/// Most items of one page.
const PAGE_LIMIT_ITEMS: usize = 1_000;

/// Looks through the table of sessions, from the start or from where another sweep ended, and puts the timers that are
/// missing at `now_ms` (epoch milliseconds). Ends behind the page in which it has put `limit` timers.
///
/// It stores nothing, so it may run at any time and twice: a timer that was not missing rings at a state that has done
/// its work.
///
/// # Errors
/// When the table could not be read or the stream did not accept all timers of a page; `next_start_after` then names
/// that page again.
pub async fn sweep<S: OpenSessions, R: RecordStream>(
    sessions: &S,
    stream: &R,
    settings: &SessionSettings,
    limit: usize,
    from: Option<&str>,
    now_ms: i64,
    deadline: Deadline,
) -> Result<Swept, Failed<Swept>> {
    let mut done = Swept { next_start_after: from.map(str::to_owned), ..Swept::default() };
    while !done.complete {
        if !deadline.allows(STEP_TIME) {
            done.error = DEADLINE_NEAR.to_owned();
            break;
        }
        if done.put >= limit as u64 {
            done.error = "the limit of a run is reached".to_owned();
            break;
        }
        let page =
            match sessions.read_open(PAGE_LIMIT_ITEMS, done.next_start_after.as_deref(), deadline).await {
                Ok(page) => page,
                Err(error) => {
                    return Err(Failed { why: format!("the sessions could not be read: {error}"), done });
                }
            };
        let OpenSessionsPage { sessions: open, corrupt, newer_format, next } = page;
        done.users_with_open_sessions += open.len() as u64;
        done.items_corrupt += corrupt as u64;
        done.items_newer_format += newer_format as u64;
        let missing = open.into_iter().filter_map(|session| session.missing_timer(now_ms, settings));
        let records: Vec<_> = match missing.map(|timer| record(&timer)).collect() {
            Ok(records) => records,
            Err(error) => return Err(Failed { why: format!("a timer cannot be written: {error}"), done }),
        };
        done.users_without_timer += records.len() as u64;
        if let Some(why) = put(stream, &records, &mut done, deadline).await {
            return Err(Failed { why: format!("the stream did not accept every timer: {why}"), done });
        }
        done.complete = next.is_none();
        done.next_start_after = next;
    }
    Ok(done)
}

/// Puts a page's timers; why not all were accepted, where some were not.
async fn put<R: RecordStream>(
    stream: &R,
    records: &[OutgoingRecord],
    done: &mut Swept,
    deadline: Deadline,
) -> Option<String> {
    if records.is_empty() {
        return None;
    }
    let mut failed = None;
    for put in stream.put(records, deadline).await {
        match put {
            Put::Accepted => done.put += 1,
            Put::NotAccepted(why) | Put::Rejected(why) => drop(failed.get_or_insert(why)),
        }
    }
    failed
}

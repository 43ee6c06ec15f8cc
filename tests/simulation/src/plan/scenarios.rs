//! Runs of a shape that no seed draws.

use millrace_domain::time::{HOUR_MS, MINUTE_MS};

use super::draw::FIRST_EVENT_MS;
use super::{Content, EventSpec, Kind, Plan, Put, Settings, Trouble};

/// A bot that looks at one product under ever new subjects: every event is a new key, and nothing is ever cached twice.
pub fn bot(subjects: u32) -> Plan {
    let put = |user: u32| Put { at_ms: u64::from(user / 500), content: Content::Plain(view(user, user)) };
    plan((0..subjects).map(put).collect())
}

/// One key with so many events in one millisecond: more than its ledger keeps, so that most are late.
pub fn hot_key(events: u32) -> Plan {
    let put = |id: u32| Put { at_ms: 0, content: Content::Plain(view(id, 0)) };
    plan((0..events).map(put).collect())
}

fn view(id: u32, user: u32) -> EventSpec {
    EventSpec {
        id,
        variant: 0,
        user,
        kind: Kind::View,
        store: 0,
        sku: 1,
        more_lines: 0,
        quantity: 1,
        time_ms: FIRST_EVENT_MS,
        padding: 0,
        defect: None,
    }
}

/// The defaults of the template, and a few faults.
fn plan(puts: Vec<Put>) -> Plan {
    let settings = Settings {
        shards: 2,
        batch_size: 1_000,
        window_ms: 1_000,
        maximum_retry_attempts: None,
        maximum_record_age_ms: None,
        bisect: true,
        payload_limit_bytes: 6 * 1024 * 1024,
        archive_parallelization: 1,
        cache_items: 4_096,
        timeout_ms: 60_000,
        cold_percent: 5,
        seen_limit: 512,
        money_dedup_window_ms: 48 * HOUR_MS,
        activity_dedup_window_ms: 10 * MINUTE_MS,
        gap_ms: 30 * MINUTE_MS,
        lateness_ms: 10 * MINUTE_MS,
        item_limit_bytes: 400 * 1024,
        stale_ms: 2_000,
        rows_per_record: 500,
        signal_shards: 2,
        failures_limit: 5,
        minimum_orders: 10,
        sweeps_at_end: false,
    };
    let trouble = Trouble::Drawn { calls_per_mille: 20, fates_per_mille: 20, until_ms: 60_000 };
    Plan { seed: 1, settings, puts, moves: Vec::new(), outages: Vec::new(), trouble }
}

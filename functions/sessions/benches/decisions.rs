//! Payload bytes to decisions on one core, without I/O, beside one SIMD JSON pass over the same bytes.
//!
//! `cargo bench -p sessions --bench decisions`

#![expect(clippy::unwrap_used, reason = "a bench may stop at what it does not expect")]
#![expect(clippy::cast_precision_loss, reason = "figures for reading")]
#![expect(clippy::disallowed_methods, reason = "a bench measures wall time")]

mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_domain::session::SessionState;
use millrace_domain::signal::Signal;
use millrace_domain::timer::Timer;
use millrace_lambda::ports::{
    Commit, JsonLineSink, NotAccepted, Read, SignalFailure, SignalSink, Store, Write,
};
use millrace_lambda::{Batch, Deadline, Function, JsonLines, KinesisBatch, Meter};
use sessions::{Config, Sessions};
use support::{RECORDS, lambda_event, records, table};

const BATCHES: u64 = 40;
const ROUNDS: usize = 7;

/// Answers at once and keeps nothing: every key is new in every batch.
struct Nowhere;

impl Store<SessionState> for Nowhere {
    async fn read(&self, keys: &[&str], _deadline: Deadline) -> Vec<Read<SessionState>> {
        keys.iter().map(|_| Read::Absent).collect()
    }

    async fn commit(
        &self,
        writes: &[Write<'_, SessionState>],
        _deadline: Deadline,
    ) -> Vec<Commit<SessionState>> {
        writes.iter().map(|_| Commit::Committed).collect()
    }
}

impl JsonLineSink for Nowhere {
    const LINE_LIMIT_BYTES: usize = 1_024_000;

    async fn put(&self, _lines: &JsonLines, _deadline: Deadline) -> Result<(), NotAccepted> {
        Ok(())
    }
}

impl SignalSink for Nowhere {
    async fn put(&self, signals: &[Signal], _deadline: Deadline) -> Result<(), SignalFailure> {
        black_box(signals);
        Ok(())
    }

    async fn set(&self, timers: &[Timer], _deadline: Deadline) -> Result<(), NotAccepted> {
        black_box(timers);
        Ok(())
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let records: Vec<_> = (0..BATCHES).map(records).collect();
    let events: Vec<_> =
        records.iter().zip(0..).map(|(records, number)| lambda_event(records, number)).collect();
    let batches: Vec<KinesisBatch> =
        events.iter().map(|event| serde_json::from_slice(event).unwrap()).collect();
    let bytes: usize = records.iter().flatten().map(|(_, payload)| payload.len()).sum();

    let decisions = best(|| {
        let function =
            Sessions::new(&Config::for_testing(), (Nowhere, Nowhere, Nowhere), Arc::new(Meter::default()));
        for batch in &batches {
            let report = runtime.block_on(function.process(batch, Deadline::NONE));
            assert_eq!(report.tally.counts()["applied"], RECORDS as u64);
        }
    });
    let decoding = best(|| {
        for batch in &batches {
            black_box(Batch::open(batch).events().list.len());
        }
    });
    let event_parsing = best(|| {
        for event in &events {
            black_box(serde_json::from_slice::<KinesisBatch>(event).unwrap().records.len());
        }
    });
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    let mut buffers = simd_json::Buffers::new(2_048);
    let mut simd = Duration::MAX;
    for _ in 0..ROUNDS {
        // simd-json writes into its input, so each round has its own copy.
        payloads.clear();
        payloads.extend(records.iter().flatten().map(|(_, payload)| payload.clone().into_bytes()));
        let start = Instant::now();
        for payload in &mut payloads {
            black_box(simd_json::to_tape_with_buffers(payload, &mut buffers).unwrap().0.len());
        }
        simd = simd.min(start.elapsed());
    }

    let count = BATCHES * RECORDS as u64;
    let row = |name: &str, time: Duration| {
        let seconds = time.as_secs_f64();
        vec![
            name.to_owned(),
            format!("{:.0}", count as f64 / seconds),
            format!("{:.0}", bytes as f64 / seconds / 1e6),
            format!("{:.2}", seconds / simd.as_secs_f64()),
        ]
    };
    let rows = [
        row("payload bytes to decisions", decisions),
        row("of which payload bytes to events", decoding),
        row("one SIMD JSON pass (simd-json, tape)", simd),
        row("before that: Lambda's event to payload bytes", event_parsing),
    ];
    println!("{count} events of {} bytes, one core, best of {ROUNDS}", bytes as u64 / count);
    println!("{}", table(&["what", "events/s", "MB/s of payload", "times the SIMD pass"], &rows));
}

fn best(mut work: impl FnMut()) -> Duration {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..ROUNDS).map(|_| time(&mut work)).min().unwrap_or_default()
}

//! A shop: every function over adapters in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fraud::Fraud;
use inventory::{Adapters, Inventory};
use millrace_domain::fraud::{FraudState, Mode};
use millrace_domain::session::SessionState;
use millrace_domain::stock::StockState;
use millrace_domain::time::MINUTE_MS;
use millrace_lambda::signal_stream::SignalStream;
use millrace_lambda::timers::SignalsAndTimers;
use millrace_lambda::{Clock, Deadline, Function, KinesisBatch, Meter};
use millrace_testkit::{
    BatchBuilder, Journal, MemoryReorderPoints, MemorySink, MemoryStore, MemoryStream, MemoryTimers,
};
use serde_json::Value;
use sessions::Sessions;

use crate::script::{Line, midnight_ms};

type Signals = SignalStream<MemoryStream>;

/// Bytes of a record of the stream of signals.
const RECORD_LIMIT_BYTES: usize = 1 << 20;
/// Timers that one run of `close` may take.
const TIMERS_LIMIT: usize = 1_000;

pub(crate) struct Shop {
    sessions: Sessions<MemoryStore<SessionState>, MemorySink, SignalsAndTimers<Signals, MemoryTimers>>,
    fraud: Fraud<MemoryStore<FraudState>, MemorySink, Signals>,
    inventory: Inventory<MemoryStore<StockState>, MemorySink, Signals, MemoryReorderPoints, MemoryStream>,
    timers: MemoryTimers,
    now_ms: Arc<AtomicI64>,
    /// What `close` puts into the stream of events.
    due: MemoryStream,
    signals: MemoryStream,
    emitted: Vec<Value>,
    /// Records delivered so far: the next sequence number.
    delivered: u64,
    closed_before: bool,
}

impl Shop {
    /// A shop of which nothing is known, at midnight. Its rules of fraud may be on trial only.
    pub(crate) fn new(rules_are_on_trial: bool) -> Self {
        let mut rules = fraud::Config::for_testing();
        if rules_are_on_trial {
            (rules.fraud.velocity.mode, rules.fraud.amount.mode) = (Mode::Shadow, Mode::Shadow);
        }
        let now_ms = Arc::new(AtomicI64::new(midnight_ms()));
        let clock = Arc::clone(&now_ms);
        let timers = MemoryTimers::new(Clock::new(move || clock.load(Ordering::Relaxed)));
        let signals = MemoryStream::default();
        let sink = |function| SignalStream::new(signals.clone(), function, RECORD_LIMIT_BYTES);
        let quarantine: MemorySink = MemorySink::noting("quarantine", Journal::default());
        let meter = || Arc::new(Meter::default());
        let both = SignalsAndTimers { signals: sink("sessions"), timers: timers.clone() };
        let stock = Adapters {
            store: MemoryStore::default(),
            quarantine: quarantine.clone(),
            signals: sink("inventory"),
            points: MemoryReorderPoints::default(),
            stream: signals.clone(),
        };
        Self {
            sessions: Sessions::new(
                &sessions::Config::for_testing(),
                (MemoryStore::default(), quarantine.clone(), both),
                meter(),
            ),
            fraud: Fraud::new(&rules, MemoryStore::default(), quarantine, sink("fraud"), meter()),
            inventory: Inventory::new(&inventory::Config::for_testing(), stock, meter()),
            timers,
            now_ms,
            due: MemoryStream::default(),
            signals,
            emitted: Vec::new(),
            delivered: 0,
            closed_before: false,
        }
    }

    /// Lets a line happen, and all that follows from it.
    pub(crate) async fn live(&mut self, line: &Line) {
        if !self.closed_before {
            // As `close` has run every minute before.
            self.close().await;
            self.closed_before = true;
        }
        match &line.event {
            Some(event) => {
                self.now_ms.fetch_max(line.at_ms, Ordering::Relaxed);
                let batch = self.next_batch("events").event(event).build();
                self.deliver(&batch).await;
            }
            None => {
                while self.now_ms.load(Ordering::Relaxed) < line.at_ms {
                    let next_ms = (self.now_ms.load(Ordering::Relaxed) + MINUTE_MS).min(line.at_ms);
                    self.now_ms.store(next_ms, Ordering::Relaxed);
                    self.close().await;
                }
            }
        }
    }

    /// Every signal emitted so far, in order.
    pub(crate) fn emitted(&self) -> &[Value] {
        &self.emitted
    }

    fn next_batch(&mut self, stream: &str) -> BatchBuilder {
        self.delivered += 1_000;
        let now_ms = self.now_ms.load(Ordering::Relaxed);
        BatchBuilder::starting_at(self.delivered).of_stream(stream).arrived_at_ms(now_ms)
    }

    async fn close(&mut self) {
        let now_ms = self.now_ms.load(Ordering::Relaxed);
        let ran = close::run(&self.timers, &self.due, TIMERS_LIMIT, now_ms, Deadline::NONE).await;
        assert!(ran.is_ok(), "{ran:?}");
        let batch = self.next_batch("events");
        let batch = self.due.drain_into(batch).build();
        self.deliver(&batch).await;
    }

    /// A batch of events to everybody, and then what they emit to who reads it, until nobody emits anything.
    async fn deliver(&mut self, batch: &KinesisBatch) {
        if batch.records.is_empty() {
            return;
        }
        for report in [
            self.sessions.process(batch, Deadline::NONE).await,
            self.fraud.process(batch, Deadline::NONE).await,
            self.inventory.process(batch, Deadline::NONE).await,
        ] {
            assert_eq!(report.tally.checkpoint.record(), None, "{}", report.tally.why);
        }
        loop {
            for record in self.signals.accepted() {
                let value: Value = serde_json::from_slice(&record.data).unwrap();
                let events = value.as_array().cloned().unwrap_or_else(|| vec![value]);
                self.emitted.extend(events.into_iter().filter(|event| event.get("originshardid").is_some()));
            }
            let batch = self.next_batch("signals");
            let batch = self.signals.drain_into(batch).build();
            if batch.records.is_empty() {
                return;
            }
            let report = self.inventory.process(&batch, Deadline::NONE).await;
            assert_eq!(report.tally.checkpoint.record(), None, "{}", report.tally.why);
        }
    }
}

//! A shop: every function over adapters in memory.

use std::sync::Arc;

use close::run as run_close;
use fraud::Fraud;
use inventory::Inventory;
use millrace_domain::fraud::FraudState;
use millrace_domain::session::SessionState;
use millrace_domain::stock::StockState;
use millrace_lambda::signal_stream::SignalStream;
use millrace_lambda::timers::SignalsAndTimers;
use millrace_lambda::{Deadline, Function, KinesisBatch, Meter};
use millrace_testkit::{BatchBuilder, Journal, MemorySink, MemoryStore, MemoryStream, MemoryTimers};
use serde_json::Value;
use sessions::Sessions;

use crate::script::Line;

type Signals = SignalStream<MemoryStream>;

/// Bytes of a record of the stream of signals.
const RECORD_LIMIT_BYTES: usize = 1 << 20;

pub(crate) struct Shop {
    sessions: Sessions<MemoryStore<SessionState>, MemorySink, SignalsAndTimers<Signals, MemoryTimers>>,
    fraud: Fraud<MemoryStore<FraudState>, MemorySink, Signals>,
    inventory: Inventory<MemoryStore<StockState>, MemorySink, Signals, NoPoints, MemoryStream>,
    timers: MemoryTimers,
    /// What `close` puts into the stream of events.
    due: MemoryStream,
    signals: MemoryStream,
    told: Vec<Value>,
    /// Sequence numbers given out so far.
    records: u64,
}

/// No product has a reorder point of its own.
struct NoPoints;
